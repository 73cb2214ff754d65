// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package gatewayapi

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"

	gw "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/sluice-delivery/sluice/api/v1beta1"
	"github.com/sluice-delivery/sluice/internal/router"
)

// filtersOf returns what our rule does to requests and responses.
func filtersOf(s v1beta1.CanaryService) ([]gw.HTTPRouteFilter, error) {
	var filters []gw.HTTPRouteFilter
	if s.Headers != nil {
		if h := headerFilter(s.Headers.Request); h != nil {
			filters = append(filters, gw.HTTPRouteFilter{Type: gw.HTTPRouteFilterRequestHeaderModifier, RequestHeaderModifier: h})
		}
		if h := headerFilter(s.Headers.Response); h != nil {
			filters = append(filters, gw.HTTPRouteFilter{Type: gw.HTTPRouteFilterResponseHeaderModifier, ResponseHeaderModifier: h})
		}
	}
	if r := rewriteFilter(s.Rewrite); r != nil {
		filters = append(filters, gw.HTTPRouteFilter{Type: gw.HTTPRouteFilterURLRewrite, URLRewrite: r})
	}
	for _, m := range s.Mirror {
		filters = append(filters, gw.HTTPRouteFilter{Type: gw.HTTPRouteFilterRequestMirror, RequestMirror: mirrorFilter(m.BackendRef)})
	}
	if s.CorsPolicy != nil {
		c, err := corsFilter(*s.CorsPolicy)
		if err != nil {
			return nil, err
		}
		filters = append(filters, gw.HTTPRouteFilter{Type: gw.HTTPRouteFilterCORS, CORS: c})
	}
	return filters, nil
}

func headerFilter(o *v1beta1.HeaderOperations) *gw.HTTPHeaderFilter {
	if o == nil || len(o.Set)+len(o.Add)+len(o.Remove) == 0 {
		return nil
	}
	return &gw.HTTPHeaderFilter{Set: headerList(o.Set), Add: headerList(o.Add), Remove: slices.Clone(o.Remove)}
}

func headerList(headers map[string]string) []gw.HTTPHeader {
	var list []gw.HTTPHeader
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		list = append(list, gw.HTTPHeader{Name: gw.HTTPHeaderName(name), Value: headers[name]})
	}
	return list
}

func rewriteFilter(r *v1beta1.HTTPRewrite) *gw.HTTPURLRewriteFilter {
	if r == nil || r.URI == "" && r.Authority == "" {
		return nil
	}
	var f gw.HTTPURLRewriteFilter
	if r.Authority != "" {
		f.Hostname = new(gw.PreciseHostname(r.Authority))
	}
	switch {
	case r.URI == "":
	case r.Type == string(gw.PrefixMatchHTTPPathModifier):
		f.Path = &gw.HTTPPathModifier{Type: gw.PrefixMatchHTTPPathModifier, ReplacePrefixMatch: new(r.URI)}
	default:
		f.Path = &gw.HTTPPathModifier{Type: gw.FullPathHTTPPathModifier, ReplaceFullPath: new(r.URI)}
	}
	return &f
}

func mirrorFilter(b v1beta1.BackendReference) *gw.HTTPRequestMirrorFilter {
	ref := gw.BackendObjectReference{
		Group: new(gw.Group(b.Group)),
		Kind:  new(gw.Kind(cmp.Or(b.Kind, "Service"))),
		Name:  gw.ObjectName(b.Name),
	}
	if b.Namespace != "" {
		ref.Namespace = new(gw.Namespace(b.Namespace))
	}
	if b.Port != 0 {
		ref.Port = new(b.Port)
	}
	return &gw.HTTPRequestMirrorFilter{BackendRef: ref}
}

func corsFilter(p v1beta1.CorsPolicy) (*gw.HTTPCORSFilter, error) {
	const field = "spec.service.corsPolicy"
	f := gw.HTTPCORSFilter{
		AllowCredentials: p.AllowCredentials,
		AllowOrigins:     convert[gw.CORSOrigin](p.AllowOrigin),
		AllowMethods:     convert[gw.HTTPMethodWithWildcard](p.AllowMethods),
		AllowHeaders:     convert[gw.HTTPHeaderName](p.AllowHeaders),
		ExposeHeaders:    convert[gw.HTTPHeaderName](p.ExposeHeaders),
		MaxAge:           5, // what the API server fills in
	}
	for i, o := range p.AllowOrigins {
		if o.Exact == "" {
			return nil, router.Unsupported(fmt.Sprintf("%s.allowOrigins[%d]", field, i), "is a pattern, which has no counterpart in HTTPRoute; name the origins in allowOrigin, where * stands for any part of the host")
		}
		if origin := gw.CORSOrigin(o.Exact); !slices.Contains(f.AllowOrigins, origin) {
			f.AllowOrigins = append(f.AllowOrigins, origin)
		}
	}
	if p.MaxAge != "" {
		age, err := time.ParseDuration(p.MaxAge)
		if err != nil || age < time.Second {
			return nil, router.Invalid(field+".maxAge", "is %q; give a time of at least a second, such as 24h", p.MaxAge)
		}
		f.MaxAge = int32(min(age/time.Second, 1<<31-1))
	}
	return &f, nil
}

func convert[To, From ~string](from []From) []To {
	var to []To
	for _, f := range from {
		to = append(to, To(f))
	}
	return to
}

func timeoutsOf(s v1beta1.CanaryService) (*gw.HTTPRouteTimeouts, error) {
	request, err := durationOf("spec.service.timeout", s.Timeout)
	if err != nil {
		return nil, err
	}
	backend, err := durationOf("spec.service.backendTimeout", s.BackendTimeout)
	if err != nil || request == nil && backend == nil {
		return nil, err
	}
	return &gw.HTTPRouteTimeouts{Request: request, BackendRequest: backend}, nil
}

// gatewayDuration is how Gateway API writes times (GEP-2257).
var gatewayDuration = regexp.MustCompile(`^([0-9]{1,5}(h|m|s|ms)){1,4}$`)

// durationOf returns the time that text says in the way of Gateway API, which
// knows no fractions. It is nil if text is empty.
func durationOf(field, text string) (*gw.Duration, error) {
	if text == "" {
		return nil, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || d > 0 && d < time.Millisecond {
		return nil, router.Invalid(field, "is %q; give a time such as 15s or 500ms", text)
	}
	if gatewayDuration.MatchString(text) {
		return new(gw.Duration(text)), nil
	}
	var out string
	for _, unit := range []struct {
		name string
		is   time.Duration
	}{{"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}, {"ms", time.Millisecond}} {
		if n := d / unit.is; n > 0 {
			out += fmt.Sprintf("%d%s", n, unit.name)
			d -= n * unit.is
		}
	}
	return new(gw.Duration(cmp.Or(out, "0s"))), nil
}
