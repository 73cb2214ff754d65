// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build envtest

package envtest

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/sluice-delivery/sluice/test/crd"
)

// TestSchema puts all rows of the CRDs to the API server.
func TestSchema(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	rows, err := crd.Rows()
	if err != nil {
		t.Fatal(err)
	}
	strict := client.WithFieldValidation(w, metav1.FieldValidationStrict)
	for _, row := range rows {
		t.Run(fmt.Sprintf("%s/%s", row.Object["kind"], row.Name), func(t *testing.T) {
			o := &unstructured.Unstructured{Object: row.Object}
			o.SetNamespace(w.ns)
			got := ""
			if err := strict.Create(t.Context(), o, client.DryRunAll); err != nil {
				got = err.Error()
			}
			switch {
			case row.Want == "" && got != "":
				t.Errorf("%s\nwant: accepted\ngot: %s", row.Reason, got)
			case row.Want != "" && !strings.Contains(got, row.Want):
				t.Errorf("%s\nwant: %s\ngot: %s", row.Reason, row.Want, got)
			}
		})
	}
}

// TestUnknownField tries a typing mistake in the ways in which people apply.
func TestUnknownField(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.canary("web")
	c.APIVersion, c.Kind, c.Namespace = "flagger.app/v1beta1", "Canary", w.ns
	text, err := yaml.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	wrong := strings.Replace(string(text), "threshold: 3", "treshold: 3\n    threshold: 3", 1)
	cases := map[string]struct {
		reason string
		args   []string
	}{
		"Client": {"kubectl apply refuses what the schema does not know.", []string{"apply", "--validate=strict", "-f", "-"}},
		"Server": {"So does server-side apply, which Flux and others use.", []string{"apply", "--server-side", "-f", "-"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), "kubectl", tc.args...)
			cmd.Stdin = strings.NewReader(wrong)
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), "treshold") {
				t.Errorf("%s\nkubectl %v: %v: %s", tc.reason, tc.args, err, out)
			}
		})
	}
}
