// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import "fmt"

// targetNotFound is the reason that nothing can be released.
var targetNotFound = Reason{"TargetNotFound", "The target does not exist; create it or mend spec.targetRef"}

// decideProgressing analyses the canary. It looks at the most urgent first:
// safety, then repair, then waiting, then progress.
func decideProgressing(s Snapshot) Decision {
	w := s.World
	if why, ok := exhausted(s); ok {
		return rollBack(s, s.Status, why) // first, because it needs no facts
	}
	switch {
	case gone(s):
		return stall(because(unroute(s, hold(s, 0, "", "")), targetNotFound))
	case changed(s):
		return reconsider(s)
	case taken(s):
		return promote(s, hold(s, 0, "", "")) // it was, but that was not recorded
	case w.Canary.Stuck:
		return rollBack(s, s.Status, reason("ProgressDeadlineExceeded", "the canary did not become ready in time: %s", w.Canary.Why))
	case s.Answers[MustRollBack].Verdict == Yes:
		return rollBack(s, s.Status, Reason{"RollbackRequested", "a rollback webhook asked for it"})
	}
	return tend(s)
}

// reconsider takes the requests from a target that has changed in the middle of
// a release. What comes next depends on what the primary runs.
func reconsider(s Snapshot) Decision {
	switch {
	case !s.World.Primary.Known:
		return forfeit(s, blind(s, "The target changed, and the primary can't be seen"))
	case s.World.Canary.Revision == promoted(s):
		return abandon(s)
	}
	d := begin(s)
	if d.Next.Phase == Waiting {
		d = do(d, SetRoute{0})
	}
	d.Next.Run.RoutedAt = s.Now
	d.Tell = nil // says more than that the revision is new
	return tell(d, "Restarted", "The target changed during the release of %s; starting again with %s", s.Status.Run.Revision, s.World.Canary.Revision)
}

// forfeit takes from the canary what another revision has earned.
func forfeit(s Snapshot, d Decision) Decision {
	d = unroute(s, d)
	if s.Status.Run.Earned > 0 {
		d.Next.Run.Earned = 0
		d.Next.Run.Round++
		d = warn(d, "CanaryWithdrawn", "The canary of revision %s has changed or is not ready; the primary gets all requests", s.Status.Run.Revision)
	}
	return d
}

// tend makes the canary run, and get the requests that it has earned.
func tend(s Snapshot) Decision {
	w, earned := s.World, s.Status.Run.Earned
	switch {
	case !w.Canary.Known || w.Canary.Revision == "":
		return blind(s, "The canary can't be seen; its weight is held")
	case !w.Canary.Running():
		return do(unroute(s, hold(s, s.Plan.Interval, "CanaryStopped", "Starting the canary again")), StartCanary{})
	case !w.Canary.Ready:
		return notReady(s)
	case !w.Route.Known:
		return blind(s, "The route can't be seen; the weight is held")
	case s.Plan.Invalid:
		return standStill(s)
	case !s.Plan.SkipAnalysis && earned > last(s.Plan.Steps):
		return lower(s)
	case drifted(s):
		return reroute(s)
	case s.Plan.SkipAnalysis:
		return promote(s, hold(s, 0, "", ""))
	}
	return judge(s)
}

// reroute gives the canary what it has earned again.
func reroute(s Snapshot) Decision {
	earned, was := s.Status.Run.Earned, s.World.Route.Weight
	d := do(keepTold(s, hold(s, s.Plan.Interval, "Routing", "Giving the canary %d%% of requests", earned)), SetRoute{earned})
	if was == earned {
		return d
	}
	return tell(d, "WeightRestored", "The canary gets its %d%% of requests again, after %d%%", earned, was)
}

// notReady takes the requests from a canary that does not serve. Once it has
// had requests, each interval without readiness is a failed check.
func notReady(s Snapshot) Decision {
	earned, why := s.Status.Run.Earned, reason("CanaryNotReady", "Waiting for the canary: %s", s.World.Canary.Why)
	wait := due(s)
	switch {
	case earned == 0 || s.Plan.Invalid: // its interval can't be trusted either
		return unroute(s, because(hold(s, 0, "", ""), why))
	case wait == 0:
		return failed(s, reason("CanaryNotReady", "the canary is not ready: %s", s.World.Canary.Why))
	}
	d := unroute(s, because(hold(s, wait, "", ""), why))
	if len(d.Do) > 0 {
		d = warn(d, "CanaryNotReady", "The canary lost its %d%% of requests until it is ready again: %s", earned, s.World.Canary.Why)
	}
	return d
}

// standStill neither asks nor moves on while the plan makes no sense. Only what
// others gave the canary on top is taken from it.
func standStill(s Snapshot) Decision {
	why, _ := mend(s)
	d := stall(because(hold(s, 0, "", ""), why))
	if drifted(s) {
		return do(d, SetRoute{s.Status.Run.Earned})
	}
	return d
}

