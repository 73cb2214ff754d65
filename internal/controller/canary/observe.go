// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package canary

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/sluice-delivery/sluice/api/v1beta1"
	"github.com/sluice-delivery/sluice/internal/analysis"
	"github.com/sluice-delivery/sluice/internal/check"
	"github.com/sluice-delivery/sluice/internal/rollout"
	"github.com/sluice-delivery/sluice/internal/router"
	"github.com/sluice-delivery/sluice/internal/service"
	"github.com/sluice-delivery/sluice/internal/spec"
	"github.com/sluice-delivery/sluice/internal/target"
	"github.com/sluice-delivery/sluice/internal/target/deployment"
)

// A view is what one turn saw, and the means to change it.
type view struct {
	canary   *v1beta1.Canary
	snapshot rollout.Snapshot
	findings []analysis.Finding // of the answers in the snapshot
	answered time.Time

	target   target.Target
	seen     target.Observation
	services service.Services
	dialect  router.Dialect // nil if the provider is not known
	app      router.App
	routes   []client.Object // those that exist
	metrics  []check.Metric
}

// observe reads what there is to know about c. It never fails: what can't be
// read stays unknown. fresh says that something was looked at for the first
// time, so that a change of it may have gone unnoticed.
func (r *Reconciler) observe(ctx context.Context, c *v1beta1.Canary) (v *view, fresh bool) {
	v = &view{canary: c, app: router.AppOf(c), target: r.targetOf(c)}
	s := &v.snapshot
	s.Now = r.Clock.Now()
	s.Plan = spec.Plan(c, r.Refs.Defaults)
	key := client.ObjectKeyFromObject(c)
	look := newLook(c)

	r.observeTarget(ctx, v, look)
	r.observeServices(ctx, v, look)
	r.observeRoute(ctx, v, look)
	r.observeMetrics(ctx, v, look)
	r.observeRivals(ctx, v, look)

	s.Status = statusOf(c, v.seen.Canary)
	s.Answers, v.findings, v.answered = r.inbox.answers(key, roundOf(c, s.Status))
	return v, r.interest.set(key, look.keys)
}

func (r *Reconciler) targetOf(c *v1beta1.Canary) target.Target {
	a := c.GetAnalysis()
	return &deployment.Deployment{
		Client: r.Client, Live: r.Live, Configs: r.Configs, Options: r.Target,
		Owner: ownerOf(c), Namespace: c.Namespace, Name: c.Spec.TargetRef.Name,
		CanaryThreshold: spec.Percent(a.CanaryReadyThreshold), PrimaryThreshold: spec.Percent(a.PrimaryReadyThreshold),
		Deadline: spec.Deadline(c), Now: r.Clock.Now, NewID: r.NewID,
	}
}

func (r *Reconciler) observeTarget(ctx context.Context, v *view, look *look) {
	look.at("Deployment", v.canary.Spec.TargetRef.Name)
	look.at("Deployment", v.canary.PrimaryName())
	seen, err := v.target.Observe(ctx)
	if err != nil {
		unseen(ctx, "target", err)
		return
	}
	v.seen = seen
	for _, ref := range seen.Refs {
		look.ref(ref)
	}
	if p := seen.Problem; p != nil {
		v.problem(p.Code, p.Message)
	}
	w := &v.snapshot.World
	w.Canary, w.Primary = workload(seen.Canary), workload(seen.Primary)
}

func workload(s target.State) rollout.Workload {
	return rollout.Workload{Known: true, Exists: s.Exists, Revision: s.Revision, Replicas: s.Replicas, Ready: s.Ready, Stuck: s.Stuck, Why: s.Why}
}

func (r *Reconciler) observeServices(ctx context.Context, v *view, look *look) {
	apex, primary, canary := v.canary.ServiceNames()
	for _, name := range []string{apex, primary, canary} {
		look.at("Service", name)
	}
	v.services = service.Services{Client: r.Client, Canary: v.canary, Owner: ownerOf(v.canary), Target: v.seen}
	if v.seen.Label == "" {
		return // without the label nobody knows what they should select
	}
	o, err := v.services.Observe(ctx)
	if err != nil {
		unseen(ctx, "Services", err)
		return
	}
	w := &v.snapshot.World
	w.Services = rollout.Thing{Known: true, Fit: o.SidesFit, Foreign: o.SidesForeign}
	w.Apex = rollout.Thing{Known: true, Fit: o.ApexFit, Released: o.ApexReleased, Foreign: o.ApexForeign}
}

