// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package addon

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestChoose(t *testing.T) {
	for name, tt := range map[string]struct {
		reason string
		names  []string
		want   []string
		err    string
	}{
		"None":    {"a plain cluster has none", nil, nil, ""},
		"Twice":   {"asking twice installs once", []string{"prometheus", "prometheus"}, []string{"prometheus"}, ""},
		"Order":   {"they come in the order they were asked for", []string{"prometheus", "gateway"}, []string{"prometheus", "gateway"}, ""},
		"Unknown": {"a wrong name is answered with the right ones", []string{"grafana"}, nil, "choose from gateway, prometheus, kwok"},
		"Kwok":    {"nothing can run where pods do not", []string{"kwok", "gateway"}, nil, "kwok runs no pods"},
	} {
		t.Run(name, func(t *testing.T) {
			chosen, err := Choose(tt.names)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("%s: want %q, got %v", tt.reason, tt.err, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, a := range chosen {
				got = append(got, a.Name)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

func TestLay(t *testing.T) {
	dir := t.TempDir()
	if err := Lay(dir); err != nil {
		t.Fatal(err)
	}
	for _, a := range append(All(), OneUser, DNS) {
		for _, f := range append(a.Kinds, a.Objects...) {
			if f.Part != "" {
				continue
			}
			if _, err := os.Stat(f.Find(nil, dir)); err != nil {
				t.Errorf("%s names a manifest that the lab does not hold: %v", a.Name, err)
			}
		}
	}
	if got := (File{Part: "contour", Path: "examples/x"}).Find(map[string]string{"contour": "/c"}, dir); got != "/c/examples/x" {
		t.Errorf("a manifest of a part is in the part's directory: got %s", got)
	}
}
