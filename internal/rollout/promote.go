// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

// promoteIfAllowed promotes after the last step, when the gate agrees.
func promoteIfAllowed(s Snapshot, d Decision) Decision {
	if !s.Plan.Gates.Promotion {
		return promote(s, d)
	}
	switch a := s.Answers[MayPromote]; a.Verdict {
	case Absent:
		return ask(keepTold(s, hold(s, 0, approval, "Asking the confirm-promotion webhooks")), MayPromote)
	case Pending:
		return keepTold(s, hold(s, 0, approval, "Asking the confirm-promotion webhooks"))
	case Yes:
		return promote(s, d)
	default:
		d = because(d, Reason{approval, "The promotion waits for approval: " + a.Reason.Message})
		d.Next.Phase = WaitingPromotion
		return once(d)
	}
}

// promote makes the primary run what the canary runs.
func promote(s Snapshot, d Decision) Decision {
	d = do(d, Promote{s.Status.Run.Revision})
	d = because(d, Reason{"Promoting", "The primary takes over revision " + s.Status.Run.Revision})
	d.Next.Phase, d.Next.Failed = Promoting, 0
	d.Next.Run.CheckedAt = s.Now
	d.After = s.Plan.Interval
	return tell(d, "Promoting", "All checks passed; the primary takes over revision %s", s.Status.Run.Revision)
}

// decidePromoting waits for the primary and then gives it all requests.
func decidePromoting(s Snapshot) Decision {
	w, run := s.World, s.Status.Run
	taken := w.Primary.Known && w.Primary.Revision == run.Revision
	switch {
	case w.Canary.Known && w.Canary.Exists && w.Canary.Revision != run.Revision && !taken && w.Primary.Known:
		return restart(s) // nobody has checked what the target has now
	case w.Canary.Known && w.Canary.Revision != run.Revision && (!w.Route.Known || w.Route.Weight != 0):
		d := do(hold(s, s.Plan.Interval, "Promoting", "The target changed; taking requests from it"), SetRoute{0})
		d.Next.Run.Earned, d.Next.Run.RoutedAt = 0, s.Now
		return d
	case w.Canary.Known && !w.Canary.Ready && run.Earned > 0 && len(unroute(s)) > 0:
		d := do(hold(s, s.Plan.Interval, "CanaryNotReady", "The canary is not ready; taking requests from it"), SetRoute{0})
		d.Next.Run.Earned, d.Next.Run.RoutedAt = 0, s.Now
		return d
	case !w.Primary.Known:
		return hold(s, s.Plan.Interval, "Observing", "The primary can't be seen")
	case !taken:
		return do(hold(s, s.Plan.Interval, "Promoting", "The primary takes over revision %s", run.Revision), Promote{run.Revision})
	case w.Primary.Stuck:
		return failPromotion(s)
	case !w.Primary.Ready:
		return hold(s, 0, "Promoting", "Waiting for the primary: %s", w.Primary.Why)
	case s.Plan.PromotionStep > 0 && run.Earned > s.Plan.PromotionStep:
		return stepBack(s)
	}
	d := do(hold(s, s.Plan.Interval, "Finalising", "The primary gets all requests"), SetRoute{0})
	d.Next.Phase = Finalising
	d.Next.Run.Earned, d.Next.Run.RoutedAt = 0, s.Now
	return tell(d, "RoutingToPrimary", "The primary runs revision %s and gets all requests", run.Revision)
}

// stepBack returns some of the traffic to the primary each interval.
func stepBack(s Snapshot) Decision {
	if wait := due(s); wait > 0 {
		return hold(s, wait, "Promoting", "Returning requests to the primary, %d%% still go to the canary", s.Status.Run.Earned)
	}
	d := spend(s, hold(s, s.Plan.Interval, "Promoting", "Returning requests to the primary"))
	d.Next.Run.Earned -= s.Plan.PromotionStep
	d = do(d, SetRoute{d.Next.Run.Earned})
	return tell(d, "RoutingToPrimary", "The primary gets %d%% of requests", 100-d.Next.Run.Earned)
}

// failPromotion ends a run whose primary can't run the revision that the canary
// runs well: a primary that does not come up keeps its old pods.
func failPromotion(s Snapshot) Decision {
	d := do(hold(s, soon, "PromotionFailed", "The primary did not become ready: %s", s.World.Primary.Why), SetRoute{0}, Demote{s.Status.Run.Revision})
	d.Next.Phase, d.Next.Failed = Failed, 0
	d.Next.Run.Earned, d.Next.Run.RoutedAt = 0, s.Now
	d = warn(d, "PromotionFailed", "The primary did not become ready with revision %s and goes back to %s: %s", s.Status.Run.Revision, s.Status.Promoted, s.World.Primary.Why)
	return outcome(d)
}

// decideFinalising ends the run once the proxy sends everything to the primary.
func decideFinalising(s Snapshot) Decision {
	switch {
	case !s.World.Route.Known:
		return hold(s, s.Plan.Interval, "Observing", "The route can't be seen")
	case s.World.Route.Weight != 0 || !s.World.Route.Fit:
		d := do(hold(s, s.Plan.Interval, "Finalising", "The primary gets all requests"), SetRoute{0})
		d.Next.Run.RoutedAt = s.Now
		return d
	case !s.World.Route.Accepted:
		return hold(s, 0, "RouteNotAccepted", "The proxy has not taken up the route: %s", s.World.Route.Why)
	}
	d := hold(s, soon, "Succeeded", "Revision %s is promoted", s.Status.Run.Revision)
	d.Next.Phase, d.Next.Failed = Succeeded, 0
	d.Next.Promoted = s.Status.Run.Revision
	d.Next.Run.Round++
	return outcome(tell(d, "Succeeded", "Promotion of revision %s finished", s.Status.Run.Revision))
}

// decideTerminating gives the workload back: the target serves again before
// anything that was made for the release goes away.
func decideTerminating(s Snapshot) Decision {
	w := s.World
	end := func(d Decision) Decision { d.Next.Phase = Terminating; return d }
	switch {
	case !s.Plan.Revert || s.Status.Phase == "" || w.Canary.Known && !w.Canary.Exists || w.Primary.Known && !w.Primary.Exists && w.Canary.Running():
		return end(do(hold(s, 0, "Terminating", "Letting go"), Forget{}))
	case !w.Canary.Known || !w.Apex.Known:
		return end(hold(s, s.Plan.Interval, "Observing", "The cluster has not been read yet"))
	case !w.Canary.Running():
		return end(do(hold(s, s.Plan.Interval, "Terminating", "Starting the target, so that it can serve again"), StartCanary{}))
	case !w.Canary.Ready:
		return end(hold(s, 0, "Terminating", "Waiting for the target to serve again: %s", w.Canary.Why))
	case !w.Apex.Released:
		d := end(do(hold(s, s.Plan.Interval, "Terminating", "Leading the application's Service to the target"), ReleaseApex{}))
		d.Next.Run.RoutedAt = s.Now
		return tell(d, "Released", "The target serves again and gets all requests")
	case drains(s) > 0:
		return end(hold(s, drains(s), "Terminating", "Waiting until no request is on its way to the primary"))
	}
	return end(do(hold(s, 0, "Terminating", "Letting go"), Forget{}))
}
