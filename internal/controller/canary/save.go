// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package canary

import (
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluice-delivery/sluice/api/v1beta1"
	"github.com/sluice-delivery/sluice/internal/analysis"
	"github.com/sluice-delivery/sluice/internal/rollout"
)

// save writes what a turn decided into the status, in one request, or in none
// if nothing changed. After an action that failed it saves the memo alone.
func (r *Reconciler) save(ctx context.Context, v *view, d rollout.Decision, doErr error) error {
	c := v.canary
	base := c.DeepCopy()
	now := r.Clock.Now()
	switch {
	case doErr == nil:
		r.project(v, d, d.Next)
		r.outbox.post(c, d.Tell, now)
	case d.Memo != nil:
		r.project(v, d, *d.Memo)
	}
	if doErr != nil && !silent(doErr) {
		r.outbox.complain(c, doErr, now)
	}
	r.outbox.sweep(c)
	if !r.worthSaving(base, c) {
		c.Status = base.Status
		return nil
	}
	c.Status.LastTransitionTime = metav1.NewTime(now)
	if err := r.Client.Status().Patch(ctx, c, client.MergeFromWithOptions(base, client.MergeFromWithOptimisticLock{})); err != nil {
		return fmt.Errorf("save status: %w", client.IgnoreNotFound(err))
	}
	r.outbox.saved(base, c)
	r.Observer.Saved(c, base.Status.Phase)
	return nil
}

// worthSaving reports whether the status says something new. That a notice was
// delivered can wait for the next write while a release goes on by itself. One
// that waits for a person may have no next write, and a later controller would
// tell it all again.
func (r *Reconciler) worthSaving(before, after *v1beta1.Canary) bool {
	busy := conditionOf(after, v1beta1.ConditionReconciling)
	if len(after.Status.Outbox) >= len(before.Status.Outbox) || busy == nil || busy.Status != metav1.ConditionTrue {
		return !equality.Semantic.DeepEqual(before.Status, after.Status)
	}
	same := after.DeepCopy()
	same.Status.Outbox = before.Status.Outbox
	return !equality.Semantic.DeepEqual(before.Status, same.Status)
}

// project writes next into the status of the Canary.
func (r *Reconciler) project(v *view, d rollout.Decision, next rollout.Status) {
	st := &v.canary.Status
	st.Phase = v1beta1.CanaryPhase(next.Phase)
	st.FailedChecks = int32(next.Failed)
	st.LastAppliedSpec, st.LastPromotedSpec = next.Applied, next.Promoted
	st.Probed, st.Told = next.Probed, toldStatus(next.Told)
	st.ObservedGeneration = v.canary.Generation
	if w, known := weightAfter(v.snapshot.World.Route, d.Do); known {
		st.CanaryWeight = int32(w)
	}
	generation := v.seen.Canary.Generation
	if !v.snapshot.World.Canary.Known && st.Run != nil {
		generation = st.Run.TargetGeneration
	}
	st.Run = runStatus(next.Run, st.Run, generation, ended(next.Phase), v.snapshot.Now)
	if v.snapshot.World.Canary.Known && v.snapshot.World.Canary.Exists {
		st.TrackedConfigs = v.seen.Configs
	}
	if len(v.findings) > 0 {
		st.Checks = checks(v.findings, v.answered)
	}
	setConditions(v.canary, d, next, metav1.NewTime(r.Clock.Now()))
}

// weightAfter returns the weight that the route has once the actions are done.
func weightAfter(route rollout.Route, actions []rollout.Action) (weight int, known bool) {
	weight, known = route.Weight, route.Known
	for _, a := range actions {
		if set, ok := a.(rollout.SetRoute); ok {
			weight, known = set.Weight, true
		}
	}
	return weight, known
}

func ended(p rollout.Phase) bool {
	return slices.Contains([]rollout.Phase{rollout.Initialized, rollout.Succeeded, rollout.Failed}, p)
}

func checks(findings []analysis.Finding, at time.Time) []v1beta1.CanaryMetricStatus {
	all := make([]v1beta1.CanaryMetricStatus, len(findings))
	for i, f := range findings {
		all[i] = v1beta1.CanaryMetricStatus{Name: f.Name, Value: f.Value, Range: f.Range, Verdict: v1beta1.MetricVerdict(f.Verdict), Message: f.Message, Time: metav1.NewMicroTime(at)}
	}
	return all
}

// noticeKey is the same for the same notice, so that receivers can drop doubles.
func noticeKey(c *v1beta1.Canary, n rollout.Notice, at metav1.MicroTime) string {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s %s %s %d", c.UID, n.Reason.Code, n.Reason.Message, at.UnixNano())
	return fmt.Sprintf("%016x", h.Sum64())
}
