// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"testing"
	"time"
)

func TestGates(t *testing.T) {
	increase := func(s *Snapshot) { s.Plan.Gates.TrafficIncrease = true }
	promotion := func(s *Snapshot) { atEnd(s); s.Plan.Gates.Promotion = true }
	held := func(st *Status) { spent(st); st.Failed = 0 }
	promoted := func(st *Status) { spent(st); st.Phase, st.Failed = Promoting, 0 }
	rows{
		"IncreaseAsked": {
			reason: "A rise needs leave, once the check has passed.",
			in:     snapshot(increase, answered(Check, Yes)), ask: []Question{MayIncrease}, why: approval,
		},
		"IncreaseBeforeCheck": {
			reason: "Nobody is bothered before the check has passed.",
			in:     snapshot(increase), ask: []Question{Check}, why: "Progressing",
		},
		"IncreasePending": {reason: "Leave takes its time.", in: snapshot(increase, answered(Check, Yes), answered(MayIncrease, Pending)), why: approval},
		"IncreaseNo": {
			reason: "Without leave the weight is held; the passed check still clears the failed ones.",
			in:     snapshot(increase, answered(Check, Yes), answered(MayIncrease, No), func(s *Snapshot) { s.Status.Failed = 1 }),
			next:   held, tell: []string{approval}, why: approval, once: true, after: time.Minute,
		},
		"IncreaseUnknown": {
			reason: "A gate that can't be reached gives no leave.",
			in:     snapshot(increase, answered(Check, Yes), answered(MayIncrease, Unknown)),
			next:   held, tell: []string{approval}, why: approval, once: true, after: time.Minute,
		},
		"IncreaseYes": {
			reason: "With leave the weight rises.",
			in:     snapshot(increase, answered(Check, Yes), answered(MayIncrease, Yes)), do: []Action{SetRoute{50}},
			next: func(st *Status) { spent(st); st.Run.Earned = 50 },
			tell: []string{"WeightAdvanced"}, why: "Progressing", after: time.Minute,
		},
		"IncreaseNotAskedAtTheEnd": {
			reason: "A promotion is no rise.",
			in:     snapshot(increase, atEnd, answered(Check, Yes)), do: []Action{Promote{"v2"}}, next: promoted,
			tell: []string{"Promoting"}, why: "Promoting", after: time.Minute,
		},
		"PromotionAsked": {
			reason: "After the last step people may still hold the promotion.",
			in:     snapshot(promotion, answered(Check, Yes)), ask: []Question{MayPromote}, why: approval,
		},
		"PromotionPending": {reason: "Leave takes its time.", in: snapshot(promotion, answered(Check, Yes), answered(MayPromote, Pending)), why: approval},
		"PromotionNo": {
			reason: "Without leave the release waits where it is.",
			in:     snapshot(promotion, answered(Check, Yes), answered(MayPromote, No)),
			next:   func(st *Status) { held(st); st.Phase = WaitingPromotion },
			tell:   []string{approval}, why: approval, once: true, after: time.Minute,
		},
		"PromotionUnknown": {
			reason: "A gate that can't be reached gives no leave.",
			in:     snapshot(promotion, answered(Check, Yes), answered(MayPromote, Unknown)),
			next:   func(st *Status) { held(st); st.Phase = WaitingPromotion },
			tell:   []string{approval}, why: approval, once: true, after: time.Minute,
		},
		"PromotionYes": {
			reason: "With leave the primary takes over.",
			in:     snapshot(promotion, answered(Check, Yes), answered(MayPromote, Yes), func(s *Snapshot) { s.Status.Phase = WaitingPromotion }),
			do:     []Action{Promote{"v2"}}, next: promoted, tell: []string{"Promoting"}, why: "Promoting", after: time.Minute,
		},
		"WaitingPromotionChecksOn": {
			reason: "A release that waits for leave is still checked, and can fail.",
			in: snapshot(promotion, answered(Check, No), told(approval, "be patient"), func(s *Snapshot) {
				s.Status.Phase, s.Status.Failed = WaitingPromotion, 1
			}),
			do: []Action{SetRoute{0}}, next: rolledBack(failedStatus(2, 1)), memo: failedStatus(2, 1),
			tell: []string{"Because", "RolledBack!"}, why: "ThresholdReached", after: soon,
		},
	}.run(t)
}

