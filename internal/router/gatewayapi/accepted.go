// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package gatewayapi

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gw "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/sluice-delivery/sluice/internal/router"
)

// refusal returns why the gateways do not serve route as it is now, in words
// for people. It is empty if all that have spoken do, and at least one has.
func refusal(app router.App, route *gw.HTTPRoute) string {
	parents, err := parentRefs(app)
	if err != nil {
		return err.Error()
	}
	answered := false
	for _, status := range route.Status.Parents {
		for _, parent := range parents {
			if place(app, parent) != place(app, status.ParentRef) {
				continue
			}
			answered = true
			if why := objection(route.Generation, status.Conditions); why != "" {
				return place(app, parent).String() + ": " + why
			}
		}
	}
	if !answered {
		return fmt.Sprintf("no gateway has answered yet; HTTPRoute %s/%s waits for %s", route.Namespace, route.Name, place(app, parents[0]))
	}
	return ""
}

// objection returns what speaks against a route of that generation.
func objection(generation int64, conditions []metav1.Condition) string {
	accepted := meta.FindStatusCondition(conditions, string(gw.RouteConditionAccepted))
	switch {
	case accepted == nil:
		return "has not said whether it accepts the route"
	case accepted.ObservedGeneration < generation:
		return fmt.Sprintf("observedGeneration %d is behind %d", accepted.ObservedGeneration, generation)
	case accepted.Status != metav1.ConditionTrue:
		return fmt.Sprintf("not accepted: %s: %s", accepted.Reason, accepted.Message)
	}
	if refs := meta.FindStatusCondition(conditions, string(gw.RouteConditionResolvedRefs)); refs != nil && refs.Status == metav1.ConditionFalse {
		return fmt.Sprintf("references not resolved: %s: %s", refs.Reason, refs.Message)
	}
	return ""
}

// A spot is a ParentReference in which everything is said.
type spot struct {
	group, kind, namespace, name, section string
	port                                  int32
}

func place(app router.App, p gw.ParentReference) spot {
	return spot{
		group:     string(or(p.Group, gw.GroupName)),
		kind:      string(or(p.Kind, "Gateway")),
		namespace: string(or(p.Namespace, gw.Namespace(app.Namespace))),
		name:      string(p.Name),
		section:   string(or(p.SectionName, "")),
		port:      or(p.Port, 0),
	}
}

// String names the spot for people.
func (s spot) String() string {
	name := fmt.Sprintf("%s %s/%s", s.kind, s.namespace, s.name)
	if s.section != "" {
		name += " listener " + s.section
	}
	if s.port != 0 {
		name += fmt.Sprintf(" port %d", s.port)
	}
	return name
}

func or[T any](p *T, unset T) T {
	if p == nil {
		return unset
	}
	return *p
}
