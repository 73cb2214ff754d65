// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

// Package state keeps what is known about a lab in the lab's directory, so
// that it can be found, entered and ended from anywhere, also after a crash.
package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// A Phase says how far a lab is.
type Phase string

// The phases of a lab.
const (
	Starting Phase = "starting"
	Ready    Phase = "ready"
	Failed   Phase = "failed"
)

// A Record is what is kept about a lab.
type Record struct {
	First  Process   `json:"first"`  // ends last; with it, all the others end
	Begun  time.Time `json:"begun"`  // when it was started
	Addons []string  `json:"addons"` // what was asked for beyond the cluster
	Audit  string    `json:"audit"`  // the file of the API server's log; empty for none
}

// A Progress is what a lab itself says about its state.
type Progress struct {
	Phase   Phase  `json:"phase"`
	Message string `json:"message"` // why it failed
}

// mark is a file that is in every lab's directory, and in no other. It is
// locked by those who start or end the lab.
const mark = ".sluice-lab"

// A Lab is the directory of a lab.
type Lab struct{ Dir string }

// Path returns the path of something in the lab's directory.
func (l Lab) Path(elem ...string) string {
	return filepath.Join(append([]string{l.Dir}, elem...)...)
}

// Logs returns the directory where all the lab's programs write their logs.
func (l Lab) Logs() string { return l.Path("logs") }

// Socket returns the socket through which the lab is entered.
func (l Lab) Socket() string { return l.Path("socket") }

// Lock makes the caller the only one who starts or ends this lab, until it
// calls unlock or ends. It makes the directory if need be.
func (l Lab) Lock() (unlock func(), err error) {
	for {
		if err := os.MkdirAll(l.Dir, 0o700); err != nil {
			return nil, err
		}
		if err := l.ours(); err != nil {
			return nil, err
		}
		f, err := os.OpenFile(l.Path(mark), os.O_CREATE|os.O_RDWR, 0o600)
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed in between
		}
		if err != nil {
			return nil, err
		}
		if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
			f.Close()
			return nil, fmt.Errorf("lock %s: another command starts or ends this lab just now: %w", l.Dir, err)
		}
		if same(f, l.Path(mark)) {
			return func() { f.Close() }, nil
		}
		f.Close()
	}
}

// ours returns an error if the directory holds something else than a lab: it
// must never be cleared away.
func (l Lab) ours() error {
	entries, err := os.ReadDir(l.Dir)
	if errors.Is(err, fs.ErrNotExist) || len(entries) == 0 || l.Marked() {
		return nil
	}
	if err != nil {
		return err
	}
	return fmt.Errorf("%s is not empty and not a lab's directory: choose one that is new", l.Dir)
}

// Marked tells whether the directory is a lab's.
func (l Lab) Marked() bool {
	_, err := os.Stat(l.Path(mark))
	return err == nil
}

// same tells whether f is still what is found under its path.
func same(f *os.File, path string) bool {
	a, err := f.Stat()
	if err != nil {
		return false
	}
	b, err := os.Stat(path)
	return err == nil && os.SameFile(a, b)
}

// Save stores the record. Whoever reads at the same time sees the old or the
// new one, never a part.
func (l Lab) Save(r Record) error { return write(l.Path("lab.json"), r) }

// Load returns the record; errors.Is(err, fs.ErrNotExist) if there is no lab.
func (l Lab) Load() (r Record, err error) { return r, read(l.Path("lab.json"), &r) }

// Tell stores what the lab says about itself.
func (l Lab) Tell(p Progress) error { return write(l.Path("progress.json"), p) }

// Told returns what the lab said last.
func (l Lab) Told() (p Progress, err error) { return p, read(l.Path("progress.json"), &p) }

// Clear removes everything in the directory but the lock.
func (l Lab) Clear() error {
	entries, err := os.ReadDir(l.Dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() != mark {
			err = errors.Join(err, os.RemoveAll(l.Path(e.Name())))
		}
	}
	return err
}

// Remove removes the directory and all in it.
func (l Lab) Remove() error { return os.RemoveAll(l.Dir) }

func write(file string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(file+".new", append(b, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

func read(file string, v any) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("read %s: %w", file, err)
	}
	return nil
}
