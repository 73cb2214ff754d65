// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"cmp"
	"time"
)

// A rule decides for one phase.
type rule func(Snapshot) Decision

// ruleOf returns the rule for a phase.
func ruleOf(p Phase) (rule, bool) {
	r, ok := map[Phase]rule{
		"":               decideInitializing,
		Initializing:     decideInitializing,
		Initialized:      decideSettled,
		Succeeded:        decideSettled,
		Failed:           decideSettled,
		Waiting:          decideWaiting,
		Progressing:      decideProgressing,
		WaitingPromotion: decideProgressing,
		Promoting:        decidePromoting,
		Finalising:       decideFinalising,
		Terminating:      decideTerminating,
	}[p]
	return r, ok
}

// Decide returns what to do next about the release that s describes. It does
// not change s.
func Decide(s Snapshot) Decision {
	return tellOnce(s, decide(s))
}

func decide(s Snapshot) Decision {
	switch {
	case s.Plan.Deleting:
		return decideTerminating(s)
	case s.Plan.Suspended:
		return hold(s, 0, "Suspended", "The canary is suspended; set spec.suspend to false to go on")
	}
	r, ok := ruleOf(s.Status.Phase)
	if !ok {
		return stall(hold(s, 0, "UnknownPhase", "status.phase %q is not known; has another controller written it?", s.Status.Phase))
	}
	return r(s)
}

// tellOnce tells people once about each thing that they must mend or approve,
// and remembers what they were told.
func tellOnce(s Snapshot, d Decision) Decision {
	var now Reason
	if d.Once {
		now = d.Why
	}
	d.Next.Told = now
	if d.Memo != nil {
		d.Memo.Told = now
	}
	if d.Once && now != s.Status.Told {
		d.Tell = append(d.Tell, Notice{Warning: true, Reason: now})
	}
	return d
}

// decideInitializing takes the workload over: the primary serves before the
// application's Service leads to it, and only then may the target stop.
func decideInitializing(s Snapshot) Decision {
	w := s.World
	init := func(d Decision) Decision { d.Next.Phase = Initializing; return d }
	if why, ok := mend(s); ok {
		return init(stall(because(hold(s, 0, "", ""), why)))
	}
	switch {
	case !w.Canary.Known || !w.Primary.Known || !w.Services.Known || !w.Apex.Known || !w.Route.Known:
		return init(hold(s, s.Plan.Interval, "Observing", "The cluster has not been read yet"))
	case !w.Services.Fit:
		return init(do(hold(s, s.Plan.Interval, "Initializing", "Creating the Services of primary and canary"), EnsureServices{}))
	case !w.Primary.Exists:
		return init(do(hold(s, s.Plan.Interval, "Initializing", "Creating the primary"), EnsurePrimary{}))
	case w.Primary.Stuck:
		return init(stall(hold(s, 0, "PrimaryNotReady", "The primary does not become ready: %s. The target still serves; mend its pod template", w.Primary.Why)))
	case !w.Primary.Ready:
		return init(hold(s, 0, "PrimaryStarting", "Waiting for the primary: %s", w.Primary.Why))
	case !w.Apex.Fit:
		return init(do(hold(s, s.Plan.Interval, "Initializing", "Leading the application's Service to the primary"), EnsureApex{}))
	case !w.Route.Fit || w.Route.Weight != 0:
		return init(do(hold(s, s.Plan.Interval, "Initializing", "Writing the route"), SetRoute{0}))
	}
	d := hold(s, soon, "Initialized", "Ready to release")
	d.Next.Phase = Initialized
	d.Next.Promoted = cmp.Or(w.Primary.Revision, w.Canary.Revision)
	d.Next.Applied = d.Next.Promoted
	d.Next.Run = Run{RoutedAt: s.Now}
	return tell(d, "Initialized", "The primary serves; ready to release new revisions")
}

// decideSettled waits for a new revision and repairs what others changed.
func decideSettled(s Snapshot) Decision {
	w := s.World
	if w.Route.Known && w.Route.Weight != 0 && !s.Plan.Invalid {
		return mendRoute(s)
	}
	if why, ok := mend(s); ok {
		return stall(because(hold(s, 0, "", ""), why))
	}
	switch {
	case !w.Canary.Known || !w.Primary.Known || !w.Services.Known || !w.Apex.Known || !w.Route.Known:
		return hold(s, s.Plan.Interval, "Observing", "The cluster has not been read yet")
	case !w.Services.Fit:
		return do(hold(s, s.Plan.Interval, "Repairing", "Mending the Services of primary and canary"), EnsureServices{})
	case !w.Primary.Exists:
		return do(hold(s, s.Plan.Interval, "Repairing", "The primary is gone; making it again"), EnsurePrimary{})
	case !w.Route.Fit:
		return mendRoute(s)
	case !w.Apex.Fit && w.Primary.Ready:
		return do(hold(s, s.Plan.Interval, "Repairing", "Leading the application's Service to the primary"), EnsureApex{})
	case isNew(s):
		return begin(s)
	case w.Canary.Running() && drains(s) > 0:
		return settle(s, drains(s))
	case w.Canary.Running():
		return do(settle(s, s.Plan.Interval), StopCanary{})
	}
	return probe(s)
}

