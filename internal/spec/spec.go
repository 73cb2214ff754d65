// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

// Package spec turns a Canary into a plan: it applies every default and says,
// for every field that makes no sense, what to write instead.
package spec

import (
	"fmt"
	"time"

	"github.com/sluice-delivery/sluice/api/v1beta1"
	"github.com/sluice-delivery/sluice/internal/rollout"
)

// Bounds and defaults of the analysis.
const (
	defaultInterval = time.Minute
	leastInterval   = time.Second
	defaultDeadline = 10 * time.Minute
	drain           = 5 * time.Second // covers the proxies' own delay in taking up a route
)

// Defaults are what the flags of the controller say where a Canary is silent.
type Defaults struct {
	Provider   string
	Cumulative bool // count failed checks over the whole run, as Flagger does
}

// Plan returns what c asks for. Where it asks for something that can't be, the
// plan has Problems, and is Invalid.
func Plan(c *v1beta1.Canary, d Defaults) rollout.Plan {
	a := c.GetAnalysis()
	p := rollout.Plan{
		Version:       fmt.Sprint(c.Generation),
		PromotionStep: min(100, int(a.StepWeightPromotion)),
		Interval:      Interval(a.Interval),
		Drain:         drain,
		Threshold:     max(1, int(a.Threshold)),
		Cumulative:    a.FailureCounting == v1beta1.FailureCountingCumulative || a.FailureCounting == "" && d.Cumulative,
		MaxFailed:     int(a.MaxFailedChecks),
		ErrorLimit:    int(a.ErrorLimit),
		Metrics:       len(a.Metrics) > 0 && !c.Spec.SkipAnalysis,
		Gates:         gates(a.Webhooks),
		SkipAnalysis:  c.Spec.SkipAnalysis,
		Suspended:     c.Spec.Suspend,
		Deleting:      !c.DeletionTimestamp.IsZero(),
		Revert:        c.Spec.RevertOnDeletion == nil || *c.Spec.RevertOnDeletion,
	}
	if p.ErrorLimit <= 0 {
		p.ErrorLimit = max(5, 2*p.Threshold)
	}
	if p.PromotionStep >= 100 {
		p.PromotionStep = 0
	}
	p.Steps = steps(a)
	p.Problems = problems(c)
	p.Invalid = len(p.Problems) > 0
	return p
}

// Provider returns what routes c's traffic.
func Provider(c *v1beta1.Canary, d Defaults) string {
	if c.Spec.Provider != "" {
		return c.Spec.Provider
	}
	return d.Provider
}

// Interval returns the time that text says, for example 1m30s; one minute if
// it says nothing, and at least a second.
func Interval(text string) time.Duration {
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return defaultInterval
	}
	return max(leastInterval, d)
}

// Deadline returns how long the pods of c may take to become available.
func Deadline(c *v1beta1.Canary) time.Duration {
	if s := c.Spec.ProgressDeadlineSeconds; s != nil && *s > 0 {
		return time.Duration(*s) * time.Second
	}
	return defaultDeadline
}

// Percent returns *p, or 100 if it is not set.
func Percent(p *int32) int {
	if p == nil {
		return 100
	}
	return max(0, min(100, int(*p)))
}

// steps returns the weights of the canary, from the first to the last, which is
// exactly the greatest that the user allows.
func steps(a *v1beta1.CanaryAnalysis) []int {
	if len(a.StepWeights) > 0 {
		all := make([]int, len(a.StepWeights))
		for i, w := range a.StepWeights {
			all[i] = int(w)
		}
		return all
	}
	if a.StepWeight <= 0 {
		return nil
	}
	most := int(a.MaxWeight)
	if most <= 0 || most > 100 {
		most = 100
	}
	var all []int
	for w := int(a.StepWeight); w < most; w += int(a.StepWeight) {
		all = append(all, w)
	}
	return append(all, most)
}

func gates(hooks []v1beta1.CanaryWebhook) rollout.Gates {
	var g rollout.Gates
	for _, h := range hooks {
		switch h.Type {
		case v1beta1.HookConfirmRollout:
			g.Rollout = true
		case v1beta1.HookPreRollout:
			g.PreRollout = true
		case v1beta1.HookConfirmTrafficIncrease:
			g.TrafficIncrease = true
		case v1beta1.HookConfirmPromotion:
			g.Promotion = true
		case v1beta1.HookRollback:
			g.Rollback = true
		}
	}
	return g
}
