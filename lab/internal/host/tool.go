// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

// Package host knows what a lab needs of the machine it runs on.
package host

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// A Tool is a program that has to be installed on the machine.
type Tool struct {
	// Program is the program's name.
	Program string
	// Package is the Debian package that holds it.
	Package string
	// For says what it is needed for.
	For string
	// Probe are arguments with which the program succeeds if it is complete;
	// nil: being there is enough.
	Probe []string
}

// The tools that labs need.
var (
	Go       = Tool{Program: "go", Package: "golang-go", For: "builds the parts"}
	Compiler = Tool{Program: "gcc", Package: "gcc libc6-dev", For: "builds runc"}
	Nft      = Tool{Program: "nft", Package: "nftables", For: "routes Services", Probe: []string{"--version"}}
	Python   = Tool{Program: "python3", Package: "python3", For: "fetches Envoy"}
	Venv     = Tool{Program: "python3", Package: "python3-venv", For: "fetches Envoy", Probe: []string{"-c", "import venv, ensurepip"}}
)

// Tools returns all the tools that some lab needs.
func Tools() []Tool { return []Tool{Go, Compiler, Nft, Python, Venv} }

// SearchPath returns PATH with the directories of system programs, which
// ordinary users often lack.
func SearchPath() string {
	dirs := filepath.SplitList(os.Getenv("PATH"))
	for _, dir := range []string{"/usr/local/sbin", "/usr/sbin", "/sbin"} {
		if !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	return strings.Join(dirs, string(filepath.ListSeparator))
}

// Look returns the file of a program in path, a list as in PATH.
func Look(path, program string) (string, error) {
	for _, dir := range filepath.SplitList(path) {
		if file, err := exec.LookPath(filepath.Join(dir, program)); err == nil && filepath.IsAbs(file) {
			return file, nil
		}
	}
	return "", fmt.Errorf("%s: %w", program, exec.ErrNotFound)
}

// Check returns an error if the tool is not there or not complete.
func (t Tool) Check() error {
	file, err := Look(SearchPath(), t.Program)
	if err != nil {
		return err
	}
	if t.Probe == nil {
		return nil
	}
	if out, err := exec.Command(file, t.Probe...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", t.Program, strings.Join(t.Probe, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

// Need returns one error that names every tool which is not there, and how to
// install them all.
func Need(tools []Tool) error {
	var lines, packages []string
	for _, t := range tools {
		line := fmt.Sprintf("  %-8s %s (Debian package %s)", t.Program, t.For, t.Package)
		if slices.Contains(lines, line) || t.Check() == nil {
			continue
		}
		lines, packages = append(lines, line), append(packages, t.Package)
	}
	if lines == nil {
		return nil
	}
	return fmt.Errorf("this machine lacks:\n%s\ninstall them, on Debian or Ubuntu: sudo apt-get install %s",
		strings.Join(lines, "\n"), strings.Join(packages, " "))
}
