// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// Chances say how much goes wrong in a world, from 0 to 1.
type chances struct {
	crash   float64 // the caller stops between two of its steps
	refuse  float64 // the API refuses an action, or does it and says it did not
	meddle  float64 // somebody changes the cluster
	blind   float64 // a fact can't be observed
	stale   float64 // a fact is read from an old cache
	unknown float64 // a question can't be answered
	no      float64 // a gate says no
	flap    float64 // the canary loses its readiness
	jump    float64 // the clock jumps
	edit    float64 // the user edits the plan
	push    float64 // the user changes the target's revision
	remove  float64 // the user deletes the canary
	rivals  bool    // two controllers are at work at once
}

// A nature says what a revision is like.
type nature struct {
	pass     float64 // chance that a check passes
	stuck    bool    // it never becomes ready as a canary
	unfit    bool    // it never becomes ready as the primary
	promoted bool    // it may be in the primary, since the promises were kept
}

// A model is a toy cluster with its controllers. It moves in small steps, one
// controller or one part of the cluster at a time, so that anything can happen
// between any two steps.
type model struct {
	rng      *rand.Rand
	chances  chances
	now      time.Time
	plan     Plan
	real     World
	ver      versions
	status   Status
	before   string // what the primary ran before it was promoted last
	natures  map[string]*nature
	pushed   int  // revisions that the user has made
	begun    bool // the first of them is there
	forgot   bool
	told     []Notice
	log      []caller // the last decisions
	stirred  int      // times that others changed something
	calm     bool
	jumped   bool
	round    int       // of the last check
	checked  time.Time // when that was asked for
	lastFlow time.Time // when the canary had requests last
	callers  []*caller
}

// Versions are the resource versions that writes are fenced with.
type versions struct{ status, route, canary, primary int }

// A caller is a controller: it observes, decides, acts, saves and tells.
type caller struct {
	cache   Snapshot // what its caches hold
	ver     versions // of what is in its caches
	memory  map[question]*answer
	s       Snapshot // what it decides about
	d       Decision
	next    int  // of the actions of d; -1 if it is not in the middle of a turn
	fresh   bool // s is the whole truth
	stirred int  // as in the model, when it observed
}

type question struct {
	round int
	q     Question
}

// An answer is on its way for some steps.
type answer struct {
	Answer
	steps    int
	revision string
	earned   int
}

