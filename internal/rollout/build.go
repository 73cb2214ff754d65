// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"time"
)

// soon is how long to wait when the next decision is already due.
const soon = time.Millisecond

func hold(s Snapshot, after time.Duration, code, format string, a ...any) Decision {
	return Decision{Next: s.Status, After: after, Why: Reason{code, fmt.Sprintf(format, a...)}}
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

// approval is the code of every wait for somebody's leave.
const approval = "WaitingForApproval"

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
// asking again does not make it come and go.
func keepTold(s Snapshot, d Decision) Decision {
	if s.Status.Told == (Reason{}) {
		return d
	}
	d.Why, d.Once, d.Stall = s.Status.Told, true, s.Status.Told.Code != approval
	return d
}

func ask(d Decision, q Question) Decision {
	d.Ask = append(d.Ask, q)
	return d
}

func do(d Decision, a ...Action) Decision {
	d.Do = append(d.Do, a...)
	return d
}

func tell(d Decision, code, format string, a ...any) Decision {
	d.Tell = append(d.Tell, Notice{Reason: Reason{code, fmt.Sprintf(format, a...)}})
	return d
}

func warn(d Decision, code, format string, a ...any) Decision {
	d.Tell = append(d.Tell, Notice{Warning: true, Reason: Reason{code, fmt.Sprintf(format, a...)}})
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
	case w.Canary.Known && !w.Canary.Exists:
		return Reason{"TargetNotFound", "The target does not exist; create it or mend spec.targetRef"}, true
	case w.Services.Foreign != "":
		return Reason{"ServiceConflict", w.Services.Foreign}, true
	case w.Apex.Foreign != "":
		return Reason{"ServiceConflict", w.Apex.Foreign}, true
	}
	return Reason{}, false
}
