// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import "cmp"

// Decide returns what to do next about the release that s describes. It does
// not change s.
func Decide(s Snapshot) Decision {
	return tellOnce(s, decide(steady(s)))
}

func decide(s Snapshot) Decision {
	switch {
	case s.Plan.Deleting:
		return decideTerminating(s)
	case s.Plan.Suspended:
		return hold(s, 0, "Suspended", "The canary is suspended; set spec.suspend to false to go on")
	}
	r := ruleOf(s.Status.Phase)
	if r == nil {
		return stall(hold(s, 0, "UnknownPhase", "status.phase %q is not known; has another controller written it?", s.Status.Phase))
	}
	return r(s)
}

// A rule decides for one phase.
type rule func(Snapshot) Decision

// ruleOf returns the rule for a phase, or nil for one that does not exist.
func ruleOf(p Phase) rule {
	switch p {
	case "", Initializing:
		return decideInitializing
	case Initialized, Succeeded, Failed:
		return decideSettled
	case Waiting:
		return decideWaiting
	case Progressing, WaitingPromotion:
		return decideProgressing
	case Promoting:
		return decidePromoting
	case Finalising:
		return decideFinalising
	case Terminating:
		return decideTerminating
	}
	return nil
}

// tellOnce tells people once about each thing that they must mend or approve,
// and remembers what they were told.
func tellOnce(s Snapshot, d Decision) Decision {
	var now Reason
	if d.Once {
		now = d.Why
	}
	d.Next.Told = now
	if d.Once && now != s.Status.Told {
		d.Tell = append(d.Tell, Notice{Warning: true, Reason: now})
	}
	return d
}

// decideInitializing takes the workload over.
func decideInitializing(s Snapshot) Decision {
	d := takeOver(s)
	if d.Next.Phase == "" {
		d.Next.Phase = Initializing
	}
	return d
}

// takeOver makes the primary serve before the application's Service leads to
// it, and only then may the target stop.
func takeOver(s Snapshot) Decision {
	w := s.World
	if why, ok := mend(s); ok {
		return stall(because(hold(s, 0, "", ""), why))
	}
	switch {
	case !seen(w):
		return blind(s, "The cluster has not been read yet")
	case !w.Services.Fit:
		return do(hold(s, s.Plan.Interval, "Initializing", "Creating the Services of primary and canary"), EnsureServices{})
	case !w.Primary.Exists:
		return do(hold(s, s.Plan.Interval, "Initializing", "Creating the primary"), EnsurePrimary{})
	case w.Primary.Stuck:
		return stall(hold(s, 0, "PrimaryNotReady", "The primary does not become ready: %s. The target still serves; mend its pod template", w.Primary.Why))
	case !w.Primary.Ready:
		return hold(s, 0, "PrimaryStarting", "Waiting for the primary: %s", w.Primary.Why)
	case !w.Primary.Running() && w.Canary.Running():
		return stall(hold(s, 0, "PrimaryNotReady", "The primary has no replicas. The target still serves; scale the primary up"))
	case !w.Apex.Fit:
		return do(hold(s, s.Plan.Interval, "Initializing", "Leading the application's Service to the primary"), EnsureApex{})
	case !w.Route.Fit || w.Route.Weight != 0:
		return do(hold(s, s.Plan.Interval, "Initializing", "Writing the route"), SetRoute{0})
	}
	d := hold(s, soon, "Initialized", "Ready to release")
	d.Next.Phase = Initialized
	d.Next.Promoted = cmp.Or(w.Primary.Revision, w.Canary.Revision)
	d.Next.Applied = d.Next.Promoted
	d.Next.Run = Run{RoutedAt: s.Now, Round: s.Status.Run.Round + 1}
	return tell(d, "Initialized", "The primary serves; ready to release new revisions")
}

// decideWaiting holds a new revision back until it may be released.
func decideWaiting(s Snapshot) Decision {
	w := s.World
	switch {
	case w.Route.Known && w.Route.Weight != 0:
		return mendRoute(s)
	case !w.Canary.Known || !w.Primary.Known || !w.Route.Known:
		return blind(s, "The cluster has not been read yet")
	case w.Canary.Exists && w.Canary.Revision == promoted(s):
		return abandon(s)
	case changed(s):
		return begin(s)
	}
	if why, ok := mend(s); ok {
		return stall(because(hold(s, 0, "", ""), why))
	}
	if !s.Plan.Gates.Rollout {
		return start(s, hold(s, 0, "", ""))
	}
	return approve(s)
}

// approve starts the release when somebody gives leave.
func approve(s Snapshot) Decision {
	if wait := due(s); wait > 0 {
		return keepTold(s, hold(s, wait, approval, "Revision %s waits for approval", s.Status.Run.Revision))
	}
	asking, answered := await(s, hold(s, 0, approval, "Asking the confirm-rollout webhooks"), MayStart)
	switch a := s.Answers[MayStart]; {
	case !answered:
		return asking
	case a.Verdict == Yes:
		return start(s, hold(s, 0, "", ""))
	default:
		return once(spend(s, hold(s, s.Plan.Interval, approval, "Revision %s waits for approval: %s", s.Status.Run.Revision, a.Reason.Message)))
	}
}