func TestPromotion(t *testing.T) {
	routed := func(st *Status) { st.Run.RoutedAt = now }
	forfeited := func(st *Status) { routed(st); st.Run.Earned, st.Run.Round = 0, 6 }
	untaken := func(s *Snapshot) { promoting(s); s.World.Primary.Revision = "v1" }
	rows{
		"PrimaryGone": {
			reason: "A primary that is gone is made of the revision that passed.",
			in:     snapshot(atEnd, answered(Check, Yes), func(s *Snapshot) { s.World.Primary = Workload{Known: true} }),
			do:     []Action{EnsurePrimary{}, Promote{"v2"}},
			next:   func(st *Status) { spent(st); st.Phase = Promoting },
			tell:   []string{"Promoting"}, why: "Promoting", after: time.Minute,
		},
		"NotTakenYet": {
			reason: "A promotion is done again until the primary has it.",
			in:     snapshot(untaken), do: []Action{Promote{"v2"}}, why: "Promoting", after: time.Minute,
		},
		"TargetGoneBefore": {
			reason: "A target that is gone can't be promoted.",
			in: snapshot(untaken, func(s *Snapshot) {
				s.World.Canary, s.World.Route.Weight, s.Status.Run.Earned = Workload{Known: true}, 0, 0
			}),
			tell: []string{"TargetNotFound"}, why: "TargetNotFound", once: true, stall: true,
		},
		"TargetGoneAfter": {
			reason: "A promotion that has begun needs the target no more.",
			in: snapshot(promoting, func(s *Snapshot) {
				s.World.Canary, s.World.Route.Weight, s.Status.Run.Earned = Workload{Known: true}, 0, 0
			}),
			do:   []Action{SetRoute{0}},
			next: func(st *Status) { st.Phase, st.Run.RoutedAt = Finalising, now },
			tell: []string{"RoutingToPrimary"}, why: "Finalising", after: time.Minute,
		},
		"ChangedBefore": {
			reason: "Nobody has checked what the target has now.",
			in:     snapshot(untaken, target("v3")), do: []Action{SetRoute{0}, StartCanary{}},
			next: func(st *Status) {
				st.Phase, st.Applied, st.Run = Progressing, "v3", Run{Revision: "v3", StartedAt: now, RoutedAt: now, Round: 7}
			},
			tell: []string{"Restarted"}, why: "Progressing", after: time.Minute,
		},
		"RevertedBefore": {
			reason: "A target that goes back before the primary has changed ends the release.",
			in:     snapshot(untaken, target("v1")), do: []Action{SetRoute{0}},
			next: func(st *Status) { forfeited(st); st.Phase, st.Applied = Succeeded, "v1" },
			tell: []string{"Reverted"}, why: "Reverted", after: soon,
		},
		"ChangedAfter": {
			reason: "The promotion goes on with what was checked; what the target has now gets no request.",
			in:     snapshot(promoting, target("v3")), do: []Action{SetRoute{0}}, next: forfeited,
			tell: []string{"CanaryWithdrawn"}, why: "Promoting", after: time.Minute,
		},
		"CanaryNotReady": {
			reason: "A canary that fails while the primary takes over gives its requests to the primary for good.",
			in:     snapshot(promoting, unready), do: []Action{SetRoute{0}}, next: forfeited,
			tell: []string{"CanaryWithdrawn"}, why: "Promoting", after: time.Minute,
		},
		"Drift": {
			reason: "What others moved is put back.",
			in:     snapshot(promoting, weight(99)), do: []Action{SetRoute{50}}, why: "Routing", after: time.Minute, tell: []string{"WeightRestored"},
		},
		"DriftBlind": {
			reason: "Nothing is added to a canary that can't be seen.",
			in: snapshot(promoting, weight(0), func(s *Snapshot) {
				s.World.Canary, s.World.Primary.Ready = Workload{}, false
			}),
			why: "Promoting",
		},
		"DriftDownBlind": {
			reason: "Taking away needs no sight of it.",
			in:     snapshot(promoting, weight(99), func(s *Snapshot) { s.World.Canary = Workload{} }),
			do:     []Action{SetRoute{50}}, why: "Routing", after: time.Minute, tell: []string{"WeightRestored"},
		},
		"RouteBlind": {
			reason: "A step back from a weight that can't be seen might be a step forward.",
			in:     snapshot(promoting, func(s *Snapshot) { s.World.Route = Route{} }), why: "Observing", after: time.Minute,
		},
		"PrimaryNotReady": {
			reason: "The primary gets the requests when it can serve them, not before.",
			in:     snapshot(promoting, func(s *Snapshot) { s.World.Primary.Ready = false }), why: "Promoting",
		},
		"PrimaryStuck": {
			reason: "A primary that can't run the revision goes back to the one before.",
			in:     snapshot(promoting, func(s *Snapshot) { s.World.Primary.Ready, s.World.Primary.Stuck = false, true }),
			do:     []Action{SetRoute{0}},
			next:   func(st *Status) { forfeited(st); st.Phase = Failed },
			tell:   []string{"PromotionFailed!"}, why: "PromotionFailed", after: soon,
		},
		"AllAtOnce": {
			reason: "A primary that is ready gets all requests, without waiting for the interval.",
			in:     snapshot(promoting), do: []Action{SetRoute{0}},
			next: func(st *Status) { routed(st); st.Phase, st.Run.Earned = Finalising, 0 },
			tell: []string{"RoutingToPrimary"}, why: "Finalising", after: time.Minute,
		},
		"SteppedNotDue": {
			reason: "A stepped return goes by the interval.",
			in:     snapshot(promoting, func(s *Snapshot) { s.Plan.PromotionStep = 30 }), why: "Promoting", after: time.Minute,
		},
		"SteppedDue": {
			reason: "Each interval returns one step.",
			in:     snapshot(promoting, func(s *Snapshot) { s.Plan.PromotionStep, s.Status.Run.CheckedAt = 30, epoch }),
			do:     []Action{SetRoute{20}}, next: func(st *Status) { spent(st); st.Run.Earned = 20 },
			tell: []string{"RoutingToPrimary"}, why: "Promoting", after: time.Minute,
		},
		"SteppedLast": {
			reason: "The last step ends it at once.",
			in: snapshot(promoting, func(s *Snapshot) {
				s.Plan.PromotionStep, s.Status.Run.Earned, s.World.Route.Weight = 30, 20, 20
			}),
			do:   []Action{SetRoute{0}},
			next: func(st *Status) { routed(st); st.Phase, st.Run.Earned = Finalising, 0 },
			tell: []string{"RoutingToPrimary"}, why: "Finalising", after: time.Minute,
		},
	}.run(t)
}

func TestFinalising(t *testing.T) {
	finalising := func(s *Snapshot) {
		promoting(s)
		s.Status.Phase, s.Status.Run.Earned, s.World.Route.Weight = Finalising, 0, 0
	}
	rows{
		"Blind": {reason: "Nobody knows whether it is over.", in: snapshot(finalising, blinded), why: "Observing", after: time.Minute},
		"Drift": {
			reason: "The canary has earned nothing any more.",
			in:     snapshot(finalising, weight(5)), do: []Action{SetRoute{0}},
			next: func(st *Status) { st.Run.RoutedAt = now }, why: "Finalising", after: time.Minute,
		},
		"NotAccepted": {
			reason: "It is over when the proxy says so.",
			in:     snapshot(finalising, func(s *Snapshot) { s.World.Route.Accepted = false }), why: "RouteNotAccepted",
		},
		"Accepted": {
			reason: "Then the revision is promoted.",
			in:     snapshot(finalising, func(s *Snapshot) { s.Status.Failed = 1 }),
			next:   func(st *Status) { st.Phase, st.Promoted, st.Failed, st.Run.Round = Succeeded, "v2", 0, 6 },
			tell:   []string{"Succeeded!"}, why: "Succeeded", after: soon,
		},
	}.run(t)
}
