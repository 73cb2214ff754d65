// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package host

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestNeed(t *testing.T) {
	dir := t.TempDir()
	for file, text := range map[string]string{"whole": "#!/bin/sh\nexit 0\n", "broken": "#!/bin/sh\necho no pip\nexit 1\n"} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
	whole := Tool{Program: "whole", Package: "p-whole", For: "x", Probe: []string{"--version"}}
	broken := Tool{Program: "broken", Package: "p-broken", For: "y", Probe: []string{"--version"}}
	missing := Tool{Program: "surely-not-there", Package: "p-missing", For: "z"}

	for name, tt := range map[string]struct {
		reason string
		tools  []Tool
		want   []string
	}{
		"Present": {"a tool that works is not asked for", []Tool{whole}, nil},
		"Broken":  {"a tool that is there but does not work is asked for", []Tool{broken}, []string{"broken", "apt-get install p-broken"}},
		"All":     {"one error names everything, each once", []Tool{missing, broken, missing}, []string{"surely-not-there", "apt-get install p-missing p-broken"}},
	} {
		t.Run(name, func(t *testing.T) {
			err := Need(tt.tools)
			if (err != nil) != (tt.want != nil) {
				t.Fatalf("%s: got %v", tt.reason, err)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%s: want %q in %q", tt.reason, want, err)
				}
			}
		})
	}
}

func TestLookFindsSystemPrograms(t *testing.T) {
	t.Setenv("PATH", "/nowhere")
	if !strings.Contains(SearchPath(), "/usr/sbin") {
		t.Errorf("ordinary users lack /usr/sbin, where nft is: got %s", SearchPath())
	}
	if _, err := Look("/bin:/usr/bin", "sh"); err != nil {
		t.Errorf("sh is on every machine: %v", err)
	}
}
