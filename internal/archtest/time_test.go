// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package archtest

import (
	"slices"
	"strings"
)

var timeRules = map[string]rule{
	"Clock": {
		why:  "Code that reads the clock itself can only be tested by waiting; take the time as a value or an injected clock.",
		find: findClock,
		pass: map[string]string{
			"internal/hook/http.go":       "The wait before a retry ends with the deadline of the context, which is in real time; its tests run in synctest.",
			"internal/loadtest/server.go": "The log says how long a real command took, and nothing is decided by it.",
			"internal/demoapp/app.go":     "Latency and start-up of the demo's application are real; its tests run in synctest.",
			"internal/demoapp/demoapp.go": "The delays of the demo's application are real; its tests run in synctest.",
		},
	},
	"Sleep": {
		why:  "A test that sleeps is slow on every machine and wrong on a busy one; wait for a channel, or use testing/synctest.",
		find: findSleep,
	},
}

// clock are the functions of package time that read the clock or wait for it.
var clock = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"}

// ownsClock are the places where real time comes in.
var ownsClock = []string{"cmd/*", "internal/app", "internal/demo", "lab/*"}

func findClock(r repo) []finding {
	all := map[string]finding{}
	for _, f := range r.product() {
		if within(f.dir(), ownsClock) {
			continue
		}
		for _, name := range f.uses("time") {
			if slices.Contains(clock, name) {
				all[f.path] = found(f.path, "must not use time.%s", name)
			}
		}
	}
	return sorted(all)
}

func findSleep(r repo) []finding {
	var all []finding
	for _, f := range r.code() {
		inTest := f.test() || strings.HasPrefix(f.path, "test/")
		if inTest && slices.Contains(f.uses("time"), "Sleep") {
			all = append(all, found(f.path, "must not sleep"))
		}
	}
	return all
}
