// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"testing"
	"time"
)

func failedStatus(failed, total int) func(*Status) {
	return func(st *Status) {
		spent(st)
		st.Failed, st.Run.TotalFailed, st.Run.Errors = failed, total, 0
	}
}

// rolledBack is the status after a rollback, whatever was counted before.
func rolledBack(count func(*Status)) func(*Status) {
	return func(st *Status) {
		count(st)
		st.Phase, st.Failed = Failed, 0
		st.Run.Earned, st.Run.RoutedAt = 0, now
		st.Run.Round++
	}
}

func nothing(*Status) {}

func TestCheck(t *testing.T) {
	wait := []Action{SetRoute{50}}
	passed := func(st *Status) { spent(st); st.Run.Earned = 50 }
	rows{
		"NotDue": {
			reason: "Nothing is asked before the interval has passed.",
			in:     snapshot(early),
			why:    "Progressing", after: 59 * time.Second,
		},
		"Due": {
			reason: "A due check is asked for.",
			in:     snapshot(),
			ask:    []Question{Check}, why: "Progressing",
		},
		"Pending": {
			reason: "A check is not asked for twice.",
			in:     snapshot(answered(Check, Pending)),
			why:    "Progressing",
		},
		"DueButNotAccepted": {
			reason: "A check says nothing about a weight that the proxy does not have.",
			in:     snapshot(func(s *Snapshot) { s.World.Route.Accepted = false }, answered(Check, Yes)),
			why:    "RouteNotAccepted", once: true, stall: true, tell: []string{"RouteNotAccepted"},
		},
		"Yes": {
			reason: "A passed check moves on to the next step and clears the failed ones in a row.",
			in:     snapshot(answered(Check, Yes), func(s *Snapshot) { s.Status.Failed, s.Status.Run.Errors, s.Status.Run.TotalFailed = 1, 2, 1 }),
			do:     wait,
			next:   func(st *Status) { passed(st); st.Failed, st.Run.Errors = 0, 0 },
			tell:   []string{"WeightAdvanced"}, why: "Progressing", after: time.Minute,
		},
		"YesCumulative": {
			reason: "A plan may count failed checks over the whole run.",
			in:     snapshot(answered(Check, Yes), func(s *Snapshot) { s.Status.Failed, s.Plan.Cumulative = 1, true }),
			do:     wait, next: passed, tell: []string{"WeightAdvanced"}, why: "Progressing", after: time.Minute,
		},
		"No": {
			reason: "A failed check is counted and leaves the weight alone.",
			in:     snapshot(answered(Check, No), func(s *Snapshot) { s.Status.Run.Errors = 1 }),
			next:   failedStatus(1, 1), tell: []string{"Because"}, why: "Because", after: time.Minute,
		},
		"NoReachesThreshold": {
			reason: "The decision that reaches the threshold rolls back, and remembers the count if the proxy refuses.",
			in:     snapshot(answered(Check, No), func(s *Snapshot) { s.Status.Failed = 1 }),
			do:     []Action{SetRoute{0}}, next: rolledBack(failedStatus(2, 1)), memo: failedStatus(2, 1),
			tell: []string{"Because", "RolledBack!"}, why: "ThresholdReached", after: soon,
		},
		"NoReachesMaxFailed": {
			reason: "Failed checks of the whole run have a limit of their own.",
			in:     snapshot(answered(Check, No), func(s *Snapshot) { s.Plan.MaxFailed, s.Status.Run.TotalFailed = 4, 3 }),
			do:     []Action{SetRoute{0}}, next: rolledBack(failedStatus(1, 4)), memo: failedStatus(1, 4),
			tell: []string{"Because", "RolledBack!"}, why: "ThresholdReached", after: soon,
		},
		"NoWithinMaxFailed": {
			reason: "Until then, it only counts.",
			in:     snapshot(answered(Check, No), func(s *Snapshot) { s.Plan.MaxFailed, s.Status.Run.TotalFailed = 4, 2 }),
			next:   failedStatus(1, 3), tell: []string{"Because"}, why: "Because", after: time.Minute,
		},
		"Unknown": {
			reason: "A metric system that is down is not a canary that fails: the weight is held.",
			in:     snapshot(answered(Check, Unknown), func(s *Snapshot) { s.Status.Failed = 1 }),
			next:   func(st *Status) { spent(st); st.Run.Errors = 1 },
			tell:   []string{"Because"}, why: "Because", after: time.Minute,
		},
		"UnknownTooOften": {
			reason: "A canary that nobody can judge does not keep its requests for ever.",
			in:     snapshot(answered(Check, Unknown), func(s *Snapshot) { s.Status.Run.Errors = 2 }),
			do:     []Action{SetRoute{0}},
			next:   rolledBack(func(st *Status) { spent(st); st.Run.Errors = 3 }),
			memo:   func(st *Status) { spent(st); st.Run.Errors = 3 },
			tell:   []string{"Because", "RolledBack!"}, why: "ErrorLimitReached", after: soon,
		},
		"Wait": {
			reason: "Too little to go on neither counts nor moves.",
			in:     snapshot(answered(Check, Wait), func(s *Snapshot) { s.Status.Failed, s.Status.Run.Errors = 1, 1 }),
			next:   spent, why: "Because", after: time.Minute,
		},
		"ThresholdBlind": {
			reason: "A rollback needs nothing but the count.",
			in:     snapshot(blinded, func(s *Snapshot) { s.Status.Failed = 2 }),
			do:     []Action{SetRoute{0}}, next: rolledBack(nothing), memo: nothing,
			tell: []string{"RolledBack!"}, why: "ThresholdReached", after: soon,
		},
		"Stuck": {
			reason: "A canary that missed its deadline is rolled back.",
			in:     snapshot(early, unready, func(s *Snapshot) { s.World.Canary.Stuck = true }),
			do:     []Action{SetRoute{0}}, next: rolledBack(nothing), memo: nothing,
			tell: []string{"RolledBack!"}, why: "ProgressDeadlineExceeded", after: soon,
		},
	}.run(t)
}

