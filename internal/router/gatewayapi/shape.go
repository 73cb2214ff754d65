// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package gatewayapi

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gw "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/sluice-delivery/sluice/internal/router"
)

// Applied is the annotation that says what we put into a route.
const Applied = "sluice.dev/applied"

// A shape is what a spec makes of a route, weights apart.
type shape struct {
	labels, annotations map[string]string
	content
}

// content is the part of a shape that goes into the route's spec.
type content struct {
	ParentRefs []gw.ParentReference  `json:"parentRefs,omitempty"`
	Hostnames  []gw.Hostname         `json:"hostnames,omitempty"`
	Matches    []gw.HTTPRouteMatch   `json:"matches,omitempty"`
	Filters    []gw.HTTPRouteFilter  `json:"filters,omitempty"`
	Timeouts   *gw.HTTPRouteTimeouts `json:"timeouts,omitempty"`
}

// A record is what the annotation holds: the shape that was applied last, of
// labels and annotations only the keys.
type record struct {
	Labels      []string `json:"labels,omitempty"`
	Annotations []string `json:"annotations,omitempty"`
	content

	// inherited: there is no record, but another controller made the route for
	// the same application. All that is in it counts as applied, except labels
	// and annotations.
	inherited bool
}

// shapeOf returns what the spec of app makes of its route. Everything that the
// API server would fill in is spelled out, so that what was written is equal to
// what is read.
func shapeOf(app router.App) (shape, error) {
	parents, err := parentRefs(app)
	if err != nil {
		return shape{}, err
	}
	matches, err := matchesOf(app.Service.Match)
	if err != nil {
		return shape{}, err
	}
	filters, err := filtersOf(app.Service)
	if err != nil {
		return shape{}, err
	}
	timeouts, err := timeoutsOf(app.Service)
	if err != nil {
		return shape{}, err
	}
	s := shape{labels: app.Labels(), annotations: app.Annotations(), content: content{
		ParentRefs: parents,
		Matches:    matches,
		Filters:    filters,
		Timeouts:   timeouts,
	}}
	for _, host := range app.Service.Hosts {
		s.Hostnames = append(s.Hostnames, gw.Hostname(host))
	}
	note, err := json.Marshal(record{
		Labels:      slices.Sorted(maps.Keys(s.labels)),
		Annotations: slices.Sorted(maps.Keys(s.annotations)),
		content:     s.content,
	})
	if err != nil {
		return shape{}, fmt.Errorf("encode annotation %s: %w", Applied, err)
	}
	s.annotations[Applied] = string(note)
	return s, nil
}

// recall returns what we put into route.
func recall(app router.App, route *gw.HTTPRoute) record {
	var r record
	if json.Unmarshal([]byte(route.Annotations[Applied]), &r) == nil {
		return r
	}
	at := ours(app, route.Spec.Rules)
	if at < 0 || !leadsToBoth(app, route.Spec.Rules[at]) {
		return record{} // somebody's own route, with our name by chance
	}
	rule := route.Spec.Rules[at]
	return record{inherited: true, content: content{
		ParentRefs: route.Spec.ParentRefs,
		Hostnames:  route.Spec.Hostnames,
		Matches:    rule.Matches,
		Filters:    rule.Filters,
		Timeouts:   rule.Timeouts,
	}}
}

// route returns a new route.
func (s shape) route(app router.App, want router.Routes) *gw.HTTPRoute {
	return &gw.HTTPRoute{
		TypeMeta: metav1.TypeMeta{APIVersion: gw.GroupVersion.String(), Kind: "HTTPRoute"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace:   app.Namespace,
			Name:        app.Name,
			Labels:      s.labels,
			Annotations: s.annotations,
		},
		Spec: gw.HTTPRouteSpec{
			CommonRouteSpec: gw.CommonRouteSpec{ParentRefs: s.ParentRefs},
			Hostnames:       s.Hostnames,
			Rules:           []gw.HTTPRouteRule{s.rule(app, want)},
		},
	}
}

func (s shape) rule(app router.App, want router.Routes) gw.HTTPRouteRule {
	return gw.HTTPRouteRule{
		Matches:     s.Matches,
		Filters:     s.Filters,
		BackendRefs: backends(app, want),
		Timeouts:    s.Timeouts,
	}
}

// merge returns found with s and want put into it: what we applied and no
// longer want goes, what others added stays.
func (s shape) merge(app router.App, want router.Routes, found *gw.HTTPRoute) *gw.HTTPRoute {
	was := recall(app, found)
	next := found.DeepCopy()
	next.Labels = mergeMap(next.Labels, was.Labels, s.labels)
	next.Annotations = mergeMap(next.Annotations, was.Annotations, s.annotations)
	next.Spec.ParentRefs = mergeList(next.Spec.ParentRefs, was.ParentRefs, s.ParentRefs, never)
	next.Spec.Hostnames = mergeList(next.Spec.Hostnames, was.Hostnames, s.Hostnames, never)
	next.Spec.Rules = s.mergeRules(app, want, was, next.Spec.Rules)
	return next
}

// mergeRules leaves one rule that leads to both sides. It comes first if it is
// new, since the first of equal matches wins.
func (s shape) mergeRules(app router.App, want router.Routes, was record, found []gw.HTTPRouteRule) []gw.HTTPRouteRule {
	at := ours(app, found)
	if at < 0 {
		return append([]gw.HTTPRouteRule{s.rule(app, want)}, found...)
	}
	var next []gw.HTTPRouteRule
	for i, rule := range found {
		switch {
		case i == at:
			next = append(next, s.mergeRule(app, want, was, rule))
		case leadsToBoth(app, rule), was.inherited && leadsNowhereElse(app, rule):
			// left over from an A/B test or session affinity
		default:
			next = append(next, rule)
		}
	}
	return next
}

func (s shape) mergeRule(app router.App, want router.Routes, was record, rule gw.HTTPRouteRule) gw.HTTPRouteRule {
	rule.Matches = mergeList(rule.Matches, was.Matches, s.Matches, never)
	rule.Filters = mergeFilters(rule.Filters, was.Filters, s.Filters)
	rule.Timeouts = mergeTimeouts(rule.Timeouts, was.Timeouts, s.Timeouts)
	rule.BackendRefs = mergeBackends(app, want, rule.BackendRefs, was.inherited)
	return rule
}

func leadsNowhereElse(app router.App, rule gw.HTTPRouteRule) bool {
	return len(rule.BackendRefs) > 0 && !slices.ContainsFunc(rule.BackendRefs, func(r gw.HTTPBackendRef) bool {
		return !leads(app, r, app.Primary) && !leads(app, r, app.Canary)
	})
}
