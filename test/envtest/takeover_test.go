// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build envtest

package envtest

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/sluice-delivery/sluice/api/v1beta1"
)

// liveService is the Service of an application that people use already.
func liveService() *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "web", Labels: map[string]string{"team": "shop"}, Annotations: map[string]string{"cloud": "note"}},
		Spec: corev1.ServiceSpec{
			Selector: map[string]string{"app": "web"},
			Ports: []corev1.ServicePort{
				{Name: "public", Port: 80, TargetPort: intstr.FromInt32(8080)},
				{Name: "metrics", Port: 9090, TargetPort: intstr.FromInt32(9090)},
			},
		},
	}
}

// TestTakeover takes a live Service over and gives it back.
func TestTakeover(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.create(liveService(), deployment("web"))
	before := find8080(w)
	w.create(w.canary("web", func(c *v1beta1.Canary) { c.Spec.Service.TargetPort = intstr.FromInt32(8080) }))
	c := w.stopped("web", v1beta1.PhaseInitialized)
	after := find[*corev1.Service](w, "web")
	if after.Spec.Selector["app"] != "web-primary" {
		t.Errorf("the Service leads to the primary; got %v", after.Spec.Selector)
	}
	if diff := cmp.Diff(before.Spec, after.Spec, cmpopts.IgnoreFields(corev1.ServiceSpec{}, "Selector")); diff != "" {
		t.Errorf("a Service that was there keeps its ports and their names (-before +after):\n%s", diff)
	}
	if diff := cmp.Diff([]any{before.Labels, before.Annotations, before.OwnerReferences}, []any{after.Labels, after.Annotations, after.OwnerReferences}); diff != "" {
		t.Errorf("a Service that was there keeps its metadata and belongs to nobody (-before +after):\n%s", diff)
	}

	began := time.Now()
	if err := w.Delete(w.Context(), c); err != nil {
		t.Fatal(err)
	}
	w.until("everything of ours is gone", func() bool {
		return find[*v1beta1.Canary](w, "web") == nil && find[*appsv1.Deployment](w, "web-primary") == nil && find[*corev1.Service](w, "web-canary") == nil
	})
	back := find[*corev1.Service](w, "web")
	if diff := cmp.Diff(before.Spec, back.Spec); diff != "" {
		t.Errorf("the Service is given back as it was (-before +after):\n%s", diff)
	}
	if d := find[*appsv1.Deployment](w, "web"); d.Status.AvailableReplicas != 2 {
		t.Errorf("the target serves again; got %d replicas", d.Status.AvailableReplicas)
	}
	checkOrder(w, began)
}

// find8080 waits for the live Service and its target.
func find8080(w *world) *corev1.Service {
	w.Helper()
	w.until("the application runs", func() bool {
		d := find[*appsv1.Deployment](w, "web")
		return find[*corev1.Service](w, "web") != nil && d != nil && d.Status.AvailableReplicas == 2
	})
	return find[*corev1.Service](w, "web")
}

// checkOrder makes sure that the target serves before the Service leads to it,
// and that the Service leads to it before the primary goes.
func checkOrder(w *world, began time.Time) {
	w.Helper()
	since := began
	type step struct {
		what string
		is   func(request) bool
		at   time.Time // the first time after the step before
	}
	is := func(resource, name, verb, sub string) func(request) bool {
		return func(r request) bool {
			o := r.ObjectRef
			return r.ResponseStatus.Code < 300 && o.Resource == resource && o.Name == name && o.Subresource == sub && r.Verb == verb
		}
	}
	steps := []step{
		{what: "the target starts", is: is("deployments", "web", "patch", "")},
		{what: "the target's status changes", is: is("deployments", "web", "update", "status")},
		{what: "the Service leads to the target", is: is("services", "web", "update", "")},
		{what: "the Canary is let go", is: is("canaries", "web", "patch", "")},
		{what: "the primary goes", is: is("deployments", "web-primary", "delete", "")},
	}
	for i := range steps {
		s := &steps[i]
		soon(w.T, fmt.Sprintf("the audit log says that %s after %v", s.what, since), func() bool {
			for _, r := range audited(w.T, func(r request) bool { return r.ObjectRef.Namespace == w.ns && r.At.After(since) && s.is(r) }) {
				s.at = r.At
				return true
			}
			return false
		})
		since = s.at
	}
	if early := audited(w.T, func(r request) bool {
		return r.ObjectRef.Namespace == w.ns && r.At.After(began) && r.At.Before(steps[2].at) && (steps[2].is(r) || steps[3].is(r) || steps[4].is(r))
	}); len(early) > 0 {
		w.Errorf("the Service waits for the target, and the primary for the Service; got %v", early)
	}
	if drained := steps[3].at.Sub(steps[2].at); drained < 4*time.Second {
		w.Errorf("requests that are on their way to the primary have time to end; got %s", drained)
	}
}

// TestNoRevert leaves the deletion to Kubernetes if the user wants that.
func TestNoRevert(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.create(deployment("web"), w.canary("web", func(c *v1beta1.Canary) { c.Spec.RevertOnDeletion = new(false) }))
	c := w.stopped("web", v1beta1.PhaseInitialized)
	if len(c.Finalizers) > 0 {
		t.Errorf("nothing holds the Canary back; got %v", c.Finalizers)
	}
	began := time.Now()
	if err := w.Delete(w.Context(), c); err != nil {
		t.Fatal(err)
	}
	w.until("the Canary and what it owns are gone", func() bool {
		return find[*v1beta1.Canary](w, "web") == nil && find[*appsv1.Deployment](w, "web-primary") == nil
	})
	writes := requests(t, began, func(r request) bool { return r.ObjectRef.Namespace == w.ns && r.Verb != "get" && r.Verb != "list" })
	if diff := cmp.Diff([]request(nil), writes); diff != "" {
		t.Errorf("the controller leaves everything as it is (-want +got):\n%s", diff)
	}
	if got := *find[*appsv1.Deployment](w, "web").Spec.Replicas; got != 0 {
		t.Errorf("the target is left as it is; got %d replicas", got)
	}
}

// TestInheritedPrimary gives a target to another Canary. The primary would go
// with the first one if it stayed that one's.
func TestInheritedPrimary(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.create(deployment("web"), deployment("other"), w.canary("first", func(c *v1beta1.Canary) { c.Spec.TargetRef.Name, c.Spec.Service.Name = "web", "first" }))
	w.phase("first", v1beta1.PhaseInitialized)
	primary := find[*appsv1.Deployment](w, "web-primary")
	change(w, "first", &v1beta1.Canary{}, func(c *v1beta1.Canary) { c.Spec.TargetRef.Name = "other" })
	w.create(w.canary("web"))
	c := w.phase("web", v1beta1.PhaseInitialized)
	if d := find[*appsv1.Deployment](w, "web-primary"); d.UID != primary.UID || ownerOf(d, c) != "web" {
		t.Errorf("the primary goes on and belongs to the second Canary; got %s, owned by %v", d.UID, d.OwnerReferences)
	}
}
