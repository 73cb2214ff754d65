// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package router_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gw "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/sluice-delivery/sluice/internal/router"
	"github.com/sluice-delivery/sluice/internal/router/routertest"
)

var owner = metav1.OwnerReference{
	APIVersion: "flagger.app/v1beta1", Kind: "Canary", Name: "podinfo", UID: "u",
	Controller: new(true), BlockOwnerDeletion: new(true),
}

func TestApplyCreates(t *testing.T) {
	cases := map[string]struct {
		reason string
		owner  metav1.OwnerReference
		want   []metav1.OwnerReference
	}{
		"Owned": {reason: "What we create goes with the Canary.", owner: owner, want: []metav1.OwnerReference{owner}},
		"Free":  {reason: "In another cluster than the Canary's nobody owns it."},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := &routertest.Server{}
			create := route()
			if err := router.Apply(t.Context(), dial(t, s, nil), c.owner, []router.Edit{{Create: create}}); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, s.Found([]client.Object{route()})[0].GetOwnerReferences()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.reason, diff)
			}
			if diff := cmp.Diff(route(), create); diff != "" {
				t.Errorf("Apply changed the plan (-before +after):\n%s", diff)
			}
		})
	}
}

func TestApplyPatches(t *testing.T) {
	s := &routertest.Server{}
	c := dial(t, s, nil)
	if _, err := s.Create(route()); err != nil {
		t.Fatal(err)
	}
	found := s.Found([]client.Object{route()})[0]
	edit := relabel(t, found)
	if err := router.Apply(t.Context(), c, owner, []router.Edit{edit}); err != nil {
		t.Fatal(err)
	}
	got := s.Found([]client.Object{route()})[0]
	if got.GetLabels()["a"] != "b" || len(got.GetOwnerReferences()) != 0 {
		t.Errorf("the patched object has labels %v and owners %v, want a=b and none", got.GetLabels(), got.GetOwnerReferences())
	}
	if found.GetLabels()["a"] != "" {
		t.Error("Apply wrote into the object that was found")
	}
}

func TestApplyErrors(t *testing.T) {
	kind := schema.GroupKind{Group: gw.GroupName, Kind: "HTTPRoute"}
	resource := schema.GroupResource{Group: gw.GroupName, Resource: "httproutes"}
	broken := apierrors.NewInvalid(kind, "podinfo", field.ErrorList{field.Invalid(field.NewPath("spec", "hostnames").Index(0), "_", "not a hostname")})
	create := func(*testing.T, *routertest.Server) router.Edit { return router.Edit{Create: route()} }

	cases := map[string]struct {
		reason string
		edit   func(*testing.T, *routertest.Server) router.Edit
		answer *apierrors.StatusError // instead of the server's own
		want   error
	}{
		"Exists": {reason: "Somebody else has created it: look again.", want: router.ErrConflict, edit: func(t *testing.T, s *routertest.Server) router.Edit {
			t.Helper()
			put(t, s)
			return router.Edit{Create: route()}
		}},
		"Stale": {reason: "A failed test means that somebody else has changed it.", want: router.ErrConflict, edit: func(t *testing.T, s *routertest.Server) router.Edit {
			t.Helper()
			edit := relabel(t, put(t, s))
			if err := s.Update(route(), func(o client.Object) { o.SetLabels(map[string]string{"x": "y"}) }); err != nil {
				t.Fatal(err)
			}
			return edit
		}},
		"Gone": {reason: "What is gone must be planned anew.", want: router.ErrConflict, edit: func(t *testing.T, _ *routertest.Server) router.Edit {
			t.Helper()
			return relabel(t, route())
		}},
		"Conflict":  {reason: "The API server's own conflict is one.", want: router.ErrConflict, edit: create, answer: apierrors.NewConflict(resource, "podinfo", errors.New("modified"))},
		"Invalid":   {reason: "The user must change what the schema refuses.", want: router.ErrInvalid, edit: create, answer: broken},
		"Forbidden": {reason: "Missing rights are neither.", edit: create, answer: apierrors.NewForbidden(resource, "podinfo", errors.New("no"))},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := &routertest.Server{}
			err := router.Apply(t.Context(), dial(t, s, c.answer), owner, []router.Edit{c.edit(t, s)})
			if err == nil {
				t.Fatalf("%s\nApply gives no error", c.reason)
			}
			for _, kind := range []error{router.ErrConflict, router.ErrInvalid, router.ErrUnsupported} {
				if got := errors.Is(err, kind); got != (kind == c.want) {
					t.Errorf("%s\nApply = %v; is %q: %v", c.reason, err, kind, got)
				}
			}
		})
	}
}

