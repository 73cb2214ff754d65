// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package canary

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-delivery/sluice/api/v1beta1"
	"github.com/sluice-delivery/sluice/internal/hook"
	"github.com/sluice-delivery/sluice/internal/rollout"
	"github.com/sluice-delivery/sluice/internal/target"
)

// statusOf returns what the status of c remembers of its release. It reads what
// Flagger wrote as well: fingerprints of another scheme stand for what the
// target has now, so that changing controllers starts no release.
func statusOf(c *v1beta1.Canary, seen target.State) rollout.Status {
	st := c.Status
	s := rollout.Status{
		Phase:    rollout.Phase(st.Phase),
		Applied:  st.LastAppliedSpec,
		Promoted: st.LastPromotedSpec,
		Failed:   int(st.FailedChecks),
		Probed:   st.Probed,
	}
	if st.Told != nil {
		s.Told = rollout.Reason{Code: string(st.Told.Reason), Message: st.Told.Message}
	}
	if st.Run != nil {
		s.Run = rollout.Run{
			Revision:    st.Run.Revision,
			StartedAt:   timeOf(st.Run.StartedAt),
			CheckedAt:   timeOf(st.Run.CheckedAt),
			RoutedAt:    timeOf(st.Run.RoutedAt),
			Round:       int(st.Run.Round),
			Earned:      int(st.Run.EarnedWeight),
			TotalFailed: int(st.Run.TotalFailedChecks),
			Errors:      int(st.Run.ErrorChecks),
		}
	}
	if s.Applied == "" || target.Known(s.Applied) || seen.Revision == "" {
		return s
	}
	return adopted(s, seen.Revision, int(st.CanaryWeight))
}

// adopted returns s, which another controller wrote, in terms of this one.
func adopted(s rollout.Status, revision string, weight int) rollout.Status {
	s.Applied = revision
	switch s.Phase {
	case rollout.Initialized, rollout.Succeeded:
		s.Promoted = revision
	case rollout.Finalising:
		s.Run = rollout.Run{Revision: revision}
	default:
		s.Run = rollout.Run{Revision: revision, Earned: weight}
	}
	return s
}

// toldStatus returns how the status keeps what people were told.
func toldStatus(told rollout.Reason) *v1beta1.CanaryTold {
	if told == (rollout.Reason{}) {
		return nil
	}
	return &v1beta1.CanaryTold{Reason: v1beta1.Reason(told.Code), Message: told.Message}
}

func conditionOf(c *v1beta1.Canary, t v1beta1.ConditionType) *v1beta1.CanaryCondition {
	for i := range c.Status.Conditions {
		if c.Status.Conditions[i].Type == t {
			return &c.Status.Conditions[i]
		}
	}
	return nil
}

// runStatus returns how the status keeps run.
func runStatus(run rollout.Run, before *v1beta1.CanaryRunStatus, generation int64, ended bool, now time.Time) *v1beta1.CanaryRunStatus {
	next := &v1beta1.CanaryRunStatus{
		ID:                runID(run),
		Revision:          run.Revision,
		TargetGeneration:  generation,
		StartedAt:         timeTo(run.StartedAt),
		CheckedAt:         timeTo(run.CheckedAt),
		RoutedAt:          timeTo(run.RoutedAt),
		Round:             int32(run.Round),
		EarnedWeight:      int32(run.Earned),
		TotalFailedChecks: int32(run.TotalFailed),
		ErrorChecks:       int32(run.Errors),
	}
	if before != nil && before.ID == next.ID {
		next.EndedAt = before.EndedAt
	}
	if !ended {
		next.EndedAt = nil
	} else if next.EndedAt == nil && run.Revision != "" {
		next.EndedAt = timeTo(now)
	}
	return next
}

func timeOf(t *metav1.MicroTime) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.Time
}

func timeTo(t time.Time) *metav1.MicroTime {
	if t.IsZero() {
		return nil
	}
	m := metav1.NewMicroTime(t)
	return &m
}

func payloadOf(c *v1beta1.Canary, phase v1beta1.CanaryPhase) hook.Payload {
	checksum, err := target.Fingerprint([]any{c.Status.TrackedConfigs, c.Status.LastAppliedSpec})
	if err != nil {
		checksum = c.Status.LastAppliedSpec
	}
	return hook.Payload{Name: c.Name, Namespace: c.Namespace, Phase: string(phase), Checksum: checksum}
}

// ownerOf returns the reference by which c controls what it makes.
func ownerOf(c *v1beta1.Canary) metav1.OwnerReference {
	return *metav1.NewControllerRef(c, v1beta1.GroupVersion.WithKind("Canary"))
}
