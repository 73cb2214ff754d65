// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

// Package check finds out what a release needs to know from outside the
// cluster: what the metrics say, and whether the webhooks agree.
package check

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sluice-delivery/sluice/api/v1beta1"
	"github.com/sluice-delivery/sluice/internal/analysis"
	"github.com/sluice-delivery/sluice/internal/hook"
	"github.com/sluice-delivery/sluice/internal/metric"
	"github.com/sluice-delivery/sluice/internal/rollout"
	"github.com/sluice-delivery/sluice/internal/spec"
)

// A Metric is one metric of an analysis, ready to be asked.
type Metric struct {
	analysis.Metric
	Field  string // in the Canary, for messages
	From   Provider
	Query  string
	Window time.Duration
	// Problem says why it can't be asked at all, until the user mends it.
	Problem *rollout.Reason
}

// A Provider is the metric system that a Metric comes from.
type Provider struct {
	Namespace string // of its Secret
	Spec      v1beta1.MetricTemplateProvider
}

// Sources gives access to metric systems. It is safe for concurrent use.
type Sources interface {
	// Source returns the metric system. Its errors name the field to mend.
	Source(ctx context.Context, p Provider) (metric.Source, error)
}

// A Request is one question about one canary.
type Request struct {
	Question rollout.Question
	Metrics  []Metric
	Hooks    []v1beta1.CanaryWebhook // all of the canary
	Payload  hook.Payload
	Key      string // the same whenever the same question of the same round is asked
}

// A Result is the answer, and what was found about each metric.
type Result struct {
	Answer   rollout.Answer
	Findings []analysis.Finding
}

// An Asker answers questions. It is safe for concurrent use.
type Asker struct {
	Sources Sources
	Hooks   hook.Caller
}

// Ask finds the answer to r. It takes as long as the slowest metric or, for
// webhooks, as all of them together, and ends soon after ctx does.
func (a Asker) Ask(ctx context.Context, r Request) Result {
	switch r.Question {
	case rollout.Probe:
		return a.probe(ctx, r.Metrics)
	case rollout.MayStart:
		return a.gate(ctx, r, v1beta1.HookConfirmRollout)
	case rollout.MayRoute:
		if res := a.gate(ctx, r, v1beta1.HookPreRollout); res.Answer.Verdict != rollout.Yes {
			return res
		}
		return a.probe(ctx, r.Metrics)
	case rollout.Check:
		if res := a.gate(ctx, r, v1beta1.HookRollout); res.Answer.Verdict != rollout.Yes {
			return res
		}
		return a.judge(ctx, r.Metrics)
	case rollout.MayIncrease:
		return a.gate(ctx, r, v1beta1.HookConfirmTrafficIncrease)
	case rollout.MayPromote:
		return a.gate(ctx, r, v1beta1.HookConfirmPromotion)
	case rollout.MustRollBack:
		return a.any(ctx, r, v1beta1.HookRollback)
	}
	return unknown(rollout.Reason{Code: string(v1beta1.ReasonCheckErrored), Message: fmt.Sprintf("nobody knows how to answer %q", r.Question)})
}

// gate asks the webhooks of one type in their order, up to the first refusal.
func (a Asker) gate(ctx context.Context, r Request, t v1beta1.HookType) Result {
	for _, h := range r.Hooks {
		if hookType(h) != t {
			continue
		}
		if err := a.Hooks.Call(ctx, CallOf(h, r.Payload, r.Key)); err != nil {
			return Result{Answer: rollout.Answer{Verdict: rollout.No, Reason: rollout.Reason{
				Code:    string(v1beta1.ReasonCheckFailed),
				Message: fmt.Sprintf("webhook %s did not agree: %v", h.Name, err),
			}}}
		}
	}
	return Result{Answer: rollout.Answer{Verdict: rollout.Yes}}
}

// any asks the webhooks of one type in their order, up to the first agreement.
func (a Asker) any(ctx context.Context, r Request, t v1beta1.HookType) Result {
	for _, h := range r.Hooks {
		if hookType(h) == t && a.Hooks.Call(ctx, CallOf(h, r.Payload, r.Key)) == nil {
			return Result{Answer: rollout.Answer{Verdict: rollout.Yes, Reason: rollout.Reason{Code: string(v1beta1.ReasonRollbackRequested), Message: "webhook " + h.Name}}}
		}
	}
	return Result{Answer: rollout.Answer{Verdict: rollout.No}}
}

