// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"testing"
	"time"
)

func TestTakeOver(t *testing.T) {
	// live is an application that serves and has just got its Canary.
	live := func(s *Snapshot) {
		s.Status = Status{}
		s.World = World{
			Canary:   Workload{Known: true, Exists: true, Revision: "v1", Replicas: 2, Ready: true},
			Primary:  Workload{Known: true},
			Services: Thing{Known: true},
			Apex:     Thing{Known: true, Released: true},
			Route:    Route{Known: true},
		}
	}
	services := func(s *Snapshot) { live(s); s.World.Services.Fit = true }
	primary := func(s *Snapshot) {
		services(s)
		s.World.Primary = Workload{Known: true, Exists: true, Revision: "v1", Replicas: 2, Ready: true}
	}
	apex := func(s *Snapshot) { primary(s); s.World.Apex = Thing{Known: true, Fit: true} }
	init := func(st *Status) { st.Phase = Initializing }
	rows{
		"Blind": {
			reason: "Nothing is taken over unseen.",
			in:     snapshot(live, blinded), next: init, why: "Observing", after: time.Minute,
		},
		"Problem": {
			reason: "A plan with a problem takes nothing over.",
			in:     snapshot(live, problem), next: init, tell: []string{"NoTemplate"}, why: "NoTemplate", once: true, stall: true,
		},
		"NoTarget": {
			reason: "Without a target there is nothing to take over.",
			in:     snapshot(live, func(s *Snapshot) { s.World.Canary = Workload{Known: true} }), next: init,
			tell: []string{"TargetNotFound"}, why: "TargetNotFound", once: true, stall: true,
		},
		"ForeignService": {
			reason: "What belongs to somebody else is not touched.",
			in:     snapshot(live, func(s *Snapshot) { s.World.Services.Foreign = "Service a-canary belongs to b" }), next: init,
			tell: []string{"ServiceConflict"}, why: "ServiceConflict", once: true, stall: true,
		},
		"ForeignApex": {
			reason: "Nor is the application's own Service.",
			in:     snapshot(live, func(s *Snapshot) { s.World.Apex.Foreign = "Service a belongs to b" }), next: init,
			tell: []string{"ServiceConflict"}, why: "ServiceConflict", once: true, stall: true,
		},
		"Services":       {reason: "First come the Services.", in: snapshot(live), do: []Action{EnsureServices{}}, next: init, why: "Initializing", after: time.Minute},
		"Primary":        {reason: "Then the primary.", in: snapshot(services), do: []Action{EnsurePrimary{}}, next: init, why: "Initializing", after: time.Minute},
		"PrimaryUnready": {reason: "It must serve before anything leads to it.", in: snapshot(primary, func(s *Snapshot) { s.World.Primary.Ready = false }), next: init, why: "PrimaryStarting"},
		"PrimaryStuck": {
			reason: "If it never does, the target goes on serving.",
			in:     snapshot(primary, func(s *Snapshot) { s.World.Primary.Ready, s.World.Primary.Stuck = false, true }), next: init,
			tell: []string{"PrimaryNotReady"}, why: "PrimaryNotReady", once: true, stall: true,
		},
		"PrimaryEmpty": {
			reason: "A primary without replicas is ready, but does not serve.",
			in:     snapshot(primary, func(s *Snapshot) { s.World.Primary.Replicas = 0 }), next: init,
			tell: []string{"PrimaryNotReady"}, why: "PrimaryNotReady", once: true, stall: true,
		},
		"Apex":  {reason: "Then the application's Service leads to it.", in: snapshot(primary), do: []Action{EnsureApex{}}, next: init, why: "Initializing", after: time.Minute},
		"Route": {reason: "Then comes the route.", in: snapshot(apex), do: []Action{SetRoute{0}}, next: init, why: "Initializing", after: time.Minute},
		"RouteWithWeight": {
			reason: "A route that was there before gives the canary nothing.",
			in:     snapshot(apex, func(s *Snapshot) { s.World.Route = Route{Known: true, Fit: true, Weight: 50} }),
			do:     []Action{SetRoute{0}}, next: init, why: "Initializing", after: time.Minute,
		},
		"Done": {
			reason: "The target may stop only after the drain, which begins now.",
			in:     snapshot(apex, target("v2"), func(s *Snapshot) { s.World.Route = Route{Known: true, Fit: true} }),
			next: func(st *Status) {
				st.Phase, st.Applied, st.Promoted, st.Run = Initialized, "v1", "v1", Run{RoutedAt: now, Round: 1}
			},
			tell: []string{"Initialized"}, why: "Initialized", after: soon,
		},
	}.run(t)
}