// mendRoute gives all requests to the primary again.
func mendRoute(s Snapshot) Decision {
	d := do(hold(s, s.Plan.Interval, "Repairing", "Mending the route"), SetRoute{0})
	if s.World.Route.Weight != 0 {
		d.Next.Run.RoutedAt = s.Now
	}
	return d
}

// settle returns the decision to stay settled. A revision that the user went
// back to is remembered, so that the one before it counts as new again.
func settle(s Snapshot, after time.Duration) Decision {
	d := hold(s, after, string(s.Status.Phase), "Waiting for a new revision")
	if s.World.Canary.Revision == s.Status.Promoted {
		d.Next.Applied = s.Status.Promoted
	}
	return d
}

// probe tries the metrics out once for each version of the plan, so that a
// query that can't work is known before the release that needs it.
func probe(s Snapshot) Decision {
	d := settle(s, 0)
	if !s.Plan.Metrics || s.Status.Probed == s.Plan.Version {
		return d
	}
	switch a := s.Answers[Probe]; a.Verdict {
	case Absent:
		return ask(keepTold(s, d), Probe)
	case Pending:
		return keepTold(s, d)
	case Unknown:
		d = because(d, a.Reason)
		if s.Now.Sub(s.Status.Run.CheckedAt) >= s.Plan.Interval {
			d.Next.Run.CheckedAt = s.Now
			d.Next.Run.Round++ // ask again
		}
		d.After = max(soon, s.Plan.Interval-s.Now.Sub(d.Next.Run.CheckedAt))
		return stall(d)
	}
	d.Next.Probed = s.Plan.Version
	return d
}

// isNew reports whether the target has a revision that was neither promoted nor
// rejected.
func isNew(s Snapshot) bool {
	r := s.World.Canary.Revision
	return s.World.Canary.Exists && r != "" && r != s.Status.Applied && r != s.Status.Promoted
}

// begin starts the release of the revision that the target has now.
func begin(s Snapshot) Decision {
	d := hold(s, soon, "NewRevision", "Revision %s is about to be released", s.World.Canary.Revision)
	d.Next.Run = Run{Revision: s.World.Canary.Revision, StartedAt: s.Now, RoutedAt: s.Status.Run.RoutedAt}
	d.Next.Failed = 0
	if s.Plan.Gates.Rollout && !s.Plan.SkipAnalysis {
		d.Next.Phase = Waiting
		return d
	}
	return start(s, d)
}

// decideWaiting holds a new revision back until it may be released.
func decideWaiting(s Snapshot) Decision {
	switch {
	case !s.World.Canary.Known || !s.World.Route.Known:
		return hold(s, s.Plan.Interval, "Observing", "The cluster has not been read yet")
	case s.World.Route.Weight != 0:
		return mendRoute(s)
	case s.World.Canary.Revision == s.Status.Promoted:
		return abandon(s)
	case s.World.Canary.Revision != s.Status.Run.Revision && isNew(s):
		return begin(s)
	}
	if why, ok := mend(s); ok {
		return stall(because(hold(s, 0, "", ""), why))
	}
	asking := keepTold(s, hold(s, 0, approval, "Asking the confirm-rollout webhooks"))
	if wait := due(s); wait > 0 {
		asking.After = wait
		return asking
	}
	switch a := s.Answers[MayStart]; {
	case !s.Plan.Gates.Rollout || a.Verdict == Yes:
		return start(s, hold(s, 0, "", ""))
	case a.Verdict == Absent:
		return ask(asking, MayStart)
	case a.Verdict == Pending:
		return asking
	default:
		return once(spend(s, hold(s, s.Plan.Interval, approval, "Revision %s waits for approval: %s", s.Status.Run.Revision, a.Reason.Message)))
	}
}

// start scales the canary up and begins to analyse it.
func start(s Snapshot, d Decision) Decision {
	d = do(d, SetRoute{0}, StartCanary{})
	d = because(d, Reason{"Progressing", "Starting the canary"})
	d.Next.Phase = Progressing
	d.Next.Applied = d.Next.Run.Revision
	d.Next.Failed = 0
	d.Next.Run.CheckedAt = time.Time{}
	d.Next.Run.Round++
	if s.World.Route.Weight != 0 {
		d.Next.Run.RoutedAt = s.Now
	}
	d.After = s.Plan.Interval
	return tell(d, "NewRevision", "New revision %s: starting the canary", d.Next.Run.Revision)
}

// abandon ends a release whose target went back to what is promoted.
func abandon(s Snapshot) Decision {
	d := do(hold(s, soon, "Reverted", "The target is back at the promoted revision"), SetRoute{0})
	d.Next.Phase, d.Next.Applied, d.Next.Failed = Succeeded, s.Status.Promoted, 0
	d.Next.Run.Earned = 0
	d.Next.Run.Round++
	if s.World.Route.Weight != 0 || !s.World.Route.Known {
		d.Next.Run.RoutedAt = s.Now
	}
	return tell(d, "Reverted", "The target went back to the promoted revision; the release of %s ends", s.Status.Run.Revision)
}
