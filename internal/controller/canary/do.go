// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package canary

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/sluice-delivery/sluice/api/v1beta1"
	"github.com/sluice-delivery/sluice/internal/check"
	"github.com/sluice-delivery/sluice/internal/rollout"
	"github.com/sluice-delivery/sluice/internal/router"
)

// do carries actions out in their order and stops at the first error.
func (r *Reconciler) do(ctx context.Context, v *view, actions []rollout.Action) error {
	for _, a := range actions {
		if err := r.act(ctx, v, a); err != nil {
			return fmt.Errorf("%s: %w", actionName(a), err)
		}
	}
	return nil
}

func (r *Reconciler) act(ctx context.Context, v *view, a rollout.Action) error {
	switch a := a.(type) {
	case rollout.EnsureServices:
		return v.services.EnsureSides(ctx)
	case rollout.EnsurePrimary:
		return v.target.CreatePrimary(ctx)
	case rollout.EnsureApex:
		return v.services.EnsureApex(ctx)
	case rollout.ReleaseApex:
		return v.services.ReleaseApex(ctx)
	case rollout.SetRoute:
		return r.route(ctx, v, a.Weight)
	case rollout.StartCanary:
		return v.target.Scale(ctx, true)
	case rollout.StopCanary:
		return v.target.Scale(ctx, false)
	case rollout.Promote:
		return v.target.Promote(ctx, a.Revision)
	case rollout.Demote:
		return v.target.Demote(ctx, a.Revision)
	case rollout.Forget:
		return r.setFinalizer(ctx, v.canary, false)
	}
	return fmt.Errorf("nobody knows how to do %T", a)
}

func (r *Reconciler) route(ctx context.Context, v *view, weight int) error {
	if v.dialect == nil {
		return errors.New("spec.provider is not known; nothing was written")
	}
	edits, planErr := v.dialect.Plan(v.app, router.Routes{Canary: weight}, v.routes)
	if err := router.Apply(ctx, r.Client, ownerOf(v.canary), edits); err != nil {
		return err // what can be done for safety comes along even with planErr
	}
	return planErr
}

// ask has the questions answered in the background.
func (r *Reconciler) ask(ctx context.Context, v *view, questions []rollout.Question) {
	for _, q := range questions {
		now := roundOf(v.canary, v.snapshot.Status)
		r.inbox.ask(ctx, client.ObjectKeyFromObject(v.canary), now, check.Request{
			Question: q,
			Metrics:  v.metrics,
			Hooks:    v.canary.GetAnalysis().Webhooks,
			Payload:  payloadOf(v.canary, v.canary.Status.Phase),
			Key:      fmt.Sprintf("%s/%s/%d/%s", now.uid, now.run, now.n, q),
		})
	}
}

// keepFinalizer makes sure that c can't go away before its target serves again,
// unless the user does not want that.
func (r *Reconciler) keepFinalizer(ctx context.Context, c *v1beta1.Canary) error {
	want := c.Spec.RevertOnDeletion == nil || *c.Spec.RevertOnDeletion
	if !c.DeletionTimestamp.IsZero() || controllerutil.ContainsFinalizer(c, v1beta1.Finalizer) == want {
		return nil
	}
	return r.setFinalizer(ctx, c, want)
}

func (r *Reconciler) setFinalizer(ctx context.Context, c *v1beta1.Canary, want bool) error {
	base := c.DeepCopy()
	changed := controllerutil.AddFinalizer(c, v1beta1.Finalizer)
	if !want {
		changed = controllerutil.RemoveFinalizer(c, v1beta1.Finalizer)
	}
	if !changed {
		return nil
	}
	return client.IgnoreNotFound(r.Client.Patch(ctx, c, client.MergeFromWithOptions(base, client.MergeFromWithOptimisticLock{})))
}

func forgotten(actions []rollout.Action) bool {
	return slices.Contains(actions, rollout.Action(rollout.Forget{}))
}

func actionName(a rollout.Action) string {
	return fmt.Sprintf("%T", a)[len("rollout."):]
}

func roundOf(c *v1beta1.Canary, s rollout.Status) round {
	return round{uid: c.UID, run: runID(s.Run), n: s.Run.Round}
}

// runID is unique among the releases of one Canary.
func runID(run rollout.Run) string {
	if run.StartedAt.IsZero() {
		return run.Revision
	}
	return fmt.Sprintf("%s-%x", run.Revision, run.StartedAt.Unix())
}
