// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package gatewayapi_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gw "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/yaml"

	"github.com/sluice-delivery/sluice/api/v1beta1"
	"github.com/sluice-delivery/sluice/internal/router"
	"github.com/sluice-delivery/sluice/internal/router/gatewayapi"
	"github.com/sluice-delivery/sluice/internal/router/routertest"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestCreate(t *testing.T) {
	cases := map[string]struct {
		reason string
		app    router.App
		weight int
	}{
		"plain": {reason: "A spec with a gateway alone sends all requests of all hosts to the primary, with weight 0 spelled out.", app: plain()},
		"full":  {reason: "Everything that a spec can say is in the route, in a fixed order.", app: full(), weight: 100},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			edits, err := gatewayapi.New().Plan(c.app, router.Routes{Canary: c.weight}, nil)
			if err != nil || len(edits) != 1 {
				t.Fatalf("Plan = %d edits, %v; want one", len(edits), err)
			}
			got, err := yaml.Marshal(edits[0].Create)
			if err != nil {
				t.Fatal(err)
			}
			golden := filepath.Join("testdata", name+".yaml")
			if *update {
				if err := os.WriteFile(golden, got, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden) //nolint:gosec // of this package
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("%s\n%s (-want +got):\n%s", c.reason, golden, diff)
			}
			s := &routertest.Server{Admit: admit(t)}
			if err := s.Apply(edits); err != nil {
				t.Errorf("%s\nThe API server refuses it: %v", c.reason, err)
			}
		})
	}
}

func TestWeightPatch(t *testing.T) {
	s := serve(t, plain(), 10)
	route := only(t, s)
	if err := s.Update(route, func(obj client.Object) {
		r := obj.(*gw.HTTPRoute)
		r.Spec.Rules = append([]gw.HTTPRouteRule{{Name: new(gw.SectionName("theirs"))}}, r.Spec.Rules...)
	}); err != nil {
		t.Fatal(err)
	}
	edits := plan(t, s, plain(), 20)
	want := `[` + strings.Join([]string{
		`{"op":"test","path":"/metadata/uid","value":"uid-1"}`,
		`{"op":"test","path":"/metadata/generation","value":2}`,
		`{"op":"test","path":"/spec/rules/1/backendRefs/0/name","value":"podinfo-primary"}`,
		`{"op":"test","path":"/spec/rules/1/backendRefs/1/name","value":"podinfo-canary"}`,
		`{"op":"replace","path":"/spec/rules/1/backendRefs/0/weight","value":80}`,
		`{"op":"replace","path":"/spec/rules/1/backendRefs/1/weight","value":20}`,
	}, ",") + `]`
	if diff := cmp.Diff(want, string(edits[0].Patch)); diff != "" || len(edits) != 1 {
		t.Errorf("A step is one write of two numbers (-want +got):\n%s", diff)
	}
	// A gateway that writes its status in between must not delay a rollback.
	if err := s.Update(route, func(obj client.Object) { obj.SetLabels(map[string]string{"a": "b"}) }); err != nil {
		t.Fatal(err)
	}
	if err := s.Apply(edits); err != nil {
		t.Errorf("A write that leaves the spec alone has stopped a change of weight: %v", err)
	}
}

