// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"context"
	"fmt"
	"reflect"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Suffix is what the names of the primary's copies end in.
const Suffix = "-primary"

// CopyTo writes the primary's copies of the tracked objects, owned by owner.
// labels says which labels go along. c must not read from a cache, which would
// hold every ConfigMap and Secret in memory.
func CopyTo(ctx context.Context, c client.Client, namespace string, tracked map[string]string, owner metav1.OwnerReference, labels func(map[string]string) map[string]string) error {
	for key := range tracked {
		kind, name, _ := strings.Cut(key, "/")
		r := Ref{Kind: Kind(kind), Name: name}
		obj, _, err := Read(ctx, c, namespace, r)
		if err != nil {
			return fmt.Errorf("%s %s/%s: %w", kind, namespace, name, err)
		}
		if err := write(ctx, c, copyOf(obj, labels(obj.GetLabels())), r, owner); err != nil {
			return fmt.Errorf("%s %s/%s: %w", kind, namespace, name+Suffix, err)
		}
	}
	return nil
}

// Rename makes pod refer to the primary's copies of what is tracked.
func Rename(pod *corev1.PodSpec, tracked map[string]string) {
	Visit(pod, func(kind Kind, name *string, _ *bool) {
		if _, ok := tracked[Ref{Kind: kind, Name: *name}.Key()]; ok {
			*name += Suffix
		}
	})
}

func copyOf(obj client.Object, labels map[string]string) client.Object {
	meta := metav1.ObjectMeta{Namespace: obj.GetNamespace(), Name: obj.GetName() + Suffix, Labels: labels}
	if m, ok := obj.(*corev1.ConfigMap); ok {
		return &corev1.ConfigMap{ObjectMeta: meta, Data: m.Data, BinaryData: m.BinaryData}
	}
	s := obj.(*corev1.Secret)
	return &corev1.Secret{ObjectMeta: meta, Type: s.Type, Data: s.Data}
}

// write creates the copy or brings an earlier one up to date. Several canaries
// may share a copy, so none of its owners is its controller.
func write(ctx context.Context, c client.Client, want client.Object, r Ref, owner metav1.OwnerReference) error {
	owner.Controller = new(bool)
	r.Name += Suffix
	found, _, err := Read(ctx, c, want.GetNamespace(), r)
	if apierrors.IsNotFound(err) {
		want.SetOwnerReferences([]metav1.OwnerReference{owner})
		return c.Create(ctx, want)
	}
	if err != nil {
		return err
	}
	next := found.DeepCopyObject().(client.Object)
	setData(next, want)
	labels := map[string]string{}
	for _, from := range []map[string]string{found.GetLabels(), want.GetLabels()} {
		for k, v := range from {
			labels[k] = v
		}
	}
	if len(labels) > 0 {
		next.SetLabels(labels)
	}
	next.SetOwnerReferences(withOwner(found.GetOwnerReferences(), owner))
	if reflect.DeepEqual(found, next) {
		return nil
	}
	return c.Update(ctx, next)
}

func setData(to, from client.Object) {
	switch to := to.(type) {
	case *corev1.ConfigMap:
		from := from.(*corev1.ConfigMap)
		to.Data, to.BinaryData = from.Data, from.BinaryData
	case *corev1.Secret:
		to.Data = from.(*corev1.Secret).Data
	}
}

func withOwner(owners []metav1.OwnerReference, owner metav1.OwnerReference) []metav1.OwnerReference {
	next := make([]metav1.OwnerReference, 0, len(owners)+1)
	known := map[types.UID]bool{}
	for _, o := range append(owners, owner) {
		if known[o.UID] {
			continue
		}
		known[o.UID] = true
		o.Controller = new(bool)
		next = append(next, o)
	}
	return next
}
