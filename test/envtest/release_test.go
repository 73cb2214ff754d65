// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build envtest

package envtest

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	gw "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/sluice-delivery/sluice/api/v1beta1"
)

func TestGoodRelease(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.create(deployment("web", func(d *appsv1.Deployment) {
		d.Labels = map[string]string{"team": "shop", "kustomize.toolkit.fluxcd.io/name": "apps"}
		d.Annotations = map[string]string{"note": "kept", "kustomize.toolkit.fluxcd.io/checksum": "x"}
	}))
	w.create(w.canary("web", func(c *v1beta1.Canary) {
		c.Spec.Service.TargetPort = intstr.FromString("http")
		c.Spec.Service.Apex = &v1beta1.CustomMetadata{Labels: map[string]string{"a": "apex"}}
		c.Spec.Service.Primary = &v1beta1.CustomMetadata{Annotations: map[string]string{"p": "primary"}}
	}))
	c := w.stopped("web", v1beta1.PhaseInitialized)
	checkObjects(w, c)

	w.release("web", "example.com/web:2")
	w.phase("web", v1beta1.PhaseProgressing)
	c = w.stopped("web", v1beta1.PhaseSucceeded)
	if image := find[*appsv1.Deployment](w, "web-primary").Spec.Template.Spec.Containers[0].Image; image != "example.com/web:2" {
		t.Errorf("the primary runs %s after the promotion", image)
	}
	if diff := cmp.Diff([]int{0, 10, 50, 0}, w.weights("web")); diff != "" {
		t.Errorf("the canary gets the weights of the plan, one after the other (-want +got):\n%s", diff)
	}
	want := []string{"Initialized", "NewRevision", "Promoting", "RoutingToPrimary", "Succeeded", "WeightAdvanced", "WeightAdvanced"}
	if diff := cmp.Diff(want, w.reasons("web")); diff != "" {
		t.Errorf("everything is told once (-want +got):\n%s", diff)
	}
	checkSettled(t, c)
	checkColumns(w)
}

