// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

// Package test holds the tests of the whole lab: they start real ones.
package test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sluice-delivery/sluice/lab/internal/state"
)

// patience is how long one command may take once all parts are built.
const patience = 3 * time.Minute

// bench is what the tests work with.
type bench struct {
	lab   string   // the program
	image string   // the archive of an image that holds the web program
	env   []string // with a state directory of the test's own
}

// build builds the program and the image for the tests' pods.
func build(t *testing.T) bench {
	t.Helper()
	dir := t.TempDir()
	b := bench{lab: filepath.Join(dir, "lab"), image: filepath.Join(dir, "web.tar")}
	b.env = append(os.Environ(), "XDG_STATE_HOME="+filepath.Join(dir, "state"), "TESTDATA="+abs(t, "testdata"))
	web := filepath.Join(dir, "web")
	for _, args := range [][]string{
		{"go", "build", "-o", b.lab, ".."},
		{"go", "build", "-o", web, "./web"},
		{b.lab, "image", "build", "-o", b.image, "--name", "lab.local/web:1", web},
	} {
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	return b
}

func abs(t *testing.T, path string) string {
	t.Helper()
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// command is a lab command that ends with the test.
func (b bench) command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	// Also usable in the test's clean-up, where its context has ended.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, b.lab, args...)
	cmd.Env = b.env
	return cmd
}

// run runs a lab command and returns its output and exit code.
func (b bench) run(t *testing.T, args ...string) (out string, code int) {
	t.Helper()
	var all bytes.Buffer
	cmd := b.command(t, args...)
	cmd.Stdout, cmd.Stderr = &all, &all
	var failed *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &failed) {
		t.Fatal(err)
	}
	return all.String(), cmd.ProcessState.ExitCode()
}

// want runs a lab command that must exit with code and say text.
func (b bench) want(t *testing.T, code int, text string, args ...string) string {
	t.Helper()
	out, got := b.run(t, args...)
	if got != code || !strings.Contains(out, text) {
		t.Fatalf("lab %s: want exit code %d and %q, got %d and:\n%s", strings.Join(args, " "), code, text, got, out)
	}
	return out
}

// traces returns what is left on this machine of labs of b: processes that
// name its program or directory, first processes that are about to end (those
// have no command line any more), and mounts.
func (b bench) traces(t *testing.T) (left []string) {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range stats {
		line, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		if bytes.Contains(line, []byte(filepath.Dir(b.lab))) {
			left = append(left, file+": "+string(bytes.ReplaceAll(line, []byte{0}, []byte{' '})))
		}
	}
	records, err := filepath.Glob(filepath.Join(filepath.Dir(b.lab), "state/sluice-lab/*/lab.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range records {
		if r, err := (state.Lab{Dir: filepath.Dir(file)}).Load(); err == nil && r.First.Alive() {
			left = append(left, file)
		}
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		if strings.Contains(line, filepath.Dir(b.lab)) {
			left = append(left, line)
		}
	}
	return left
}

// nothingLeft waits until labs of b have left no trace.
func (b bench) nothingLeft(t *testing.T) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		left := b.traces(t)
		if left == nil {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("something is left:\n%s", strings.Join(left, "\n"))
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func TestPods(t *testing.T) {
	b := build(t)
	out := b.want(t, 0, "all seen", "run", "--image", b.image, "--", "sh", abs(t, "testdata/pods.sh"))
	for _, stage := range []string{"API server ready after", "node ready after", "DNS ready after"} {
		if !strings.Contains(out, stage) {
			t.Errorf("each stage says when it was ready; no %q in:\n%s", stage, out)
		}
	}
	b.nothingLeft(t)
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(b.lab), "state/sluice-lab/*")); err != nil || left != nil {
		t.Errorf("no directory is left: %v, %v", left, err)
	}
}

func TestAddons(t *testing.T) {
	b := build(t)
	audit := filepath.Join(t.TempDir(), "audit.log")
	b.want(t, 0, "all seen", "run", "--with", "gateway,prometheus", "--audit", audit, "--image", b.image, "--",
		"sh", abs(t, "testdata/addons.sh"))
	if _, err := os.Stat(audit); err != nil {
		t.Errorf("the audit log outlives the lab: %v", err)
	}
	b.nothingLeft(t)
}

// One lab from start to end, used from outside, and a second one beside it.
func TestLife(t *testing.T) {
	b := build(t)
	dir := filepath.Join(t.TempDir(), "one")
	at := func(command string, rest ...string) []string { return append([]string{command, "--dir", dir}, rest...) }
	t.Cleanup(func() { b.run(t, "down", "--dir", dir) })

	b.want(t, 3, "no lab in", at("status")...)
	b.want(t, 125, "lab up", at("exec", "--", "true")...)
	b.want(t, 0, "lab ready after", at("up", "--with", "kwok")...)
	b.want(t, 0, "state      ready", at("status")...)
	b.want(t, 1, "runs in", at("up")...)
	b.want(t, 0, "lab    Ready", at("exec", "--", "kubectl", "get", "nodes")...)
	b.want(t, 7, "", at("exec", "--", "sh", "-c", "exit 7")...)
	b.want(t, 127, "nosuch", at("exec", "--", "nosuch")...)
	b.want(t, 0, "no image is needed", "image", "load", "--dir", dir, "a/b:1", "/bin/sh")
	b.want(t, 0, "created", at("exec", "--", "kubectl", "create", "namespace", "only-here")...)

	second := b.want(t, 5, "lab", "run", "--with", "kwok", "--", "sh", "-c", "kubectl get namespaces,nodes; exit 5")
	if strings.Contains(second, "only-here") {
		t.Errorf("two labs share nothing:\n%s", second)
	}
	b.want(t, 0, "only-here", at("exec", "--", "kubectl", "get", "namespaces")...)
	b.want(t, 0, "", at("down")...)
	if left := b.traces(t); left != nil {
		t.Errorf("when down returns, all is gone:\n%s", strings.Join(left, "\n"))
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("down removes the directory")
	}
	b.want(t, 0, "", at("down")...)
}