// lower follows a plan that now ends below what the canary has earned. What it
// has passed at the old weight says nothing about the end of the new plan.
func lower(s Snapshot) Decision {
	top := last(s.Plan.Steps)
	d := spend(s, hold(s, s.Plan.Interval, "Progressing", "The canary gets %d%% of requests", top))
	d.Next.Phase = Progressing
	d.Next.Run.Earned = top
	d = do(d, SetRoute{top})
	return tell(d, "WeightLowered", "The plan now ends at %d%% of requests; revision %s had %d%%", top, s.Status.Run.Revision, s.Status.Run.Earned)
}

// judge finds out whether the canary may go on.
func judge(s Snapshot) Decision {
	earned, wait := s.Status.Run.Earned, due(s)
	switch {
	case wait > 0:
		return keepTold(s, because(hold(s, wait, "", ""), underWay(s, earned)))
	case !s.World.Route.Accepted:
		return notAccepted(s)
	case earned == 0:
		return firstRequest(s)
	}
	return check(s)
}

// underWay is the state of affairs between two moves. It is the same while a
// check is awaited and while it is asked, so that nothing is saved for that.
func underWay(s Snapshot, weight int) Reason {
	why := reason("Progressing", "The canary gets %d%% of requests", weight)
	if s.Status.Failed > 0 && weight == s.Status.Run.Earned {
		why.Message += fmt.Sprintf("; %d of %d checks failed", s.Status.Failed, s.Plan.Threshold)
	}
	return why
}

// notAccepted waits for the proxy. A check would not see the weight that it is
// meant to judge.
func notAccepted(s Snapshot) Decision {
	patience := min(left(s, s.Status.Run.StartedAt, s.Plan.Interval), s.Plan.Interval)
	d := hold(s, patience, "RouteNotAccepted", "The proxy has not taken up the route: %s", s.World.Route.Why)
	if patience > 0 {
		return keepTold(s, d)
	}
	return stall(d)
}

// firstRequest decides whether a canary that never had requests may get some.
// Nothing is at stake yet, so missing answers are waited for without limit.
func firstRequest(s Snapshot) Decision {
	if why, ok := mend(s); ok {
		return stall(because(hold(s, 0, "", ""), why))
	}
	if len(s.Plan.Steps) == 0 {
		return stall(hold(s, 0, "NoSteps", "The plan has no steps; set spec.analysis.stepWeight or stepWeights"))
	}
	if !s.Plan.Gates.PreRollout && !s.Plan.Metrics {
		return advance(s)
	}
	asking, answered := await(s, hold(s, 0, "PreRollout", "Asking the pre-rollout webhooks and trying the metrics out"), withRollback(s, MayRoute)...)
	switch a := s.Answers[MayRoute]; {
	case a.Verdict == No:
		return failed(s, a.Reason)
	case !answered:
		return asking
	case a.Verdict != Yes:
		return stall(spend(s, because(hold(s, s.Plan.Interval, "", ""), a.Reason)))
	}
	return advance(s)
}

// check judges the canary at its present weight.
func check(s Snapshot) Decision {
	asking, answered := await(s, because(hold(s, 0, "", ""), underWay(s, s.Status.Run.Earned)), withRollback(s, Check)...)
	switch a := s.Answers[Check]; {
	case a.Verdict == No:
		return failed(s, a.Reason) // whatever else is still on its way
	case !answered:
		return asking
	case a.Verdict == Unknown:
		return unanswered(s, a.Reason)
	case a.Verdict == Wait:
		return spend(s, because(hold(s, s.Plan.Interval, "", ""), a.Reason))
	}
	return advance(s)
}

// withRollback adds the question whether somebody wants the canary gone.
func withRollback(s Snapshot, q Question) []Question {
	if s.Plan.Gates.Rollback {
		return []Question{MustRollBack, q}
	}
	return []Question{q}
}

// advance moves on after a passed check: to the next weight, or to promotion.
func advance(s Snapshot) Decision {
	d := spend(s, hold(s, s.Plan.Interval, "", ""))
	d.Next.Run.Errors = 0
	if !s.Plan.Cumulative {
		d.Next.Failed = 0
	}
	next, ok := nextStep(s)
	if !ok {
		return promoteIfAllowed(s, d)
	}
	if s.Plan.Gates.TrafficIncrease {
		asking, answered := await(s, hold(s, 0, approval, "Asking the confirm-traffic-increase webhooks"), MayIncrease)
		switch a := s.Answers[MayIncrease]; {
		case !answered:
			return asking
		case a.Verdict != Yes:
			return once(because(d, reason(approval, "Weight %d%% waits for approval: %s", next, a.Reason.Message)))
		}
	}
	d = do(d, SetRoute{next})
	d.Next.Phase = Progressing
	d.Next.Run.Earned = next
	d = because(d, underWay(s, next))
	return tell(d, "WeightAdvanced", "Advanced revision %s to %d%% of requests", s.Status.Run.Revision, next)
}

// nextStep returns the first weight of the plan above the earned one.
func nextStep(s Snapshot) (int, bool) {
	for _, w := range s.Plan.Steps {
		if w > s.Status.Run.Earned {
			return w, true
		}
	}
	return 0, false
}

// last returns the weight at which the plan ends.
func last(steps []int) int {
	if len(steps) == 0 {
		return 0
	}
	return steps[len(steps)-1]
}
