// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package canary

import (
	"context"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/sluice-delivery/sluice/internal/analysis"
	"github.com/sluice-delivery/sluice/internal/check"
	"github.com/sluice-delivery/sluice/internal/rollout"
)

// A round names the questions that belong together: those of one Canary between
// two decisions that used answers up.
type round struct {
	uid types.UID
	run string
	n   int
}

// An inbox holds the answers that were found in the background, each Canary's
// for its current round only. It may be used concurrently.
type inbox struct {
	asker  Asker
	now    func() time.Time
	arrive func(types.NamespacedName) // is told that there is an answer

	mu      sync.Mutex
	entries map[types.NamespacedName]*entry
}

type entry struct {
	round   round
	ctx     context.Context //nolint:containedctx // ends the questions of a round, which outlive the turn that asks
	cancel  context.CancelFunc
	results map[rollout.Question]check.Result
	at      time.Time // when the last answer arrived
}

func newInbox(asker Asker, now func() time.Time, arrive func(types.NamespacedName)) *inbox {
	return &inbox{asker: asker, now: now, arrive: arrive, entries: map[types.NamespacedName]*entry{}}
}

// answers returns what is known for that round, and since when. What is known of another round
// is dropped, and whoever still looks for it is told to stop.
func (b *inbox) answers(canary types.NamespacedName, now round) (rollout.Answers, []analysis.Finding, time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.entries[canary]
	if e == nil {
		return nil, nil, time.Time{}
	}
	if e.round != now {
		b.drop(canary)
		return nil, nil, time.Time{}
	}
	answers := rollout.Answers{}
	var findings []analysis.Finding
	for q, r := range e.results {
		answers[q] = r.Answer
		if len(r.Findings) > 0 {
			findings = r.Findings
		}
	}
	return answers, findings, e.at
}

// ask starts to look for an answer, unless that is under way already.
func (b *inbox) ask(ctx context.Context, canary types.NamespacedName, now round, r check.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.entries[canary]
	if e == nil || e.round != now {
		b.drop(canary)
		e = &entry{round: now, results: map[rollout.Question]check.Result{}}
		e.ctx, e.cancel = context.WithCancel(context.WithoutCancel(ctx))
		b.entries[canary] = e
	}
	if _, ok := e.results[r.Question]; ok {
		return
	}
	e.results[r.Question] = check.Result{Answer: rollout.Answer{Verdict: rollout.Pending}}
	go func() {
		result := b.asker.Ask(e.ctx, r)
		b.mu.Lock()
		current := b.entries[canary] == e
		if current {
			e.results[r.Question], e.at = result, b.now()
		}
		b.mu.Unlock()
		if current {
			b.arrive(canary)
		}
	}()
}

func (b *inbox) forget(canary types.NamespacedName) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.drop(canary)
}

func (b *inbox) drop(canary types.NamespacedName) {
	if e := b.entries[canary]; e != nil {
		e.cancel()
		delete(b.entries, canary)
	}
}
