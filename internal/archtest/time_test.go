// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package archtest

import (
	"slices"
	"strings"
)

var timeRules = map[string]rule{
	"Clocks": {
		why:  "Code that reads the clock itself can only be tested by waiting; take the time as a value or an injected clock.",
		find: findClocks,
		pass: map[string]string{
			"internal/hook/http.go retryAfter":  "A server that names a date means real time; the tests run in synctest.",
			"internal/hook/http.go sleep":       "The wait before a retry ends with its context, whose deadline is in real time; the tests run in synctest.",
			"internal/loadtest/server.go run":   "The log says how long a real command took, and nothing is decided by it.",
			"internal/demoapp/app.go New":       "The start-up that the application of the demo feigns is real time; the tests run in synctest.",
			"internal/demoapp/app.go ready":     "The start-up that the application of the demo feigns is real time; the tests run in synctest.",
			"internal/demoapp/app.go answer":    "The latency that the application of the demo feigns and measures is real; the tests run in synctest.",
			"internal/demoapp/demoapp.go Serve": "The proxies need real time to see that a pod ends; the tests run in synctest.",
			"internal/demoapp/demoapp.go after": "The crash that the application of the demo feigns comes in real time; the tests run in synctest.",
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

func findClocks(r repo) []finding {
	all := map[string]finding{}
	for _, f := range r.product() {
		if within(f.dir(), ownsClock) {
			continue
		}
		for _, d := range f.declarations() {
			for _, used := range f.uses("time", d.node) {
				if key := f.path + " " + d.name; slices.Contains(clock, used) {
					all[key] = found(key, "must not use time.%s", used)
				}
			}
		}
	}
	return sorted(all)
}

func findSleep(r repo) []finding {
	var all []finding
	for _, f := range r.code() {
		inTest := f.test() || strings.HasPrefix(f.path, "test/")
		if inTest && slices.Contains(f.uses("time", f.syntax), "Sleep") {
			all = append(all, found(f.path, "must not sleep"))
		}
	}
	return all
}
