// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEdit(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.json")
	before := `{"hostname":"web","linux":{"resources":{"cpu":{}},"seccomp":{},"cgroupsPath":"/a","namespaces":[]},
		"process":{"user":{"uid":1000,"gid":5},"oomScoreAdj":2,"args":["/web"]},
		"mounts":[{"destination":"/dev/pts","options":["gid=5","nosuid"]},{"destination":"/proc"}]}`
	after := `{"hostname":"web","linux":{"namespaces":[]},"process":{"user":{"uid":0,"gid":0},"args":["/web"]},
		"mounts":[{"destination":"/dev/pts","options":["nosuid"]},{"destination":"/proc"}]}`
	if err := os.WriteFile(file, []byte(before), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := edit(file); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(decode(t, []byte(after)), decode(t, got)); diff != "" {
		t.Errorf("what one id cannot give goes, the rest stays (-want +got):\n%s", diff)
	}
}

func TestSpecification(t *testing.T) {
	for name, tt := range map[string]struct {
		reason string
		args   []string
		want   string
	}{
		"Create": {"a created container is edited", []string{"runc-wrap", "--root", "/r", "create", "--bundle", "/b", "id"}, "/b/config.json"},
		"Exec":   {"a command in a running one is not", []string{"runc-wrap", "exec", "--bundle", "/b"}, ""},
		"Cut":    {"a cut command line is runc's to refuse", []string{"runc-wrap", "create", "--bundle"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := specification(tt.args)
			if got != tt.want || ok != (tt.want != "") {
				t.Errorf("%s: want %q, got %q, %t", tt.reason, tt.want, got, ok)
			}
		})
	}
}

func decode(t *testing.T, b []byte) (v any) {
	t.Helper()
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	return v
}