func (r *Reconciler) observeRoute(ctx context.Context, v *view, look *look) {
	dialect, err := r.Dialect(spec.Provider(v.canary, r.Refs.Defaults))
	if err != nil {
		v.invalid(v1beta1.ReasonUnknownProvider, err.Error())
		return
	}
	v.dialect = dialect
	for _, o := range dialect.Objects(v.app) {
		kind := r.kindOf(o)
		look.at(kind, o.GetName())
		err := r.watches(o)
		if err == nil {
			err = r.Client.Get(ctx, client.ObjectKeyFromObject(o), o)
		}
		switch {
		case err == nil:
			v.routes = append(v.routes, o)
		case meta.IsNoMatchError(err):
			v.problem(string(v1beta1.ReasonUnsupported), fmt.Sprintf("the cluster has no %s; install the CRDs of %s", kind, spec.Provider(v.canary, r.Refs.Defaults)))
			return
		case !apierrors.IsNotFound(err):
			unseen(ctx, "route", err)
			return
		}
	}
	state, err := dialect.Read(v.app, v.routes)
	if err == nil {
		var edits []router.Edit
		edits, err = dialect.Plan(v.app, state.Routes, v.routes)
		v.snapshot.World.Route = rollout.Route{Known: true, Fit: len(edits) == 0, Weight: state.Routes.Canary, Accepted: state.Accepted, Why: state.Why}
	}
	switch {
	case errors.Is(err, router.ErrUnsupported):
		v.invalid(v1beta1.ReasonUnsupported, err.Error())
	case errors.Is(err, router.ErrInvalid):
		v.invalid(v1beta1.ReasonInvalidSpec, err.Error())
	case err != nil:
		v.snapshot.World.Route = rollout.Route{}
		unseen(ctx, "route", err)
	}
}

func (r *Reconciler) observeMetrics(ctx context.Context, v *view, look *look) {
	if v.canary.Spec.SkipAnalysis {
		return
	}
	refs := r.Refs
	refs.Template = func(namespace, name string) (*v1beta1.MetricTemplate, error) {
		look.in("MetricTemplate", namespace, name)
		found := &v1beta1.MetricTemplate{}
		err := r.Client.Get(ctx, types.NamespacedName{Namespace: namespace, Name: name}, found)
		if apierrors.IsNotFound(err) {
			return nil, nil
		}
		return found, err
	}
	metrics, version, err := refs.Resolve(v.canary)
	if err != nil {
		unseen(ctx, "MetricTemplate", err)
		return
	}
	v.metrics, v.snapshot.Plan.Version = metrics, version
	for _, m := range metrics {
		if m.Problem != nil {
			v.problem(m.Problem.Code, m.Problem.Message)
		}
	}
}

// observeRivals finds out whether another Canary has the same target. The older
// one keeps it.
func (r *Reconciler) observeRivals(ctx context.Context, v *view, look *look) {
	c := v.canary
	others := &v1beta1.CanaryList{}
	if err := r.Client.List(ctx, others, client.InNamespace(c.Namespace), client.MatchingFields{targetIndex: targetKey(c)}); err != nil {
		unseen(ctx, "other Canaries", err)
		return
	}
	for i := range others.Items {
		if o := &others.Items[i]; o.UID != c.UID && older(o, c) {
			look.at("Canary", o.Name)
			v.invalid(v1beta1.ReasonTargetShared, fmt.Sprintf("spec.targetRef: Canary %s/%s already has %s %s; delete one of the two", o.Namespace, o.Name, c.Spec.TargetRef.Kind, c.Spec.TargetRef.Name))
			return
		}
	}
}

// targetIndex finds Canaries by what they release.
const targetIndex = "spec.targetRef"

func targetKey(c *v1beta1.Canary) string { return c.Spec.TargetRef.Kind + "/" + c.Spec.TargetRef.Name }

func older(a, b *v1beta1.Canary) bool {
	if a.CreationTimestamp.Equal(&b.CreationTimestamp) {
		return a.Name < b.Name
	}
	return a.CreationTimestamp.Before(&b.CreationTimestamp)
}

func (v *view) problem(code, message string) {
	v.snapshot.Plan.Problems = append(v.snapshot.Plan.Problems, rollout.Reason{Code: code, Message: message})
}

func (v *view) invalid(code v1beta1.Reason, message string) {
	v.problem(string(code), message)
	v.snapshot.Plan.Invalid = true
}

func (r *Reconciler) kindOf(o client.Object) string {
	gvk, err := r.Client.GroupVersionKindFor(o)
	if err != nil {
		return fmt.Sprintf("%T", o)
	}
	return gvk.Kind
}

func unseen(ctx context.Context, what string, err error) {
	log.FromContext(ctx).Error(err, "can't observe", "what", what)
}
