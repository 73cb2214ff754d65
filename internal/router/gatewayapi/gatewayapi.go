// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

// Package gatewayapi writes routes down as an HTTPRoute of the Gateway API,
// version v1.
//
// One rule of the HTTPRoute is ours: the one that leads to both sides. What we
// put into the route is noted in its annotation sluice.dev/applied, so that a
// later plan can tell what we may take out again from what others have added.
package gatewayapi

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gw "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/sluice-delivery/sluice/internal/router"
)

// A Dialect is that of HTTPRoute.
type Dialect struct{}

// New returns the Dialect of HTTPRoute.
func New() Dialect { return Dialect{} }

// Objects is the HTTPRoute that has the application's name.
func (Dialect) Objects(app router.App) []client.Object {
	return []client.Object{&gw.HTTPRoute{ObjectMeta: metav1.ObjectMeta{Namespace: app.Namespace, Name: app.Name}}}
}

// Features is the division by weight.
func (Dialect) Features() []router.Feature {
	return []router.Feature{router.Weights}
}

// Plan returns the one edit that makes the route say what want and the spec
// say. While nothing but the weights differ, it replaces two numbers.
func (Dialect) Plan(app router.App, want router.Routes, found []client.Object) ([]router.Edit, error) {
	route := find(app, found)
	shape, err := shapeOf(app)
	if err != nil {
		edits, retreatErr := retreat(app, want, route)
		return edits, cmp.Or(retreatErr, err)
	}
	if route == nil {
		return []router.Edit{{Create: shape.route(app, want)}}, nil
	}
	edits, err := change(app, route, shape.merge(app, want, route))
	if err != nil || len(edits) == 0 {
		return nil, err
	}
	smaller, err := retreat(app, want, route)
	if len(smaller) > 0 && !bytes.Equal(smaller[0].Patch, edits[0].Patch) {
		edits[0].Fallback = smaller[0].Patch
	}
	return edits, err
}

// Read returns the weights of our rule, and whether every gateway that has
// spoken about the route serves it as it is now.
func (Dialect) Read(app router.App, found []client.Object) (router.State, error) {
	route := find(app, found)
	if route == nil {
		return router.State{Why: "HTTPRoute " + app.Namespace + "/" + app.Name + " does not exist"}, nil
	}
	why := refusal(app, route)
	return router.State{
		Routes:   router.Routes{Canary: share(app, route.Spec.Rules)},
		Accepted: why == "",
		Why:      why,
	}, nil
}

func find(app router.App, found []client.Object) *gw.HTTPRoute {
	for _, obj := range found {
		if route, ok := obj.(*gw.HTTPRoute); ok && route.Name == app.Name && route.Namespace == app.Namespace {
			return route
		}
	}
	return nil
}

// retreat returns the edit that takes requests away from the canary and leaves
// everything else as it is.
func retreat(app router.App, want router.Routes, route *gw.HTTPRoute) ([]router.Edit, error) {
	if route == nil || share(app, route.Spec.Rules) <= want.Canary {
		return nil, nil
	}
	next := route.DeepCopy()
	rule := &next.Spec.Rules[ours(app, next.Spec.Rules)]
	if !leadsTo(app, *rule, app.Primary) { // where else would the requests go?
		rule.BackendRefs = mergeBackends(app, want, rule.BackendRefs, false)
	}
	for i := range rule.BackendRefs {
		switch ref := &rule.BackendRefs[i]; {
		case leads(app, *ref, app.Primary):
			ref.Weight = new(int32(100 - want.Canary))
		case leads(app, *ref, app.Canary):
			ref.Weight = new(int32(want.Canary))
		}
	}
	return change(app, route, next)
}

// change returns the edit that turns route into next, if they differ.
func change(app router.App, route, next *gw.HTTPRoute) ([]router.Edit, error) {
	ops, err := router.Diff(route, next)
	if err != nil || len(ops) == 0 {
		return nil, err
	}
	edit, err := router.Patch(route, fence(app, route, ops), ops)
	return []router.Edit{edit}, err
}

// fence returns what must hold for ops to mean what they were made for. Weights
// depend on the spec alone, so that a gateway that writes its status at the
// same time cannot delay a rollback.
func fence(app router.App, route *gw.HTTPRoute, ops []router.Operation) []router.Operation {
	rule := ours(app, route.Spec.Rules)
	if rule < 0 || slices.ContainsFunc(ops, func(o router.Operation) bool { return !isWeight(o.Path) }) {
		return []router.Operation{router.Unchanged(route)}
	}
	tests := []router.Operation{
		router.Test("/metadata/uid", string(route.UID)),
		router.Test("/metadata/generation", route.Generation),
	}
	for i, ref := range route.Spec.Rules[rule].BackendRefs {
		if leads(app, ref, app.Primary) || leads(app, ref, app.Canary) {
			tests = append(tests, router.Test(backendPath(rule, i)+"/name", string(ref.Name)))
		}
	}
	return tests
}

func isWeight(path string) bool {
	return strings.HasPrefix(path, "/spec/rules/") && strings.HasSuffix(path, "/weight")
}
