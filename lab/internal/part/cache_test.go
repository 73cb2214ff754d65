// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package part

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/sluice-delivery/sluice/lab/internal/progress"
)

// making is a maker that a test watches.
type making func(ctx context.Context, dir string) error

func (m making) make(ctx context.Context, _ Part, dir string) error { return m(ctx, dir) }

// fake is a part with the text of a real one but a maker of the test's own.
func fake(make making) Part {
	return Part{Name: "own", Version: "v0", Programs: []Program{{Package: "./x", Names: []string{"x", "y"}}}, maker: make}
}

func put(dir string) error {
	return os.WriteFile(filepath.Join(dir, "bin", "x"), []byte("x"), 0o755)
}

// lines is what a Printer wrote. It may be used concurrently.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
	seen chan string
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.seen != nil {
		l.seen <- string(b)
	}
	return l.text.Write(b)
}

func TestEnsureBuildsOnce(t *testing.T) {
	built := 0
	p := fake(func(_ context.Context, dir string) error { built++; return put(dir) })
	out := &lines{}
	cache := NewCache(t.TempDir(), progress.New(out))
	for range 2 {
		installed, err := cache.Ensure(t.Context(), []Part{p})
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"x", "y"} {
			if _, err := os.Stat(installed["own"].Program(name)); err != nil {
				t.Errorf("the program is there under every name: %v", err)
			}
		}
	}
	if built != 1 {
		t.Errorf("a part is built once: got %d times", built)
	}
	if got := out.text.String(); !strings.HasPrefix(got, "part 1 of 1: own v0 …\n") || !strings.Contains(got, "built in") {
		t.Errorf("the lines name the part, its number and how many there are: got %q", got)
	}
}

func TestEnsureGoesOnAfterFailure(t *testing.T) {
	broken := errors.New("no network")
	failing := true
	p := fake(func(_ context.Context, dir string) error {
		if err := put(dir); err != nil {
			return err
		}
		if failing {
			return broken
		}
		return nil
	})
	cache := NewCache(t.TempDir(), progress.New(&lines{}))
	if _, err := cache.Ensure(t.Context(), []Part{p}); !errors.Is(err, broken) || !strings.Contains(err.Error(), "build own v0") {
		t.Errorf("the error says which part and why: got %v", err)
	}
	if _, err := os.Stat(cache.dir(p)); err == nil {
		t.Error("half a part must not be taken for a whole one")
	}
	if err := os.MkdirAll(cache.dir(p)+".part/bin", 0o755); err != nil { // as if killed
		t.Fatal(err)
	}
	failing = false
	if _, err := cache.Ensure(t.Context(), []Part{p}); err != nil {
		t.Errorf("the next try goes on: %v", err)
	}
}

func TestEnsureTwoAtOnce(t *testing.T) {
	entered, leave := make(chan bool, 2), make(chan bool)
	p := fake(func(_ context.Context, dir string) error {
		entered <- true
		<-leave
		return put(dir)
	})
	root, out := t.TempDir(), &lines{seen: make(chan string, 16)}
	done := make(chan error, 2)
	ensure := func(say *progress.Printer) {
		_, err := NewCache(root, say).Ensure(context.WithoutCancel(t.Context()), []Part{p})
		done <- err
	}
	go ensure(progress.New(&lines{}))
	<-entered
	go ensure(progress.New(out))
	if got := <-out.seen; got != "part 1 of 1: waiting for another lab that builds own v0 …\n" {
		t.Errorf("who waits is told for what: got %q", got)
	}
	close(leave)
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if len(entered) != 0 {
		t.Error("what one has built the other must not build again")
	}
}

func TestEnsureStopsWaiting(t *testing.T) {
	p := fake(func(_ context.Context, dir string) error { return put(dir) })
	cache := NewCache(t.TempDir(), progress.New(&lines{}))
	unlock, err := cache.lock(t.Context(), p, "")
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	enough := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(enough)
	if _, err := cache.Ensure(ctx, []Part{p}); !errors.Is(err, enough) {
		t.Errorf("a wait can be interrupted: got %v", err)
	}
}

func TestPrune(t *testing.T) {
	cache := NewCache(t.TempDir(), progress.New(&lines{}))
	current := cache.dir(Catalog()[0])
	old := filepath.Join(cache.Root(), "runc-v0.0.1-amd64-000000000000")
	for _, dir := range []string{current, old} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := cache.Prune(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(current); err != nil {
		t.Errorf("what is in use stays: %v", err)
	}
	if _, err := os.Stat(old); err == nil {
		t.Error("what no part stands for goes")
	}
}
