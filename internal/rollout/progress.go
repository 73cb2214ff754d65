// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"time"
)

// decideProgressing analyses the canary. The cases go from the most urgent to
// the least: safety, repair, waiting, progress.
func decideProgressing(s Snapshot) Decision {
	w, earned := s.World, s.Status.Run.Earned
	if why, ok := exhausted(s); ok {
		return rollBack(s, s.Status, why) // first, because it needs no facts
	}
	switch {
	case w.Canary.Known && !w.Canary.Exists:
		return stall(do(hold(s, 0, "TargetNotFound", "The target is gone; create it again or delete the canary"), unroute(s)...))
	case w.Canary.Known && w.Canary.Revision == s.Status.Promoted:
		return abandon(s)
	case w.Canary.Known && w.Canary.Revision != s.Status.Run.Revision:
		return restart(s)
	case w.Canary.Stuck:
		return rollBack(s, s.Status, Reason{"ProgressDeadlineExceeded", "the canary did not become ready in time: " + w.Canary.Why})
	case s.Answers[MustRollBack].Verdict == Yes:
		return rollBack(s, s.Status, Reason{"RollbackRequested", "a rollback webhook asked for it"})
	case !w.Canary.Known:
		return hold(s, s.Plan.Interval, "Observing", "The canary can't be seen; its weight is held")
	case !w.Canary.Running():
		return do(hold(s, s.Plan.Interval, "CanaryStopped", "Starting the canary again"), append(unroute(s), StartCanary{})...)
	case !w.Canary.Ready:
		return notReady(s)
	case !w.Route.Known:
		return hold(s, s.Plan.Interval, "Observing", "The route can't be seen; the weight is held")
	}
	if s.Plan.Invalid {
		why, _ := mend(s)
		return stall(because(hold(s, 0, "", ""), why))
	}
	if w.Route.Weight != earned || !w.Route.Fit {
		return do(hold(s, s.Plan.Interval, "Routing", "Giving the canary %d%% of requests", earned), SetRoute{earned})
	}
	if s.Plan.SkipAnalysis {
		return promote(s, hold(s, 0, "", ""))
	}
	if wait := due(s); wait > 0 {
		return keepTold(s, hold(s, wait, "Progressing", "The canary gets %d%% of requests; the next check comes within %s", earned, s.Plan.Interval))
	}
	if earned == 0 {
		return firstRequest(s)
	}
	return check(s)
}

// exhausted reports whether the run has failed as often as it may, and why.
func exhausted(s Snapshot) (Reason, bool) {
	switch run := s.Status.Run; {
	case s.Plan.Threshold > 0 && s.Status.Failed >= s.Plan.Threshold:
		return Reason{"ThresholdReached", fmt.Sprintf("%d failed checks reached the threshold of %d", s.Status.Failed, s.Plan.Threshold)}, true
	case s.Plan.MaxFailed > 0 && run.TotalFailed >= s.Plan.MaxFailed:
		return Reason{"ThresholdReached", fmt.Sprintf("%d failed checks in all reached maxFailedChecks of %d", run.TotalFailed, s.Plan.MaxFailed)}, true
	case run.Earned > 0 && s.Plan.ErrorLimit > 0 && run.Errors >= s.Plan.ErrorLimit:
		return Reason{"ErrorLimitReached", fmt.Sprintf("%d checks in a row had no answer, and errorLimit is %d", run.Errors, s.Plan.ErrorLimit)}, true
	}
	return Reason{}, false
}

// notReady takes traffic from a canary that does not serve. Once it has had
// traffic, each interval without readiness is a failed check.
func notReady(s Snapshot) Decision {
	why := Reason{"CanaryNotReady", "Waiting for the canary: " + s.World.Canary.Why}
	if s.Status.Run.Earned == 0 {
		return do(because(hold(s, 0, "", ""), why), unroute(s)...)
	}
	if wait := due(s); wait > 0 {
		d := do(because(hold(s, wait, "", ""), why), unroute(s)...)
		if len(d.Do) > 0 {
			d.Next.Run.RoutedAt = s.Now
			d = warn(d, "CanaryNotReady", "The canary lost its %d%% of requests until it is ready again: %s", s.Status.Run.Earned, s.World.Canary.Why)
		}
		return d
	}
	d := failed(s, Reason{"CanaryNotReady", "the canary is not ready: " + s.World.Canary.Why})
	if d.Next.Phase == Failed {
		return d
	}
	return do(d, unroute(s)...)
}

// unroute returns the action that leaves the canary without traffic, unless it
// is known to have none.
func unroute(s Snapshot) []Action {
	if s.World.Route.Known && s.World.Route.Weight == 0 {
		return nil
	}
	return []Action{SetRoute{0}}
}

// firstRequest decides whether a canary that never had traffic may get some.
// Nothing is at stake yet, so missing answers are waited for without limit.
func firstRequest(s Snapshot) Decision {
	if why, ok := mend(s); ok {
		return stall(because(hold(s, 0, "", ""), why))
	}
	if s.Plan.Gates.PreRollout || s.Plan.Metrics {
		switch a := s.Answers[MayRoute]; a.Verdict {
		case Absent:
			return ask(keepTold(s, hold(s, 0, "PreRollout", "Asking the pre-rollout webhooks and trying the metrics out")), MayRoute)
		case Pending:
			return keepTold(s, hold(s, 0, "PreRollout", "Asking the pre-rollout webhooks and trying the metrics out"))
		case No:
			return failed(s, a.Reason)
		case Unknown, Wait:
			return stall(spend(s, because(hold(s, s.Plan.Interval, "", ""), a.Reason)))
		}
	}
	return advance(s)
}

