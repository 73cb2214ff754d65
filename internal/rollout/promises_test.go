// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"
)

// sameAgain holds that a decision depends on nothing but the snapshot, and that
// the snapshot is left alone.
func sameAgain(s Snapshot, d Decision) error {
	before := s
	before.Answers, before.Plan.Steps = maps.Clone(s.Answers), slices.Clone(s.Plan.Steps)
	switch {
	case !reflect.DeepEqual(Decide(s), d):
		return errors.New("the same snapshot gives another decision")
	case !reflect.DeepEqual(before, s):
		return errors.New("Decide changed its snapshot")
	}
	return nil
}

func running(p Phase) bool { return p == Progressing || p == WaitingPromotion }

// mayDecide holds a decision to the promises.
func (m *model) mayDecide(c *caller) error {
	s, d := c.s, c.d
	for _, hold := range []func(*caller) error{m.mayEnd, m.mayAsk, m.mayEarn, m.mayTell} {
		if err := hold(c); err != nil {
			return err
		}
	}
	if longest := max(s.Plan.Interval, s.Plan.Drain); d.After < 0 || d.After > longest {
		return fmt.Errorf("waits %s, and no wait may be longer than %s", d.After, longest)
	}
	if r := d.Next.Run; r.Round < s.Status.Run.Round {
		return errors.New("a round comes again")
	} else if !r.StartedAt.Equal(s.Status.Run.StartedAt) && r.Revision != "" && r.Revision == s.World.Primary.Revision {
		return fmt.Errorf("releases %s, which the primary runs", r.Revision)
	}
	rejected := s.Status.Phase == Failed && s.World.Canary.Revision == s.Status.Applied
	if rejected && !s.Plan.Deleting && d.Next.Phase != Failed {
		return errors.New("a rejected revision is released again")
	}
	for k, a := range c.memory {
		run := s.Status.Run
		if k.q == Check && k.round == run.Round && running(s.Status.Phase) && (a.revision != run.Revision || a.earned != run.Earned) {
			return fmt.Errorf("an answer about %s at %d%% is taken for one about %s at %d%%", a.revision, a.earned, run.Revision, run.Earned)
		}
	}
	return nil
}

// mayEnd holds the threshold, and that nothing else fails a release.
func (m *model) mayEnd(c *caller) error {
	s, d, p := c.s, c.d, c.s.Plan
	if p.Deleting || p.Suspended {
		return nil
	}
	spent := func(st Status, more int) bool {
		return st.Failed+more >= p.Threshold || p.MaxFailed > 0 && st.Run.TotalFailed+more >= p.MaxFailed || st.Run.Errors+more >= p.ErrorLimit
	}
	switch {
	case running(d.Next.Phase) && running(s.Status.Phase) && spent(d.Next, 0) && d.Next.Run.StartedAt.Equal(s.Status.Run.StartedAt):
		return errors.New("goes on after the threshold")
	case running(s.Status.Phase) && spent(s.Status, 0):
		bare := Decide(Snapshot{Now: s.Now, Plan: p, Status: s.Status})
		if len(bare.Do) == 0 || bare.Do[0] != (SetRoute{0}) || !reflect.DeepEqual(bare, d) {
			return errors.New("a rollback depends on what can be seen")
		}
	case d.Next.Phase == Failed && running(s.Status.Phase):
		if s.Answers[MustRollBack].Verdict != Yes && !s.World.Canary.Stuck && !spent(s.Status, 1) {
			return errors.New("rolls back without a reason")
		}
	case d.Next.Phase == Failed && s.Status.Phase == Promoting && !s.World.Primary.Stuck:
		return errors.New("fails the promotion without a reason")
	}
	return nil
}

