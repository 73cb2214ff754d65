// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import "time"

// decideSettled waits for a new revision and repairs what others changed.
func decideSettled(s Snapshot) Decision {
	w := s.World
	if w.Route.Known && w.Route.Weight != 0 {
		return mendRoute(s)
	}
	if why, ok := mend(s); ok {
		return stall(because(hold(s, 0, "", ""), why))
	}
	if !seen(w) {
		return blind(s, "The cluster has not been read yet")
	}
	if d, ok := repair(s); ok {
		return d
	}
	switch {
	case isNew(s):
		return begin(s) // before the next, which may be impossible
	case s.Status.Phase == Failed && w.Primary.Revision == s.Status.Applied && s.Status.Applied != s.Status.Promoted:
		return do(hold(s, s.Plan.Interval, "Repairing", "Taking the rejected revision %s from the primary", s.Status.Applied), Demote{s.Status.Applied})
	case w.Canary.Running():
		return retire(s)
	case w.Primary.Stuck:
		return stall(because(settle(s, 0), reason("PrimaryNotReady", "The primary does not become ready: %s; release a revision that does", w.Primary.Why)))
	}
	return probe(s)
}

// mendRoute gives all requests to the primary again. It needs no valid plan.
func mendRoute(s Snapshot) Decision {
	d := unroute(s, hold(s, s.Plan.Interval, "Repairing", "Giving all requests to the primary again"))
	if why, ok := mend(s); ok {
		return stall(because(d, why))
	}
	return keepTold(s, d)
}

// repair puts back what the primary needs to serve, and reports whether there
// was anything to do.
func repair(s Snapshot) (Decision, bool) {
	w, st := s.World, s.Status
	switch {
	case !w.Services.Fit:
		return do(hold(s, s.Plan.Interval, "Repairing", "Mending the Services of primary and canary"), EnsureServices{}), true
	case !w.Primary.Exists && w.Canary.Revision == st.Promoted:
		return do(hold(s, s.Plan.Interval, "Repairing", "The primary is gone; making it again"), EnsurePrimary{}), true
	case !w.Primary.Exists:
		return stall(hold(s, 0, "PrimaryNotFound", "The primary is gone, and the target has revision %s, which was not promoted; give it revision %s", w.Canary.Revision, st.Promoted)), true
	case !w.Route.Fit:
		return do(hold(s, s.Plan.Interval, "Repairing", "Mending the route"), SetRoute{0}), true
	case !w.Apex.Fit && w.Primary.Ready:
		return do(hold(s, s.Plan.Interval, "Repairing", "Leading the application's Service to the primary"), EnsureApex{}), true
	}
	return Decision{}, false
}

// retire stops the canary once nobody can reach it any more.
func retire(s Snapshot) Decision {
	w := s.World
	switch {
	case !w.Apex.Fit:
		return because(settle(s, 0), reason("PrimaryNotReady", "The application's Service leads past the primary, which is not ready: %s", w.Primary.Why))
	case !w.Route.Accepted:
		return because(settle(s, 0), reason("RouteNotAccepted", "The proxy has not taken up the route: %s", w.Route.Why))
	case drains(s) > 0:
		return settle(s, drains(s))
	}
	return do(settle(s, s.Plan.Interval), StopCanary{})
}

// settle returns the decision to stay settled. A revision that the user went
// back to is remembered, so that the one before it counts as new again.
func settle(s Snapshot, after time.Duration) Decision {
	d := hold(s, after, string(s.Status.Phase), "Waiting for a new revision")
	if s.World.Canary.Revision == promoted(s) {
		d.Next.Applied = promoted(s)
	}
	return d
}

// probe tries the metrics out once for each version of the plan, so that a
// query that can't work is known before the release that needs it.
func probe(s Snapshot) Decision {
	if !s.Plan.Metrics || s.Status.Probed == s.Plan.Version {
		return settle(s, 0)
	}
	if wait := due(s); wait > 0 {
		return keepTold(s, settle(s, wait))
	}
	asking, answered := await(s, settle(s, 0), Probe)
	switch a := s.Answers[Probe]; {
	case !answered:
		return asking
	case a.Verdict == No || a.Verdict == Unknown:
		return stall(spend(s, because(settle(s, s.Plan.Interval), a.Reason)))
	}
	d := settle(s, 0)
	d.Next.Probed = s.Plan.Version
	return d
}

// begin starts the release of the revision that the target has now.
func begin(s Snapshot) Decision {
	d := hold(s, soon, "NewRevision", "Revision %s is about to be released", s.World.Canary.Revision)
	d.Next.Promoted = promoted(s)
	d.Next.Failed = 0
	d.Next.Run = Run{
		Revision:  s.World.Canary.Revision,
		StartedAt: s.Now,
		RoutedAt:  s.Status.Run.RoutedAt,
		Round:     s.Status.Run.Round + 1,
	}
	if s.Plan.Gates.Rollout {
		d.Next.Phase = Waiting
		return d
	}
	return start(s, d)
}

// start scales the canary up and begins to analyse it.
func start(s Snapshot, d Decision) Decision {
	d = do(d, SetRoute{0}, StartCanary{})
	d = because(d, Reason{"Progressing", "Starting the canary"})
	d.Next.Phase = Progressing
	d.Next.Applied = d.Next.Run.Revision
	d.Next.Run.CheckedAt = time.Time{} // the first request waits for nothing
	d.Next.Run.Round++
	d.After = s.Plan.Interval
	return tell(d, "NewRevision", "New revision %s: starting the canary", d.Next.Run.Revision)
}

// abandon ends a release whose target went back to what the primary runs.
func abandon(s Snapshot) Decision {
	d := do(hold(s, soon, "Reverted", "The target is back at the promoted revision"), SetRoute{0})
	d.Next.Phase, d.Next.Failed = Succeeded, 0
	d.Next.Promoted, d.Next.Applied = promoted(s), promoted(s)
	d.Next.Run.Earned, d.Next.Run.RoutedAt = 0, s.Now
	d.Next.Run.Round++
	return tell(d, "Reverted", "The target went back to the promoted revision; the release of %s ends", s.Status.Run.Revision)
}