func TestRollbackHook(t *testing.T) {
	hook := func(s *Snapshot) { s.Plan.Gates.Rollback = true }
	rows{
		"AskedWithTheCheck": {
			reason: "Somebody may want the canary gone at each check.",
			in:     snapshot(hook),
			ask:    []Question{MustRollBack, Check}, why: "Progressing",
		},
		"AskedBeforeTheFirstRequest": {
			reason: "And before its first request.",
			in:     snapshot(hook, fresh),
			ask:    []Question{MustRollBack, MayRoute}, why: "PreRollout",
		},
		"Yes": {
			reason: "Then it goes, even between checks.",
			in:     snapshot(hook, early, answered(MustRollBack, Yes)),
			do:     []Action{SetRoute{0}}, next: rolledBack(nothing), memo: nothing,
			tell: []string{"RolledBack!"}, why: "RollbackRequested", after: soon,
		},
		"PendingHoldsAPassedCheck": {
			reason: "No weight is added while somebody may still object.",
			in:     snapshot(hook, answered(Check, Yes), answered(MustRollBack, Pending)),
			why:    "Progressing",
		},
		"PendingDoesNotHoldAFailedCheck": {
			reason: "A failed check counts, however slow the hook is.",
			in:     snapshot(hook, answered(Check, No), answered(MustRollBack, Pending)),
			next:   failedStatus(1, 1), tell: []string{"Because"}, why: "Because", after: time.Minute,
		},
		"UnknownIsNoRequest": {
			reason: "A hook that can't be reached asks for nothing.",
			in:     snapshot(hook, answered(Check, Yes), answered(MustRollBack, Unknown)),
			do:     []Action{SetRoute{50}}, next: func(st *Status) { spent(st); st.Run.Earned = 50 },
			tell: []string{"WeightAdvanced"}, why: "Progressing", after: time.Minute,
		},
	}.run(t)
}