// check judges the canary at its present weight.
func check(s Snapshot) Decision {
	d := keepTold(s, hold(s, 0, "Checking", "Checking the canary at %d%%", s.Status.Run.Earned))
	if s.Plan.Gates.Rollback && s.Answers[MustRollBack].Verdict == Absent {
		d = ask(d, MustRollBack)
	}
	a := s.Answers[Check]
	switch a.Verdict {
	case Absent:
		return ask(d, Check)
	case Pending:
		return d
	case No:
		return failed(s, a.Reason)
	case Unknown:
		return unanswered(s, a.Reason)
	case Wait:
		return spend(s, because(hold(s, s.Plan.Interval, "", ""), a.Reason))
	}
	if s.Plan.Gates.Rollback {
		if v := s.Answers[MustRollBack].Verdict; v == Absent || v == Pending {
			return d
		}
	}
	return advance(s)
}

// failed counts a failed check, and rolls back if that was one too many.
func failed(s Snapshot, why Reason) Decision {
	d := spend(s, because(hold(s, s.Plan.Interval, "", ""), why))
	d.Next.Failed++
	d.Next.Run.TotalFailed++
	d.Next.Run.Errors = 0
	if s.Plan.MaxFailed > 0 {
		d = warn(d, why.Code, "Check failed (%d of %d, %d of %d in all): %s", d.Next.Failed, s.Plan.Threshold, d.Next.Run.TotalFailed, s.Plan.MaxFailed, why.Message)
	} else {
		d = warn(d, why.Code, "Check failed (%d of %d): %s", d.Next.Failed, s.Plan.Threshold, why.Message)
	}
	return rollBackIfExhausted(s, d, why)
}

// unanswered counts a check that nobody could answer, and rolls back if there
// were too many in a row.
func unanswered(s Snapshot, why Reason) Decision {
	d := spend(s, because(hold(s, s.Plan.Interval, "", ""), why))
	d.Next.Run.Errors++
	d = warn(d, why.Code, "Check without an answer (%d of %d), the weight is held: %s", d.Next.Run.Errors, s.Plan.ErrorLimit, why.Message)
	return rollBackIfExhausted(s, d, why)
}

func rollBackIfExhausted(s Snapshot, d Decision, cause Reason) Decision {
	after := s
	after.Status = d.Next
	why, ok := exhausted(after)
	if !ok {
		return d
	}
	why.Message += "; last: " + cause.Message
	back := rollBack(s, d.Next, why)
	back.Tell = append(d.Tell, back.Tell...)
	return back
}

// rollBack gives all requests to the primary and ends the run. If the proxy
// refuses, counted is remembered, so that the next decision tries again.
func rollBack(s Snapshot, counted Status, why Reason) Decision {
	d := do(hold(s, soon, why.Code, "Rolled back: %s", why.Message), SetRoute{0})
	d.Next = counted
	d.Memo = &counted
	d.Next.Phase, d.Next.Failed = Failed, 0
	d.Next.Run.Earned = 0
	d.Next.Run.RoutedAt = s.Now
	d.Next.Run.Round++
	d = warn(d, "RolledBack", "Rolling back revision %s, canary at 0%%: %s", s.Status.Run.Revision, why.Message)
	return outcome(d)
}

// restart begins again with the revision that the target has now.
func restart(s Snapshot) Decision {
	d := begin(s)
	if d.Next.Phase == Waiting {
		d = do(d, SetRoute{0})
	}
	d.Next.Run.RoutedAt = s.Now
	return tell(d, "Restarted", "The target changed during the release of %s; starting again with %s", s.Status.Run.Revision, s.World.Canary.Revision)
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
	if !s.World.Route.Accepted && s.Status.Run.Earned > 0 {
		return because(d, Reason{"RouteNotAccepted", "The proxy has not taken up the route: " + s.World.Route.Why})
	}
	if s.Plan.Gates.TrafficIncrease {
		switch a := s.Answers[MayIncrease]; a.Verdict {
		case Absent:
			return ask(keepTold(s, hold(s, 0, approval, "Asking the confirm-traffic-increase webhooks")), MayIncrease)
		case Pending:
			return keepTold(s, hold(s, 0, approval, "Asking the confirm-traffic-increase webhooks"))
		case No, Unknown, Wait:
			return once(because(d, Reason{approval, fmt.Sprintf("Weight %d%% waits for approval: %s", next, a.Reason.Message)}))
		}
	}
	d = do(d, SetRoute{next})
	d.Next.Run.Earned = next
	d = because(d, Reason{"Progressing", fmt.Sprintf("The canary gets %d%% of requests", next)})
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

// due returns how long it is until the next check.
func due(s Snapshot) time.Duration {
	if s.Status.Run.CheckedAt.IsZero() {
		return 0
	}
	return within(s.Plan.Interval-s.Now.Sub(s.Status.Run.CheckedAt), s.Plan.Interval)
}

// drains returns how long requests may still be on their way to the canary.
func drains(s Snapshot) time.Duration {
	if s.Status.Run.RoutedAt.IsZero() {
		return 0
	}
	return within(s.Plan.Drain-s.Now.Sub(s.Status.Run.RoutedAt), s.Plan.Drain)
}

// within guards against clocks that jump: a wait is never longer than most.
func within(wait, most time.Duration) time.Duration { return max(0, min(wait, most)) }