// CallOf returns the call of h about p. key tells calls apart that mean
// different things.
func CallOf(h v1beta1.CanaryWebhook, p hook.Payload, key string) hook.Call {
	p.Metadata = h.Metadata
	c := hook.Call{URL: h.URL, Retries: int(h.Retries), DisableTLS: h.DisableTLS, IdempotencyKey: key + "/" + h.Name, Payload: p}
	if d, err := time.ParseDuration(h.Timeout); err == nil && d > 0 {
		c.Timeout = d
	}
	return c
}

func hookType(h v1beta1.CanaryWebhook) v1beta1.HookType {
	if h.Type == "" {
		return v1beta1.HookRollout
	}
	return h.Type
}

// judge asks all metrics side by side and sums their verdicts up.
func (a Asker) judge(ctx context.Context, metrics []Metric) Result {
	findings := make([]analysis.Finding, len(metrics))
	for i, reading := range a.read(ctx, metrics) {
		findings[i] = metrics[i].Judge(reading)
	}
	verdict, why := analysis.Sum(findings)
	code := map[analysis.Verdict]v1beta1.Reason{
		analysis.Failed: v1beta1.ReasonCheckFailed,
		analysis.Errors: v1beta1.ReasonCheckErrored,
		analysis.Held:   v1beta1.ReasonChecking,
	}[verdict]
	return Result{
		Findings: findings,
		Answer: rollout.Answer{
			Verdict: map[analysis.Verdict]rollout.Verdict{
				analysis.Passed: rollout.Yes, analysis.Failed: rollout.No, analysis.Errors: rollout.Unknown, analysis.Held: rollout.Wait,
			}[verdict],
			Reason: rollout.Reason{Code: string(code), Message: why},
		},
	}
}

// probe finds out whether all metrics can be asked. What they say does not
// matter: there may be no request to measure yet.
func (a Asker) probe(ctx context.Context, metrics []Metric) Result {
	for i, reading := range a.read(ctx, metrics) {
		m := metrics[i]
		if m.Problem != nil {
			return unknown(*m.Problem)
		}
		if reading.Err == nil || errors.Is(reading.Err, metric.ErrInfinite) {
			continue
		}
		code, mend := v1beta1.ReasonMetricsUnreachable, "see that "+m.From.Spec.Address+" can be reached from the controller, or mend the address"
		if errors.Is(reading.Err, errProvider) {
			code, mend = v1beta1.ReasonTemplateInvalid, "mend the provider of the MetricTemplate, or create what it refers to"
		}
		if errors.Is(reading.Err, metric.ErrQuery) || errors.Is(reading.Err, metric.ErrSeries) {
			code, mend = v1beta1.ReasonQueryRejected, "mend the query"
		}
		return unknown(rollout.Reason{Code: string(code), Message: fmt.Sprintf("%s (%s): %v; %s", m.Field, m.Name, reading.Err, mend)})
	}
	return Result{Answer: rollout.Answer{Verdict: rollout.Yes}}
}

func unknown(why rollout.Reason) Result {
	return Result{Answer: rollout.Answer{Verdict: rollout.Unknown, Reason: why}}
}

// errProvider says that a metric system could not even be addressed, for want of
// a Secret for example.
var errProvider = errors.New("the provider can't be used")

// read asks all metrics side by side.
func (a Asker) read(ctx context.Context, metrics []Metric) []analysis.Reading {
	readings := make([]analysis.Reading, len(metrics))
	var wg sync.WaitGroup
	for i, m := range metrics {
		wg.Go(func() { readings[i] = a.readOne(ctx, m) })
	}
	wg.Wait()
	return readings
}

func (a Asker) readOne(ctx context.Context, m Metric) analysis.Reading {
	if m.Problem != nil {
		return analysis.Reading{Err: errors.New(m.Problem.Message)}
	}
	source, err := a.Sources.Source(ctx, m.From)
	if err != nil {
		return analysis.Reading{Err: fmt.Errorf("%w: %w", errProvider, err)}
	}
	value, err := source.Query(ctx, m.Query, m.Window)
	switch {
	case errors.Is(err, metric.ErrNoData):
		return analysis.Reading{NoData: true}
	case err != nil:
		return analysis.Reading{Err: err}
	}
	return analysis.Reading{Value: value}
}

// Window returns the time that a metric of c looks back over.
func Window(m v1beta1.CanaryMetric) time.Duration {
	if m.Interval == "" {
		return spec.Interval(metric.BuiltinInterval)
	}
	return spec.Interval(m.Interval)
}