// mayAsk holds that checks come in their time.
func (m *model) mayAsk(c *caller) error {
	s := c.s
	if !slices.Contains(c.d.Ask, Check) {
		return nil
	}
	if wait := s.Status.Run.CheckedAt.Add(s.Plan.Interval).Sub(s.Now); wait > 0 {
		return fmt.Errorf("asks for a check %s before its time", wait)
	}
	if !s.World.Route.Accepted || s.World.Route.Weight != s.Status.Run.Earned {
		return errors.New("asks for a check at another weight than the proxy has")
	}
	round, at := m.round, m.checked
	m.round, m.checked = s.Status.Run.Round, s.Now
	if m.tidy() && round != m.round && !at.IsZero() && s.Now.Sub(at) < s.Plan.Interval {
		return fmt.Errorf("two checks within %s", s.Now.Sub(at))
	}
	return nil
}

// tidy reports whether one caller at a time sees and does everything.
func (m *model) tidy() bool {
	c := m.chances
	return c.crash+c.refuse+c.meddle+c.stale+c.blind+c.jump == 0 && !c.rivals
}

// mayEarn holds that weight and promotion follow passed checks.
func (m *model) mayEarn(c *caller) error {
	s, next, run := c.s, c.d.Next, c.s.Status.Run
	yes := func(q Question, asked bool) bool { return !asked || s.Answers[q].Verdict == Yes }
	g := s.Plan.Gates
	passed := s.Answers[Check].Verdict == Yes
	if run.Earned == 0 {
		passed = yes(MayRoute, g.PreRollout || s.Plan.Metrics)
	}
	if next.Run.Earned > run.Earned {
		above := slices.IndexFunc(s.Plan.Steps, func(w int) bool { return w > run.Earned })
		switch {
		case above < 0 || s.Plan.Steps[above] != next.Run.Earned:
			return fmt.Errorf("jumps from %d%% to %d%% in a plan of %v", run.Earned, next.Run.Earned, s.Plan.Steps)
		case !passed || !yes(MayIncrease, g.TrafficIncrease) || s.Plan.Invalid || len(s.Plan.Problems) > 0 && run.Earned == 0:
			return fmt.Errorf("goes to %d%% without a passed check, leave, or a plan", next.Run.Earned)
		}
	}
	if next.Phase == Promoting && s.Status.Phase != Promoting && !taken(s) {
		atEnd := run.Earned > 0 && run.Earned == last(s.Plan.Steps) && passed && yes(MayPromote, g.Promotion)
		if !atEnd && !s.Plan.SkipAnalysis || s.Plan.Invalid {
			return fmt.Errorf("promotes at %d%% of %v without a passed check, leave, or a plan", run.Earned, s.Plan.Steps)
		}
	}
	return nil
}

// mayTell holds that every transition is told, and standing news only once.
func (m *model) mayTell(c *caller) error {
	s, d := c.s, c.d
	quiet := []Phase{Initializing, Waiting, Terminating, s.Status.Phase}
	if (!slices.Contains(quiet, d.Next.Phase) || d.Next.Run.Earned != s.Status.Run.Earned) && len(d.Tell) == 0 {
		return fmt.Errorf("nobody is told of %s at %d%%", d.Next.Phase, d.Next.Run.Earned)
	}
	for _, n := range d.Tell {
		if n.Reason == s.Status.Told || n.Reason == (Reason{}) {
			return fmt.Errorf("tells %q again", n.Reason.Message)
		}
	}
	return nil
}

