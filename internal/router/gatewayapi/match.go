// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package gatewayapi

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	gw "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/sluice-delivery/sluice/api/v1beta1"
	"github.com/sluice-delivery/sluice/internal/router"
)

const gatewayRefs = "spec.service.gatewayRefs"

// parentRefs returns what the route attaches to.
func parentRefs(app router.App) ([]gw.ParentReference, error) {
	if len(app.Service.GatewayRefs) == 0 {
		return nil, router.Invalid(gatewayRefs, "is empty; name the Gateway that serves %s", app.Name)
	}
	var parents []gw.ParentReference
	for _, ref := range app.Service.GatewayRefs {
		p := gw.ParentReference{
			Group: new(gw.Group(gw.GroupName)),
			Kind:  new(gw.Kind(cmp.Or(ref.Kind, "Gateway"))),
			Name:  gw.ObjectName(ref.Name),
		}
		if ref.Group != nil {
			p.Group = new(gw.Group(*ref.Group))
		}
		if ref.Namespace != "" {
			p.Namespace = new(gw.Namespace(ref.Namespace))
		}
		if ref.SectionName != "" {
			p.SectionName = new(gw.SectionName(ref.SectionName))
		}
		if ref.Port != 0 {
			p.Port = new(ref.Port)
		}
		parents = append(parents, p)
	}
	return parents, nil
}

// matchesOf returns which requests our rule is for: all if nothing else is said.
func matchesOf(match []v1beta1.HTTPMatchRequest) ([]gw.HTTPRouteMatch, error) {
	if len(match) == 0 {
		match = []v1beta1.HTTPMatchRequest{{}}
	}
	var matches []gw.HTTPRouteMatch
	for i, m := range match {
		next, err := matchOf(fmt.Sprintf("spec.service.match[%d]", i), m)
		if err != nil {
			return nil, err
		}
		matches = append(matches, next)
	}
	return matches, nil
}

func matchOf(field string, m v1beta1.HTTPMatchRequest) (next gw.HTTPRouteMatch, err error) {
	if part := unmatchable(m); part != "" {
		return next, router.Unsupported(field+"."+part, "has no counterpart in HTTPRoute; remove it")
	}
	next.Path = pathOf(m.URI)
	if next.Method, err = methodOf(field+".method", m.Method); err != nil {
		return next, err
	}
	if next.Headers, err = headersOf(field+".headers", m.Headers); err != nil {
		return next, err
	}
	next.QueryParams, err = queryOf(field+".queryParams", m.QueryParams)
	return next, err
}

// unmatchable returns the name of a part of m that HTTPRoute cannot match.
func unmatchable(m v1beta1.HTTPMatchRequest) string {
	parts := map[string]bool{
		"scheme":          m.Scheme != nil,
		"authority":       m.Authority != nil,
		"withoutHeaders":  len(m.WithoutHeaders) > 0,
		"ignoreUriCase":   m.IgnoreURICase,
		"port":            m.Port != 0,
		"sourceLabels":    len(m.SourceLabels) > 0,
		"sourceNamespace": m.SourceNamespace != "",
		"gateways":        len(m.Gateways) > 0,
	}
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		if parts[name] {
			return name
		}
	}
	return ""
}

func pathOf(uri *v1beta1.StringMatch) *gw.HTTPPathMatch {
	path := func(t gw.PathMatchType, value string) *gw.HTTPPathMatch {
		return &gw.HTTPPathMatch{Type: &t, Value: &value}
	}
	switch {
	case uri == nil:
		return path(gw.PathMatchPathPrefix, "/")
	case uri.Regex != "":
		return path(gw.PathMatchRegularExpression, uri.Regex)
	case uri.Exact != "":
		return path(gw.PathMatchExact, uri.Exact)
	}
	return path(gw.PathMatchPathPrefix, cmp.Or(uri.Prefix, "/"))
}

func methodOf(field string, m *v1beta1.StringMatch) (*gw.HTTPMethod, error) {
	switch {
	case m == nil:
		return nil, nil
	case m.Prefix != "":
		return nil, router.Unsupported(field+".prefix", "has no counterpart in HTTPRoute; use exact, in as many matches as there are methods")
	case m.Regex != "":
		return nil, router.Unsupported(field+".regex", "has no counterpart in HTTPRoute; use exact, in as many matches as there are methods")
	case m.Exact == "":
		return nil, router.Invalid(field, "is empty; set exact, or remove it")
	}
	return new(gw.HTTPMethod(m.Exact)), nil
}

func headersOf(field string, headers map[string]v1beta1.StringMatch) ([]gw.HTTPHeaderMatch, error) {
	var next []gw.HTTPHeaderMatch
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		m := headers[name]
		if err := checkMatch(field+"["+name+"]", m); err != nil {
			return nil, err
		}
		h := gw.HTTPHeaderMatch{Type: new(gw.HeaderMatchExact), Name: gw.HTTPHeaderName(name), Value: m.Exact}
		if m.Regex != "" {
			h.Type, h.Value = new(gw.HeaderMatchRegularExpression), m.Regex
		}
		next = append(next, h)
	}
	return next, nil
}

func queryOf(field string, params map[string]v1beta1.StringMatch) ([]gw.HTTPQueryParamMatch, error) {
	var next []gw.HTTPQueryParamMatch
	for _, name := range slices.Sorted(maps.Keys(params)) {
		m := params[name]
		if err := checkMatch(field+"["+name+"]", m); err != nil {
			return nil, err
		}
		q := gw.HTTPQueryParamMatch{Type: new(gw.QueryParamMatchExact), Name: gw.HTTPHeaderName(name), Value: m.Exact}
		if m.Regex != "" {
			q.Type, q.Value = new(gw.QueryParamMatchRegularExpression), m.Regex
		}
		next = append(next, q)
	}
	return next, nil
}

// checkMatch returns an error if HTTPRoute cannot compare a value as m does.
func checkMatch(field string, m v1beta1.StringMatch) error {
	switch {
	case m.Prefix != "":
		return router.Unsupported(field+".prefix", "has no counterpart in HTTPRoute; use regex")
	case m.Exact == "" && m.Regex == "":
		return router.Invalid(field, "is empty; set exact or regex")
	}
	return nil
}
