// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build envtest

package envtest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gw "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/sluice-delivery/sluice/api/v1beta1"
)

// A world is a namespace of one test, everything that was seen in it, and the
// Prometheus that its Canaries ask.
type world struct {
	*testing.T
	client.WithWatch
	ns   string
	prom *prometheus

	mu      sync.Mutex
	now     map[string]client.Object // by kind and name
	history []client.Object
	news    chan struct{} // closed by the next change
}

// newWorld makes a namespace and watches it. Each status of a Canary that is
// seen there is held to the rules of conditions.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, WithWatch: lab.client, prom: newPrometheus(t), now: map[string]client.Object{}, news: make(chan struct{})}
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"}}
	w.create(ns)
	w.ns = ns.Name
	var watchers sync.WaitGroup
	for _, list := range []client.ObjectList{
		&v1beta1.CanaryList{}, &corev1.EventList{}, &gw.HTTPRouteList{}, &appsv1.DeploymentList{},
		&corev1.ServiceList{}, &corev1.ConfigMapList{}, &corev1.PodList{},
	} {
		seen, err := w.Watch(t.Context(), list, client.InNamespace(w.ns))
		if err != nil {
			t.Fatal(err)
		}
		watchers.Go(func() { w.follow(seen) })
	}
	t.Cleanup(func() {
		watchers.Wait() // the context of the test has ended
		if t.Failed() {
			t.Logf("the controller said about %s:\n%s", w.ns, lab.controller.said(w.ns))
		}
	})
	return w
}

func (w *world) follow(seen watch.Interface) {
	for e := range seen.ResultChan() {
		o, ok := e.Object.(client.Object)
		if !ok {
			continue
		}
		w.mu.Lock()
		key := keyOf(o, o.GetName())
		if c, ok := o.(*v1beta1.Canary); ok && e.Type != watch.Deleted {
			before, _ := w.now[key].(*v1beta1.Canary)
			for _, wrong := range conditionsWrong(before, c) {
				w.Errorf("Canary %s in phase %s: %s", c.Name, c.Status.Phase, wrong)
			}
		}
		w.history = append(w.history, o)
		w.now[key] = o
		if e.Type == watch.Deleted {
			delete(w.now, key)
		}
		close(w.news)
		w.news = make(chan struct{})
		w.mu.Unlock()
	}
}

func keyOf(o client.Object, name string) string { return fmt.Sprintf("%T/%s", o, name) }

// until waits until what holds of what was seen.
func (w *world) until(what string, holds func() bool) {
	w.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		w.mu.Lock()
		news := w.news
		w.mu.Unlock()
		if holds() {
			return
		}
		select {
		case <-news:
		case <-deadline.C:
			w.Fatalf("waited %s in vain until %s\n%s", patience, what, w.story())
		}
	}
}

// story tells what happened in the namespace.
func (w *world) story() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var b strings.Builder
	for _, o := range w.history {
		switch o := o.(type) {
		case *corev1.Event:
			if o.InvolvedObject.Kind == "Canary" {
				fmt.Fprintf(&b, "event %s %s %s: %s\n", o.InvolvedObject.Name, o.Type, o.Reason, o.Message)
			}
		case *gw.HTTPRoute:
			fmt.Fprintf(&b, "route %s generation %d weight %d\n", o.Name, o.Generation, weight(o))
		case *v1beta1.Canary:
			fmt.Fprintf(&b, "canary %s %s weight %d failed %d:", o.Name, o.Status.Phase, o.Status.CanaryWeight, o.Status.FailedChecks)
			for _, c := range o.Status.Conditions {
				fmt.Fprintf(&b, " %s=%s %s %q", c.Type, c.Status, c.Reason, c.Message)
			}
			b.WriteString("\n")
		case *appsv1.Deployment:
			fmt.Fprintf(&b, "deployment %s replicas %d available %d\n", o.Name, *o.Spec.Replicas, o.Status.AvailableReplicas)
		}
	}
	return b.String()
}

// find returns the object as last seen, or nil.
func find[T client.Object](w *world, name string) T {
	w.mu.Lock()
	defer w.mu.Unlock()
	var kind T
	found, _ := w.now[keyOf(kind, name)].(T)
	return found
}

// past returns all versions of the object that were seen.
func past[T client.Object](w *world, name string) []T {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []T
	for _, o := range w.history {
		if o, ok := o.(T); ok && o.GetName() == name {
			all = append(all, o)
		}
	}
	return all
}

func (w *world) create(objects ...client.Object) {
	w.Helper()
	for _, o := range objects {
		if _, ok := o.(*corev1.Namespace); !ok {
			o.SetNamespace(w.ns)
		}
		if err := w.Create(w.Context(), o); err != nil {
			w.Fatal(err)
		}
	}
}

// change edits an object until nobody interferes.
func change[T client.Object](w *world, name string, o T, edit func(T)) {
	w.Helper()
	for {
		if err := w.Get(w.Context(), client.ObjectKey{Namespace: w.ns, Name: name}, o); err != nil {
			w.Fatal(err)
		}
		base := o.DeepCopyObject().(client.Object)
		edit(o)
		err := w.Patch(w.Context(), o, client.MergeFromWithOptions(base, client.MergeFromWithOptimisticLock{}))
		if err == nil {
			return
		}
		if client.IgnoreNotFound(err) != nil && !strings.Contains(err.Error(), "modified") {
			w.Fatal(err)
		}
	}
}