// mayDo holds an action to the promises at the moment it is done.
func (m *model) mayDo(c *caller, a Action) error {
	s, w := c.s, c.s.World
	switch a := a.(type) {
	case SetRoute:
		return m.mayRoute(c, a.Weight)
	case StopCanary:
		if !w.Route.Known || w.Route.Weight > 0 || !w.Route.Accepted || !w.Apex.Fit {
			return errors.New("stops a canary that may have requests")
		}
		if m.tidy() && (m.real.Route.Weight > 0 || m.now.Sub(m.lastFlow) < s.Plan.Drain) {
			return errors.New("stops the canary while requests are on their way to it")
		}
	case EnsurePrimary:
		n := m.natures[m.real.Canary.Revision]
		if p := s.Status.Phase; p == "" || p == Initializing {
			n.promoted = true
		}
		if !n.promoted && c.ver.canary == m.ver.canary && !promotes(c, m.real.Canary.Revision) {
			return fmt.Errorf("makes a primary of %s, which was never promoted", m.real.Canary.Revision)
		}
	case EnsureApex:
		if !w.Primary.Ready || !w.Primary.Running() {
			return errors.New("leads the application to a primary that does not serve")
		}
	case Promote:
		if !promotes(c, a.Revision) {
			return fmt.Errorf("promotes %s in the release of %s", a.Revision, s.Status.Run.Revision)
		}
		m.natures[a.Revision].promoted = true
	case ReleaseApex, Forget:
		serves := w.Canary.Ready && w.Canary.Running()
		_, forget := a.(Forget)
		if !s.Plan.Deleting || s.Plan.Revert && w.Canary.Exists && s.Status.Phase != "" && (!serves || forget && !w.Apex.Released) {
			return fmt.Errorf("%T before the target serves", a)
		}
	}
	return nil
}

func promotes(c *caller, revision string) bool {
	return c.d.Next.Phase == Promoting && c.d.Next.Run.Revision == revision
}

func (m *model) mayRoute(c *caller, weight int) error {
	s, w := c.s, c.s.World
	fenced := w.Route.Known && c.ver.route != m.ver.route // it will be refused
	switch {
	case weight == 0 || fenced:
		return nil
	case !running(c.d.Next.Phase) && c.d.Next.Phase != Promoting:
		return fmt.Errorf("%d%% of requests to the canary in phase %s", weight, c.d.Next.Phase)
	case weight > c.d.Next.Run.Earned:
		return fmt.Errorf("%d%% of requests, %d%% earned", weight, c.d.Next.Run.Earned)
	case weight > m.real.Route.Weight && !w.Canary.Ready:
		return fmt.Errorf("%d%% of requests to a canary that is not ready", weight)
	case w.Canary.Known && w.Canary.Revision != s.Status.Run.Revision:
		return fmt.Errorf("%d%% of requests to %s, which nobody has checked", weight, w.Canary.Revision)
	case s.Plan.Invalid && weight > w.Route.Weight:
		return fmt.Errorf("%d%% of requests to the canary by a plan that makes no sense", weight)
	}
	return nil
}

// afterTurn holds what must be true once a turn is over in which nobody else
// did anything.
func (m *model) afterTurn(c *caller) error {
	s, weight := c.s, m.real.Route.Weight
	if !c.fresh || c.stirred != m.stirred || m.chances.rivals || s.Plan.Suspended {
		return nil
	}
	taking := s.Status.Phase == "" || s.Status.Phase == Initializing
	switch {
	case weight > 0 && !s.World.Canary.Ready && !taking && !(s.Plan.Deleting && !s.Plan.Revert):
		return fmt.Errorf("a canary that is not ready keeps %d%% of requests", weight)
	case running(s.Status.Phase) && running(m.status.Phase) && weight > m.status.Run.Earned:
		return fmt.Errorf("the canary has %d%% of requests and earned %d%%", weight, m.status.Run.Earned)
	case running(s.Status.Phase) && running(m.status.Phase) && s.World.Canary.Ready && !s.Plan.Invalid && weight != m.status.Run.Earned:
		return fmt.Errorf("the canary has %d%% of requests and earned %d%%", weight, m.status.Run.Earned)
	case m.status.Run.Earned > 0 && !s.Plan.SkipAnalysis && running(m.status.Phase) && !s.Plan.Invalid && s.World.Canary.Ready && m.status.Run.Earned > last(s.Plan.Steps):
		return fmt.Errorf("%d%% of requests in a plan of %v", m.status.Run.Earned, s.Plan.Steps)
	}
	return nil
}