func TestSettled(t *testing.T) {
	routed := func(st *Status) { st.Run.RoutedAt = now }
	begun := func(revision string) func(*Status) {
		return func(st *Status) {
			st.Phase, st.Applied, st.Failed = Progressing, revision, 0
			st.Run = Run{Revision: revision, StartedAt: now, RoutedAt: epoch, Round: 7}
		}
	}
	start := []Action{SetRoute{0}, StartCanary{}}
	noPrimary := func(s *Snapshot) { s.World.Primary = Workload{Known: true} }
	noApex := func(s *Snapshot) { s.World.Apex.Fit = false }
	rows{
		"Quiet": {reason: "A settled release asks, does and tells nothing, and sets no timer.", in: snapshot(settled), why: "Succeeded"},
		"Blind": {reason: "What can't be seen is not repaired.", in: snapshot(settled, blinded), why: "Observing", after: time.Minute},
		"New": {
			reason: "A new revision is released.",
			in:     snapshot(settled, target("v2"), func(s *Snapshot) { s.Status.Failed = 1 }), do: start, next: begun("v2"),
			tell: []string{"NewRevision"}, why: "Progressing", after: time.Minute,
		},
		"NewWithGate": {
			reason: "If the plan wants leave, it waits.",
			in:     snapshot(settled, target("v2"), func(s *Snapshot) { s.Plan.Gates.Rollout, s.Plan.SkipAnalysis = true, true }),
			next: func(st *Status) {
				st.Phase, st.Run = Waiting, Run{Revision: "v2", StartedAt: now, RoutedAt: epoch, Round: 6}
			},
			why: "NewRevision", after: soon,
		},
		"NewWithProblem": {
			reason: "No release starts while the plan has a problem.",
			in:     snapshot(settled, target("v2"), problem), tell: []string{"NoTemplate"}, why: "NoTemplate", once: true, stall: true,
		},
		"RevisionUnknown": {reason: "A revision that nobody said is not new.", in: snapshot(settled, target("")), why: "Succeeded"},
		"NewerPrimary": {
			reason: "What the primary runs is not new to it, whatever is remembered.",
			in:     snapshot(settled, target("v2"), func(s *Snapshot) { s.World.Primary.Revision = "v2" }),
			next:   func(st *Status) { st.Applied = "v2" }, why: "Succeeded",
		},
		"OlderMemory": {
			reason: "What is remembered as promoted is new to a primary that runs something else.",
			in: snapshot(rejected, target("v1"), func(s *Snapshot) {
				s.World.Primary.Revision, s.Status.Applied = "v2", "v3"
			}),
			do: start, next: func(st *Status) { begun("v1")(st); st.Promoted = "v2" },
			tell: []string{"NewRevision"}, why: "Progressing", after: time.Minute,
		},
		"Rejected": {
			reason: "A rejected canary stops when no request can be on its way to it.",
			in:     snapshot(rejected), do: []Action{StopCanary{}}, why: "Failed", after: time.Minute,
		},
		"RejectedDrains": {
			reason: "Not before.",
			in:     snapshot(rejected, func(s *Snapshot) { s.Status.Run.RoutedAt = now.Add(-10 * time.Second) }), why: "Failed", after: 20 * time.Second,
		},
		"RejectedNotAccepted": {
			reason: "As long as the proxy has not taken the route up, the canary has requests.",
			in:     snapshot(rejected, func(s *Snapshot) { s.World.Route.Accepted = false }), why: "RouteNotAccepted",
		},
		"RejectedWithoutApex": {
			reason: "As long as the application's Service leads elsewhere, it may lead to the target.",
			in:     snapshot(rejected, noApex, func(s *Snapshot) { s.World.Primary.Ready = false }), why: "PrimaryNotReady",
		},
		"RejectedInPrimary": {
			reason: "A rejected revision that reached the primary all the same is taken from it.",
			in:     snapshot(rejected, func(s *Snapshot) { s.World.Primary.Revision = "v2" }), do: []Action{Demote{"v2"}}, why: "Repairing", after: time.Minute,
		},
		"RejectedInPrimaryAndNew": {
			reason: "If that is impossible, a new revision is the way out.",
			in:     snapshot(rejected, target("v3"), func(s *Snapshot) { s.World.Primary.Revision = "v2" }),
			do:     start, next: func(st *Status) { begun("v3")(st); st.Promoted = "v2" },
			tell: []string{"NewRevision"}, why: "Progressing", after: time.Minute,
		},
		"WentBack": {
			reason: "Who goes back to the promoted revision may try the rejected one again later.",
			in:     snapshot(rejected, target("v1"), func(s *Snapshot) { s.World.Canary.Replicas = 0 }),
			next:   func(st *Status) { st.Applied = "v1" }, why: "Failed",
		},
		"Drift": {
			reason: "A canary that others gave requests loses them.",
			in:     snapshot(settled, weight(5)), do: []Action{SetRoute{0}}, next: routed, why: "Repairing", after: time.Minute,
		},
		"DriftInvalid": {
			reason: "That needs no valid plan.",
			in:     snapshot(settled, weight(5), invalid), do: []Action{SetRoute{0}}, next: routed,
			tell: []string{"InvalidSpec"}, why: "InvalidSpec", once: true, stall: true, after: time.Minute,
		},
		"Services":  {reason: "Services are mended.", in: snapshot(settled, func(s *Snapshot) { s.World.Services.Fit = false }), do: []Action{EnsureServices{}}, why: "Repairing", after: time.Minute},
		"Route":     {reason: "The route is mended.", in: snapshot(settled, func(s *Snapshot) { s.World.Route.Fit = false }), do: []Action{SetRoute{0}}, why: "Repairing", after: time.Minute},
		"Apex":      {reason: "The application's Service is mended.", in: snapshot(settled, noApex), do: []Action{EnsureApex{}}, why: "Repairing", after: time.Minute},
		"ApexLater": {reason: "But not to lead to a primary that does not serve.", in: snapshot(settled, noApex, func(s *Snapshot) { s.World.Primary.Ready = false }), why: "Succeeded"},
		"PrimaryGone": {
			reason: "A primary that is gone is made again of the promoted revision.",
			in:     snapshot(settled, noPrimary), do: []Action{EnsurePrimary{}}, why: "Repairing", after: time.Minute,
		},
		"PrimaryGoneRejected": {
			reason: "But never of another one.",
			in:     snapshot(rejected, noPrimary), tell: []string{"PrimaryNotFound"}, why: "PrimaryNotFound", once: true, stall: true,
		},
		"PrimaryStuck": {
			reason: "A primary that does not come up is for people to look at.",
			in:     snapshot(settled, func(s *Snapshot) { s.World.Primary.Ready, s.World.Primary.Stuck = false, true }),
			tell:   []string{"PrimaryNotReady"}, why: "PrimaryNotReady", once: true, stall: true,
		},
	}.run(t)
}

