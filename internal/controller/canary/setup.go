// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package canary

import (
	"context"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/sluice-delivery/sluice/api/v1beta1"
)

// patience is the most that a turn that failed waits for the next one: a
// rollback that the API server refused must not wait long.
const patience = 5 * time.Second

// SetUp registers a Reconciler with mgr. workers bounds how many Canaries are
// moved on at a time.
func SetUp(ctx context.Context, mgr ctrl.Manager, c Config, workers int) error {
	err := mgr.GetFieldIndexer().IndexField(ctx, &v1beta1.Canary{}, targetIndex, func(o client.Object) []string {
		return []string{targetKey(o.(*v1beta1.Canary))}
	})
	if err != nil {
		return err
	}
	news := make(chan event.GenericEvent, 1024)
	wake := func(key types.NamespacedName) {
		news <- event.GenericEvent{Object: &v1beta1.Canary{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name}}}
	}
	r := &Reconciler{Config: c, interest: newInterest(), inbox: newInbox(c.Asker, c.Clock.Now, wake), outbox: newOutbox(c, mgr.GetLogger(), wake)}
	b := ctrl.NewControllerManagedBy(mgr).
		Named("canary").
		For(&v1beta1.Canary{}).
		WatchesRawSource(source.Channel(news, &handler.EnqueueRequestForObject{})).
		Watches(&v1beta1.Canary{}, r.follow("Canary")).
		Watches(&appsv1.Deployment{}, r.follow("Deployment")).
		Watches(&corev1.Service{}, r.follow("Service")).
		Watches(&v1beta1.MetricTemplate{}, r.follow("MetricTemplate")).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: workers,
			RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](retry, patience),
		})
	if c.Configs != nil {
		b = b.WatchesMetadata(&corev1.ConfigMap{}, r.follow("ConfigMap")).
			WatchesMetadata(&corev1.Secret{}, r.follow("Secret"))
	}
	built, err := b.Build(r)
	if err != nil {
		return err
	}
	r.watches = watcher(mgr, built, r)
	return nil
}

// follow wakes the Canaries that look at an object of that kind.
func (r *Reconciler) follow(kind string) handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(_ context.Context, o client.Object) []reconcile.Request {
		var all []reconcile.Request
		for _, key := range r.interest.of(thing{kind, o.GetNamespace(), o.GetName()}) {
			all = append(all, reconcile.Request{NamespacedName: key})
		}
		return all
	})
}

// watcher returns a function that watches the kind of an object from the first
// time on that it is called with one. A kind that the cluster does not have is
// an error until it has it.
func watcher(mgr ctrl.Manager, c controller.Controller, r *Reconciler) func(client.Object) error {
	var mu sync.Mutex
	known := map[schema.GroupVersionKind]bool{}
	return func(o client.Object) error {
		gvk, err := mgr.GetClient().GroupVersionKindFor(o)
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		if known[gvk] {
			return nil
		}
		if _, err := mgr.GetRESTMapper().RESTMapping(gvk.GroupKind(), gvk.Version); err != nil {
			return err
		}
		kind := o.DeepCopyObject().(client.Object)
		if err := c.Watch(source.Kind(mgr.GetCache(), kind, r.follow(gvk.Kind))); err != nil {
			return err
		}
		known[gvk] = true
		return nil
	}
}
