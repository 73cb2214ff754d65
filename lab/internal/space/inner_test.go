// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package space

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func TestOutOfReach(t *testing.T) {
	for err, want := range map[error]bool{
		&os.PathError{Op: "lstat", Path: "/x", Err: unix.EACCES}:  true,
		&os.PathError{Op: "lstat", Path: "/x", Err: unix.ENOENT}:  true,
		&os.PathError{Op: "lstat", Path: "/x", Err: unix.ELOOP}:   false,
		&os.PathError{Op: "lstat", Path: "/x", Err: unix.ENOTDIR}: false,
	} {
		if got := outOfReach(err); got != want {
			t.Errorf("%v: out of reach is %v, want %v", err, got, want)
		}
	}
}

func TestOpenBelow(t *testing.T) {
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "seen"), 0o755); err != nil {
		t.Fatal(err)
	}
	open, err := openBelow([]string{root}, []string{filepath.Join(root, "gone"), filepath.Join(root, "seen"), "/"})
	if err != nil {
		t.Fatal(err)
	}
	if len(open) != 1 || open[0].path != filepath.Join(root, "seen") {
		t.Errorf("opened %v; only what is there and will be covered is kept", open)
	}
	for _, k := range open {
		_ = k.file.Close()
	}
}