func TestProbe(t *testing.T) {
	edited := func(s *Snapshot) { settled(s); s.Plan.Version = "2" }
	rows{
		"Ask":       {reason: "The metrics of a new plan are tried out before a release needs them.", in: snapshot(edited), ask: []Question{Probe}, why: "Succeeded"},
		"Pending":   {reason: "Once.", in: snapshot(edited, answered(Probe, Pending)), why: "Succeeded"},
		"NotDue":    {reason: "Not more often than the interval.", in: snapshot(edited, early), why: "Succeeded", after: 59 * time.Second},
		"NoMetrics": {reason: "Not without metrics.", in: snapshot(edited, func(s *Snapshot) { s.Plan.Metrics = false }), why: "Succeeded"},
		"Yes": {
			reason: "If they work, that is that.",
			in:     snapshot(edited, answered(Probe, Yes)), next: func(st *Status) { st.Probed = "2" }, why: "Succeeded",
		},
		"Wait": {
			reason: "Metrics that have nothing to say yet work.",
			in:     snapshot(edited, answered(Probe, Wait)), next: func(st *Status) { st.Probed = "2" }, why: "Succeeded",
		},
		"Unknown": {
			reason: "If they don't, the user hears of it, and they are tried again.",
			in:     snapshot(edited, answered(Probe, Unknown)), next: spent,
			tell: []string{"Because"}, why: "Because", once: true, stall: true, after: time.Minute,
		},
		"No": {
			reason: "So too if a query can't work.",
			in:     snapshot(edited, answered(Probe, No)), next: spent,
			tell: []string{"Because"}, why: "Because", once: true, stall: true, after: time.Minute,
		},
	}.run(t)
}

