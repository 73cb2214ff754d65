// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var epoch = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

// now is when the snapshots of the tables are taken: a check is just due.
var now = epoch.Add(time.Minute)

// snapshot is a release of v2 over v1, at the first of two steps.
func snapshot(mods ...func(*Snapshot)) Snapshot {
	s := Snapshot{
		Now: now,
		Plan: Plan{
			Version: "1", Steps: []int{10, 50}, Interval: time.Minute, Drain: 30 * time.Second,
			Threshold: 2, ErrorLimit: 3, Metrics: true, Revert: true,
		},
		Status: Status{
			Phase: Progressing, Applied: "v2", Promoted: "v1", Probed: "1",
			Run: Run{Revision: "v2", StartedAt: epoch.Add(-time.Minute), CheckedAt: epoch, Round: 5, Earned: 10},
		},
		World: World{
			Canary:   Workload{Known: true, Exists: true, Revision: "v2", Replicas: 1, Ready: true},
			Primary:  Workload{Known: true, Exists: true, Revision: "v1", Replicas: 2, Ready: true},
			Services: Thing{Known: true, Fit: true},
			Apex:     Thing{Known: true, Fit: true},
			Route:    Route{Known: true, Fit: true, Accepted: true, Weight: 10},
		},
	}
	for _, mod := range mods {
		mod(&s)
	}
	return s
}

// settled is the time after the release of v1: nothing is to be done.
func settled(s *Snapshot) {
	s.Status.Phase, s.Status.Applied = Succeeded, "v1"
	s.Status.Run = Run{Revision: "v1", CheckedAt: epoch, RoutedAt: epoch, Round: 5}
	s.World.Canary = Workload{Known: true, Exists: true, Revision: "v1"}
	s.World.Route.Weight = 0
}

// rejected is the time after v2 was rolled back, before its canary stops.
func rejected(s *Snapshot) {
	settled(s)
	s.Status.Phase, s.Status.Applied = Failed, "v2"
	s.World.Canary.Revision, s.World.Canary.Replicas, s.World.Canary.Ready = "v2", 1, true
}

func waiting(s *Snapshot) {
	settled(s)
	s.Plan.Gates.Rollout = true
	s.Status.Phase, s.Status.Run = Waiting, Run{Revision: "v2", StartedAt: epoch, Round: 5}
	s.World.Canary.Revision = "v2"
}

// fresh is a canary that is ready for its first request.
func fresh(s *Snapshot) {
	s.Status.Run.Earned, s.Status.Run.CheckedAt, s.World.Route.Weight = 0, time.Time{}, 0
}

func atEnd(s *Snapshot) { s.Status.Run.Earned, s.World.Route.Weight = 50, 50 }

func promoting(s *Snapshot) {
	atEnd(s)
	s.Status.Phase, s.Status.Run.CheckedAt = Promoting, now
	s.World.Primary.Revision = "v2"
}

func blinded(s *Snapshot) { s.World = World{} }

func unready(s *Snapshot) { s.World.Canary.Ready, s.World.Canary.Why = false, "0 of 1 pods" }

func invalid(s *Snapshot) {
	s.Plan.Invalid, s.Plan.Problems = true, []Reason{{"InvalidSpec", "mend spec.analysis"}}
}

func problem(s *Snapshot) { s.Plan.Problems = []Reason{{"NoTemplate", "make the MetricTemplate"}} }

func target(revision string) func(*Snapshot) {
	return func(s *Snapshot) { s.World.Canary.Revision = revision }
}

func weight(w int) func(*Snapshot) { return func(s *Snapshot) { s.World.Route.Weight = w } }

func early(s *Snapshot) { s.Status.Run.CheckedAt = now.Add(-time.Second) }

func answered(q Question, v Verdict) func(*Snapshot) {
	return func(s *Snapshot) {
		if s.Answers == nil {
			s.Answers = Answers{}
		}
		s.Answers[q] = Answer{Verdict: v, Reason: Reason{"Because", "the " + string(q) + " said so"}}
	}
}

func told(code, message string) func(*Snapshot) {
	return func(s *Snapshot) { s.Status.Told = Reason{code, message} }
}

// A row is a situation and what must come of it.
type row struct {
	reason string
	in     Snapshot
	ask    []Question
	do     []Action
	next   func(*Status) // changes to the status; Told apart
	memo   func(*Status) // changes to the status, if the actions fail
	tell   []string      // codes
	after  time.Duration
	why    string // code
	once   bool
	stall  bool
}

type rows map[string]row

func (rs rows) run(t *testing.T) {
	t.Helper()
	for name, r := range rs {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(r.want(), got(r.in)); diff != "" {
				t.Errorf("%s (-want +got)\n%s", r.reason, diff)
			}
		})
	}
}

// A result is what rows compare.
type result struct {
	Ask         []Question
	Do          []Action
	Next        Status
	Memo        *Status
	Tell        []string
	After       time.Duration
	Why         string
	Once, Stall bool
}