func TestReadWeights(t *testing.T) {
	ref := func(name string, weight *int32) gw.HTTPBackendRef {
		return gw.HTTPBackendRef{BackendRef: gw.BackendRef{
			BackendObjectReference: gw.BackendObjectReference{Name: gw.ObjectName(name), Port: new(int32(9898))}, Weight: weight,
		}}
	}
	w := func(n int32) *int32 { return &n }
	rule := func(refs ...gw.HTTPBackendRef) gw.HTTPRouteRule { return gw.HTTPRouteRule{BackendRefs: refs} }
	const primary, canary = "podinfo-primary", "podinfo-canary"

	cases := map[string]struct {
		reason string
		rules  []gw.HTTPRouteRule
		want   int
	}{
		"Exact":      {reason: "Weights of 100 are percents.", rules: []gw.HTTPRouteRule{rule(ref(primary, w(63)), ref(canary, w(37)))}, want: 37},
		"Swapped":    {reason: "Names count, not places.", rules: []gw.HTTPRouteRule{rule(ref(canary, w(37)), ref(primary, w(63)))}, want: 37},
		"Normalised": {reason: "Weights are shares of their sum.", rules: []gw.HTTPRouteRule{rule(ref(primary, w(3)), ref(canary, w(1)))}, want: 25},
		"Unset":      {reason: "An unset weight is 1.", rules: []gw.HTTPRouteRule{rule(ref(primary, nil), ref(canary, nil))}, want: 50},
		"Few":        {reason: "A canary with requests never reads as one without.", rules: []gw.HTTPRouteRule{rule(ref(primary, w(9999)), ref(canary, w(1)))}, want: 1},
		"Most":       {reason: "A primary with requests never reads as one without.", rules: []gw.HTTPRouteRule{rule(ref(primary, w(1)), ref(canary, w(9999)))}, want: 99},
		"Zeros":      {reason: "Nobody gets anything.", rules: []gw.HTTPRouteRule{rule(ref(primary, w(0)), ref(canary, w(0)))}, want: 0},
		"NoCanary":   {reason: "A rule without a way to the canary sends it nothing.", rules: []gw.HTTPRouteRule{rule(ref(primary, w(1)))}, want: 0},
		"NoPrimary":  {reason: "A rule without a way to the primary sends all to the canary.", rules: []gw.HTTPRouteRule{rule(ref(canary, w(1)))}, want: 100},
		"NoRules":    {reason: "No rules, no requests.", want: 0},
		"Foreign":    {reason: "Rules of others are not looked at.", rules: []gw.HTTPRouteRule{rule(ref("a", w(1)), ref("b", w(1))), rule(ref(primary, w(90)), ref(canary, w(10))), rule(ref("a", nil))}, want: 10},
		"Third":      {reason: "A third backend does not count.", rules: []gw.HTTPRouteRule{rule(ref(primary, w(90)), ref("third", w(50)), ref(canary, w(10)))}, want: 10},
		"Last":       {reason: "The last rule that leads to both is the weighted one.", rules: []gw.HTTPRouteRule{rule(ref(primary, w(0)), ref(canary, w(100))), rule(ref(primary, w(90)), ref(canary, w(10)))}, want: 10},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := &routertest.Server{Admit: admit(t)}
			route := &gw.HTTPRoute{ObjectMeta: metav1.ObjectMeta{Namespace: "test", Name: "podinfo"}, Spec: gw.HTTPRouteSpec{Rules: c.rules}}
			if _, err := s.Create(route); err != nil {
				t.Fatal(err)
			}
			if got := read(t, s).Routes.Canary; got != c.want {
				t.Errorf("%s\nRead = %d, want %d", c.reason, got, c.want)
			}
			if err := s.Apply(plan(t, s, plain(), c.want)); err != nil {
				t.Fatal(err)
			}
			if got := read(t, s).Routes.Canary; got != c.want {
				t.Errorf("%s\nMaking the route fit moved traffic from %d to %d", c.reason, c.want, got)
			}
			if again := plan(t, s, plain(), c.want); len(again) != 0 {
				t.Errorf("%s\nPlan on its own result gives %s", c.reason, again[0].Patch)
			}
		})
	}
}

