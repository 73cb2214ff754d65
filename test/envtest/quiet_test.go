// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build envtest

package envtest

import (
	"context"
	"net/http"
	"strings"
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
	names := map[string]v1beta1.CanaryPhase{"good": v1beta1.PhaseSucceeded, "bad": v1beta1.PhaseFailed}
	for name := range names {
		w.create(deployment(name), w.canary(name, func(c *v1beta1.Canary) { c.Spec.Analysis.StepWeights = steps }))
	}
	for name := range names {
		w.stopped(name, v1beta1.PhaseInitialized)
	}
	w.prom.answer(func(query string) (int, string) {
		return http.StatusOK, vector(map[bool]float64{true: 80, false: 100}[strings.Contains(query, podsOf("bad"))])
	})
	began := time.Now()
	for name := range names {
		w.release(name, "example.com/web:2")
	}
	for name, end := range names {
		w.stopped(name, end)
	}

	all := requests(t, began, func(r request) bool {
		return r.ObjectRef.Namespace == w.ns && strings.HasPrefix(r.ObjectRef.Name, "good")
	})
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

	began = time.Now()
	window(t, quiet)
	late := requests(t, began, func(request) bool { return true })
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
