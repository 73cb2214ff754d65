// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package supervise

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDeathIsTold(t *testing.T) {
	logs := t.TempDir()
	s := New(t.Context(), logs, os.Environ())
	never := Process{Name: "never", Args: []string{"/bin/sleep", "60"}, Ready: func(context.Context) error { return errors.New("not yet") }}
	for _, p := range []Process{never, {Name: "short", Args: []string{"/bin/sh", "-c", "echo no disk; exit 3"}}} {
		if err := s.Start(p); err != nil {
			t.Fatal(err)
		}
	}
	err := s.Await(never)
	var died *Died
	if !errors.As(err, &died) {
		t.Fatalf("waiting for one program ends when another dies: got %v", err)
	}
	for _, want := range []string{"short ended", "exit status 3", "no disk", "not yet", filepath.Join(logs, "short.log")} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error says who died, how, and why: want %q in %q", want, err)
		}
	}
}

func TestAwait(t *testing.T) {
	s := New(t.Context(), t.TempDir(), os.Environ())
	asked := 0
	p := Process{Name: "web", Args: []string{"/bin/sleep", "60"}, Ready: func(context.Context) error {
		if asked++; asked < 3 {
			return errors.New("not yet")
		}
		return nil
	}}
	if err := s.Start(p); err != nil {
		t.Fatal(err)
	}
	if err := s.Await(p); err != nil || asked != 3 {
		t.Errorf("a program is asked until it is ready: asked %d times, %v", asked, err)
	}
}

func TestStartNamesTheProgram(t *testing.T) {
	err := New(t.Context(), t.TempDir(), nil).Start(Process{Name: "web", Args: []string{"/nowhere/web"}})
	if err == nil || !strings.Contains(err.Error(), "start web") {
		t.Errorf("a program that is not there is named: got %v", err)
	}
}

func TestTail(t *testing.T) {
	file := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(file, []byte(strings.Repeat("old\n", 50)+strings.Repeat("new\n", tailLines)), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := Tail(file); got != strings.TrimSuffix(strings.Repeat("new\n", tailLines), "\n") {
		t.Errorf("only the last lines are shown: got %q", got)
	}
}
