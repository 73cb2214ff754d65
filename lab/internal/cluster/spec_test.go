// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-delivery/sluice/lab/internal/addon"
	"github.com/sluice-delivery/sluice/lab/internal/part"
)

func TestParts(t *testing.T) {
	for name, tt := range map[string]struct {
		reason string
		addons []string
		want   []string
		tools  int
	}{
		"Plain":   {"a node needs what runs containers", nil, []string{"hyper", "own", "runc", "cni", "containerd", "coredns"}, 1},
		"Gateway": {"an add-on brings its own parts", []string{"gateway"}, []string{"hyper", "own", "runc", "cni", "containerd", "coredns", "contour", "envoy"}, 1},
		"Kwok":    {"nothing is built that nothing runs", []string{"kwok"}, []string{"hyper", "kwok"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			addons, err := addon.Choose(tt.addons)
			if err != nil {
				t.Fatal(err)
			}
			got := Parts(addons)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
			if _, unknown := part.Named(got...); unknown != nil {
				t.Errorf("every part is in the catalog: not so %v", unknown)
			}
			if tools := Tools(addons); len(tools) != tt.tools {
				t.Errorf("%s: want %d tools, got %v", tt.reason, tt.tools, tools)
			}
		})
	}
}

func TestSaveLoad(t *testing.T) {
	want := Spec{
		Dir: t.TempDir(), Addons: []string{"gateway"}, Images: []string{"/i.tar"}, Audit: "/a.log",
		Parts: map[string]string{"hyper": "/h"}, Keep: []string{"/home"},
	}
	if err := want.Save(); err != nil {
		t.Fatal(err)
	}
	got, err := Load(want.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the inside reads what the outside wrote (-want +got):\n%s", diff)
	}
}