// deployment returns a target with two replicas.
func deployment(name string, edits ...func(*appsv1.Deployment)) *appsv1.Deployment {
	labels := map[string]string{"app": name}
	d := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: appsv1.DeploymentSpec{
			Replicas: new(int32(2)),
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{Containers: []corev1.Container{{
					Name: "web", Image: "example.com/web:1", Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 8080}},
				}}},
			},
		},
	}
	for _, edit := range edits {
		edit(d)
	}
	return d
}

// canary returns one with the steps 10 and 50, checks every second, and a
// success rate that must be 99 percent.
func (w *world) canary(name string, edits ...func(*v1beta1.Canary)) *v1beta1.Canary {
	c := &v1beta1.Canary{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: v1beta1.CanarySpec{
			MetricsServer: w.prom.URL,
			TargetRef:     v1beta1.LocalObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: name},
			Service:       v1beta1.CanaryService{Port: 80, GatewayRefs: []v1beta1.GatewayReference{{Name: "gateway", Namespace: "gateways"}}},
			Analysis: &v1beta1.CanaryAnalysis{
				Interval: "1s", Threshold: 3, StepWeights: []int32{10, 50},
				Metrics: []v1beta1.CanaryMetric{{Name: "request-success-rate", Interval: "1m", ThresholdRange: &v1beta1.CanaryThresholdRange{Min: new(99.0)}}},
			},
		},
	}
	for _, edit := range edits {
		edit(c)
	}
	return c
}

// hold is a change of the spec that makes the checks rare.
func every(interval string) func(*v1beta1.Canary) {
	return func(c *v1beta1.Canary) { c.Spec.Analysis.Interval = interval }
}

// release gives the target another image.
func (w *world) release(name, image string) {
	w.Helper()
	change(w, name, &appsv1.Deployment{}, func(d *appsv1.Deployment) { d.Spec.Template.Spec.Containers[0].Image = image })
}

// phase waits until the Canary is in that phase and nobody is still to be told.
func (w *world) phase(name string, p v1beta1.CanaryPhase) *v1beta1.Canary {
	w.Helper()
	w.until(fmt.Sprintf("Canary %s is %s", name, p), func() bool {
		c := find[*v1beta1.Canary](w, name)
		return c != nil && c.Status.Phase == p && len(c.Status.Outbox) == 0
	})
	return find[*v1beta1.Canary](w, name)
}

// stopped waits until the target has no replicas and the Canary is at rest.
func (w *world) stopped(name string, p v1beta1.CanaryPhase) *v1beta1.Canary {
	w.Helper()
	w.phase(name, p)
	w.until("the target "+name+" is stopped", func() bool {
		d := find[*appsv1.Deployment](w, name)
		return d != nil && *d.Spec.Replicas == 0 && d.Status.Replicas == 0
	})
	return w.phase(name, p)
}

// settle waits until the controller has made a further decision about the
// Canary, so that what should not happen would have happened.
func (w *world) settle(name string) {
	w.Helper()
	for range 2 {
		change(w, name, &v1beta1.Canary{}, func(c *v1beta1.Canary) {
			deadline := int32(600)
			if d := c.Spec.ProgressDeadlineSeconds; d != nil {
				deadline = *d + 1
			}
			c.Spec.ProgressDeadlineSeconds = &deadline
		})
		w.until("the controller has seen the last change of Canary "+name, func() bool {
			c := find[*v1beta1.Canary](w, name)
			return c.Spec.ProgressDeadlineSeconds != nil && c.Status.ObservedGeneration == c.Generation && c.Generation > 1 && len(c.Status.Outbox) == 0
		})
	}
}

// events returns the events of the Canary in the order in which they happened.
func (w *world) events(name string) []*corev1.Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []*corev1.Event
	seen := map[string]bool{}
	for _, o := range w.history {
		e, ok := o.(*corev1.Event)
		if !ok || e.InvolvedObject.Kind != "Canary" || e.InvolvedObject.Name != name || seen[e.Name] {
			continue
		}
		seen[e.Name] = true
		all = append(all, e)
	}
	slices.SortStableFunc(all, func(a, b *corev1.Event) int { return a.CreationTimestamp.Compare(b.CreationTimestamp.Time) })
	return all
}

// reasons returns those of the events of the Canary.
func (w *world) reasons(name string) []string {
	var all []string
	for _, e := range w.events(name) {
		all = append(all, e.Reason)
	}
	slices.Sort(all)
	return all
}

// weights returns those that the route had, one after the other.
func (w *world) weights(name string) []int {
	var all []int
	for _, r := range past[*gw.HTTPRoute](w, name) {
		if next := weight(r); len(all) == 0 || all[len(all)-1] != next {
			all = append(all, next)
		}
	}
	return all
}

// weight returns the percentage of the canary.
func weight(r *gw.HTTPRoute) int {
	for _, rule := range r.Spec.Rules {
		for _, b := range rule.BackendRefs {
			if strings.HasSuffix(string(b.Name), "-canary") && b.Weight != nil {
				return int(*b.Weight)
			}
		}
	}
	return 0
}

func condition(c *v1beta1.Canary, t v1beta1.ConditionType) v1beta1.CanaryCondition {
	for _, cond := range c.Status.Conditions {
		if cond.Type == t {
			return cond
		}
	}
	return v1beta1.CanaryCondition{}
}
