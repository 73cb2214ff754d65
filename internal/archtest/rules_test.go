// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package archtest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// A rule is one rule of the repository.
type rule struct {
	why  string // it exists, for the reader of a failure
	find func(repo) []finding
	// pass maps keys of findings that are right as they are to the reason.
	pass map[string]string
}

// A finding is one place that breaks a rule.
type finding struct {
	key     string // tells it from others; stable while the code is edited elsewhere
	message string // what to do about it
}

func found(key, format string, a ...any) finding { return finding{key, fmt.Sprintf(format, a...)} }

// rules are all rules by name.
func rules() map[string]rule {
	all := map[string]rule{}
	for _, some := range []map[string]rule{layerRules, packageRules, budgetRules, timeRules, phaseRules, reasonRules, textRules, sampleRules} {
		maps.Copy(all, some)
	}
	return all
}

// TestRepository holds the repository to its rules.
func TestRepository(t *testing.T) {
	r := repository(t)
	for name, rule := range rules() {
		t.Run(name, func(t *testing.T) {
			needed := map[string]bool{}
			for _, f := range rule.find(r) {
				if _, ok := rule.pass[f.key]; ok {
					needed[f.key] = true
					continue
				}
				t.Errorf("%s: %s\n  why: %s", f.key, f.message, rule.why)
			}
			for _, key := range slices.Sorted(maps.Keys(rule.pass)) {
				switch {
				case !needed[key]:
					t.Errorf("nothing needs the exception for %q any more; remove it", key)
				case len(strings.Fields(rule.pass[key])) < 5:
					t.Errorf("the exception for %q needs a sentence that says why", key)
				}
			}
		})
	}
}
