// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/sluice-delivery/sluice/api/v1beta1"
)

// A timeline prints what happens, with the seconds since a release began.
type timeline struct {
	out   io.Writer
	now   func() time.Time
	start time.Time

	line  string    // last line about the Canary
	check time.Time // last check that was printed
}

func (t *timeline) begin() {
	t.start, t.line = t.now(), ""
	t.say("%-16s %6s  %s", "phase", "weight", "what happened")
}

func (t *timeline) say(format string, args ...any) {
	at := "        "
	if !t.start.IsZero() {
		at = fmt.Sprintf("%6.1f s", t.now().Sub(t.start).Seconds())
	}
	fmt.Fprintf(t.out, "%s  %s\n", at, strings.TrimRight(fmt.Sprintf(format, args...), " "))
}

// canary prints the phase, the weight and the last check, where they are news.
func (t *timeline) canary(c *v1beta1.Canary) {
	st := c.Status
	if line := fmt.Sprintf("%-16s %4d %%", st.Phase, st.CanaryWeight); line != t.line {
		t.line = line
		t.say("%s", line)
	}
	if len(st.Checks) == 0 || !st.Checks[0].Time.After(t.check) {
		return
	}
	t.check = st.Checks[0].Time.Time
	var parts []string
	for _, m := range st.Checks {
		mark := map[v1beta1.MetricVerdict]string{v1beta1.MetricPassed: "ok", v1beta1.MetricFailed: "FAILED", v1beta1.MetricNoData: "NO DATA", v1beta1.MetricError: "ERROR"}[m.Verdict]
		value := m.Value
		if value == "" {
			value = "?"
		}
		parts = append(parts, fmt.Sprintf("%s %s (%s) %s", m.Name, value, m.Range, mark))
	}
	t.say("%-16s %6s  check: %s", "", "", strings.Join(parts, ", "))
}

func (t *timeline) event(kind, reason, message string) {
	t.say("%-16s %6s  %s %s: %s", "", "", strings.ToLower(kind), reason, message)
}
