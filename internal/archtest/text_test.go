// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package archtest

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

var textRules = map[string]rule{
	"Places": {
		why:  "What is true on one machine only misleads on every other.",
		find: findPlaces,
	},
	"Targets": {
		why:  "make alone lists what one can do here; a target without a line in it does not exist for others.",
		find: findTargets,
	},
}

// machines finds directories of one machine, and hosts that packages come from.
var machines = regexp.MustCompile(`(^|[^\w.-])/(work|tmp/w|root)/` +
	`|(proxy|sum)\.golang\.org|registry\.npmjs\.org|pypi\.org|files\.pythonhosted\.org|deb\.debian\.org|archive\.ubuntu\.com`)

// locks are files that a package manager writes, with the places it found.
var locks = []string{"go.sum", "package-lock.json"}

func findPlaces(r repo) []finding {
	var all []finding
	for _, f := range r.files {
		if slices.Contains(locks, path.Base(f.path)) || !utf8.ValidString(f.text) {
			continue
		}
		for _, at := range machines.FindAllStringIndex(f.text, -1) {
			line := 1 + strings.Count(f.text[:at[0]], "\n")
			all = append(all, found(f.path, "line %d must not name %s", line, strings.TrimSpace(f.text[at[0]:at[1]])))
		}
	}
	return all
}

var (
	makeTarget = regexp.MustCompile(`(?m)^([a-zA-Z][\w-]*):([^=\n].*)?$`)
	makeHelp   = regexp.MustCompile(`## \w+`)
)

func findTargets(r repo) []finding {
	var all []finding
	for _, m := range makeTarget.FindAllStringSubmatch(r.text("Makefile"), -1) {
		if !makeHelp.MatchString(m[2]) {
			all = append(all, found(fmt.Sprintf("Makefile %s", m[1]), "needs its help behind ## in the same line"))
		}
	}
	return all
}
