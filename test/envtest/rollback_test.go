// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build envtest

package envtest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"

	"github.com/sluice-delivery/sluice/api/v1beta1"
)

func TestBadRelease(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.create(deployment("web"), w.canary("web"))
	w.stopped("web", v1beta1.PhaseInitialized)
	primary := find[*appsv1.Deployment](w, "web-primary").Spec
	w.prom.say(80)
	w.release("web", "example.com/web:2")
	c := w.stopped("web", v1beta1.PhaseFailed)

	if diff := cmp.Diff([]int{0, 10, 0}, w.weights("web")); diff != "" {
		t.Errorf("the canary stays at its weight until it is taken away (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(primary, find[*appsv1.Deployment](w, "web-primary").Spec); diff != "" {
		t.Errorf("a rollback leaves the primary alone (-before +after):\n%s", diff)
	}
	want := []string{"CheckFailed", "CheckFailed", "CheckFailed", "Initialized", "NewRevision", "RolledBack", "WeightAdvanced"}
	if diff := cmp.Diff(want, w.reasons("web")); diff != "" {
		t.Errorf("everything is told once (-want +got):\n%s", diff)
	}
	for _, e := range w.events("web") {
		const why = "request-success-rate is 80% but must be at least 99%: 19% too low"
		if e.Reason == "RolledBack" && !strings.Contains(e.Message, why) {
			t.Errorf("the event says which metric, its value, its range and by how much; got %q", e.Message)
		}
	}
	if got := condition(c, v1beta1.ConditionReady); got.Status != "False" || !strings.Contains(got.Message, "80%") {
		t.Errorf("Ready says why the release failed; got %+v", got)
	}

	w.settle("web")
	if got := find[*v1beta1.Canary](w, "web").Status.Phase; got != v1beta1.PhaseFailed || len(w.reasons("web")) != len(want) {
		t.Errorf("a rejected revision is not released again; got phase %s and %v", got, w.reasons("web"))
	}
	if got := condition(find[*v1beta1.Canary](w, "web"), v1beta1.ConditionReady); got.Status != "False" || got.Message == "" {
		t.Errorf("Ready stays False; got %+v", got)
	}
	w.prom.say(100)
	w.release("web", "example.com/web:3")
	w.phase("web", v1beta1.PhaseSucceeded)
	if image := find[*appsv1.Deployment](w, "web-primary").Spec.Template.Spec.Containers[0].Image; image != "example.com/web:3" {
		t.Errorf("the next revision is promoted; the primary runs %s", image)
	}
}

// TestRollbackSpeed measures the time from the answer that reaches the threshold
// to the request that takes the canary's requests away. It runs alone.
func TestRollbackSpeed(t *testing.T) {
	w := newWorld(t)
	const most = 100 * time.Millisecond
	names := []string{"a", "b", "c", "d", "e"}
	for _, name := range names {
		w.create(deployment(name), w.canary(name))
	}
	for _, name := range names {
		w.stopped(name, v1beta1.PhaseInitialized)
	}
	w.prom.say(80)
	began := time.Now()
	probes := map[string]int{}
	for _, name := range names {
		probes[name] = len(w.prom.asked(podsOf(name)))
		w.release(name, "example.com/web:2")
	}
	var took []time.Duration
	for _, name := range names {
		w.stopped(name, v1beta1.PhaseFailed)
		answers := w.prom.asked(podsOf(name))
		var patches []request
		soon(t, "the audit log holds both changes of the weight", func() bool {
			patches = requests(t, began, func(r request) bool {
				return r.ObjectRef.Namespace == w.ns && r.Verb == "patch" && r.ObjectRef.Resource == "httproutes" && r.ObjectRef.Name == name
			})
			return len(patches) == 2 // to 10 and to 0
		})
		if len(answers) != probes[name]+4 { // one before the first request, three checks
			t.Fatalf("Canary %s asked %d times, want one try and three checks", name, len(answers)-probes[name])
		}
		third, routed := answers[len(answers)-1].at, patches[1]
		took = append(took, routed.Done.Sub(third))
		if between := requests(t, third, func(r request) bool {
			return r.ObjectRef.Namespace == w.ns && r.ObjectRef.Resource == "canaries" && r.ObjectRef.Name == name && r.At.Before(routed.At)
		}); len(between) > 0 {
			t.Errorf("the answer that reaches the threshold is not saved first, but acted on; got %v", between)
		}
	}
	slices.Sort(took)
	t.Logf("from the third answer to weight 0: median %s, worst %s", took[len(took)/2], took[len(took)-1])
	if took[len(took)/2] > most {
		t.Errorf("the route is at weight 0 within %s of the answer as a rule; got %v", most, took)
	}
}

// podsOf is how the builtin queries name the pods of a target.
func podsOf(name string) string { return fmt.Sprintf("kubernetes_pod_name=~\"%s(-", name) }