func TestWaiting(t *testing.T) {
	begun := func(st *Status) {
		st.Phase, st.Applied = Progressing, "v2"
		st.Run.Round = 6
	}
	start := []Action{SetRoute{0}, StartCanary{}}
	rows{
		"Ask":     {reason: "Leave is asked for at once.", in: snapshot(waiting), ask: []Question{MayStart}, why: approval},
		"Pending": {reason: "And waited for.", in: snapshot(waiting, answered(MayStart, Pending)), why: approval},
		"No": {
			reason: "Without leave nothing starts, and nobody is told twice.",
			in:     snapshot(waiting, answered(MayStart, No)), next: spent,
			tell: []string{approval}, why: approval, once: true, after: time.Minute,
		},
		"Unknown": {
			reason: "A gate that can't be reached gives no leave.",
			in:     snapshot(waiting, answered(MayStart, Unknown)), next: spent,
			tell: []string{approval}, why: approval, once: true, after: time.Minute,
		},
		"NotDue": {
			reason: "It is asked again an interval later.",
			in:     snapshot(waiting, early), why: approval, after: 59 * time.Second,
		},
		"Yes": {
			reason: "With leave the release starts.",
			in:     snapshot(waiting, answered(MayStart, Yes)), do: start, next: begun,
			tell: []string{"NewRevision"}, why: "Progressing", after: time.Minute,
		},
		"GateRemoved": {
			reason: "So it does when the plan wants no leave any more.",
			in:     snapshot(waiting, func(s *Snapshot) { s.Plan.Gates.Rollout = false }), do: start, next: begun,
			tell: []string{"NewRevision"}, why: "Progressing", after: time.Minute,
		},
		"Reverted": {
			reason: "A target that goes back has nothing to wait for.",
			in:     snapshot(waiting, target("v1")), do: []Action{SetRoute{0}},
			next: func(st *Status) { st.Phase, st.Run.RoutedAt, st.Run.Round = Succeeded, now, 6 },
			tell: []string{"Reverted"}, why: "Reverted", after: soon,
		},
		"Changed": {
			reason: "Leave for one revision is not leave for another, even one that was rejected before.",
			in:     snapshot(waiting, target("v3"), answered(MayStart, Yes), func(s *Snapshot) { s.Status.Applied = "v3" }),
			next:   func(st *Status) { st.Run = Run{Revision: "v3", StartedAt: now, Round: 6} }, why: "NewRevision", after: soon,
		},
		"Drift": {
			reason: "Nothing has been earned.",
			in:     snapshot(waiting, weight(5)), do: []Action{SetRoute{0}}, next: func(st *Status) { st.Run.RoutedAt = now }, why: "Repairing", after: time.Minute,
		},
		"Blind":   {reason: "Nothing starts unseen.", in: snapshot(waiting, blinded, answered(MayStart, Yes)), why: "Observing", after: time.Minute},
		"Problem": {reason: "Nothing starts while the plan has a problem.", in: snapshot(waiting, problem, answered(MayStart, Yes)), tell: []string{"NoTemplate"}, why: "NoTemplate", once: true, stall: true},
	}.run(t)
}

