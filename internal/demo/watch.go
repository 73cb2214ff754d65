// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/sluice-delivery/sluice/api/v1beta1"
)

// A Release is what was seen of one release.
type Release struct {
	Phase      v1beta1.CanaryPhase // in which it ended
	Began      time.Time           // the target was changed
	FirstBad   time.Time           // first failed check, or zero
	Last       time.Time           // answer of the last check
	ZeroAt     time.Time           // the route was seen with weight 0 for the canary, after it had more
	Ended      time.Time           // the phase was seen
	MostWeight int32
	Weighted   time.Time // the canary was seen with its first requests
	Promoting  time.Time // the primary was seen to take the revision over
	Events     []corev1.Event
}

// watches are the streams of what happens to one Canary.
type watches struct {
	canary, events, route watch.Interface
}

func (w watches) stop() {
	for _, s := range []watch.Interface{w.canary, w.events, w.route} {
		if s != nil {
			s.Stop()
		}
	}
}

func (d *Demo) watch(ctx context.Context) (w watches, err error) {
	in := client.InNamespace(d.key.Namespace)
	if w.canary, err = d.client.Watch(ctx, &v1beta1.CanaryList{}, in, client.MatchingFields{"metadata.name": d.key.Name}); err != nil {
		return w, fmt.Errorf("watch Canary: %w", err)
	}
	// Only news: events of earlier releases were told already.
	old := &corev1.EventList{}
	if err = d.client.List(ctx, old, in, client.Limit(1)); err != nil {
		return w, fmt.Errorf("list events: %w", err)
	}
	selector := fields.Set{"involvedObject.kind": "Canary", "involvedObject.name": d.key.Name}.AsSelector()
	if w.events, err = d.client.Watch(ctx, &corev1.EventList{}, in, &client.ListOptions{FieldSelector: selector, Raw: &metav1.ListOptions{ResourceVersion: old.ResourceVersion}}); err != nil {
		return w, fmt.Errorf("watch events: %w", err)
	}
	if w.route, err = d.client.Watch(ctx, &gatewayv1.HTTPRouteList{}, in); err != nil {
		return w, fmt.Errorf("watch HTTPRoute: %w", err)
	}
	return w, nil
}

// follow prints what happens until the release that begins now has ended, and
// returns what was seen of it.
func (d *Demo) follow(ctx context.Context, w watches, revisionBefore string) (Release, error) {
	r := Release{Began: d.now()}
	for {
		select {
		case <-ctx.Done():
			return r, fmt.Errorf("the release did not end in time: %w", context.Cause(ctx))
		case e, ok := <-w.events.ResultChan():
			if !ok {
				return r, errStream
			}
			if ev, ok := e.Object.(*corev1.Event); ok && e.Type == watch.Added {
				r.Events = append(r.Events, *ev)
				d.line.event(ev.Type, ev.Reason, ev.Message)
			}
		case e, ok := <-w.route.ResultChan():
			if !ok {
				return r, errStream
			}
			if route, ok := e.Object.(*gatewayv1.HTTPRoute); ok && route.Name == d.app && r.MostWeight > 0 && r.ZeroAt.IsZero() && canaryWeight(route, d.app) == 0 {
				r.ZeroAt = d.now()
			}
		case e, ok := <-w.canary.ResultChan():
			if !ok {
				return r, errStream
			}
			c, ok := e.Object.(*v1beta1.Canary)
			if !ok || c.Status.LastAppliedSpec == revisionBefore {
				continue
			}
			d.line.canary(c)
			r.see(c, d.now())
			if c.Status.Phase == v1beta1.PhaseSucceeded || c.Status.Phase == v1beta1.PhaseFailed {
				r.Phase, r.Ended = c.Status.Phase, d.now()
				return r, d.rest(ctx, w, &r)
			}
		}
	}
}

func (r *Release) see(c *v1beta1.Canary, now time.Time) {
	r.MostWeight = max(r.MostWeight, c.Status.CanaryWeight)
	if r.Weighted.IsZero() && c.Status.CanaryWeight > 0 {
		r.Weighted = now
	}
	if r.Promoting.IsZero() && c.Status.Phase == v1beta1.PhasePromoting {
		r.Promoting = now
	}
	for _, m := range c.Status.Checks {
		if !m.Time.After(r.Began) {
			continue
		}
		r.Last = m.Time.Time
		if m.Verdict == v1beta1.MetricFailed && r.FirstBad.IsZero() {
			r.FirstBad = now
		}
	}
}

// PodStarts returns how long the release waited for pods: those of the canary,
// and those of the primary once it was promoted.
func (r *Release) PodStarts() time.Duration {
	d := r.Weighted.Sub(r.Began)
	if !r.Promoting.IsZero() {
		d += r.Ended.Sub(r.Promoting)
	}
	return d
}

// rest waits for what follows the end of a release: its last event and the
// route, which come by streams of their own.
func (d *Demo) rest(ctx context.Context, w watches, r *Release) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	want := map[v1beta1.CanaryPhase]v1beta1.Reason{v1beta1.PhaseSucceeded: v1beta1.ReasonSucceeded, v1beta1.PhaseFailed: v1beta1.ReasonRolledBack}[r.Phase]
	for !r.has(want) || r.ZeroAt.IsZero() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("the release ended as %s, but its event %s or its route at weight 0 was not seen", r.Phase, want)
		case e := <-w.events.ResultChan():
			if ev, ok := e.Object.(*corev1.Event); ok && e.Type == watch.Added {
				r.Events = append(r.Events, *ev)
				d.line.event(ev.Type, ev.Reason, ev.Message)
			}
		case e := <-w.route.ResultChan():
			if route, ok := e.Object.(*gatewayv1.HTTPRoute); ok && route.Name == d.app && canaryWeight(route, d.app) == 0 && r.ZeroAt.IsZero() {
				r.ZeroAt = d.now()
			}
		}
	}
	return nil
}

func (r *Release) has(reason v1beta1.Reason) bool {
	_, ok := r.Event(reason)
	return ok
}

// Event returns the last event with that reason.
func (r *Release) Event(reason v1beta1.Reason) (found corev1.Event, ok bool) {
	for _, e := range r.Events {
		if e.Reason == string(reason) {
			found, ok = e, true
		}
	}
	return found, ok
}

// canaryWeight returns the percentage that route gives the canary, -1 if it has
// no canary.
func canaryWeight(route *gatewayv1.HTTPRoute, app string) int32 {
	for _, rule := range route.Spec.Rules {
		for _, b := range rule.BackendRefs {
			if string(b.Name) == app+v1beta1.CanarySuffix && b.Weight != nil {
				return *b.Weight
			}
		}
	}
	return -1
}
