// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

// Runc-wrap stands before runc in a user namespace with one mapped id: when a
// container is created, it takes out of its specification what such a
// namespace cannot give, then becomes runc.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

func main() {
	if err := run(os.Args); err != nil {
		fmt.Fprintln(os.Stderr, "runc-wrap:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if file, ok := specification(args); ok {
		if err := edit(file); err != nil {
			return fmt.Errorf("edit %s: %w", file, err)
		}
	}
	runc := filepath.Join(filepath.Dir(args[0]), "runc")
	return syscall.Exec(runc, append([]string{"runc"}, args[1:]...), os.Environ())
}

// specification returns the file that describes the container which args
// create, if they create one.
func specification(args []string) (file string, ok bool) {
	i := slices.Index(args, "--bundle")
	if i < 0 || i+1 >= len(args) || !slices.Contains(args, "create") {
		return "", false
	}
	return filepath.Join(args[i+1], "config.json"), true
}

func edit(file string) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var spec map[string]any
	if err := json.Unmarshal(b, &spec); err != nil {
		return err
	}
	reduce(spec)
	if b, err = json.Marshal(spec); err != nil {
		return err
	}
	return os.WriteFile(file, b, 0o600)
}

// reduce takes out of spec what needs cgroups, seccomp or a second user.
func reduce(spec map[string]any) {
	if linux, ok := spec["linux"].(map[string]any); ok {
		delete(linux, "resources")
		delete(linux, "seccomp")
		delete(linux, "cgroupsPath")
	}
	if process, ok := spec["process"].(map[string]any); ok {
		process["user"] = map[string]any{"uid": 0, "gid": 0}
		delete(process, "oomScoreAdj")
	}
	mounts, _ := spec["mounts"].([]any)
	for _, m := range mounts {
		mount, _ := m.(map[string]any)
		if options, ok := mount["options"].([]any); ok {
			mount["options"] = slices.DeleteFunc(options, setsGroup)
		}
	}
}

func setsGroup(option any) bool {
	s, ok := option.(string)
	return ok && strings.HasPrefix(s, "gid=")
}
