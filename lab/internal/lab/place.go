// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/sluice-delivery/sluice/lab/internal/state"
)

// passing begins the names of labs that live as long as one command.
const passing = "run-"

// home returns the directory that holds the directories of labs: sluice-lab in
// $XDG_STATE_HOME, or in ~/.local/state.
func home() (string, error) {
	root := os.Getenv("XDG_STATE_HOME")
	if root == "" {
		user, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("find a place for the lab: %w; set XDG_STATE_HOME", err)
		}
		root = filepath.Join(user, ".local", "state")
	}
	return filepath.Join(root, "sluice-lab"), nil
}

// DefaultDir returns the directory of the lab that commands mean if none is
// given.
func DefaultDir() (string, error) {
	root, err := home()
	return filepath.Join(root, "default"), err
}

// PassingDir makes a directory for a lab that lives as long as one command. It
// removes those that were left by commands which could not.
func PassingDir() (string, error) {
	root, err := home()
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(root, 0o700); err != nil {
		return "", err
	}
	if err := sweep(root); err != nil {
		return "", err
	}
	return os.MkdirTemp(root, passing)
}

// sweep removes the directories of passing labs that are gone.
func sweep(root string) error {
	entries, err := os.ReadDir(root)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), passing) {
			continue
		}
		l := state.Lab{Dir: filepath.Join(root, e.Name())}
		r, err := l.Load()
		if errors.Is(err, fs.ErrNotExist) || err == nil && r.First.Alive() {
			continue // it runs, or is about to
		}
		if err := l.Remove(); err != nil {
			return err
		}
	}
	return nil
}
