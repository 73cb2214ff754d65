// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package router

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Apply carries out edits in their order and stops at the first error. It is
// safe to call again with a new plan. ErrConflict means that somebody else was
// faster, ErrInvalid that the API server refuses what the Canary asks for. It
// has taken requests away from the canary then, if that was asked for as well.
//
// Objects that Apply creates belong to owner, unless it has no UID; those that
// exist keep the owners they have.
func Apply(ctx context.Context, c client.Client, owner metav1.OwnerReference, edits []Edit) error {
	for _, e := range edits {
		if err := apply(ctx, c, owner, e); err != nil {
			return err
		}
	}
	return nil
}

func apply(ctx context.Context, c client.Client, owner metav1.OwnerReference, e Edit) error {
	if e.Create == nil {
		err := patch(ctx, c, e.Object, e.Patch)
		if errors.Is(err, ErrInvalid) && e.Fallback != nil {
			err = errors.Join(err, patch(ctx, c, e.Object, e.Fallback))
		}
		return err
	}
	obj := e.Create.DeepCopyObject().(client.Object)
	if owner.UID != "" {
		obj.SetOwnerReferences([]metav1.OwnerReference{owner})
	}
	return classify("create", c, obj, c.Create(ctx, obj))
}

func patch(ctx context.Context, c client.Client, found client.Object, patch []byte) error {
	obj := found.DeepCopyObject().(client.Object) // the answer is written into it
	return classify("patch", c, obj, c.Patch(ctx, obj, client.RawPatch(types.JSONPatchType, patch)))
}

// classify says what kind of error err is, and of what.
func classify(verb string, c client.Client, obj client.Object, err error) error {
	if err == nil {
		return nil
	}
	kind := "object"
	if gvk, gvkErr := c.GroupVersionKindFor(obj); gvkErr == nil {
		kind = gvk.Kind
	}
	what := fmt.Sprintf("%s %s %s", verb, kind, client.ObjectKeyFromObject(obj))
	switch {
	case apierrors.IsAlreadyExists(err), apierrors.IsConflict(err), apierrors.IsNotFound(err) && verb == "patch", stale(err):
		return fmt.Errorf("%s: %w: %w", what, ErrConflict, err)
	case apierrors.IsInvalid(err):
		return fmt.Errorf("%s: %w: %w", what, ErrInvalid, err)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// stale reports whether the API server could not apply a patch to the object,
// for which it has the same status as for an object that breaks its schema. It
// names the fields of the latter.
func stale(err error) bool {
	var status apierrors.APIStatus
	if !apierrors.IsInvalid(err) || !errors.As(err, &status) {
		return false
	}
	d := status.Status().Details
	return d == nil || d.Kind == "" && len(d.Causes) == 0
}
