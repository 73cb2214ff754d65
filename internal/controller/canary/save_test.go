// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package canary

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-delivery/sluice/api/v1beta1"
	"github.com/sluice-delivery/sluice/internal/rollout"
)

// TestWorthSaving counts the cost of a request against what would be lost.
func TestWorthSaving(t *testing.T) {
	note := func(c *v1beta1.Canary) { c.Status.Outbox = []v1beta1.CanaryNotice{{Key: "1"}} }
	none := func(*v1beta1.Canary) {}
	cases := map[string]struct {
		reason        string
		phase         rollout.Phase
		stall         bool
		before, after func(*v1beta1.Canary)
		want          bool
	}{
		"Nothing":          {"What is known already costs no request.", rollout.Progressing, false, none, none, false},
		"Counted":          {"A failed check must outlive the controller.", rollout.Progressing, false, none, func(c *v1beta1.Canary) { c.Status.FailedChecks = 1 }, true},
		"News":             {"What is to be told is saved first.", rollout.Progressing, false, none, note, true},
		"DeliveredRunning": {"The next check writes anyway.", rollout.Progressing, false, note, none, false},
		"DeliveredEnded":   {"After a release nothing else is written.", rollout.Succeeded, false, note, none, true},
		"DeliveredStalled": {"While a person is waited for, nothing else is written either.", rollout.Progressing, true, note, none, true},
		"DeliveredFirst":   {"That holds from the beginning.", rollout.Initializing, true, note, none, true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			state := func(mod func(*v1beta1.Canary)) *v1beta1.Canary {
				c := &v1beta1.Canary{}
				c.Status.Phase = v1beta1.CanaryPhase(tc.phase)
				setConditions(c, rollout.Decision{Stall: tc.stall}, rollout.Status{Phase: tc.phase}, metav1.Time{})
				mod(c)
				return c
			}
			if got := (&Reconciler{}).worthSaving(state(tc.before), state(tc.after)); got != tc.want {
				t.Errorf("%s\nsaved = %t, want %t", tc.reason, got, tc.want)
			}
		})
	}
}