func TestCanary(t *testing.T) {
	off := []Action{SetRoute{0}}
	routed := func(st *Status) { st.Run.RoutedAt = now }
	restarted := func(st *Status) {
		st.Applied, st.Failed = "v3", 0
		st.Run = Run{Revision: "v3", StartedAt: now, RoutedAt: now, Round: 7}
	}
	rows{
		"Blind": {
			reason: "The weight is held while the canary can't be seen.",
			in:     snapshot(blinded), why: "Observing", after: time.Minute,
		},
		"RouteBlind": {
			reason: "The weight is held while the route can't be seen.",
			in:     snapshot(func(s *Snapshot) { s.World.Route = Route{} }, answered(Check, Yes)), why: "Observing", after: time.Minute,
		},
		"RevisionUnknown": {
			reason: "A target whose revision nobody said is not a changed one.",
			in:     snapshot(target("")), why: "Observing", after: time.Minute,
		},
		"NotReady": {
			reason: "A canary that does not serve loses its requests at once, not at the next check.",
			in:     snapshot(unready, early), do: off,
			next: routed,
			tell: []string{"CanaryNotReady"}, why: "CanaryNotReady", after: 59 * time.Second,
		},
		"NotReadyStill": {
			reason: "That is told once.",
			in:     snapshot(unready, early, weight(0)), why: "CanaryNotReady", after: 59 * time.Second,
		},
		"NotReadyAtCheck": {
			reason: "Each interval without readiness is a failed check.",
			in:     snapshot(unready, weight(0)), next: failedStatus(1, 1),
			tell: []string{"CanaryNotReady"}, why: "CanaryNotReady", after: time.Minute,
		},
		"NotReadyAtCheckWithRequests": {
			reason: "The requests go first, whenever it happens.",
			in:     snapshot(unready), do: off,
			next: func(st *Status) { failedStatus(1, 1)(st); routed(st) },
			tell: []string{"CanaryNotReady"}, why: "CanaryNotReady", after: time.Minute,
		},
		"NotReadyReachesThreshold": {
			reason: "A canary that stays down is rolled back.",
			in:     snapshot(unready, weight(0), func(s *Snapshot) { s.Status.Failed = 1 }), do: off,
			next: rolledBack(failedStatus(2, 1)), memo: failedStatus(2, 1),
			tell: []string{"CanaryNotReady", "RolledBack!"}, why: "ThresholdReached", after: soon,
		},
		"NotReadyYet": {
			reason: "A canary that starts has no checks to fail.",
			in:     snapshot(fresh, unready), why: "CanaryNotReady",
		},
		"ReadyAgain": {
			reason: "A canary that recovers gets back what it has earned.",
			in:     snapshot(early, weight(0)), do: []Action{SetRoute{10}}, why: "Routing", after: time.Minute, tell: []string{"WeightRestored"},
		},
		"Drift": {
			reason: "What others moved is put back before anything is asked.",
			in:     snapshot(weight(99)), do: []Action{SetRoute{10}}, why: "Routing", after: time.Minute, tell: []string{"WeightRestored"},
		},
		"RouteUnfit": {
			reason: "A route that others changed is mended with the earned weight.",
			in:     snapshot(func(s *Snapshot) { s.World.Route.Fit = false }), do: []Action{SetRoute{10}}, why: "Routing", after: time.Minute,
		},
		"Stopped": {
			reason: "A canary that others stopped gets no request and is started again.",
			in:     snapshot(func(s *Snapshot) { s.World.Canary.Replicas = 0 }),
			do:     []Action{SetRoute{0}, StartCanary{}}, next: routed, why: "CanaryStopped", after: time.Minute,
		},
		"Gone": {
			reason: "A target that is gone gets no request.",
			in:     snapshot(func(s *Snapshot) { s.World.Canary = Workload{Known: true} }), do: off, next: routed,
			tell: []string{"TargetNotFound"}, why: "TargetNotFound", once: true, stall: true,
		},
		"NewRevision": {
			reason: "A new revision starts from nothing: the old one's passed checks say nothing about it.",
			in:     snapshot(target("v3"), answered(Check, Yes), func(s *Snapshot) { s.Status.Failed, s.Status.Run.TotalFailed = 1, 1 }),
			do:     []Action{SetRoute{0}, StartCanary{}}, next: restarted,
			tell: []string{"Restarted"}, why: "Progressing", after: time.Minute,
		},
		"NewRevisionWithGate": {
			reason: "It needs leave of its own.",
			in:     snapshot(target("v3"), func(s *Snapshot) { s.Plan.Gates.Rollout = true }),
			do:     off,
			next: func(st *Status) {
				st.Phase, st.Run = Waiting, Run{Revision: "v3", StartedAt: now, RoutedAt: now, Round: 6}
			},
			tell: []string{"Restarted"}, why: "NewRevision", after: soon,
		},
		"NewRevisionBlind": {
			reason: "Whatever it is, it has earned nothing.",
			in:     snapshot(target("v3"), func(s *Snapshot) { s.World.Primary = Workload{} }),
			do:     off, next: func(st *Status) { routed(st); st.Run.Earned, st.Run.Round = 0, 6 },
			tell: []string{"CanaryWithdrawn"}, why: "Observing", after: time.Minute,
		},
		"Reverted": {
			reason: "A target that goes back to what is promoted ends the release.",
			in:     snapshot(target("v1"), func(s *Snapshot) { s.Status.Failed = 1 }), do: off,
			next: func(st *Status) {
				st.Phase, st.Applied, st.Failed = Succeeded, "v1", 0
				st.Run.Earned, st.Run.RoutedAt, st.Run.Round = 0, now, 6
			},
			tell: []string{"Reverted"}, why: "Reverted", after: soon,
		},
		"PromotedAlready": {
			reason: "A promotion that was done but not recorded goes on.",
			in:     snapshot(early, atEnd, func(s *Snapshot) { s.World.Primary.Revision = "v2" }),
			do:     []Action{Promote{"v2"}},
			next:   func(st *Status) { st.Phase, st.Run.CheckedAt = Promoting, now },
			tell:   []string{"Promoting"}, why: "Promoting", after: time.Minute,
		},
	}.run(t)
}