// TestInherited takes over, in mid-run, a route that another controller has
// written for the same Canary.
func TestInherited(t *testing.T) {
	app := plain()
	edits()["Metadata"](&app)
	s := serve(t, app, 40)
	err := s.Update(only(t, s), func(obj client.Object) {
		r := obj.(*gw.HTTPRoute)
		delete(r.Annotations, gatewayapi.Applied)
		r.Labels["theirs"] = "kept"
		r.Spec.Hostnames = []gw.Hostname{"old.example.com"}
		weighted := &r.Spec.Rules[0]
		weighted.Timeouts = &gw.HTTPRouteTimeouts{Request: new(gw.Duration("1s"))}
		weighted.BackendRefs[1].Filters = []gw.HTTPRouteFilter{{
			Type:                   gw.HTTPRouteFilterResponseHeaderModifier,
			ResponseHeaderModifier: &gw.HTTPHeaderFilter{Add: []gw.HTTPHeader{{Name: "Set-Cookie", Value: "a=b"}}},
		}}
		sticky, control := *weighted.DeepCopy(), *weighted.DeepCopy()
		sticky.BackendRefs[0].Weight, sticky.BackendRefs[1].Weight = new(int32(0)), new(int32(100))
		control.BackendRefs = control.BackendRefs[:1]
		r.Spec.Rules = []gw.HTTPRouteRule{sticky, *weighted, control}
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := read(t, s).Routes.Canary; got != 40 {
		t.Fatalf("Read = %d, want 40", got)
	}
	if err := s.Apply(plan(t, s, app, 40)); err != nil {
		t.Fatal(err)
	}
	got := only(t, s)
	if got.Labels["theirs"] != "kept" {
		t.Error("a label that somebody put on the route is gone")
	}
	want := only(t, serve(t, app, 40))
	if diff := cmp.Diff(want.Spec, got.Spec); diff != "" {
		t.Errorf("What the other controller wrote is ours now, the weights stay (-want +got):\n%s", diff)
	}
	if got.Annotations[gatewayapi.Applied] != want.Annotations[gatewayapi.Applied] {
		t.Error("the route does not note what was applied")
	}
}

// TestTakenOver puts our rule into a route that a user has written.
func TestTakenOver(t *testing.T) {
	s := &routertest.Server{Admit: admit(t)}
	user := &gw.HTTPRoute{
		ObjectMeta: metav1.ObjectMeta{Namespace: "test", Name: "podinfo"},
		Spec: gw.HTTPRouteSpec{
			Hostnames: []gw.Hostname{"user.example.com"},
			Rules: []gw.HTTPRouteRule{{BackendRefs: []gw.HTTPBackendRef{{BackendRef: gw.BackendRef{
				BackendObjectReference: gw.BackendObjectReference{Name: "podinfo", Port: new(int32(9898))},
			}}}}},
		},
	}
	if _, err := s.Create(user); err != nil {
		t.Fatal(err)
	}
	before := only(t, s)
	if err := s.Apply(plan(t, s, plain(), 0)); err != nil {
		t.Fatal(err)
	}
	after := only(t, s)
	if diff := cmp.Diff(before.Spec.Rules, after.Spec.Rules[1:]); diff != "" {
		t.Errorf("the user's rule changed (-before +after):\n%s", diff)
	}
	if got := after.Spec.Rules[0].BackendRefs[0].Name; got != "podinfo-primary" {
		t.Errorf("the first of equal rules leads to %s, so that ours gets no requests", got)
	}
	if diff := cmp.Diff(before.Spec.Hostnames, after.Spec.Hostnames); diff != "" {
		t.Errorf("the user's hostnames changed (-before +after):\n%s", diff)
	}
}

// TestRetreatWithoutPrimary rolls back although the spec is broken and somebody
// has taken the primary out of the route.
func TestRetreatWithoutPrimary(t *testing.T) {
	s := serve(t, plain(), 50)
	err := s.Update(only(t, s), func(obj client.Object) {
		rule := &obj.(*gw.HTTPRoute).Spec.Rules[0]
		rule.BackendRefs = rule.BackendRefs[1:]
	})
	if err != nil {
		t.Fatal(err)
	}
	app := plain()
	app.Service.GatewayRefs = nil
	edits, err := gatewayapi.New().Plan(app, router.Routes{}, []client.Object{only(t, s)})
	if !errors.Is(err, router.ErrInvalid) {
		t.Errorf("Plan of a broken spec: %v", err)
	}
	if err := s.Apply(edits); err != nil {
		t.Fatal(err)
	}
	weights := map[gw.ObjectName]int32{}
	for _, ref := range only(t, s).Spec.Rules[0].BackendRefs {
		weights[ref.Name] = *ref.Weight
	}
	if diff := cmp.Diff(map[gw.ObjectName]int32{"podinfo-primary": 100, "podinfo-canary": 0}, weights); diff != "" {
		t.Errorf("Requests that leave the canary go to the primary (-want +got):\n%s", diff)
	}
}

// TestForeignTimeout shows that the spec wins where only one value can be.
func TestForeignTimeout(t *testing.T) {
	s := serve(t, plain(), 0)
	err := s.Update(only(t, s), func(obj client.Object) {
		obj.(*gw.HTTPRoute).Spec.Rules[0].Timeouts = &gw.HTTPRouteTimeouts{Request: new(gw.Duration("7s"))}
	})
	if err != nil {
		t.Fatal(err)
	}
	if edits := plan(t, s, plain(), 0); len(edits) != 0 {
		t.Errorf("the spec has no opinion about timeouts, but Plan gives %s", edits[0].Patch)
	}
	app := plain()
	app.Service.Timeout = "15s"
	if err := s.Apply(plan(t, s, app, 0)); err != nil {
		t.Fatal(err)
	}
	if got := *only(t, s).Spec.Rules[0].Timeouts.Request; got != "15s" {
		t.Errorf("timeout %s, want the spec's 15s", got)
	}
}

func TestDurations(t *testing.T) {
	cases := map[string]string{"15s": "15s", "1m": "1m", "90s": "90s", "1.5s": "1s500ms", "0s": "0s", "0.5h": "30m", "1h0.5s": "1h500ms"}
	for text, want := range cases {
		app := plain()
		app.Service.Timeout = text
		if got := *only(t, serve(t, app, 0)).Spec.Rules[0].Timeouts.Request; string(got) != want {
			t.Errorf("timeout %s is written as %s, want %s", text, got, want)
		}
	}
}

func TestObjects(t *testing.T) {
	c := &v1beta1.Canary{ObjectMeta: metav1.ObjectMeta{Namespace: "test", Name: "a"}}
	c.Spec.TargetRef.Name, c.Spec.Service.Name = "target", "service"
	app := router.AppOf(c)
	got := gatewayapi.New().Objects(app)
	want := []client.Object{&gw.HTTPRoute{ObjectMeta: metav1.ObjectMeta{Namespace: "test", Name: "service"}}}
	if diff := cmp.Diff(want, got); diff != "" || app.Primary != "service-primary" || app.Canary != "service-canary" {
		t.Errorf("The route has the name of the Service (-want +got):\n%s", diff)
	}
}

// serve returns a server that has the route of app.
func serve(t *testing.T, app router.App, weight int) *routertest.Server {
	t.Helper()
	s := &routertest.Server{Admit: admit(t)}
	if err := s.Apply(plan(t, s, app, weight)); err != nil {
		t.Fatal(err)
	}
	return s
}

func plan(t *testing.T, s *routertest.Server, app router.App, weight int) []router.Edit {
	t.Helper()
	edits, err := gatewayapi.New().Plan(app, router.Routes{Canary: weight}, s.Found(gatewayapi.New().Objects(app)))
	if err != nil {
		t.Fatal(err)
	}
	return edits
}

func read(t *testing.T, s *routertest.Server) router.State {
	t.Helper()
	state, err := gatewayapi.New().Read(plain(), s.Found(gatewayapi.New().Objects(plain())))
	if err != nil {
		t.Fatal(err)
	}
	return state
}

func only(t *testing.T, s *routertest.Server) *gw.HTTPRoute {
	t.Helper()
	found := s.Found(gatewayapi.New().Objects(plain()))
	if len(found) != 1 {
		t.Fatalf("%d routes, want one", len(found))
	}
	return found[0].(*gw.HTTPRoute)
}
