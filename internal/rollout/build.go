// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"time"
)

// soon is how long to wait when the next decision is already due.
const soon = time.Millisecond

// approval is the code of every wait for somebody's leave.
const approval = "WaitingForApproval"

// hold returns the decision to leave everything as it is. The other functions
// here add to a decision.
func hold(s Snapshot, after time.Duration, code, format string, a ...any) Decision {
	return Decision{Next: s.Status, After: after, Why: reason(code, format, a...)}
}

func reason(code, format string, a ...any) Reason {
	if len(a) == 0 {
		return Reason{code, format} // a settled release is decided about without an allocation
	}
	return Reason{code, fmt.Sprintf(format, a...)}
}

// blind holds because something can't be seen. What people were told stands,
// since nobody can say whether it is over.
func blind(s Snapshot, message string) Decision {
	return keepTold(s, because(hold(s, s.Plan.Interval, "", ""), Reason{"Observing", message}))
}

// spend uses the answers of this round up: the next check comes an interval
// from now, and late answers to this one are void.
func spend(s Snapshot, d Decision) Decision {
	d.Next.Run.CheckedAt = s.Now
	d.Next.Run.Round++
	return d
}

func because(d Decision, why Reason) Decision {
	d.Why = why
	return d
}

// once tells the reason of d unless it was told before.
func once(d Decision) Decision {
	d.Once = true
	return d
}

// stall says that the user must mend something.
func stall(d Decision) Decision {
	d.Once, d.Stall = true, true
	return d
}

// keepTold keeps what people were told before as the state of affairs, so that
// looking again does not make it come and go.
func keepTold(s Snapshot, d Decision) Decision {
	if s.Status.Told == (Reason{}) {
		return d
	}
	d.Why, d.Once, d.Stall = s.Status.Told, true, s.Status.Told.Code != approval
	return d
}

// await asks those of the questions that were not asked yet, and reports
// whether all answers are there.
func await(s Snapshot, d Decision, qs ...Question) (Decision, bool) {
	all := true
	for _, q := range qs {
		switch s.Answers[q].Verdict {
		case Absent:
			d.Ask = append(d.Ask, q)
			all = false
		case Pending:
			all = false
		}
	}
	return keepTold(s, d), all
}

func do(d Decision, a ...Action) Decision {
	d.Do = append(d.Do, a...)
	return d
}

// unroute takes all requests from the canary, unless it is known to get none.
func unroute(s Snapshot, d Decision) Decision {
	if s.World.Route.Known && s.World.Route.Weight == 0 {
		return d
	}
	d.Next.Run.RoutedAt = s.Now
	return do(d, SetRoute{0})
}

func tell(d Decision, code, format string, a ...any) Decision {
	d.Tell = append(d.Tell, Notice{Reason: reason(code, format, a...)})
	return d
}

func warn(d Decision, code, format string, a ...any) Decision {
	d.Tell = append(d.Tell, Notice{Warning: true, Reason: reason(code, format, a...)})
	return d
}

// outcome marks the last notice as the one that ends the release.
func outcome(d Decision) Decision {
	d.Tell[len(d.Tell)-1].Outcome = true
	return d
}

// mend returns the first thing that the user must mend before a release can
// start or go on.
func mend(s Snapshot) (Reason, bool) {
	switch w := s.World; {
	case len(s.Plan.Problems) > 0:
		return s.Plan.Problems[0], true
	case s.Plan.Invalid:
		return Reason{"InvalidSpec", "The spec makes no sense; mend it"}, true
	case gone(s):
		return targetNotFound, true
	case w.Services.Foreign != "":
		return Reason{"ServiceConflict", w.Services.Foreign}, true
	case w.Apex.Foreign != "":
		return Reason{"ServiceConflict", w.Apex.Foreign}, true
	}
	return Reason{}, false
}
