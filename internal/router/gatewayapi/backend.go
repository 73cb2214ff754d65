// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package gatewayapi

import (
	"fmt"
	"slices"

	gw "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/sluice-delivery/sluice/internal/router"
)

// leads reports whether ref leads to the Service with that name.
func leads(app router.App, ref gw.HTTPBackendRef, service string) bool {
	return string(ref.Name) == service &&
		(ref.Group == nil || *ref.Group == "") &&
		(ref.Kind == nil || *ref.Kind == "Service") &&
		(ref.Namespace == nil || string(*ref.Namespace) == app.Namespace)
}

func leadsTo(app router.App, rule gw.HTTPRouteRule, service string) bool {
	return slices.ContainsFunc(rule.BackendRefs, func(r gw.HTTPBackendRef) bool { return leads(app, r, service) })
}

func leadsToBoth(app router.App, rule gw.HTTPRouteRule) bool {
	return leadsTo(app, rule, app.Primary) && leadsTo(app, rule, app.Canary)
}

// ours returns the index of our rule: the last that leads to both sides, else
// the last that leads to one of them. -1 if there is none.
func ours(app router.App, rules []gw.HTTPRouteRule) int {
	one := -1
	for i, rule := range slices.Backward(rules) {
		if leadsToBoth(app, rule) {
			return i
		}
		if one < 0 && (leadsTo(app, rule, app.Primary) || leadsTo(app, rule, app.Canary)) {
			one = i
		}
	}
	return one
}

// share returns the percentage of our rule's requests that the canary gets. It
// is 0 or 100 only if one side gets none at all.
func share(app router.App, rules []gw.HTTPRouteRule) int {
	at := ours(app, rules)
	if at < 0 {
		return 0
	}
	var primary, canary int64
	for _, ref := range rules[at].BackendRefs {
		switch {
		case leads(app, ref, app.Primary):
			primary += weight(ref)
		case leads(app, ref, app.Canary):
			canary += weight(ref)
		}
	}
	switch {
	case canary == 0:
		return 0
	case primary == 0:
		return 100
	}
	return int(min(99, max(1, canary*100/(primary+canary))))
}

// weight returns the weight of ref, which is 1 when unset.
func weight(ref gw.HTTPBackendRef) int64 {
	if ref.Weight == nil {
		return 1
	}
	return int64(*ref.Weight)
}

// mergeBackends returns found with exactly one way to each side, weighted as
// want says. What else it leads to stays. Filters of our own two stay too,
// unless bare.
func mergeBackends(app router.App, want router.Routes, found []gw.HTTPBackendRef, bare bool) []gw.HTTPBackendRef {
	next := backends(app, want)
	var missing, merged []gw.HTTPBackendRef
	for _, w := range next {
		at := slices.IndexFunc(found, func(f gw.HTTPBackendRef) bool { return leads(app, f, string(w.Name)) })
		if at < 0 {
			missing = append(missing, w)
		}
	}
	seen := map[gw.ObjectName]bool{}
	for _, f := range found {
		at := slices.IndexFunc(next, func(w gw.HTTPBackendRef) bool { return leads(app, f, string(w.Name)) })
		if at < 0 {
			merged = append(merged, f)
			continue
		}
		if seen[f.Name] {
			continue
		}
		seen[f.Name] = true
		w := next[at]
		if !bare {
			w.Filters = f.Filters
		}
		merged = append(merged, w)
	}
	return append(merged, missing...)
}

// backends returns the ways to the primary and to the canary.
func backends(app router.App, want router.Routes) []gw.HTTPBackendRef {
	ref := func(name string, weight int) gw.HTTPBackendRef {
		return gw.HTTPBackendRef{BackendRef: gw.BackendRef{
			BackendObjectReference: gw.BackendObjectReference{
				Group: new(gw.Group("")),
				Kind:  new(gw.Kind("Service")),
				Name:  gw.ObjectName(name),
				Port:  new(app.Port),
			},
			Weight: new(int32(weight)),
		}}
	}
	return []gw.HTTPBackendRef{ref(app.Primary, 100-want.Canary), ref(app.Canary, want.Canary)}
}

func backendPath(rule, backend int) string {
	return fmt.Sprintf("/spec/rules/%d/backendRefs/%d", rule, backend)
}