func TestFirstRequest(t *testing.T) {
	first := func(st *Status) { spent(st); st.Run.Earned = 10 }
	rows{
		"Ask": {
			reason: "The first request needs the pre-rollout hooks and metrics that work.",
			in:     snapshot(fresh), ask: []Question{MayRoute}, why: "PreRollout",
		},
		"Pending": {reason: "It waits for them.", in: snapshot(fresh, answered(MayRoute, Pending)), why: "PreRollout"},
		"Yes": {
			reason: "Then the canary gets the first step.",
			in:     snapshot(fresh, answered(MayRoute, Yes)), do: []Action{SetRoute{10}}, next: first,
			tell: []string{"WeightAdvanced"}, why: "Progressing", after: time.Minute,
		},
		"NothingToAsk": {
			reason: "Without hooks and metrics there is nothing to wait for.",
			in:     snapshot(fresh, func(s *Snapshot) { s.Plan.Metrics = false }), do: []Action{SetRoute{10}}, next: first,
			tell: []string{"WeightAdvanced"}, why: "Progressing", after: time.Minute,
		},
		"No": {
			reason: "A pre-rollout hook that says no is a failed check.",
			in:     snapshot(fresh, answered(MayRoute, No)), next: failedStatus(1, 1),
			tell: []string{"Because"}, why: "Because", after: time.Minute,
		},
		"NotDueAgain": {
			reason: "It is asked again an interval later, not sooner.",
			in:     snapshot(fresh, early),
			why:    "Progressing", after: 59 * time.Second,
		},
		"Unknown": {
			reason: "Nothing is at stake yet, so a metric system that is down is waited for without limit.",
			in:     snapshot(fresh, answered(MayRoute, Unknown), func(s *Snapshot) { s.Status.Run.Errors = 2 }), next: spent,
			tell: []string{"Because"}, why: "Because", once: true, stall: true, after: time.Minute,
		},
		"Problem": {
			reason: "No first request while the plan has a problem.",
			in:     snapshot(fresh, problem, answered(MayRoute, Yes)),
			tell:   []string{"NoTemplate"}, why: "NoTemplate", once: true, stall: true,
		},
		"NoSteps": {
			reason: "A plan without steps promotes nothing.",
			in:     snapshot(fresh, answered(MayRoute, Yes), func(s *Snapshot) { s.Plan.Steps = nil }),
			tell:   []string{"NoSteps"}, why: "NoSteps", once: true, stall: true,
		},
		"RouteNotAcceptedYet": {
			reason: "A proxy may take an interval to take the route up.",
			in:     snapshot(fresh, func(s *Snapshot) { s.World.Route.Accepted, s.Status.Run.StartedAt = false, now }),
			why:    "RouteNotAccepted", after: time.Minute,
		},
		"SkipAnalysis": {
			reason: "A plan without analysis promotes as soon as the canary is ready.",
			in:     snapshot(fresh, func(s *Snapshot) { s.Plan.SkipAnalysis = true }), do: []Action{Promote{"v2"}},
			next: func(st *Status) { st.Phase, st.Run.CheckedAt = Promoting, now },
			tell: []string{"Promoting"}, why: "Promoting", after: time.Minute,
		},
	}.run(t)
}