func TestDeletion(t *testing.T) {
	deleting := func(s *Snapshot) { settled(s); s.Plan.Deleting = true }
	serving := func(s *Snapshot) { deleting(s); s.World.Canary.Replicas, s.World.Canary.Ready = 2, true }
	released := func(s *Snapshot) { serving(s); s.World.Apex = Thing{Known: true, Released: true} }
	end := func(st *Status) { st.Phase = Terminating }
	forget := []Action{Forget{}}
	rows{
		"Start": {reason: "The target is started first.", in: snapshot(deleting), do: []Action{StartCanary{}}, next: end, why: "Terminating", after: time.Minute},
		"NotReady": {
			reason: "The primary serves until the target does.",
			in:     snapshot(serving, unready), next: end, why: "Terminating",
		},
		"Stuck": {
			reason: "If it never does, the user hears how to let go.",
			in:     snapshot(serving, unready, func(s *Snapshot) { s.World.Canary.Stuck = true }), next: end,
			tell: []string{"TargetNotReady"}, why: "TargetNotReady", once: true, stall: true,
		},
		"NotReadyWithRequests": {
			reason: "Meanwhile it gets no requests by the route.",
			in:     snapshot(serving, unready, weight(10)), do: []Action{SetRoute{0}},
			next: func(st *Status) { end(st); st.Run.RoutedAt = now }, why: "Terminating", after: time.Minute,
		},
		"Ready": {
			reason: "Then the application's Service leads to it.",
			in:     snapshot(serving), do: []Action{ReleaseApex{}}, next: func(st *Status) { end(st); st.Run.RoutedAt = now },
			tell: []string{"Released"}, why: "Terminating", after: time.Minute,
		},
		"Drain": {
			reason: "The primary stays until no request is on its way to it.",
			in:     snapshot(released, func(s *Snapshot) { s.Status.Run.RoutedAt = now.Add(-10 * time.Second) }), next: end,
			why: "Terminating", after: 20 * time.Second,
		},
		"Done":        {reason: "Then the Canary goes.", in: snapshot(released), do: forget, next: end, why: "Terminating"},
		"ForeignApex": {reason: "A Service that belongs to somebody else stays as it is.", in: snapshot(serving, func(s *Snapshot) { s.World.Apex.Foreign = "b" }), do: forget, next: end, why: "Terminating"},
		"KeepAll":     {reason: "A user may want everything left in place.", in: snapshot(deleting, func(s *Snapshot) { s.Plan.Revert = false }), do: forget, next: end, why: "Terminating"},
		"Untouched":   {reason: "Who never took over has nothing to give back.", in: snapshot(deleting, func(s *Snapshot) { s.Status = Status{} }), do: forget, next: end, why: "Terminating"},
		"TargetGone":  {reason: "A target that is gone can't serve.", in: snapshot(deleting, func(s *Snapshot) { s.World.Canary = Workload{Known: true} }), do: forget, next: end, why: "Terminating"},
		"Blind":       {reason: "Nothing goes unseen.", in: snapshot(deleting, blinded), next: end, why: "Observing", after: time.Minute},
		"Suspended":   {reason: "Who deletes does not want to wait.", in: snapshot(released, func(s *Snapshot) { s.Plan.Suspended = true }), do: forget, next: end, why: "Terminating"},
		"InMidRun": {
			reason: "A release that is under way ends there, whatever its checks say.",
			in:     snapshot(answered(Check, Yes), func(s *Snapshot) { s.Plan.Deleting, s.Status.Failed = true, 2 }),
			do:     []Action{ReleaseApex{}}, next: func(st *Status) { end(st); st.Run.RoutedAt = now },
			tell: []string{"Released"}, why: "Terminating", after: time.Minute,
		},
	}.run(t)
}
