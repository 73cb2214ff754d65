// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

// Package canary moves Canaries on. It observes the cluster, has package rollout
// decide, does what was decided, saves it and tells people. It has no opinion
// of its own about releases.
//
//	watches ─► observe ─► rollout.Decide ─► ask  (answers come back as events)
//	                                     └► do ─► save ─► tell
package canary

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/sluice-delivery/sluice/api/v1beta1"
	"github.com/sluice-delivery/sluice/internal/check"
	"github.com/sluice-delivery/sluice/internal/hook"
	"github.com/sluice-delivery/sluice/internal/rollout"
	"github.com/sluice-delivery/sluice/internal/router"
	"github.com/sluice-delivery/sluice/internal/target"
	"github.com/sluice-delivery/sluice/internal/target/config"
	"github.com/sluice-delivery/sluice/internal/target/deployment"
)

// turn bounds one Reconcile. All it waits for is the API server and the cache.
const turn = 30 * time.Second

// Config is what a Reconciler needs. Every field is required but EventWebhook.
type Config struct {
	Client       client.Client // reads come from a cache that knows its own writes
	Live         client.Client // neither reads nor writes touch a cache
	Clock        clock.Clock
	NewID        func() string // a fresh UUID
	Asker        Asker
	Hooks        hook.Caller
	Dialect      func(provider string) (router.Dialect, error)
	Refs         check.Refs
	Target       deployment.Options
	Configs      *config.Tracker // nil: ConfigMaps and Secrets are not tracked
	EventWebhook string          // told every event of canaries without an event webhook
	Observer     Observer
}

// An Asker finds answers. check.Asker is the real one.
type Asker interface {
	Ask(ctx context.Context, r check.Request) check.Result
}

// An Observer is told what every turn saved, for metrics. It must not change c.
type Observer interface {
	Saved(c *v1beta1.Canary, was v1beta1.CanaryPhase)
	Gone(key types.NamespacedName)
}

// A Reconciler moves Canaries on by one decision at a time.
type Reconciler struct {
	Config
	inbox    *inbox
	outbox   *outbox
	interest *interest
	watches  func(client.Object) error // starts to watch a kind, if it does not yet
}

// Reconcile moves one Canary on by one decision.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, turn)
	defer cancel()
	c := &v1beta1.Canary{}
	if err := r.Client.Get(ctx, req.NamespacedName, c); err != nil {
		if apierrors.IsNotFound(err) {
			r.forget(req.NamespacedName)
		}
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	after, err := r.turn(ctx, c.DeepCopy())
	if silent(err) {
		log.FromContext(ctx).V(1).Info("somebody else was faster", "why", err.Error())
		return ctrl.Result{RequeueAfter: retry}, nil
	}
	return ctrl.Result{RequeueAfter: after}, err
}

// retry is how soon a turn that lost a race is repeated.
const retry = 20 * time.Millisecond

// turn makes one decision about c and carries it out.
func (r *Reconciler) turn(ctx context.Context, c *v1beta1.Canary) (time.Duration, error) {
	if err := r.keepFinalizer(ctx, c); err != nil {
		return 0, err
	}
	v, fresh := r.observe(ctx, c)
	d := rollout.Decide(v.snapshot)
	log.FromContext(ctx).V(1).Info("decided", "why", d.Why.Message, "code", d.Why.Code, "ask", d.Ask, "do", fmt.Sprintf("%T%v", d.Do, d.Do), "phase", d.Next.Phase)
	r.ask(ctx, v, d.Ask)
	doErr := r.do(ctx, v, d.Do)
	if forgotten(d.Do) && doErr == nil {
		return 0, nil
	}
	if err := r.save(ctx, v, d, doErr); err != nil {
		return 0, err
	}
	r.outbox.deliver(c)
	if doErr != nil {
		return 0, doErr
	}
	if fresh {
		return time.Millisecond, nil // it may have changed before it was watched
	}
	return d.After, nil
}

func (r *Reconciler) forget(key types.NamespacedName) {
	r.inbox.forget(key)
	r.interest.set(key, nil)
	r.Observer.Gone(key)
}

// silent reports whether err is a lost race, which the next turn settles.
func silent(err error) bool {
	return apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) || errors.Is(err, router.ErrConflict) || errors.Is(err, target.ErrMoved)
}
