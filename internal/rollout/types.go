// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import "time"

// A Snapshot is everything that Decide may know about one release.
type Snapshot struct {
	Now     time.Time
	Plan    Plan
	Status  Status
	World   World
	Answers Answers
}

// A Plan is the user's intent, with every default applied.
type Plan struct {
	// Version changes whenever the intent does: the spec or a query that it
	// refers to.
	Version string
	// Problems are what the user must mend before a release can start.
	Problems []Reason
	// Invalid says that the spec itself makes no sense, so that the rest of
	// the plan can't be trusted in the middle of a release.
	Invalid bool

	Steps         []int         // canary weight in percent after each passed check; strictly rising, never 0
	PromotionStep int           // percent by which traffic returns after promotion; 0 is all at once
	Interval      time.Duration // between checks
	Drain         time.Duration // from the last request routed to the canary to its stop
	Threshold     int           // failed checks that roll back
	Cumulative    bool          // a passed check does not clear the failed ones
	MaxFailed     int           // failed checks of the whole run that roll back; 0 is no limit
	ErrorLimit    int           // checks in a row without an answer that roll back
	Metrics       bool          // there are metrics to look at
	Gates         Gates
	SkipAnalysis  bool // promote as soon as the canary is ready
	Suspended     bool // leave everything as it is
	Deleting      bool // the user has let go of the release
	Revert        bool // on deletion, give the target back as it was found
}

// Gates tells which kinds of webhook the plan has.
type Gates struct {
	Rollout, PreRollout, TrafficIncrease, Promotion, Rollback bool
}

// A Status is what Decide remembers between calls. The caller keeps it in the
// status of the Canary.
type Status struct {
	Phase    Phase
	Applied  string // revision that was last put under analysis, or settled on
	Promoted string // revision that the primary was last promoted to
	Failed   int    // failed checks that count towards the threshold
	Run      Run
	Told     Reason // what people were last told to mend or to approve
	Probed   string // Plan.Version whose metrics were last tried out
}

// A Run is one release of one revision.
type Run struct {
	Revision    string
	StartedAt   time.Time
	CheckedAt   time.Time // of the last check or change of weight
	RoutedAt    time.Time // when traffic was last taken from the canary
	Round       int       // of questions, only ever rising; answers to earlier rounds are void
	Earned      int       // weight in percent that passed checks have earned
	TotalFailed int       // failed checks of the whole run
	Errors      int       // checks in a row without an answer
}

// A Phase says where a release stands. The names are those of the API.
type Phase string

// The phases of a release.
const (
	Initializing     Phase = "Initializing"
	Initialized      Phase = "Initialized"
	Waiting          Phase = "Waiting"
	Progressing      Phase = "Progressing"
	WaitingPromotion Phase = "WaitingPromotion"
	Promoting        Phase = "Promoting"
	Finalising       Phase = "Finalising"
	Succeeded        Phase = "Succeeded"
	Failed           Phase = "Failed"
	Terminating      Phase = "Terminating"
)

// A World is what was observed in the cluster. What could not be observed is
// left at its zero value.
type World struct {
	Canary   Workload // the user's workload
	Primary  Workload // the copy that serves between releases
	Services Thing    // that lead to one side each
	Apex     Thing    // the Service that the application is known by
	Route    Route
}

// A Workload is one side of the release.
type Workload struct {
	Known    bool
	Exists   bool
	Revision string // what it runs, or is about to run; empty if nobody said
	Replicas int    // wanted
	Ready    bool   // the wanted replicas run that revision and serve
	Stuck    bool   // the progress deadline has passed
	Why      string // not ready, in words for people
}

// Running reports whether the workload has pods.
func (w Workload) Running() bool { return w.Exists && w.Replicas > 0 }

// A Thing is an object that the release needs.
type Thing struct {
	Known    bool
	Fit      bool   // exists and is as it should be
	Released bool   // is as it was before the release took it over
	Foreign  string // says who else it belongs to, if it must not be touched
}

// A Route is how requests are split between the sides.
type Route struct {
	Known    bool
	Fit      bool   // exists and, weights apart, is as it should be
	Weight   int    // percent of requests that the canary gets
	Accepted bool   // the proxy has taken it up
	Why      string // not accepted, in words for people
}

// A Question asks the caller to find out something slow or costly, and only
// when the answer matters.
type Question string

// The questions that Decide asks.
const (
	Probe        Question = "probe"                    // can the metrics be asked at all?
	MayStart     Question = "confirm-rollout"          // may this revision be released?
	MayRoute     Question = "pre-rollout"              // may the canary get its first request?
	Check        Question = "check"                    // do metrics and rollout hooks accept the canary?
	MayIncrease  Question = "confirm-traffic-increase" // may the weight rise?
	MayPromote   Question = "confirm-promotion"        // may the primary be replaced?
	MustRollBack Question = "rollback"                 // does somebody want the canary gone?
)

// A Verdict is what is known of an answer.
type Verdict int

// The verdicts.
const (
	Absent  Verdict = iota // not asked yet
	Pending                // asked; the answer is on its way
	Yes
	No
	Unknown // could not be found out
	Wait    // found out, but says too little to go on
)

// An Answer is what was found out about a Question.
type Answer struct {
	Verdict Verdict
	Reason  Reason // that the verdict is not yes, for people
}

// Answers holds the answers of the current round.
type Answers map[Question]Answer

// A Reason explains a state: a PascalCase code for machines and a sentence for
// people. The sentence is stable while nothing changes.
type Reason struct {
	Code    string
	Message string
}

// A Decision is what should happen next. The package comment tells the order.
type Decision struct {
	Ask   []Question    // find these out and decide again
	Do    []Action      // in order; stop at the first error
	Next  Status        // save this once everything is done
	Memo  *Status       // save this instead if an action failed; nil saves nothing
	Tell  []Notice      // then tell these
	After time.Duration // decide again after this long; 0 waits for a change
	Why   Reason        // the state of affairs, in words
	Once  bool          // tell Why too, if it was not told before
	Stall bool          // Why is for the user to mend
}

// A Notice is news for people and their tools.
type Notice struct {
	Warning bool
	Reason  Reason
	Outcome bool // the release has ended: post-rollout hooks want to know
}

// An Action changes the cluster. All actions are idempotent.
//
//sumtype:decl
type Action interface{ action() }

type (
	// EnsureServices makes the Services of both sides exist and fit.
	EnsureServices struct{}
	// EnsurePrimary makes the primary exist, as a copy of the target.
	EnsurePrimary struct{}
	// EnsureApex makes the application's own Service lead to the primary.
	EnsureApex struct{}
	// SetRoute makes the route exist and fit, and gives the canary Weight
	// percent of requests.
	SetRoute struct{ Weight int }
	// StartCanary gives the target as many replicas as the primary has.
	StartCanary struct{}
	// StopCanary takes the target's replicas away.
	StopCanary struct{}
	// Promote makes the primary run Revision, which the target must still have.
	Promote struct{ Revision string }
	// Demote makes the primary run what it ran before Revision.
	Demote struct{ Revision string }
	// ReleaseApex makes the application's own Service lead to the target again.
	ReleaseApex struct{}
	// Forget lets the deletion of the Canary go through.
	Forget struct{}
)

func (EnsureServices) action() {}
func (EnsurePrimary) action()  {}
func (EnsureApex) action()     {}
func (SetRoute) action()       {}
func (StartCanary) action()    {}
func (StopCanary) action()     {}
func (Promote) action()        {}
func (Demote) action()         {}
func (ReleaseApex) action()    {}
func (Forget) action()         {}