func got(s Snapshot) result {
	d := Decide(s)
	g := result{d.Ask, d.Do, d.Next, d.Memo, nil, d.After, d.Why.Code, d.Once, d.Stall}
	if d.Once == (d.Next.Told == d.Why) {
		g.Next.Told = Reason{} // as it should be
	}
	for _, n := range d.Tell {
		code := n.Reason.Code
		if n.Outcome {
			code += "!"
		}
		g.Tell = append(g.Tell, code)
	}
	return g
}

func (r row) want() result {
	w := result{r.ask, r.do, r.in.Status, nil, r.tell, r.after, r.why, r.once, r.stall}
	w.Next.Told = Reason{}
	if r.next != nil {
		r.next(&w.Next)
	}
	if r.memo != nil {
		memo := r.in.Status
		r.memo(&memo)
		w.Memo = &memo
	}
	return w
}

// spent is the status after the answers of a round were used.
func spent(st *Status) { st.Run.CheckedAt, st.Run.Round = now, st.Run.Round+1 }

func TestGeneral(t *testing.T) {
	rows{
		"Suspended": {
			reason: "A suspended release is left as it is, even if it is exhausted.",
			in:     snapshot(func(s *Snapshot) { s.Plan.Suspended, s.Status.Failed = true, 2 }),
			why:    "Suspended",
		},
		"UnknownPhase": {
			reason: "A phase that somebody else invented is for people to look at.",
			in:     snapshot(func(s *Snapshot) { s.Status.Phase = "Dancing" }),
			why:    "UnknownPhase", once: true, stall: true, tell: []string{"UnknownPhase"},
		},
		"ToldAlready": {
			reason: "Nobody is told the same thing twice in a row.",
			in:     snapshot(settled, problem, told("NoTemplate", "make the MetricTemplate")),
			why:    "NoTemplate", once: true, stall: true,
		},
		"ToldSomethingElse": {
			reason: "A new problem is told, though an old one was.",
			in:     snapshot(settled, problem, told("Old", "news")),
			why:    "NoTemplate", once: true, stall: true, tell: []string{"NoTemplate"},
		},
		"ToldStandsWhileBlind": {
			reason: "A problem does not come and go with the sight of the cluster.",
			in:     snapshot(settled, blinded, told("TargetNotFound", "make it")),
			why:    "TargetNotFound", once: true, stall: true, after: time.Minute,
		},
		"ApprovalStandsBetweenChecks": {
			reason: "A wait for approval is not the user's mistake, and stands until the next check.",
			in:     snapshot(early, told(approval, "be patient")),
			why:    approval, once: true, after: 59 * time.Second,
		},
		"ToldIsForgottenWhenMended": {
			reason: "A problem that is over may be told again when it comes back.",
			in:     snapshot(settled, told("NoTemplate", "make the MetricTemplate")),
			why:    "Succeeded",
		},
		"ClockSetBack": {
			reason: "No wait lasts longer than the interval because a clock was set back.",
			in:     snapshot(func(s *Snapshot) { s.Status.Run.CheckedAt = now.Add(time.Hour) }),
			next:   func(st *Status) { st.Run.CheckedAt = now },
			why:    "Progressing", after: time.Minute,
		},
		"ClockSetBackWhileDraining": {
			reason: "Nor does the drain.",
			in:     snapshot(rejected, func(s *Snapshot) { s.Status.Run.RoutedAt = now.Add(time.Hour) }),
			next:   func(st *Status) { st.Run.RoutedAt = now },
			why:    "Failed", after: 30 * time.Second,
		},
		"ClockSetForward": {
			reason: "A check that is long overdue is one check.",
			in:     snapshot(func(s *Snapshot) { s.Now = now.Add(time.Hour) }),
			ask:    []Question{Check},
			why:    "Progressing",
		},
	}.run(t)
}

// TestEveryPhaseHasARule reads the phases from the source, so that none is
// forgotten.
func TestEveryPhaseHasARule(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "types.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	phases := []Phase{""}
	ast.Inspect(f, func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok || v.Type == nil || len(v.Values) == 0 {
			return true
		}
		if id, ok := v.Type.(*ast.Ident); ok && id.Name == "Phase" {
			name, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			phases = append(phases, Phase(name))
		}
		return true
	})
	if len(phases) != 11 {
		t.Errorf("found %d phases, the API has 10 and the empty one: %q", len(phases), phases)
	}
	for _, p := range phases {
		if ruleOf(p) == nil {
			t.Errorf("phase %q has no rule", p)
		}
	}
	if ruleOf("Dancing") != nil {
		t.Error("an unknown phase has a rule")
	}
}

// TestSettledIsCheap holds that deciding about a settled release allocates
// nothing.
func TestSettledIsCheap(t *testing.T) {
	s := snapshot(settled)
	if n := testing.AllocsPerRun(100, func() { Decide(s) }); n > 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

func BenchmarkDecideSettled(b *testing.B) {
	s := snapshot(settled)
	b.ReportAllocs()
	for b.Loop() {
		Decide(s)
	}
}
