// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build envtest

package envtest

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-delivery/sluice/api/v1beta1"
)

// TestRequests counts what the controller asks of the API server. It runs
// alone, so that all requests are those of its Canaries.
func TestRequests(t *testing.T) {
	const quiet, mostPerStep = 10 * time.Second, 4
	w := newWorld(t)
	steps := []int32{10, 20, 30, 40, 50}
	for _, name := range []string{"good", "bad"} {
		w.create(deployment(name), w.canary(name, func(c *v1beta1.Canary) { c.Spec.Analysis.StepWeights = steps }))
		w.stopped(name, v1beta1.PhaseInitialized)
	}
	began := time.Now()
	w.release("good", "example.com/web:2")
	w.stopped("good", v1beta1.PhaseSucceeded)
	w.prom.say(80)
	w.release("bad", "example.com/web:2")
	w.stopped("bad", v1beta1.PhaseFailed)

	all := requests(t, began, func(r request) bool { return r.ObjectRef.Namespace == w.ns })
	var weights []int // the requests that changed the weight of the good one
	for i, r := range all {
		if r.Verb == "patch" && r.ObjectRef.Resource == "httproutes" && r.ObjectRef.Name == "good" {
			weights = append(weights, i)
		}
	}
	if len(weights) != len(steps)+1 {
		t.Fatalf("the weight of the good release was changed %d times, want %d: %v", len(weights), len(steps)+1, all)
	}
	perStep := float64(weights[4]-weights[1]) / 3
	t.Logf("requests of one advancing step: %.1f", perStep)
	if perStep > mostPerStep {
		t.Errorf("one advancing step takes at most %d requests; got %.1f: %v", mostPerStep, perStep, all[weights[1]:weights[4]])
	}

	window(t, quiet)
	late := requests(t, time.Now().Add(-quiet), func(request) bool { return true })
	if diff := cmp.Diff([]request(nil), late); diff != "" {
		t.Errorf("a promoted and a rolled-back Canary at rest ask nothing (-want +got):\n%s", diff)
	}
}

// window lets time pass in which nothing should happen.
func window(t *testing.T, d time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	<-ctx.Done()
}