// run lives through the disturbances, and then until all is quiet.
func (m *model) run() error {
	for range 250 {
		if p := m.status.Phase; p != "" && p != Initializing {
			m.pushFirst()
		}
		if m.rng.IntN(2) == 0 {
			if err := m.act(m.callers[m.rng.IntN(len(m.callers))]); err != nil {
				return err
			}
		} else if m.live(); !m.tidy() || m.callers[0].next < 0 {
			m.pass()
		}
		if m.forgot {
			return nil
		}
	}
	m.calmDown()
	for range 2000 {
		moved, err := m.turn(m.callers[0])
		if err != nil || m.forgot {
			return err
		}
		if lived := m.live(); moved || lived {
			continue
		}
		switch after := m.callers[0].d.After; {
		case m.mend() || m.pushFirst():
		case after > 0:
			m.now = m.now.Add(after)
		default:
			return m.atRest()
		}
	}
	return errors.New("no end")
}

// turn lets the caller take a whole turn, and reports whether that changed
// anything.
func (m *model) turn(c *caller) (bool, error) {
	real, ver := m.real, m.ver
	for {
		if err := m.act(c); err != nil {
			return false, err
		}
		if c.next < 0 || m.forgot {
			return m.real != real || m.ver != ver, nil
		}
	}
}

// pushFirst pushes the first new revision, unless that was done.
func (m *model) pushFirst() bool {
	if m.begun {
		return false
	}
	m.begun = true
	m.setRevision("v2")
	return true
}

// mend does what only the user can, and reports whether there is such a thing.
func (m *model) mend() bool {
	d := m.callers[0].d
	switch {
	case m.status.Told.Code == "PrimaryNotFound":
		m.setRevision(m.status.Promoted)
	case len(d.Do) > 0 && d.Do[0] == (Demote{m.real.Primary.Revision}) && m.before == "":
		m.release(nature{pass: 1}) // nothing is known that the primary could go back to
	default:
		return false
	}
	return true
}

// atRest holds that a release has ended well and is quiet.
func (m *model) atRest() error {
	st, w := m.status, m.real
	s := Snapshot{Now: m.now.Add(time.Hour), Plan: m.plan, Status: st, World: w}
	d := Decide(s)
	if len(d.Ask)+len(d.Do)+len(d.Tell) > 0 || d.Next != st || d.After != 0 {
		return fmt.Errorf("is not quiet: %+v", d)
	}
	if w.Primary.Stuck && (st.Phase == Initializing || st.Told.Code == "PrimaryNotReady") || w.Canary.Stuck && st.Phase == Terminating {
		return nil // the user has been told
	}
	switch {
	case st.Phase != Initialized && st.Phase != Succeeded && st.Phase != Failed:
		return fmt.Errorf("sleeps in phase %s", st.Phase)
	case w.Canary.Running() || w.Route.Weight > 0 || !w.Apex.Fit || !w.Services.Fit || !w.Primary.Ready:
		return fmt.Errorf("is not tidied up: %+v", w)
	case !m.natures[w.Primary.Revision].promoted:
		return fmt.Errorf("the primary runs %s, which never passed", w.Primary.Revision)
	case st.Phase == Failed && w.Primary.Revision == st.Applied && st.Applied != st.Promoted:
		return errors.New("the primary keeps what was rejected")
	case w.Canary.Revision != w.Primary.Revision && w.Canary.Revision != st.Applied:
		return fmt.Errorf("nobody cares for %s", w.Canary.Revision)
	}
	return nil
}