// A pod with an image that is loaded into a lab that runs already.
func TestImageLoad(t *testing.T) {
	b := build(t)
	dir := filepath.Join(t.TempDir(), "lab")
	t.Cleanup(func() { b.run(t, "down", "--dir", dir) })
	b.want(t, 0, "lab ready after", "up", "--dir", dir)
	b.want(t, 0, "", "image", "load", "--dir", dir, "lab.local/web:1", filepath.Join(filepath.Dir(b.lab), "web"))
	b.want(t, 0, "successfully rolled out", "exec", "--dir", dir, "--", "sh", "-c",
		`kubectl apply -f "$TESTDATA/web.yaml" && kubectl rollout status deployment/web --timeout=60s`)
	// A lab whose API server is gone still goes down.
	b.want(t, 0, "", "exec", "--dir", dir, "--", "sh", "-c", `kill -9 $(cat /proc/[0-9]*/stat | awk '$2 == "(kube-apiserver)" {print $1}')`)
	deadline := time.After(20 * time.Second)
	for {
		out, code := b.run(t, "status", "--dir", dir)
		if code == 1 && strings.Contains(out, "kube-apiserver ended") {
			break
		}
		select {
		case <-deadline:
			t.Fatalf("a lab that broke says what broke it; got %d:\n%s", code, out)
		case <-time.After(100 * time.Millisecond):
		}
	}
	b.want(t, 0, "", "down", "--dir", dir)
	b.nothingLeft(t)
}

// Whatever happens to the process that started a lab, nothing of it stays.
func TestEndings(t *testing.T) {
	b := build(t)
	for name, tt := range map[string]struct {
		reason string
		kill   os.Signal
		during string // the line after which it comes
		code   int
	}{
		"KilledWhileStarting":      {"a lab on a leash ends with its holder", os.Kill, "API server ready", -1},
		"KilledWhileRunning":       {"a lab on a leash ends with its holder", os.Kill, "command runs", -1},
		"InterruptedWhileStarting": {"an interrupt ends the start", os.Interrupt, "API server ready", 130},
		"InterruptedWhileRunning":  {"an interrupt is the command's, and its exit code is lab's", os.Interrupt, "command runs", 130},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := b.command(t, "run", "--with", "kwok", "--", "sh", "-c", "echo command runs; sleep 600; exit 8")
			out := &waiter{want: tt.during, seen: make(chan struct{})}
			cmd.Stdout, cmd.Stderr = out, out
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			select {
			case <-out.seen:
			case <-time.After(time.Minute):
				t.Fatalf("no %q in:\n%s", tt.during, out.text.String())
			}
			if err := cmd.Process.Signal(tt.kill); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait() // its exit code is looked at next
			if code := cmd.ProcessState.ExitCode(); code != tt.code {
				t.Errorf("%s: want exit code %d, got %d:\n%s", tt.reason, tt.code, code, out.text.String())
			}
			b.nothingLeft(t)
		})
	}
	b.want(t, 0, "", "run", "--with", "kwok", "--", "true")
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(b.lab), "state/sluice-lab/*")); err != nil || left != nil {
		t.Errorf("the next lab clears away the directories of killed ones: %v, %v", left, err)
	}
}

// waiter is an output that notices a text.
type waiter struct {
	want string
	seen chan struct{}
	once bool
	text bytes.Buffer
}

func (w *waiter) Write(b []byte) (int, error) {
	w.text.Write(b)
	if !w.once && strings.Contains(w.text.String(), w.want) {
		w.once = true
		close(w.seen)
	}
	return len(b), nil
}

func TestWrongUse(t *testing.T) {
	b := build(t)
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "thesis.txt"), []byte("years of work"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		reason string
		args   []string
		code   int
		want   string
	}{
		"Addon":     {"a wrong name is answered with the right ones", []string{"up", "--with", "istio"}, 1, "choose from"},
		"Both":      {"kwok runs nothing that others need", []string{"up", "--with", "kwok,gateway"}, 1, "give kwok alone"},
		"Image":     {"a missing archive is named", []string{"run", "--image", "/nowhere.tar", "--", "true"}, 125, "/nowhere.tar"},
		"Directory": {"what is not a lab's is not cleared", []string{"up", "--with", "kwok", "--dir", full}, 1, "choose one that is new"},
		"Command":   {"run needs something to run", []string{"run"}, 125, "requires at least 1 arg"},
		"Part":      {"a part that is not there is named", []string{"part", "docker"}, 1, "docker"},
		"Doctor":    {"a machine that passes these tests is sound", []string{"doctor"}, 0, "namespaces: fine"},
	} {
		t.Run(name, func(t *testing.T) {
			out, code := b.run(t, tt.args...)
			if code != tt.code || !strings.Contains(out, tt.want) {
				t.Errorf("%s: want exit code %d and %q, got %d and:\n%s", tt.reason, tt.code, tt.want, code, out)
			}
		})
	}
	if _, err := os.Stat(filepath.Join(full, "thesis.txt")); err != nil {
		t.Error(fmt.Errorf("a wrong --dir costs nothing: %w", err))
	}
}
