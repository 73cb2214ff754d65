// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package crd

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	crdvalidation "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/runtime"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"sigs.k8s.io/yaml"
)

// config is where the manifests are.
const config = "../../config"

// A schema does with a manifest what the API server does when it is created.
type schema struct {
	structural *structuralschema.Structural
	fields     validation.SchemaValidator
	rules      *cel.Validator
}

// errors returns what is wrong with the object, which gets its defaults.
func (s schema) errors(ctx context.Context, obj map[string]any) []string {
	var errs []string
	opts := structuralschema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true}
	for _, field := range pruning.PruneWithOptions(obj, s.structural, true, opts) {
		errs = append(errs, "unknown field \""+field+"\"")
	}
	defaulting.Default(obj, s.structural)
	list := validation.ValidateCustomResource(nil, obj, s.fields)
	list = append(list, listtype.ValidateListSetsAndMaps(nil, s.structural, obj)...)
	if len(list) == 0 {
		list, _ = s.rules.Validate(ctx, nil, s.structural, obj, nil, celconfig.RuntimeCELCostBudget)
	}
	for _, err := range list {
		errs = append(errs, err.Error())
	}
	return errs
}

// schemas reads the generated CRDs, by kind.
func schemas(t *testing.T) map[string]schema {
	t.Helper()
	found := map[string]schema{}
	for _, crd := range crds(t) {
		props := crd.Spec.Validation.OpenAPIV3Schema
		structural, err := structuralschema.NewStructural(props)
		if err != nil {
			t.Fatalf("%s: %v", crd.Name, err)
		}
		fields, _, err := validation.NewSchemaValidator(props)
		if err != nil {
			t.Fatalf("%s: %v", crd.Name, err)
		}
		rules := cel.NewValidator(structural, true, celconfig.PerCallLimit)
		found[crd.Spec.Names.Kind] = schema{structural, fields, rules}
	}
	return found
}

// crds reads the generated CRDs.
func crds(t *testing.T) []*apiextensions.CustomResourceDefinition {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := apiextensions.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	if err := apiextensionsv1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	var all []*apiextensions.CustomResourceDefinition
	for _, doc := range documents(t, filepath.Join(config, "crd", "bases", "*.yaml")) {
		var v1 apiextensionsv1.CustomResourceDefinition
		if err := yaml.UnmarshalStrict(doc.text, &v1); err != nil {
			t.Fatalf("%s: %v", doc.file, err)
		}
		apiextensionsv1.SetDefaults_CustomResourceDefinition(&v1)
		apiextensionsv1.SetDefaults_CustomResourceDefinitionSpec(&v1.Spec)
		v1.Status.StoredVersions = []string{"v1beta1"}
		crd := &apiextensions.CustomResourceDefinition{}
		if err := scheme.Convert(&v1, crd, nil); err != nil {
			t.Fatalf("%s: %v", doc.file, err)
		}
		all = append(all, crd)
	}
	if len(all) != 3 {
		t.Fatalf("found %d CRDs, want those of the three kinds; run make generate", len(all))
	}
	return all
}

// A document is one of a file of YAML documents.
type document struct {
	file string
	text []byte
}

// documents reads the files that match, of which there must be some.
func documents(t *testing.T, pattern string) []document {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no files match %s: %v", pattern, err)
	}
	var docs []document
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for part := range strings.SplitSeq(strings.TrimPrefix(string(text), "---\n"), "\n---\n") {
			docs = append(docs, document{file, []byte(part)})
		}
	}
	return docs
}

// TestDefinitions holds the CRDs to the API server's own rules, the limits on
// the cost of CEL among them.
func TestDefinitions(t *testing.T) {
	for _, crd := range crds(t) {
		for _, err := range crdvalidation.ValidateCustomResourceDefinition(t.Context(), crd) {
			t.Errorf("%s: the API server refuses the CRD: %v", crd.Name, err)
		}
	}
}

func TestRows(t *testing.T) {
	rows, err := Rows()
	if err != nil {
		t.Fatal(err)
	}
	kinds := schemas(t)
	seen := map[string]bool{}
	for _, row := range rows {
		kind, _ := row.Object["kind"].(string)
		name := kind + "/" + row.Name
		if seen[name] {
			t.Errorf("there are two rows %s", name)
		}
		seen[name] = true
		t.Run(name, func(t *testing.T) {
			got := strings.Join(kinds[kind].errors(t.Context(), row.Object), "\n")
			switch {
			case row.Want == "" && got != "":
				t.Errorf("%s\nwant: accepted\ngot: %s", row.Reason, got)
			case row.Want != "" && !strings.Contains(got, row.Want):
				t.Errorf("%s\nwant: %s\ngot: %s", row.Reason, row.Want, got)
			}
		})
	}
}

// TestEveryRuleHasARow finds the CEL rules that no row holds.
func TestEveryRuleHasARow(t *testing.T) {
	rows, err := Rows()
	if err != nil {
		t.Fatal(err)
	}
	for _, doc := range documents(t, filepath.Join(config, "crd", "bases", "*.yaml")) {
		crd, err := decode(doc.text)
		if err != nil {
			t.Fatalf("%s: %v", doc.file, err)
		}
		for _, message := range messages(crd) {
			held := slices.ContainsFunc(rows, func(r Row) bool { return r.Want != "" && strings.HasPrefix(message, r.Want) })
			if !held {
				t.Errorf("%s: no row wants the message %q", doc.file, message)
			}
		}
	}
}

// messages returns those of all CEL rules below node.
func messages(node any) []string {
	var found []string
	switch node := node.(type) {
	case []any:
		for _, item := range node {
			found = append(found, messages(item)...)
		}
	case map[string]any:
		if _, ok := node["rule"].(string); ok {
			message, _ := node["message"].(string)
			return []string{message}
		}
		for _, value := range node {
			found = append(found, messages(value)...)
		}
	}
	return found
}
