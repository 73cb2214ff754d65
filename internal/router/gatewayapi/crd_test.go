// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package gatewayapi_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

// admit returns what an API server does to an HTTPRoute by the schema of
// Gateway API's own CRD: it fills in defaults, and refuses unknown fields and
// values that break the schema. Its CEL rules are left to real servers.
func admit(t *testing.T) func(map[string]any) error {
	t.Helper()
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/gateway-api").Output()
	if err != nil {
		t.Fatalf("find Gateway API's module: %v", err)
	}
	name := filepath.Join(strings.TrimSpace(string(dir)), "config/crd/standard/gateway.networking.k8s.io_httproutes.yaml")
	text, err := os.ReadFile(name) //nolint:gosec // of a module
	if err != nil {
		t.Fatal(err)
	}
	var crd apiextensions.CustomResourceDefinition
	if err := yaml.Unmarshal(text, &crd); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	for _, v := range crd.Spec.Versions {
		if v.Name == "v1" {
			schema := v.Schema.OpenAPIV3Schema
			delete(schema.Properties, "metadata")
			return func(obj map[string]any) error {
				metadata := obj["metadata"]
				delete(obj, "metadata")
				defer func() { obj["metadata"] = metadata }()
				return admitMap("", schema, obj)
			}
		}
	}
	t.Fatalf("%s has no version v1", name)
	return nil
}

func admitMap(path string, s *apiextensions.JSONSchemaProps, obj map[string]any) error {
	for name, p := range s.Properties {
		if _, ok := obj[name]; !ok && p.Default != nil {
			var value any
			if err := json.Unmarshal(p.Default.Raw, &value); err != nil {
				return fmt.Errorf("default of %s.%s: %w", path, name, err)
			}
			obj[name] = value
		}
	}
	for _, name := range s.Required {
		if _, ok := obj[name]; !ok {
			return fmt.Errorf("%s.%s is required", path, name)
		}
	}
	for name, value := range obj {
		p, ok := s.Properties[name]
		if !ok {
			return fmt.Errorf("%s.%s is unknown", path, name)
		}
		if err := admitValue(path+"."+name, &p, value); err != nil {
			return err
		}
	}
	return nil
}

func admitValue(path string, s *apiextensions.JSONSchemaProps, value any) error {
	switch v := value.(type) {
	case map[string]any:
		return admitMap(path, s, v)
	case []any:
		if s.MaxItems != nil && int64(len(v)) > *s.MaxItems {
			return fmt.Errorf("%s has more than %d elements", path, *s.MaxItems)
		}
		for i, e := range v {
			if err := admitValue(fmt.Sprintf("%s[%d]", path, i), s.Items.Schema, e); err != nil {
				return err
			}
		}
	case string:
		if s.Pattern != "" && !regexp.MustCompile(s.Pattern).MatchString(v) {
			return fmt.Errorf("%s %q does not match %s", path, v, s.Pattern)
		}
		quoted := func(j apiextensions.JSON) bool { return string(j.Raw) == `"`+v+`"` }
		if len(s.Enum) > 0 && !slices.ContainsFunc(s.Enum, quoted) {
			return fmt.Errorf("%s %q is not allowed", path, v)
		}
	case float64:
		if s.Minimum != nil && v < *s.Minimum || s.Maximum != nil && v > *s.Maximum {
			return fmt.Errorf("%s %v is out of range", path, v)
		}
	}
	return nil
}
