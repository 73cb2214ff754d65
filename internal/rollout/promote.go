// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

// promoteIfAllowed promotes after the last step, when the gate agrees.
func promoteIfAllowed(s Snapshot, d Decision) Decision {
	if !s.Plan.Gates.Promotion {
		return promote(s, d)
	}
	asking, answered := await(s, hold(s, 0, approval, "Asking the confirm-promotion webhooks"), MayPromote)
	switch a := s.Answers[MayPromote]; {
	case !answered:
		return asking
	case a.Verdict == Yes:
		return promote(s, d)
	default:
		d.Next.Phase = WaitingPromotion
		return once(because(d, reason(approval, "The promotion waits for approval: %s", a.Reason.Message)))
	}
}

// promote makes the primary run what the canary runs.
func promote(s Snapshot, d Decision) Decision {
	d = do(d, replace(s)...)
	d = because(d, reason("Promoting", "The primary takes over revision %s", s.Status.Run.Revision))
	d.Next.Phase, d.Next.Failed = Promoting, 0
	d.Next.Run.CheckedAt = s.Now
	d.After = s.Plan.Interval
	return tell(d, "Promoting", "The primary takes over revision %s", s.Status.Run.Revision)
}

// replace returns what makes the primary run the revision of this run.
func replace(s Snapshot) []Action {
	promote := Promote{s.Status.Run.Revision}
	if p := s.World.Primary; p.Known && !p.Exists {
		return []Action{EnsurePrimary{}, promote}
	}
	return []Action{promote}
}

// decidePromoting waits for the primary and then gives it all requests.
// Meanwhile the canary keeps what it has earned, if it is still the one that
// was judged and serves.
func decidePromoting(s Snapshot) Decision {
	w, run := s.World, s.Status.Run
	switch {
	case changed(s) && !taken(s):
		return reconsider(s)
	case taken(s) && w.Primary.Stuck:
		return failPromotion(s)
	case run.Earned > 0 && lapsed(s):
		return forfeit(s, hold(s, s.Plan.Interval, "Promoting", "The primary gets all requests while it takes over"))
	case drifted(s) && (w.Canary.Ready || w.Route.Weight >= run.Earned): // adds nothing unseen
		return reroute(s)
	case !w.Primary.Known || !w.Route.Known:
		return blind(s, "The primary or the route can't be seen")
	}
	return handOver(s)
}

// lapsed reports whether the canary is known not to be what was judged.
func lapsed(s Snapshot) bool {
	return changed(s) || s.World.Canary.Known && !s.World.Canary.Ready
}

// handOver gives the requests to the primary as soon as it serves.
func handOver(s Snapshot) Decision {
	w, run := s.World, s.Status.Run
	switch {
	case !taken(s) && gone(s):
		return stall(because(hold(s, 0, "", ""), targetNotFound))
	case !taken(s):
		return do(hold(s, s.Plan.Interval, "Promoting", "The primary takes over revision %s", run.Revision), replace(s)...)
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

// stepBack returns some of the requests to the primary each interval.
func stepBack(s Snapshot) Decision {
	earned := s.Status.Run.Earned
	if wait := due(s); wait > 0 {
		return hold(s, wait, "Promoting", "Returning requests to the primary, %d%% still go to the canary", earned)
	}
	earned -= s.Plan.PromotionStep
	d := spend(s, do(hold(s, s.Plan.Interval, "Promoting", "Returning requests to the primary, %d%% still go to the canary", earned), SetRoute{earned}))
	d.Next.Run.Earned = earned
	return tell(d, "RoutingToPrimary", "The primary gets %d%% of requests", 100-earned)
}

// failPromotion ends a run whose primary can't run the revision that the canary
// runs well. A primary that does not come up keeps its old pods until repair
// takes the rejected revision from it.
func failPromotion(s Snapshot) Decision {
	run, why := s.Status.Run, s.World.Primary.Why
	d := do(hold(s, soon, "PromotionFailed", "The primary did not become ready: %s", why), SetRoute{0})
	d.Next.Phase, d.Next.Failed = Failed, 0
	d.Next.Run.Earned, d.Next.Run.RoutedAt = 0, s.Now
	d.Next.Run.Round++
	d = warn(d, "PromotionFailed", "The primary did not become ready with revision %s and goes back to %s: %s", run.Revision, s.Status.Promoted, why)
	return outcome(d)
}

// decideFinalising ends the run once the proxy sends everything to the primary.
func decideFinalising(s Snapshot) Decision {
	r := s.World.Route
	switch {
	case !r.Known:
		return blind(s, "The route can't be seen")
	case drifted(s):
		d := do(hold(s, s.Plan.Interval, "Finalising", "The primary gets all requests"), SetRoute{0})
		d.Next.Run.RoutedAt = s.Now
		return d
	case !r.Accepted:
		return hold(s, 0, "RouteNotAccepted", "The proxy has not taken up the route: %s", r.Why)
	}
	d := hold(s, soon, "Succeeded", "Revision %s is promoted", s.Status.Run.Revision)
	d.Next.Phase, d.Next.Failed = Succeeded, 0
	d.Next.Promoted = s.Status.Run.Revision
	d.Next.Run.Round++
	return outcome(tell(d, "Succeeded", "Promotion of revision %s finished", s.Status.Run.Revision))
}
