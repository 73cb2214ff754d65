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
	"Machines": {
		why:  "What is true on one machine only misleads on every other.",
		find: findMachines,
	},
	"MakeHelp": {
		why:  "make alone lists what one can do here; a target without a line in it does not exist for others.",
		find: findMakeHelp,
	},
}

// machines are texts that only make sense on one machine or in one network.
// They are taken apart so that this file does not hold them.
var machines = []string{
	"/" + "work/", "/tmp" + "/w", "/" + "root/",
	"proxy." + "golang.org", "sum." + "golang.org", "registry." + "npmjs.org", "pypi" + ".org", "files.python" + "hosted.org",
}

// locks are files that a package manager writes, with the places it found.
var locks = []string{"go.sum", "package-lock.json"}

func findMachines(r repo) []finding {
	var all []finding
	for _, f := range r.files {
		if slices.Contains(locks, path.Base(f.path)) || !utf8.ValidString(f.text) {
			continue
		}
		for _, text := range machines {
			if at := strings.Index(f.text, text); at >= 0 {
				line := 1 + strings.Count(f.text[:at], "\n")
				all = append(all, found(f.path, "line %d must not name %s", line, text))
			}
		}
	}
	return all
}

var (
	makeTarget = regexp.MustCompile(`(?m)^([a-zA-Z][\w-]*):([^=\n].*)?$`)
	makeHelp   = regexp.MustCompile(`## \w+`)
)

func findMakeHelp(r repo) []finding {
	var all []finding
	for _, m := range makeTarget.FindAllStringSubmatch(r.text("Makefile"), -1) {
		if !makeHelp.MatchString(m[2]) {
			all = append(all, found(fmt.Sprintf("Makefile %s", m[1]), "needs its help behind ## in the same line"))
		}
	}
	return all
}