// checkObjects holds what was made for a Canary to what Flagger makes.
func checkObjects(w *world, c *v1beta1.Canary) {
	w.Helper()
	type facts struct {
		Selector, Labels, Notes map[string]string
		Port                    corev1.ServicePort
		Owner                   string
	}
	hands := func(more ...string) map[string]string {
		m := map[string]string{"kustomize.toolkit.fluxcd.io/reconcile": "disabled", "helm.toolkit.fluxcd.io/driftDetection": "disabled"}
		for i := 0; i < len(more); i += 2 {
			m[more[i]] = more[i+1]
		}
		return m
	}
	port := corev1.ServicePort{Name: "http", Protocol: "TCP", Port: 80, TargetPort: intstr.FromString("http")}
	primary, canary := map[string]string{"app": "web-primary"}, map[string]string{"app": "web"}
	for name, want := range map[string]facts{
		"web":         {primary, map[string]string{"app": "web", "a": "apex"}, hands(), port, "web"},
		"web-primary": {primary, map[string]string{"app": "web-primary"}, hands("p", "primary"), port, "web"},
		"web-canary":  {canary, map[string]string{"app": "web-canary"}, hands(), port, "web"},
	} {
		s := find[*corev1.Service](w, name)
		got := facts{s.Spec.Selector, s.Labels, s.Annotations, s.Spec.Ports[0], ownerOf(s, c)}
		if diff := cmp.Diff(want, got); diff != "" {
			w.Errorf("Service %s is as Flagger makes it (-want +got):\n%s", name, diff)
		}
	}
	d := find[*appsv1.Deployment](w, "web-primary")
	if diff := cmp.Diff(primary, d.Labels); diff != "" {
		w.Errorf("the primary has its own label and none of the target's (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(primary, d.Spec.Selector.MatchLabels); diff != "" {
		w.Errorf("the primary selects its own pods (-want +got):\n%s", diff)
	}
	if d.Annotations["note"] != "kept" || d.Annotations["kustomize.toolkit.fluxcd.io/checksum"] != "" {
		w.Errorf("the primary has the target's annotations, Flux's apart; got %v", d.Annotations)
	}
	if ownerOf(d, c) != "web" || *d.Spec.Replicas != 2 || d.Spec.Template.Annotations["flagger-id"] == "" {
		w.Errorf("the primary is owned by the Canary, has the target's replicas and a flagger-id; got %v", d)
	}
	r := find[*gw.HTTPRoute](w, "web")
	if ownerOf(r, c) != "web" || string(r.Spec.ParentRefs[0].Name) != "gateway" || len(r.Spec.Rules) != 1 {
		w.Errorf("the route is owned by the Canary and leads from its gateway; got %v", r.Spec)
	}
}

// ownerOf returns the name of the Canary that controls o, if it is c.
func ownerOf(o metav1.Object, c *v1beta1.Canary) string {
	r := metav1.GetControllerOf(o)
	if r == nil || r.UID != c.UID || r.APIVersion != "flagger.app/v1beta1" || r.Kind != "Canary" || r.BlockOwnerDeletion == nil {
		return ""
	}
	return r.Name
}

// checkSettled holds the status after a promotion to what it should be.
func checkSettled(t *testing.T, c *v1beta1.Canary) {
	t.Helper()
	st := c.Status
	if st.CanaryWeight != 0 || st.FailedChecks != 0 || st.LastAppliedSpec == "" || st.LastAppliedSpec != st.LastPromotedSpec {
		t.Errorf("after a promotion nothing is left of the release; got %+v", st)
	}
	if st.ObservedGeneration != c.Generation || st.Run == nil || st.Run.Revision != st.LastPromotedSpec || st.Run.EndedAt == nil {
		t.Errorf("the status speaks of the present spec and remembers the run; got %+v", st.Run)
	}
	if len(st.Checks) != 1 || st.Checks[0].Verdict != v1beta1.MetricPassed || st.Checks[0].Value != "100%" || st.Checks[0].Range != "at least 99%" {
		t.Errorf("the status says what the last check found; got %+v", st.Checks)
	}
	for typ, want := range map[v1beta1.ConditionType]metav1.ConditionStatus{
		v1beta1.ConditionPromoted: "True", v1beta1.ConditionReady: "True", v1beta1.ConditionReconciling: "False", v1beta1.ConditionStalled: "False",
	} {
		if got := condition(c, typ); got.Status != want || got.ObservedGeneration != c.Generation {
			t.Errorf("after a promotion %s is %s for this spec; got %+v", typ, want, got)
		}
	}
}

// checkColumns holds kubectl's table to the columns of Flagger.
func checkColumns(w *world) {
	w.Helper()
	out, err := exec.CommandContext(w.Context(), "kubectl", "get", "canary", "web", "-n", w.ns).CombinedOutput()
	if err != nil {
		w.Fatalf("%v: %s", err, out)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if head := strings.Fields(lines[0]); !slices.Equal(head[:4], []string{"NAME", "STATUS", "WEIGHT", "LASTTRANSITIONTIME"}) {
		w.Errorf("kubectl shows Flagger's columns; got %v", head)
	}
	if row := strings.Fields(lines[1]); !slices.Equal(row[:3], []string{"web", "Succeeded", "0"}) {
		w.Errorf("kubectl shows the phase and the weight; got %v", row)
	}
}

// TestUnreadyCanary has a canary lose its pods while it has requests.
func TestUnreadyCanary(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.create(deployment("web"), w.canary("web", every("4s"), func(c *v1beta1.Canary) { c.Spec.Analysis.Threshold = 50 }))
	w.stopped("web", v1beta1.PhaseInitialized)
	w.release("web", "example.com/web:2")
	w.until("the canary gets requests", func() bool { return slices.Contains(w.weights("web"), 10) })

	w.ready("web", corev1.ConditionFalse)
	w.until("the canary gets no requests", func() bool { return weight(find[*gw.HTTPRoute](w, "web")) == 0 })
	w.until("people know", func() bool { return slices.Contains(w.reasons("web"), "CanaryNotReady") })
	if c := find[*v1beta1.Canary](w, "web"); c.Status.Phase != v1beta1.PhaseProgressing || c.Status.Run.EarnedWeight != 10 {
		t.Errorf("the release goes on, and the weight stays earned; got %s, %+v", c.Status.Phase, c.Status.Run)
	}

	w.ready("web", corev1.ConditionTrue)
	w.until("the canary gets what it had earned", func() bool { return weight(find[*gw.HTTPRoute](w, "web")) == 10 })
	w.until("the release goes on", func() bool { return weight(find[*gw.HTTPRoute](w, "web")) == 50 })
	if diff := cmp.Diff([]int{0, 10, 0, 10, 50}, w.weights("web")); diff != "" {
		t.Errorf("the canary never gets more than it has earned (-want +got):\n%s", diff)
	}
}

// ready makes the pods of a target ready or not.
func (w *world) ready(app string, s corev1.ConditionStatus) {
	w.Helper()
	pods := &corev1.PodList{}
	if err := w.List(w.Context(), pods); err != nil {
		w.Fatal(err)
	}
	for i := range pods.Items {
		p := &pods.Items[i]
		if p.Namespace != w.ns || p.Labels["app"] != app {
			continue
		}
		next := p.DeepCopy()
		for j := range next.Status.Conditions {
			if c := &next.Status.Conditions[j]; c.Type == corev1.PodReady {
				c.Status, c.LastTransitionTime = s, metav1.Now()
			}
		}
		if err := w.Status().Update(w.Context(), next); err != nil {
			w.Fatal(err)
		}
	}
}

// TestConfigTracking releases a change of a ConfigMap.
func TestConfigTracking(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	config := func(name string) *corev1.ConfigMap {
		return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}, Data: map[string]string{"key": "one"}}
	}
	own := config("own")
	own.Annotations = map[string]string{"flagger.app/config-tracking": "disabled"}
	w.create(config("settings"), own, deployment("web", func(d *appsv1.Deployment) {
		for _, name := range []string{"settings", "own"} {
			ref := corev1.EnvFromSource{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: name}}}
			d.Spec.Template.Spec.Containers[0].EnvFrom = append(d.Spec.Template.Spec.Containers[0].EnvFrom, ref)
		}
	}), w.canary("web"))
	c := w.stopped("web", v1beta1.PhaseInitialized)
	if len(c.Status.TrackedConfigs) != 1 || c.Status.TrackedConfigs["configmap/settings"] == "" {
		t.Errorf("what is not disabled is tracked; got %v", c.Status.TrackedConfigs)
	}
	var refs []string
	for _, from := range find[*appsv1.Deployment](w, "web-primary").Spec.Template.Spec.Containers[0].EnvFrom {
		refs = append(refs, from.ConfigMapRef.Name)
	}
	if diff := cmp.Diff([]string{"settings-primary", "own"}, refs); diff != "" {
		t.Errorf("the primary refers to its own copies (-want +got):\n%s", diff)
	}
	edit := func(m *corev1.ConfigMap) { m.Data["key"] = "two" }
	change(w, "own", &corev1.ConfigMap{}, edit)
	w.settle("web")
	if got := find[*v1beta1.Canary](w, "web").Status.Phase; got != v1beta1.PhaseInitialized {
		t.Errorf("a change of what is not tracked releases nothing; got phase %s", got)
	}
	change(w, "settings", &corev1.ConfigMap{}, edit)
	w.phase("web", v1beta1.PhaseSucceeded)
	if got := find[*corev1.ConfigMap](w, "settings-primary").Data["key"]; got != "two" {
		t.Errorf("the promotion copies the data; got %q", got)
	}
}
