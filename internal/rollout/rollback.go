// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

// exhausted reports whether the run has failed as often as it may, and why.
func exhausted(s Snapshot) (Reason, bool) {
	const code = "ThresholdReached"
	p, run := s.Plan, s.Status.Run
	switch {
	case p.Threshold > 0 && s.Status.Failed >= p.Threshold:
		return reason(code, "failed checks reached the threshold (%d of %d)", s.Status.Failed, p.Threshold), true
	case p.MaxFailed > 0 && run.TotalFailed >= p.MaxFailed:
		return reason(code, "failed checks of the whole run reached maxFailedChecks (%d of %d)", run.TotalFailed, p.MaxFailed), true
	case p.ErrorLimit > 0 && run.Errors >= p.ErrorLimit:
		return reason("ErrorLimitReached", "checks without an answer reached errorLimit (%d of %d)", run.Errors, p.ErrorLimit), true
	}
	return Reason{}, false
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
	if !s.World.Canary.Ready {
		d = unroute(s, d)
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
	d.Memo = &counted
	d.Next = counted
	d.Next.Phase, d.Next.Failed = Failed, 0
	d.Next.Run.Earned, d.Next.Run.RoutedAt = 0, s.Now
	d.Next.Run.Round++
	d = warn(d, "RolledBack", "Rolling back revision %s, canary at 0%%: %s", s.Status.Run.Revision, why.Message)
	return outcome(d)
}
