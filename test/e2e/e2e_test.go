// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

// Package e2e releases versions of a real application on a real cluster, with
// real traffic, and holds the product to what users see. It runs inside a lab;
// hack/test.sh starts one.
package e2e

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/sluice-delivery/sluice/api/v1beta1"
	"github.com/sluice-delivery/sluice/internal/demo"
)

// show is the installed product, shared by all tests, which run in their order.
var show = sync.OnceValues(func() (*demo.Demo, error) {
	if os.Getenv("KUBECONFIG") == "" {
		return nil, fmt.Errorf("KUBECONFIG is not set; run make test, which runs these tests inside a lab")
	}
	d, err := demo.New(demo.Options{
		Kubeconfig: os.Getenv("KUBECONFIG"), Root: "../..", Gateway: "http://127.0.0.1:80/", PerSecond: 200,
		Out: os.Stdout, Now: time.Now,
	})
	if err != nil {
		return nil, err
	}
	if err := d.Install(context.Background()); err != nil {
		return nil, err
	}
	go d.Send(context.Background())
	return d, nil
})

func installed(t *testing.T) *demo.Demo {
	t.Helper()
	d, err := show()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestPromotion releases a good version at 200 requests a second.
func TestPromotion(t *testing.T) {
	d := installed(t)
	r, count, err := d.Release(t.Context(), "a good release", map[string]string{"VERSION": "1.1.0"})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.ProvePromoted(t.Context(), r, "1.1.0"); err != nil {
		t.Error(err)
	}
	if count.Failed > 0 {
		t.Errorf("a promotion must not cost a request: %d of %d failed, the first with %s", count.Failed, count.Sent, count.FirstFailure)
	}
	if r.MostWeight != 50 {
		t.Errorf("the weight went up to %d; maxWeight 50 is an upper bound that must be reached", r.MostWeight)
	}
	if pods := r.PodStarts(); r.Ended.Sub(r.Began)-pods > 51*time.Second {
		t.Errorf("the release took %s, %s of it for pods to start; five checks of 10 s take 50 s, and nothing else may wait", r.Ended.Sub(r.Began), pods)
	}
	for version, n := range count.ByVersion {
		if version == "" && n > 0 {
			t.Errorf("%d answers came from somewhere else than the application", n)
		}
	}
	if count.ByVersion["1.1.0"] == 0 {
		t.Error("no request reached the canary")
	}
}

// TestMemory holds the controller to its size.
func TestMemory(t *testing.T) {
	d := installed(t)
	resident, err := d.ControllerMemory(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("the controller has %.1f MiB resident", resident/(1<<20))
	if resident > 60<<20 {
		t.Errorf("the controller has %.1f MiB resident; 60 are allowed", resident/(1<<20))
	}
}

// TestFlaggersDeployment keeps Flagger's own Deployment and rights, and changes
// nothing but the image.
func TestFlaggersDeployment(t *testing.T) {
	d := installed(t)
	for _, args := range [][]string{
		{"scale", "-n", "sluice-system", "deploy/sluice-controller", "--replicas=0"},
		{"wait", "-n", "sluice-system", "pod", "-l", "app=sluice-controller", "--for=delete", "--timeout=60s"},
		{"apply", "-f", "test/e2e/testdata/flagger.yaml"},
		{"rollout", "status", "-n", "flagger-system", "deploy/flagger", "--timeout=60s"},
	} {
		if err := d.Kubectl(t.Context(), args...); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		for _, args := range [][]string{
			{"scale", "-n", "flagger-system", "deploy/flagger", "--replicas=0"},
			{"scale", "-n", "sluice-system", "deploy/sluice-controller", "--replicas=1"},
			{"rollout", "status", "-n", "sluice-system", "deploy/sluice-controller", "--timeout=60s"},
		} {
			if err := d.Kubectl(context.Background(), args...); err != nil {
				t.Error(err)
			}
		}
	})
	r, count, err := d.Release(t.Context(), "a release under Flagger's Deployment and rights", map[string]string{"VERSION": "1.2.0"})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.ProvePromoted(t.Context(), r, "1.2.0"); err != nil {
		t.Error(err)
	}
	if count.Failed > 0 {
		t.Errorf("%d of %d requests failed, the first with %s", count.Failed, count.Sent, count.FirstFailure)
	}
}

// TestRollback releases a version that answers one request in five with 500.
func TestRollback(t *testing.T) {
	d := installed(t)
	r, count, err := d.Release(t.Context(), "a bad release", map[string]string{"VERSION": "1.3.0", "ERROR_RATE": "0.2"})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.ProveRolledBack(t.Context(), r, "1.2.0"); err != nil {
		t.Error(err)
	}
	if r.MostWeight != 10 {
		t.Errorf("the weight went up to %d; a version that never passed a check must stay at its first step, 10", r.MostWeight)
	}
	if bad := count.ByVersion["1.3.0"]; count.Failed == 0 || count.Failed > bad/3 {
		t.Errorf("%d of %d requests to the bad version failed; it answers one in five with 500, and nobody else may fail", count.Failed, bad)
	}
	if took := r.ZeroAt.Sub(r.Last); took > 250*time.Millisecond {
		t.Errorf("the route was at weight 0 only %s after the answer that reached the threshold", took)
	}
	if _, ok := r.Event(v1beta1.ReasonCheckFailed); !ok {
		t.Error("no event says that a check failed")
	}
}