func TestPlanChanges(t *testing.T) {
	steps := func(steps ...int) func(*Snapshot) { return func(s *Snapshot) { s.Plan.Steps = steps } }
	rows{
		"Lowered": {
			reason: "A plan that now ends below the weight lowers it, and wants a new check there.",
			in:     snapshot(atEnd, steps(10, 20), answered(Check, Yes), func(s *Snapshot) { s.Status.Phase = WaitingPromotion }),
			do:     []Action{SetRoute{20}},
			next:   func(st *Status) { spent(st); st.Phase, st.Run.Earned = Progressing, 20 },
			tell:   []string{"WeightLowered"}, why: "Progressing", after: time.Minute,
		},
		"Between": {
			reason: "A weight between two steps of the new plan is kept until the next check.",
			in:     snapshot(early, func(s *Snapshot) { s.Plan.Steps = []int{5, 50} }),
			why:    "Progressing", after: 59 * time.Second,
		},
		"Raised": {
			reason: "A plan that now ends higher goes on, even if the old one had ended.",
			in:     snapshot(atEnd, steps(10, 80), answered(Check, Yes), func(s *Snapshot) { s.Status.Phase = WaitingPromotion }),
			do:     []Action{SetRoute{80}},
			next:   func(st *Status) { spent(st); st.Phase, st.Run.Earned = Progressing, 80 },
			tell:   []string{"WeightAdvanced"}, why: "Progressing", after: time.Minute,
		},
		"ThresholdLowered": {
			reason: "A lower threshold counts at once.",
			in:     snapshot(early, func(s *Snapshot) { s.Plan.Threshold, s.Status.Failed = 1, 1 }),
			do:     []Action{SetRoute{0}}, next: rolledBack(nothing), memo: nothing,
			tell: []string{"RolledBack!"}, why: "ThresholdReached", after: soon,
		},
		"Invalid": {
			reason: "A plan that makes no sense holds the weight.",
			in:     snapshot(invalid, answered(Check, Yes)),
			tell:   []string{"InvalidSpec"}, why: "InvalidSpec", once: true, stall: true,
		},
		"InvalidWithoutProblem": {
			reason: "There is always something to say about it.",
			in:     snapshot(func(s *Snapshot) { s.Plan.Invalid = true }),
			tell:   []string{"InvalidSpec"}, why: "InvalidSpec", once: true, stall: true,
		},
		"InvalidAndRaised": {
			reason: "It still takes from the canary what others gave it.",
			in:     snapshot(invalid, weight(99)), do: []Action{SetRoute{10}},
			tell: []string{"InvalidSpec"}, why: "InvalidSpec", once: true, stall: true,
		},
		"InvalidAndDrained": {
			reason: "It moves nothing towards the canary.",
			in:     snapshot(invalid, weight(0)),
			tell:   []string{"InvalidSpec"}, why: "InvalidSpec", once: true, stall: true,
		},
		"InvalidAndNotReady": {
			reason: "It takes the requests from a canary that does not serve, but does not count by an interval that it can't trust.",
			in:     snapshot(invalid, unready), do: []Action{SetRoute{0}}, next: func(st *Status) { st.Run.RoutedAt = now },
			why: "CanaryNotReady",
		},
		"InvalidAndStuck": {
			reason: "It still rolls back.",
			in:     snapshot(invalid, unready, func(s *Snapshot) { s.World.Canary.Stuck = true }),
			do:     []Action{SetRoute{0}}, next: rolledBack(nothing), memo: nothing,
			tell: []string{"RolledBack!"}, why: "ProgressDeadlineExceeded", after: soon,
		},
		"InvalidPromotion": {
			reason: "A promotion neither raises the canary's weight for it.",
			in:     snapshot(promoting, invalid, weight(0), func(s *Snapshot) { s.World.Primary.Ready = false }), why: "Promoting",
		},
		"ProblemInMidRun": {
			reason: "A problem that leaves the plan readable does not stop a release that has begun.",
			in:     snapshot(problem), ask: []Question{Check}, why: "Progressing",
		},
	}.run(t)
}