// TestApplyFallsBack has an API server that refuses whatever has annotations.
func TestApplyFallsBack(t *testing.T) {
	s := &routertest.Server{Admit: func(obj map[string]any) error {
		if obj["metadata"].(map[string]any)["annotations"] != nil {
			return errors.New("no annotations")
		}
		return nil
	}}
	found := put(t, s)
	edit := relabel(t, found)
	edit.Fallback = edit.Patch
	all := found.DeepCopyObject().(client.Object)
	all.SetAnnotations(map[string]string{"a": "b"})
	ops, err := router.Diff(found, all)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := router.Patch(found, nil, ops)
	if err != nil {
		t.Fatal(err)
	}
	edit.Patch = whole.Patch
	if err := router.Apply(t.Context(), dial(t, s, nil), owner, []router.Edit{edit}); !errors.Is(err, router.ErrInvalid) {
		t.Errorf("Apply = %v, which hides the refusal", err)
	}
	if got := s.Found([]client.Object{route()})[0].GetLabels()["a"]; got != "b" {
		t.Error("the part that nothing was wrong with was not applied")
	}
}

func TestApplyStops(t *testing.T) {
	s := &routertest.Server{}
	put(t, s)
	second := route()
	second.Name = "second"
	err := router.Apply(t.Context(), dial(t, s, nil), owner, []router.Edit{{Create: route()}, {Create: second}})
	if !errors.Is(err, router.ErrConflict) || len(s.Found([]client.Object{second})) != 0 {
		t.Errorf("Apply = %v, and went on after it", err)
	}
}

func route() *gw.HTTPRoute {
	return &gw.HTTPRoute{
		TypeMeta:   metav1.TypeMeta{APIVersion: gw.GroupVersion.String(), Kind: "HTTPRoute"},
		ObjectMeta: metav1.ObjectMeta{Namespace: "test", Name: "podinfo"},
	}
}

func put(t *testing.T, s *routertest.Server) client.Object {
	t.Helper()
	if _, err := s.Create(route()); err != nil {
		t.Fatal(err)
	}
	return s.Found([]client.Object{route()})[0]
}

func relabel(t *testing.T, found client.Object) router.Edit {
	t.Helper()
	next := found.DeepCopyObject().(client.Object)
	next.SetLabels(map[string]string{"a": "b"})
	ops, err := router.Diff(found, next)
	if err != nil {
		t.Fatal(err)
	}
	edit, err := router.Patch(found, []router.Operation{router.Unchanged(found)}, ops)
	if err != nil {
		t.Fatal(err)
	}
	return edit
}

// dial returns a client of s over HTTP. All that it gets is answer, if that is
// not nil.
func dial(t *testing.T, s *routertest.Server, answer *apierrors.StatusError) client.Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := serve(s, r)
		if answer != nil {
			err = answer
		}
		w.Header().Set("Content-Type", "application/json")
		if status := (*apierrors.StatusError)(nil); errors.As(err, &status) {
			w.WriteHeader(int(status.ErrStatus.Code))
			status.ErrStatus.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}
			body, err = json.Marshal(status.ErrStatus)
		}
		if err != nil {
			t.Error(err)
		}
		if _, err := w.Write(body); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)

	scheme := runtime.NewScheme()
	if err := gw.Install(scheme); err != nil {
		t.Fatal(err)
	}
	gv := schema.GroupVersion{Group: gw.GroupName, Version: "v1"}
	mapper := meta.NewDefaultRESTMapper([]schema.GroupVersion{gv})
	mapper.Add(gv.WithKind("HTTPRoute"), meta.RESTScopeNamespace)
	c, err := client.New(&rest.Config{Host: server.URL}, client.Options{Scheme: scheme, Mapper: mapper})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func serve(s *routertest.Server, r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	if r.Method == http.MethodPatch {
		return s.Patch(route(), body)
	}
	var obj gw.HTTPRoute
	if err := json.Unmarshal(body, &obj); err != nil {
		return nil, err
	}
	return s.Create(&obj)
}