// TestModel lives through thousands of random worlds and holds Decide to its
// promises.
func TestModel(t *testing.T) {
	cases := map[string]struct {
		reason  string
		chances chances
		nature  nature
		primary string  // what it runs at the end, if that is certain
		ends    []Phase // that some worlds must end in
	}{
		"Good":     {reason: "A good revision is promoted.", nature: nature{pass: 1}, primary: "v2", ends: []Phase{Succeeded}},
		"Bad":      {reason: "A revision that never passes leaves the primary untouched.", primary: "v1", ends: []Phase{Failed}},
		"BadStorm": {reason: "That holds whatever happens to the caller.", chances: chances{crash: .05, refuse: .1, blind: .1, stale: .2, unknown: .1, no: .2, flap: .1, rivals: true}, primary: "v1"},
		"Flaky":    {reason: "Every release ends.", nature: nature{pass: .7}, ends: []Phase{Succeeded, Failed}},
		"Stuck":    {reason: "A canary that never becomes ready is rolled back.", nature: nature{pass: 1, stuck: true}, primary: "v1"},
		"Unfit":    {reason: "A primary that never becomes ready goes back.", nature: nature{pass: 1, unfit: true}, primary: "v1"},
		"Crashes":  {reason: "The caller may stop between any two steps.", chances: chances{crash: .15}, nature: nature{pass: .9}},
		"Refused":  {reason: "The API may refuse, or do it and say it did not.", chances: chances{refuse: .3}, nature: nature{pass: .9}},
		"Meddled":  {reason: "Others change what they like.", chances: chances{meddle: .15, flap: .05}, nature: nature{pass: .9}},
		"Blind":    {reason: "What can't be seen does no harm.", chances: chances{blind: .2}, nature: nature{pass: .9}},
		"Stale":    {reason: "Old news do no harm.", chances: chances{stale: .4, push: .03}, nature: nature{pass: .9}},
		"Rivals":   {reason: "Two controllers at once do no harm.", chances: chances{rivals: true, push: .03}, nature: nature{pass: .9}},
		"Jumps":    {reason: "The clock may jump both ways.", chances: chances{jump: .1}, nature: nature{pass: .9}},
		"Edits":    {reason: "The plan may change, and make no sense for a while.", chances: chances{edit: .1}, nature: nature{pass: .9}},
		"Gates":    {reason: "Gates may say no, or nothing, for a while.", chances: chances{no: .5, unknown: .2}, nature: nature{pass: .95}},
		"Pushes":   {reason: "The target may change at any time.", chances: chances{push: .08, flap: .03}, nature: nature{pass: .9}},
		"Deletion": {reason: "The target serves before the primary goes.", chances: chances{remove: .02, crash: .05, flap: .05, blind: .05}, nature: nature{pass: .9}, ends: []Phase{Terminating}},
		"Storm": {reason: "All at once.", nature: nature{pass: .9}, ends: []Phase{Succeeded, Failed, Initialized, Terminating}, chances: chances{
			crash: .03, refuse: .1, meddle: .05, blind: .1, stale: .1, unknown: .1, no: .1, flap: .05, jump: .02, edit: .03, push: .03, remove: .001, rivals: true,
		}},
	}
	worlds := 12_000
	if testing.Short() {
		worlds = 2_000
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ends := map[Phase]int{}
			for seed := range uint64(worlds / len(cases)) {
				m := newModel(seed, tc.chances)
				nature := tc.nature
				m.natures["v2"], m.pushed = &nature, 1
				err := m.run()
				ends[m.status.Phase]++
				if err == nil && tc.primary != "" && !m.plan.SkipAnalysis && m.real.Canary.Revision == "v2" && m.real.Primary.Revision != tc.primary {
					err = fmt.Errorf("the primary runs %s", m.real.Primary.Revision)
				}
				if err != nil {
					t.Fatalf("%s\nseed %d: %v\nplan %+v\n%s", tc.reason, seed, err, m.plan, m.history())
				}
			}
			for _, phase := range tc.ends {
				if ends[phase] == 0 {
					t.Errorf("no world ended in phase %s, so that nothing was shown of it: %v", phase, ends)
				}
			}
		})
	}
}