func newModel(seed uint64, c chances) *model {
	rng := rand.New(rand.NewPCG(seed, 7))
	m := &model{
		rng: rng, chances: c, now: epoch,
		natures: map[string]*nature{"v1": {pass: 1, promoted: true}},
		status:  Status{Phase: Initialized, Applied: "v1", Promoted: "v1"},
		real: World{
			Canary:   Workload{Known: true, Exists: true, Revision: "v1"},
			Primary:  Workload{Known: true, Exists: true, Revision: "v1", Replicas: 2, Ready: true},
			Services: Thing{Known: true, Fit: true},
			Apex:     Thing{Known: true, Fit: true},
			Route:    Route{Known: true, Fit: true, Accepted: true},
		},
	}
	if rng.IntN(4) == 0 { // a live service is about to be taken over
		m.status = Status{}
		m.real.Canary.Replicas, m.real.Canary.Ready = 2, true
		m.real.Primary = Workload{Known: true}
		m.real.Services = Thing{Known: true}
		m.real.Apex = Thing{Known: true, Released: true}
		m.real.Route = Route{Known: true}
	}
	m.plan = Plan{
		Version: "1", Steps: m.steps(), Interval: time.Minute, Drain: time.Duration(rng.IntN(3)) * 20 * time.Second,
		Threshold: 1 + rng.IntN(4), MaxFailed: rng.IntN(3) * 4, ErrorLimit: 2 + rng.IntN(4),
		Cumulative: rng.IntN(2) == 0, Metrics: rng.IntN(3) > 0, SkipAnalysis: rng.IntN(12) == 0, Revert: rng.IntN(4) > 0,
		PromotionStep: rng.IntN(2) * 20,
		Gates:         m.gates(),
	}
	for range 1 + rng.IntN(2)*btoi(c.rivals) + btoi(c.rivals) {
		m.callers = append(m.callers, m.newCaller())
	}
	return m
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (m *model) hit(chance float64) bool { return !m.calm && m.rng.Float64() < chance }

func (m *model) steps() []int {
	var steps []int
	for w := range 1 + m.rng.IntN(4) {
		steps = append(steps, 1+w*25+m.rng.IntN(24))
	}
	return steps
}

func (m *model) gates() Gates {
	yes := func() bool { return m.rng.IntN(3) == 0 }
	return Gates{Rollout: yes(), PreRollout: yes(), TrafficIncrease: yes(), Promotion: yes(), Rollback: yes()}
}

func (m *model) newCaller() *caller {
	c := &caller{next: -1, memory: map[question]*answer{}}
	c.cache.Status, c.cache.World, c.ver = m.status, m.real, m.ver
	return c
}

// release lets the user push a new revision.
func (m *model) release(n nature) {
	m.pushed++
	r := fmt.Sprintf("v%d", m.pushed+1)
	m.natures[r] = &n
	m.setRevision(r)
}

func (m *model) setRevision(r string) {
	c := &m.real.Canary
	c.Exists = true
	if c.Revision != r {
		c.Revision, c.Ready, c.Stuck, c.Why = r, false, false, "starting"
		m.ver.canary++
	}
}

// act lets one caller take one step.
func (m *model) act(c *caller) error {
	if m.hit(m.chances.crash) {
		*c = *m.newCaller()
		return nil
	}
	if c.next < 0 {
		return m.decide(c)
	}
	if c.next < len(c.d.Do) {
		a := c.d.Do[c.next]
		c.next++
		if err := m.mayDo(c, a); err != nil {
			return err
		}
		if !m.obey(c, a) {
			m.save(c, c.d.Memo)
			c.next = -1
		}
		return nil
	}
	c.next = -1
	if !m.save(c, &c.d.Next) {
		return nil
	}
	m.told = append(m.told, c.d.Tell...)
	return m.afterTurn(c)
}

// decide observes, decides and asks.
func (m *model) decide(c *caller) error {
	m.observe(c)
	c.d = Decide(c.s)
	if m.rng.IntN(8) == 0 {
		if err := sameAgain(c.s, c.d); err != nil {
			return err
		}
	}
	if err := m.mayDecide(c); err != nil {
		return err
	}
	for _, q := range c.d.Ask {
		m.ask(c, q)
	}
	if len(m.log) == 8 {
		m.log = append(m.log[:0], m.log[1:]...)
	}
	m.log = append(m.log, *c)
	c.next, c.stirred = 0, m.stirred
	return nil
}

func (m *model) observe(c *caller) {
	old := func() bool { return m.hit(m.chances.stale) }
	w := &c.cache.World
	c.fresh = true
	look := func(take func()) {
		if old() {
			c.fresh = false
		} else {
			take()
		}
	}
	look(func() { c.cache.Status, c.ver.status = m.status, m.ver.status })
	look(func() { w.Canary, c.ver.canary = m.real.Canary, m.ver.canary })
	look(func() { w.Primary, c.ver.primary = m.real.Primary, m.ver.primary })
	look(func() { w.Route, c.ver.route = m.real.Route, m.ver.route })
	look(func() { w.Services, w.Apex = m.real.Services, m.real.Apex })
	c.s = Snapshot{Now: m.now, Plan: m.plan, Status: c.cache.Status, World: c.cache.World, Answers: Answers{}}
	hide := func(clear func()) {
		if m.hit(m.chances.blind) {
			c.fresh = false
			clear()
		}
	}
	hide(func() { c.s.World.Canary = Workload{} })
	hide(func() { c.s.World.Primary = Workload{} })
	hide(func() { c.s.World.Route = Route{} })
	hide(func() { c.s.World.Services, c.s.World.Apex = Thing{}, Thing{} })
	for k, a := range c.memory {
		switch {
		case k.round != c.s.Status.Run.Round:
		case a.steps > 0:
			c.s.Answers[k.q] = Answer{Verdict: Pending}
		default:
			c.s.Answers[k.q] = a.Answer
		}
	}
}

func (m *model) ask(c *caller, q Question) {
	run := c.s.Status.Run
	a := &answer{steps: 1 + m.rng.IntN(5), revision: run.Revision, earned: run.Earned}
	a.Reason = Reason{"Because", "of " + string(q)}
	a.Verdict = m.verdict(q, run.Revision)
	c.memory[question{run.Round, q}] = a
}

func (m *model) verdict(q Question, revision string) Verdict {
	switch {
	case m.hit(m.chances.unknown):
		return Unknown
	case q == MustRollBack:
		if m.hit(m.chances.no / 4) {
			return Yes
		}
		return No
	case q == Check:
		if m.rng.IntN(20) == 0 {
			return Wait
		}
		if n := m.natures[revision]; n == nil || m.rng.Float64() >= n.pass {
			return No
		}
	case m.hit(m.chances.no):
		return No
	}
	return Yes
}

// save writes the status unless somebody else has written it since it was read.
func (m *model) save(c *caller, next *Status) bool {
	if next == nil || c.ver.status != m.ver.status {
		return false
	}
	if *next != m.status {
		m.status = *next
		m.ver.status++
	}
	c.cache.Status, c.ver.status = m.status, m.ver.status
	return true
}

// obey does what a decision says, unless the API refuses.
func (m *model) obey(c *caller, a Action) bool {
	refused := m.hit(m.chances.refuse)
	if refused && m.rng.IntN(2) == 0 {
		return false
	}
	return m.change(c, a) && !refused // the change may have happened all the same
}

// change makes a change to the cluster, fenced by what the caller has read.
func (m *model) change(c *caller, a Action) bool {
	w := &m.real
	was := *w
	switch a := a.(type) {
	case SetRoute:
		if c.s.World.Route.Known && c.ver.route != m.ver.route {
			return false
		}
		w.Route = Route{Known: true, Fit: true, Weight: a.Weight, Accepted: was.Route.Accepted && was.Route.Fit && was.Route.Weight == a.Weight}
	case StartCanary, StopCanary:
		if c.ver.canary != m.ver.canary || !w.Canary.Exists {
			return false
		}
		if _, start := a.(StartCanary); start && w.Canary.Replicas == 0 {
			w.Canary.Replicas, w.Canary.Ready = 2, false
		} else if !start {
			w.Canary.Replicas, w.Canary.Ready = 0, false
		}
	case Promote:
		if w.Canary.Revision != a.Revision || !w.Primary.Exists {
			return false
		}
		if w.Primary.Revision != a.Revision {
			m.before = w.Primary.Revision
			w.Primary.Revision, w.Primary.Ready, w.Primary.Stuck = a.Revision, false, false
		}
	case Demote:
		if c.ver.primary != m.ver.primary || m.before == "" {
			return false
		}
		if w.Primary.Revision == a.Revision {
			w.Primary.Revision, w.Primary.Ready, w.Primary.Stuck = m.before, false, false
		}
	case EnsurePrimary:
		if c.ver.canary != m.ver.canary {
			return false
		}
		if !w.Primary.Exists {
			w.Primary = Workload{Known: true, Exists: true, Revision: w.Canary.Revision, Replicas: 2, Why: "starting"}
		}
	case EnsureServices:
		w.Services.Fit = true
	case EnsureApex:
		w.Apex.Fit, w.Apex.Released = true, false
	case ReleaseApex:
		w.Apex.Fit, w.Apex.Released = false, true
	case Forget:
		m.forgot = true
	}
	m.bump(was)
	return true
}

func (m *model) bump(was World) {
	m.ver.route += btoi(m.real.Route != was.Route)
	m.ver.canary += btoi(m.real.Canary.Replicas != was.Canary.Replicas || m.real.Canary.Revision != was.Canary.Revision || m.real.Canary.Exists != was.Canary.Exists)
	m.ver.primary += btoi(m.real.Primary.Revision != was.Primary.Revision || m.real.Primary.Exists != was.Primary.Exists)
}

// live lets the cluster and the people take one step. It reports whether
// anything happened.
func (m *model) live() bool {
	was, plan := m.real, m.plan.Version
	m.becomeReady()
	if m.hit(m.chances.flap) {
		m.real.Canary.Ready = false
	}
	if m.hit(m.chances.meddle) {
		m.meddle()
	}
	if m.hit(m.chances.push) {
		m.push()
	}
	if m.hit(m.chances.edit) {
		m.edit()
	}
	if m.hit(m.chances.remove) {
		m.plan.Deleting = true
	}
	m.bump(was)
	if m.real != was || m.plan.Version != plan || m.plan.Deleting {
		m.stirred++
	}
	arrived := false
	for _, c := range m.callers {
		for _, a := range c.memory {
			if a.steps > 0 {
				a.steps--
				arrived = true
			}
		}
	}
	if m.real.Route.Weight > 0 || was.Route.Weight > 0 {
		m.lastFlow = m.now
	}
	return arrived || m.real != was || m.plan.Version != plan
}

func (m *model) becomeReady() {
	c, p, r := &m.real.Canary, &m.real.Primary, &m.real.Route
	if c.Running() && !c.Ready && m.lucky() {
		c.Stuck = m.natures[c.Revision].stuck
		c.Ready, c.Why = !c.Stuck, ""
	}
	if p.Exists && !p.Ready && m.lucky() {
		p.Stuck = m.natures[p.Revision].unfit
		p.Ready, p.Why = !p.Stuck, ""
	}
	if r.Fit && !r.Accepted && m.lucky() {
		r.Accepted, r.Why = true, ""
	}
}

func (m *model) lucky() bool { return m.calm || m.rng.IntN(4) == 0 }

func (m *model) meddle() {
	w := &m.real
	switch m.rng.IntN(10) {
	case 0, 1:
		w.Route.Weight = m.rng.IntN(101)
	case 2:
		w.Route.Fit, w.Route.Accepted = false, false
	case 3:
		w.Canary.Replicas, w.Canary.Ready = 0, false
	case 4:
		if w.Canary.Replicas == 0 && w.Canary.Exists {
			w.Canary.Replicas, w.Canary.Ready = 1, false
		}
	case 5:
		w.Canary.Exists, w.Canary.Replicas, w.Canary.Ready = !w.Canary.Exists, 0, false
	case 6:
		w.Primary.Ready = false
	case 7:
		w.Primary = Workload{Known: true}
	case 8:
		w.Apex.Fit, w.Services.Fit = false, false
	case 9:
		w.Services.Foreign = []string{"", "somebody's"}[m.rng.IntN(2)]
	}
}

func (m *model) push() {
	switch known := m.rng.IntN(3); {
	case known == 0 && m.pushed > 0:
		m.setRevision(fmt.Sprintf("v%d", 1+m.rng.IntN(m.pushed+1)))
	case known == 1:
		m.setRevision(m.status.Promoted)
		if m.status.Promoted == "" {
			m.setRevision("v1")
		}
	default:
		m.release(nature{pass: m.rng.Float64() * 1.3, stuck: m.rng.IntN(5) == 0, unfit: m.rng.IntN(5) == 0})
	}
}

func (m *model) edit() {
	switch p := &m.plan; m.rng.IntN(6) {
	case 0, 1:
		p.Steps = m.steps()
	case 2:
		p.Threshold = 1 + m.rng.IntN(4)
	case 3:
		p.Invalid, p.Problems = !p.Invalid, nil
		if p.Invalid {
			p.Problems = []Reason{{"InvalidSpec", "spec.analysis makes no sense"}}
		}
	case 4:
		p.Suspended = !p.Suspended
	case 5:
		p.Gates = m.gates()
	}
	m.plan.Version = fmt.Sprint(m.rng.Uint32())
}

// pass lets time go by.
func (m *model) pass() {
	if m.hit(m.chances.jump) {
		m.now = m.now.Add(time.Duration(m.rng.IntN(7200)-3600) * time.Second)
		m.jumped = true
	}
	m.now = m.now.Add(time.Duration(1+m.rng.IntN(20)) * time.Second)
}

// calmDown ends all disturbances. People mend what they were asked to.
func (m *model) calmDown() {
	m.calm = true
	w := &m.real
	w.Services.Foreign = ""
	w.Canary.Exists = true
	m.plan.Invalid, m.plan.Problems, m.plan.Suspended = false, nil, false
	for r, n := range m.natures {
		n.promoted = n.promoted || r == w.Primary.Revision
	}
	m.callers = m.callers[:1]
	*m.callers[0] = *m.newCaller()
}

// history returns the last decisions, for people.
func (m *model) history() string {
	var b strings.Builder
	for _, c := range m.log {
		b.WriteString(format(c))
	}
	return b.String()
}

func format(c caller) string {
	s, w := c.s, c.s.World
	qs := make([]string, 0, len(s.Answers))
	for q, a := range s.Answers {
		qs = append(qs, fmt.Sprintf("%s=%d", q, a.Verdict))
	}
	slices.Sort(qs)
	return fmt.Sprintf("%s: %s applied=%s promoted=%s failed=%d run=%s@%d round %d, told=%v\n\tcanary %+v\n\tprimary %+v\n\troute %+v apex %+v %v\n\t→ %s %v: do %#v ask %v next %s %s@%d after %s tell %v\n",
		s.Now.Sub(epoch), s.Status.Phase, s.Status.Applied, s.Status.Promoted, s.Status.Failed, s.Status.Run.Revision, s.Status.Run.Earned, s.Status.Run.Round, s.Status.Told.Code,
		w.Canary, w.Primary, w.Route, w.Apex, qs, c.d.Why.Code, c.d.Why.Message, c.d.Do, c.d.Ask, c.d.Next.Phase, c.d.Next.Run.Revision, c.d.Next.Run.Earned, c.d.After, c.d.Tell)
}
