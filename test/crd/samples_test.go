// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package crd

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/sluice-delivery/sluice/api/v1beta1"
)

// TestSamples holds every sample to the CRDs and to the Go types.
func TestSamples(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := v1beta1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	kinds := schemas(t)
	for _, doc := range documents(t, filepath.Join(config, "samples", "*.yaml")) {
		obj, err := decode(doc.text)
		if err != nil {
			t.Fatalf("%s: %v", doc.file, err)
		}
		kind, _ := obj["kind"].(string)
		typed, err := scheme.New(v1beta1.GroupVersion.WithKind(kind))
		if err != nil {
			t.Fatalf("%s: %v", doc.file, err)
		}
		if err := yaml.UnmarshalStrict(doc.text, typed); err != nil {
			t.Errorf("%s: the Go types do not have what %s has: %v", doc.file, kind, err)
		}
		if diff := cmp.Diff(obj, written(t, typed)); diff != "" {
			t.Errorf("%s: the Go types lose some of %s (-sample +Go):\n%s", doc.file, kind, diff)
		}
		for _, err := range kinds[kind].errors(t.Context(), obj) {
			t.Errorf("%s: the API server refuses %s: %s", doc.file, kind, err)
		}
	}
}

// TestRowsFitTypes holds the Go types to the fields that the CRDs accept.
func TestRowsFitTypes(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := v1beta1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	rows, err := Rows()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		if row.Want != "" {
			continue
		}
		kind, _ := row.Object["kind"].(string)
		typed, err := scheme.New(v1beta1.GroupVersion.WithKind(kind))
		if err != nil {
			t.Fatal(err)
		}
		text, err := yaml.Marshal(row.Object)
		if err != nil {
			t.Fatal(err)
		}
		if err := yaml.UnmarshalStrict(text, typed); err != nil {
			t.Errorf("%s/%s: the Go types do not have what the CRD has: %v", kind, row.Name, err)
		}
	}
}

// written returns the object as the controller writes it.
func written(t *testing.T, obj runtime.Object) map[string]any {
	t.Helper()
	text, err := yaml.Marshal(obj)
	if err != nil {
		t.Fatal(err)
	}
	out, err := decode(text)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
