// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build envtest

package envtest

import (
	"context"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gw "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/sluice-delivery/sluice/api/v1beta1"
)

// restart kills the controller, lets the test act without one, and starts
// another. Only tests that run alone may call it.
func restart(t *testing.T, between func()) {
	t.Helper()
	lab.controller.kill()
	between()
	next, err := startController(context.WithoutCancel(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	lab.controller = next
}

// TestRestart kills the controller in the middle of a release.
func TestRestart(t *testing.T) {
	w := newWorld(t)
	w.create(deployment("web"), w.canary("web"))
	w.stopped("web", v1beta1.PhaseInitialized)
	w.release("web", "example.com/web:2")
	for _, step := range []int32{10, 50} {
		w.until("the canary has earned its weight", func() bool { return find[*v1beta1.Canary](w, "web").Status.Run.EarnedWeight == step })
		restart(t, func() {})
	}
	w.stopped("web", v1beta1.PhaseSucceeded)
	if diff := cmp.Diff([]int{0, 10, 50, 0}, w.weights("web")); diff != "" {
		t.Errorf("the release goes on where it was (-want +got):\n%s", diff)
	}
	want := []string{"Initialized", "NewRevision", "Promoting", "RoutingToPrimary", "Succeeded", "WeightAdvanced", "WeightAdvanced"}
	if diff := cmp.Diff(want, w.reasons("web")); diff != "" {
		t.Errorf("nothing is told twice (-want +got):\n%s", diff)
	}
}

// TestAdoption takes over from Flagger, at rest and in the middle of a release.
func TestAdoption(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"rest", "busy"} {
		w.create(deployment(name), w.canary(name, func(c *v1beta1.Canary) { c.Spec.Analysis.StepWeights = []int32{20, 50} }))
	}
	for _, name := range []string{"rest", "busy"} {
		w.stopped(name, v1beta1.PhaseInitialized)
	}
	restart(t, func() {
		w.asFlagger("rest", v1beta1.CanaryStatus{Phase: v1beta1.PhaseSucceeded, LastAppliedSpec: "5d8fd94f47", LastPromotedSpec: "5d8fd94f47"})
		change(w, "busy", &gw.HTTPRoute{}, func(r *gw.HTTPRoute) {
			refs := r.Spec.Rules[0].BackendRefs
			refs[0].Weight, refs[1].Weight = new(int32(80)), new(int32(20))
		})
		w.until("the canary has requests", func() bool { return weight(find[*gw.HTTPRoute](w, "busy")) == 20 })
		w.release("busy", "example.com/web:2")
		change(w, "busy", &appsv1.Deployment{}, func(d *appsv1.Deployment) { d.Spec.Replicas = new(int32(2)) })
		w.until("the canary serves", func() bool { return find[*appsv1.Deployment](w, "busy").Status.AvailableReplicas == 2 })
		w.asFlagger("busy", v1beta1.CanaryStatus{Phase: v1beta1.PhaseProgressing, CanaryWeight: 20, LastAppliedSpec: "6c9cc6f6d4", LastPromotedSpec: "5d8fd94f47"})
	})
	w.stopped("busy", v1beta1.PhaseSucceeded)
	if diff := cmp.Diff([]int{0, 20, 50, 0}, w.weights("busy")); diff != "" {
		t.Errorf("a release that Flagger began goes on at its weight (-want +got):\n%s", diff)
	}
	if image := find[*appsv1.Deployment](w, "busy-primary").Spec.Template.Spec.Containers[0].Image; image != "example.com/web:2" {
		t.Errorf("the release that Flagger began is promoted; the primary runs %s", image)
	}
	w.settle("rest")
	if diff := cmp.Diff([]string{"Initialized"}, w.reasons("rest")); diff != "" {
		t.Errorf("a Canary at rest is taken over without a word (-want +got):\n%s", diff)
	}
	if c := find[*v1beta1.Canary](w, "rest"); c.Status.Phase != v1beta1.PhaseSucceeded || !slices.Equal(w.weights("rest"), []int{0}) {
		t.Errorf("a Canary at rest stays at rest; got %s, weights %v", c.Status.Phase, w.weights("rest"))
	}
	w.release("rest", "example.com/web:2")
	w.phase("rest", v1beta1.PhaseSucceeded)
	w.until("the next revision is promoted", func() bool {
		return find[*appsv1.Deployment](w, "rest-primary").Spec.Template.Spec.Containers[0].Image == "example.com/web:2"
	})
}

// asFlagger makes everything look as if Flagger had left it.
func (w *world) asFlagger(name string, st v1beta1.CanaryStatus) {
	w.Helper()
	change(w, name+"-primary", &appsv1.Deployment{}, func(d *appsv1.Deployment) {
		for _, own := range []string{"sluice.dev/revision", "sluice.dev/previous"} {
			delete(d.Annotations, own)
		}
	})
	change(w, name, &gw.HTTPRoute{}, func(r *gw.HTTPRoute) { delete(r.Annotations, "sluice.dev/applied") })
	c := &v1beta1.Canary{}
	change(w, name, c, func(c *v1beta1.Canary) { c.Finalizers = nil })
	st.LastTransitionTime = metav1.Now()
	st.Conditions = []v1beta1.CanaryCondition{{
		Type: v1beta1.ConditionPromoted, Status: map[bool]metav1.ConditionStatus{true: "True", false: "Unknown"}[st.Phase == v1beta1.PhaseSucceeded],
		Reason: v1beta1.Reason(st.Phase), Message: "As Flagger left it.", LastUpdateTime: metav1.Now(), LastTransitionTime: metav1.Now(),
	}}
	c.Status = st
	if err := w.Status().Update(w.Context(), c); err != nil {
		w.Fatal(err)
	}
}
