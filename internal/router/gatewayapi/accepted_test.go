// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package gatewayapi_test

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gw "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/sluice-delivery/sluice/internal/router/gatewayapi"
)

func TestAccepted(t *testing.T) {
	type status = gw.RouteParentStatus
	public := gw.ParentReference{Name: "public", Namespace: new(gw.Namespace("gateways"))}
	condition := func(kind, truth string, generation int64) metav1.Condition {
		return metav1.Condition{Type: kind, Status: metav1.ConditionStatus(truth), ObservedGeneration: generation, Reason: "Because", Message: "of that"}
	}
	by := func(parent gw.ParentReference, conditions ...metav1.Condition) status {
		return status{ParentRef: parent, ControllerName: "example.com/gateway", Conditions: conditions}
	}
	yes, resolved := condition("Accepted", "True", 4), condition("ResolvedRefs", "True", 4)

	cases := map[string]struct {
		reason  string
		parents []status
		why     string // contained; empty if accepted
	}{
		"Accepted":   {reason: "The gateway serves the route as it is.", parents: []status{by(public, yes, resolved)}},
		"NoRefs":     {reason: "Not every gateway says that references are resolved.", parents: []status{by(public, yes)}},
		"Silence":    {reason: "Nobody serves a route that no gateway has seen.", why: "no gateway has answered yet; HTTPRoute test/podinfo waits for Gateway gateways/public"},
		"Others":     {reason: "What other gateways say does not matter.", parents: []status{by(gw.ParentReference{Name: "public"}, yes)}, why: "no gateway has answered yet"},
		"Section":    {reason: "Another listener is another parent.", parents: []status{by(gw.ParentReference{Name: "public", Namespace: public.Namespace, SectionName: new(gw.SectionName("a"))}, yes)}, why: "no gateway has answered yet"},
		"Refused":    {reason: "The gateway's own words tell what to mend.", parents: []status{by(public, condition("Accepted", "False", 4))}, why: "Gateway gateways/public: not accepted: Because: of that"},
		"Unknown":    {reason: "Unknown is not yes.", parents: []status{by(public, condition("Accepted", "Unknown", 4))}, why: "not accepted"},
		"Behind":     {reason: "An old yes says nothing about the new spec.", parents: []status{by(public, condition("Accepted", "True", 3), resolved)}, why: "Gateway gateways/public: observedGeneration 3 is behind 4"},
		"Unresolved": {reason: "A route to a missing Service answers 500.", parents: []status{by(public, yes, condition("ResolvedRefs", "False", 4))}, why: "references not resolved: Because: of that"},
		"Mute":       {reason: "A status without the condition is not yes.", parents: []status{by(public, resolved)}, why: "has not said whether it accepts the route"},
		"OneOfTwo":   {reason: "All that have spoken must serve it.", parents: []status{by(public, yes), by(public, condition("Accepted", "False", 4))}, why: "not accepted"},
		"Spelt":      {reason: "Defaults and their absence are the same.", parents: []status{by(gw.ParentReference{Group: new(gw.Group(gw.GroupName)), Kind: new(gw.Kind("Gateway")), Name: "public", Namespace: public.Namespace}, yes)}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			route := only(t, serve(t, plain(), 0))
			route.Generation = 4
			route.Status.Parents = c.parents
			got, err := gatewayapi.New().Read(plain(), []client.Object{route})
			if err != nil {
				t.Fatal(err)
			}
			if got.Accepted != (c.why == "") || !strings.Contains(got.Why, c.why) || (c.why == "") != (got.Why == "") {
				t.Errorf("%s\nRead = %+v, want why %q", c.reason, got, c.why)
			}
		})
	}
}
