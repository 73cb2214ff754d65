// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package canary

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-delivery/sluice/api/v1beta1"
	"github.com/sluice-delivery/sluice/internal/rollout"
)

// setConditions projects a decision into conditions. It is the only place that
// writes them.
func setConditions(c *v1beta1.Canary, d rollout.Decision, next rollout.Status, now metav1.Time) {
	set := func(t v1beta1.ConditionType, status metav1.ConditionStatus, reason, message string) {
		setCondition(c, v1beta1.CanaryCondition{Type: t, Status: status, Reason: v1beta1.Reason(reason), Message: message}, now)
	}
	before := conditionOf(c, v1beta1.ConditionReady)
	kept := next.Phase == rollout.Failed && !d.Stall && !isTrue(c, v1beta1.ConditionStalled) && before != nil && before.Status == metav1.ConditionFalse
	set(v1beta1.ConditionPromoted, promoted(next.Phase), phaseReason(next.Phase), promotedMessage[next.Phase])
	stalled, busy := d.Stall, !d.Stall && !ended(next.Phase)
	set(v1beta1.ConditionStalled, status(stalled), d.Why.Code, messageIf(stalled, d.Why.Message))
	set(v1beta1.ConditionReconciling, status(busy), d.Why.Code, messageIf(busy, d.Why.Message))
	switch {
	case kept: // why the release failed says more than that nothing happened since
		set(v1beta1.ConditionReady, metav1.ConditionFalse, string(before.Reason), before.Message)
	case d.Stall || next.Phase == rollout.Failed:
		set(v1beta1.ConditionReady, metav1.ConditionFalse, d.Why.Code, d.Why.Message)
	case ended(next.Phase):
		set(v1beta1.ConditionReady, metav1.ConditionTrue, phaseReason(next.Phase), promotedMessage[next.Phase])
	default:
		set(v1beta1.ConditionReady, metav1.ConditionUnknown, d.Why.Code, d.Why.Message)
	}
}

func isTrue(c *v1beta1.Canary, t v1beta1.ConditionType) bool {
	found := conditionOf(c, t)
	return found != nil && found.Status == metav1.ConditionTrue
}

func setCondition(c *v1beta1.Canary, next v1beta1.CanaryCondition, now metav1.Time) {
	next.ObservedGeneration = c.Generation
	next.LastUpdateTime, next.LastTransitionTime = now, now
	before := conditionOf(c, next.Type)
	if before == nil {
		c.Status.Conditions = append(c.Status.Conditions, next)
		return
	}
	if before.Status == next.Status {
		next.LastTransitionTime = before.LastTransitionTime
		if before.Reason == next.Reason && before.Message == next.Message {
			next.LastUpdateTime = before.LastUpdateTime
		}
	}
	*before = next
}

func promoted(p rollout.Phase) metav1.ConditionStatus {
	switch p {
	case rollout.Initialized, rollout.Succeeded:
		return metav1.ConditionTrue
	case rollout.Failed:
		return metav1.ConditionFalse
	}
	return metav1.ConditionUnknown
}

var promotedMessage = map[rollout.Phase]string{
	rollout.Initializing:     "The primary, the Services and the route are being set up",
	rollout.Initialized:      "The primary serves; ready to release new revisions",
	rollout.Waiting:          "A new revision waits for approval",
	rollout.Progressing:      "A new revision is under analysis",
	rollout.WaitingPromotion: "All checks passed; the promotion waits for approval",
	rollout.Promoting:        "All checks passed; the primary takes the new revision over",
	rollout.Finalising:       "The primary runs the new revision and gets all requests",
	rollout.Succeeded:        "The primary serves the target's revision",
	rollout.Failed:           "The target's revision was rolled back; the primary serves the one before",
	rollout.Terminating:      "The target is being given back",
}

func phaseReason(p rollout.Phase) string {
	if p == "" {
		return string(rollout.Initializing)
	}
	return string(p)
}

func status(yes bool) metav1.ConditionStatus {
	if yes {
		return metav1.ConditionTrue
	}
	return metav1.ConditionFalse
}

// messageIf keeps what is not the case short and stable.
func messageIf(yes bool, message string) string {
	if yes {
		return message
	}
	return ""
}
