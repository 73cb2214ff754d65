// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package archtest

import (
	"maps"
	"slices"
	"strings"
)

// allPhases are the phases that a message exists for.
const allPhases = "Failed Finalising Initialized Initializing Progressing Promoting Succeeded Terminating Waiting WaitingPromotion"

var phaseRules = map[string]rule{
	"Phases": {
		why:  "What follows from a phase is decided in internal/rollout, where it can be tested without a cluster.",
		find: findPhases,
		pass: map[string]string{
			"internal/controller/canary phaseReason: Initializing":                 "A Canary that nobody has decided about yet is shown as what it becomes first.",
			"internal/controller/canary promoted: Failed Initialized Succeeded":    "The condition Promoted is the phase, said as yes, no or unknown for Flagger's tools.",
			"internal/controller/canary promotedMessage: " + allPhases:             "The message of the condition Promoted is the phase, in a sentence for people.",
			"internal/controller/canary setConditions: Failed":                     "A condition keeps the cause of a rollback, which later decisions do not repeat.",
			"internal/controller/canary ended: Failed Initialized Succeeded":       "Status shows whether a release is under way, and when the last one ended; nothing is decided by it.",
			"internal/controller/canary adopted: Finalising Initialized Succeeded": "What Flagger wrote is read in terms of the core, before anything is decided.",
		},
	},
}

func findPhases(r repo) []finding {
	core := map[string]string{}
	for _, f := range r.product("internal/rollout") {
		maps.Copy(core, f.constants("Phase"))
	}
	all := map[string]finding{}
	for _, f := range r.product("internal/controller") {
		for _, d := range f.declarations() {
			var phases []string
			for _, used := range f.uses("internal/rollout", d.node) {
				if core[used] != "" {
					phases = append(phases, used)
				}
			}
			for _, used := range f.uses("api/v1beta1", d.node) {
				if phase, ok := strings.CutPrefix(used, "Phase"); ok {
					phases = append(phases, phase)
				}
			}
			if len(phases) > 0 {
				slices.Sort(phases)
				key := f.dir() + " " + d.name + ": " + strings.Join(slices.Compact(phases), " ")
				all[key] = found(key, "must leave it to internal/rollout")
			}
		}
	}
	return sorted(all)
}
