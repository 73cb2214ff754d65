// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package canary

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-delivery/sluice/api/v1beta1"
	"github.com/sluice-delivery/sluice/internal/rollout"
)

// TestConditions follows the conditions of one Canary through its life.
func TestConditions(t *testing.T) {
	why := func(code string) rollout.Reason { return rollout.Reason{Code: code, Message: code + " it is"} }
	steps := []struct {
		reason                              string
		phase                               rollout.Phase
		why                                 rollout.Reason
		stall                               bool
		ready, stalled, reconciling, lifted metav1.ConditionStatus
		message                             string
	}{
		{"A release under way is neither ready nor not.", rollout.Progressing, why("Progressing"), false, "Unknown", "False", "True", "Unknown", "Progressing it is"},
		{"A release that needs mending is stalled and not under way.", rollout.Progressing, why("InvalidSpec"), true, "False", "True", "False", "Unknown", "InvalidSpec it is"},
		{"A release that was rolled back says why.", rollout.Failed, why("ThresholdReached"), false, "False", "False", "False", "False", "ThresholdReached it is"},
		{"It still says why later.", rollout.Failed, why("Failed"), false, "False", "False", "False", "False", "ThresholdReached it is"},
		{"What needs mending now goes first.", rollout.Failed, why("TemplateNotFound"), true, "False", "True", "False", "False", "TemplateNotFound it is"},
		{"What was mended is gone.", rollout.Failed, why("Failed"), false, "False", "False", "False", "False", "Failed it is"},
		{"A promoted release is ready.", rollout.Succeeded, why("Succeeded"), false, "True", "False", "False", "True", promotedMessage[rollout.Succeeded]},
	}
	c := &v1beta1.Canary{}
	for i, s := range steps {
		setConditions(c, rollout.Decision{Why: s.why, Stall: s.stall}, rollout.Status{Phase: s.phase}, metav1.NewTime(time.Unix(int64(i), 0)))
		got := map[v1beta1.ConditionType]metav1.ConditionStatus{}
		for _, k := range c.Status.Conditions {
			got[k.Type] = k.Status
		}
		ready := conditionOf(c, v1beta1.ConditionReady)
		if got["Ready"] != s.ready || got["Stalled"] != s.stalled || got["Reconciling"] != s.reconciling || got["Promoted"] != s.lifted || ready.Message != s.message {
			t.Errorf("%s\ngot %v %q", s.reason, got, ready.Message)
		}
	}
}
