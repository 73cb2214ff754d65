// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package metric

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var facts = Vars{
	Name: "c", Namespace: "prod", Target: "web", Service: "shop", Ingress: "in", Route: "r", Interval: "30s",
	Variables: map[string]string{"limit": "5", "other": "x"},
}

func TestTemplate(t *testing.T) {
	cases := map[string]struct {
		reason string
		text   string
		want   string
		err    []string // all of them are in the error
	}{
		"Functions": {reason: "Each fact has its function.",
			text: "{{name}} {{ namespace }} {{ target }} {{ service }} {{ ingress }} {{ route }} {{ interval }}",
			want: "c prod web shop in r 30s"},
		"Variables":  {reason: "Variables are reached by name.", text: "{{ variables.limit }}", want: "5"},
		"Index":      {reason: "The functions of Go's templates are there.", text: `{{ index variables "other" | printf "%q" }}`, want: `"x"`},
		"Condition":  {reason: "A variable may be optional.", text: `{{ if index variables "none" }}a{{ else }}b{{ end }}`, want: "b"},
		"NoTemplate": {reason: "A query need not be a template.", text: `sum(up{job="x"})`, want: `sum(up{job="x"})`},
		"Unknown": {reason: "An unknown function is named, and the known are listed.", text: "{{ pod }}",
			err: []string{`function "pod" not defined`, "ingress, interval, name, namespace, route, service, target, variables"}},
		"UnknownVariable": {reason: "An unknown variable is named, and the known are listed.", text: "{{ variables.limti }}",
			err: []string{`"limti"`, "templateVariables are limit, other"}},
		"NoData": {reason: "There is no data to reach by a dot.", text: "{{ .target }}", err: []string{"target"}},
		"Broken": {reason: "A template that does not parse says where.", text: "sum(\n{{ target )", err: []string{"query:2"}},
		"Empty":  {reason: "An empty query is a mistake.", text: " \n", err: []string{"the query is empty"}},
		"Long":   {reason: "A query does not grow without bounds.", text: "{{ range 100000 }}x{{ end }}", err: []string{"longer than 64 KiB"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := render(tc.text, facts)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\nquery (-want +got):\n%s", tc.reason, diff)
			}
			if (err != nil) != (tc.err != nil) || (err != nil && !errors.Is(err, ErrQuery)) {
				t.Fatalf("%s\nwant an error: %t, of kind ErrQuery; got: %v", tc.reason, tc.err != nil, err)
			}
			for _, want := range tc.err {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%s\nwant an error that mentions %q, got: %v", tc.reason, want, err)
				}
			}
		})
	}
}

func render(text string, v Vars) (string, error) {
	parsed, err := ParseTemplate(text)
	if err != nil {
		return "", err
	}
	return parsed.Render(v)
}

func TestTemplateWithoutVariables(t *testing.T) {
	_, err := render("{{ variables.x }}", Vars{})
	if err == nil || !strings.Contains(err.Error(), "has no templateVariables") {
		t.Errorf("Who set no variables is told so; got: %v", err)
	}
}

func TestTemplateConcurrently(t *testing.T) {
	parsed, err := ParseTemplate("{{ name }}")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for _, name := range strings.Split("abcdefgh", "") {
		wg.Go(func() {
			for range 100 {
				if got, err := parsed.Render(Vars{Name: name}); got != name || err != nil {
					t.Errorf("One canary's facts never reach another's query: want %q, got %q, %v", name, got, err)
				}
			}
		})
	}
	wg.Wait()
}
