// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package host

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// setting is a switch of the kernel that can forbid user namespaces.
type setting struct {
	name string
	off  string // the value that forbids
	on   string // the value that allows
	why  string
}

// settings lists every switch that is known to forbid them.
var settings = []setting{
	{"kernel.apparmor_restrict_unprivileged_userns", "1", "0", "AppArmor takes all rights from namespaces of ordinary users"},
	{"kernel.unprivileged_userns_clone", "0", "1", "ordinary users may not make namespaces"},
	{"user.max_user_namespaces", "0", "15000", "nobody may make user namespaces"},
}

// Namespaces says, in words for people, why this machine may refuse the
// namespaces of a lab, and what mends it.
func Namespaces() string { return namespaces("/proc/sys") }

func namespaces(root string) string {
	var lines []string
	for _, s := range settings {
		b, err := os.ReadFile(filepath.Join(root, strings.ReplaceAll(s.name, ".", "/")))
		if err == nil && strings.TrimSpace(string(b)) == s.off {
			lines = append(lines, fmt.Sprintf("%s = %s: %s\n  mend it: sudo sysctl -w %s=%s", s.name, s.off, s.why, s.name, s.on))
		}
	}
	if lines == nil {
		return "no setting of the kernel is known to forbid it; in a container, start that one with more rights " +
			"(docker run --privileged), or run lab as root"
	}
	return strings.Join(append(lines, "or run lab as root"), "\n")
}
