// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package state

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestSaveLoad(t *testing.T) {
	l := Lab{Dir: t.TempDir()}
	if _, err := l.Load(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an empty directory holds no lab: got %v", err)
	}
	want := Record{First: Process{ID: 7, Start: "9", Boot: "b"}, Begun: time.Unix(1, 0).UTC(), Addons: []string{"gateway"}, Audit: "/a"}
	if err := l.Save(want); err != nil {
		t.Fatal(err)
	}
	got, err := l.Load()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what is saved is loaded (-want +got):\n%s", diff)
	}
	if err := l.Clear(); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Load(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a cleared directory holds no lab: got %v", err)
	}
}

func TestLock(t *testing.T) {
	l := Lab{Dir: filepath.Join(t.TempDir(), "new")}
	unlock, err := l.Lock()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Lock(); err == nil {
		t.Error("two commands must not start the same lab at the same time")
	}
	if err := l.Remove(); err != nil {
		t.Fatal(err)
	}
	again, err := l.Lock()
	if err != nil {
		t.Errorf("a lab that was removed can be made again at once: %v", err)
	} else {
		again()
	}
	unlock()
}

func TestLockRefusesWhatIsNotALab(t *testing.T) {
	l := Lab{Dir: t.TempDir()}
	if err := os.WriteFile(l.Path("thesis.txt"), []byte("years of work"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Lock(); err == nil || !strings.Contains(err.Error(), "choose one that is new") {
		t.Errorf("a directory with things of the user must not become a lab, which clears it: got %v", err)
	}
	if l.Marked() {
		t.Error("nor may it be marked as one")
	}
}

func TestProcess(t *testing.T) {
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p, err := Identify(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		reason string
		p      Process
		want   bool
	}{
		"Running": {"a running process is alive", p, true},
		"Reused":  {"another process with its id is not it", Process{p.ID, p.Start + "0", p.Boot}, false},
		"Boot":    {"nothing survives a boot", Process{p.ID, p.Start, "other"}, false},
		"None":    {"a record that was never filled names no process", Process{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := tt.p.Alive(); got != tt.want {
				t.Errorf("%s: got %t", tt.reason, got)
			}
		})
	}
	if err := (Process{p.ID, p.Start + "0", p.Boot}).Kill(t.Context()); err != nil || !p.Alive() {
		t.Errorf("a process that merely has the same id is left alone: %v", err)
	}
	go cmd.Wait() //nolint:errcheck // it is killed
	if err := p.Kill(t.Context()); err != nil || p.Alive() {
		t.Errorf("after Kill it is gone: %v", err)
	}
	if err := p.Kill(t.Context()); err != nil {
		t.Errorf("killing what is gone is no error: %v", err)
	}
}
