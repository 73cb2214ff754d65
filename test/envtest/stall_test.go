// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build envtest

package envtest

import (
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gw "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/sluice-delivery/sluice/api/v1beta1"
)

// TestUnsupportedStrategies refuses what this version can't do.
func TestUnsupportedStrategies(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cases := map[string]struct {
		field string
		edit  func(*v1beta1.Canary)
	}{
		"iterations": {"spec.analysis.iterations", func(c *v1beta1.Canary) { c.Spec.Analysis.StepWeights, c.Spec.Analysis.Iterations = nil, 5 }},
		"mirror":     {"spec.analysis.mirror", func(c *v1beta1.Canary) { c.Spec.Analysis.Mirror = true }},
		"affinity":   {"spec.analysis.sessionAffinity", func(c *v1beta1.Canary) { c.Spec.Analysis.SessionAffinity = &v1beta1.SessionAffinity{CookieName: "c"} }},
		"scaler": {"spec.autoscalerRef", func(c *v1beta1.Canary) {
			c.Spec.AutoscalerRef = &v1beta1.AutoscalerReference{APIVersion: "autoscaling/v2", Kind: "HorizontalPodAutoscaler", Name: "web"}
		}},
		"kind": {"spec.targetRef.kind", func(c *v1beta1.Canary) { c.Spec.TargetRef.Kind = "DaemonSet" }},
	}
	for name, row := range cases {
		w.create(deployment(name), w.canary(name, row.edit))
		w.stall(name, "Unsupported", row.field)
		if find[*gw.HTTPRoute](w, name) != nil || find[*appsv1.Deployment](w, name+"-primary") != nil {
			t.Errorf("%s: nothing is made for a release that can't be", name)
		}
	}
	change(w, "mirror", &v1beta1.Canary{}, func(c *v1beta1.Canary) { c.Spec.Analysis.Mirror = false })
	w.stopped("mirror", v1beta1.PhaseInitialized)
}

// stall waits until the Canary stalls for that reason, and holds that people
// are told once, with the field to mend.
func (w *world) stall(name, reason, field string) {
	w.Helper()
	w.until("Canary "+name+" stalls: "+reason, func() bool {
		c := find[*v1beta1.Canary](w, name)
		return c != nil && condition(c, v1beta1.ConditionStalled).Status == metav1.ConditionTrue
	})
	why := condition(find[*v1beta1.Canary](w, name), v1beta1.ConditionStalled)
	if string(why.Reason) != reason || !strings.Contains(why.Message, field) {
		w.Errorf("%s stalls with %s, naming %s; got %s: %s", name, reason, field, why.Reason, why.Message)
	}
	w.until("people are told", func() bool { return slices.Contains(w.reasons(name), reason) })
	told := 0
	for _, e := range w.events(name) {
		if e.Type == corev1.EventTypeWarning && e.Message == why.Message {
			told++
		}
	}
	if told != 1 {
		w.Errorf("people are told once what to mend; got %d events that say %q", told, why.Message)
	}
}
