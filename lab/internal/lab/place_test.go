// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sluice-delivery/sluice/lab/internal/state"
)

func TestPassingDirSweeps(t *testing.T) {
	root := t.TempDir()
	t.Setenv("XDG_STATE_HOME", root)
	me, err := state.Identify(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	gone := me
	gone.Start += "0"
	for name, tt := range map[string]struct {
		reason string
		dir    string
		record *state.Record
		stays  bool
	}{
		"Dead":     {"what a killed command has left goes", "run-dead", &state.Record{First: gone}, false},
		"Alive":    {"a lab that runs stays", "run-alive", &state.Record{First: me}, true},
		"Starting": {"one that is about to run stays", "run-new", nil, true},
		"Named":    {"one that a person started stays, for its logs", "default", &state.Record{First: gone}, true},
	} {
		t.Run(name, func(t *testing.T) {
			l := state.Lab{Dir: filepath.Join(root, "sluice-lab", tt.dir)}
			if err := os.MkdirAll(l.Dir, 0o700); err != nil {
				t.Fatal(err)
			}
			if tt.record != nil {
				if err := l.Save(*tt.record); err != nil {
					t.Fatal(err)
				}
			}
			dir, err := PassingDir()
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(dir, filepath.Join(root, "sluice-lab", passing)) {
				t.Errorf("a passing lab is where the next one sweeps: got %s", dir)
			}
			if _, err := os.Stat(l.Dir); (err == nil) != tt.stays {
				t.Errorf("%s: %v", tt.reason, err)
			}
		})
	}
}

func TestDownLeavesOthersAlone(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "thesis.txt")
	if err := os.WriteFile(file, []byte("years of work"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Down(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(file); err != nil {
		t.Errorf("a directory that is no lab's is not removed: %v", err)
	}
}
