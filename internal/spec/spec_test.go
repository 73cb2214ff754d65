// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package spec

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-delivery/sluice/api/v1beta1"
	"github.com/sluice-delivery/sluice/internal/rollout"
)

// canary is one that plans without problems, with what mods change.
func canary(mods ...func(*v1beta1.CanarySpec)) *v1beta1.Canary {
	c := &v1beta1.Canary{Spec: v1beta1.CanarySpec{
		TargetRef: v1beta1.LocalObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "web"},
		Service:   v1beta1.CanaryService{Port: 80},
		Analysis:  &v1beta1.CanaryAnalysis{Interval: "10s", Threshold: 3, StepWeight: 10, MaxWeight: 50},
	}}
	c.Generation = 7
	for _, mod := range mods {
		mod(&c.Spec)
	}
	return c
}

func TestSteps(t *testing.T) {
	cases := map[string]struct {
		reason   string
		analysis v1beta1.CanaryAnalysis
		want     []int
	}{
		"Linear":      {"Steps end at the greatest weight.", v1beta1.CanaryAnalysis{StepWeight: 10, MaxWeight: 50}, []int{10, 20, 30, 40, 50}},
		"UpperBound":  {"The greatest weight is an upper bound, even if no step fits it.", v1beta1.CanaryAnalysis{StepWeight: 20, MaxWeight: 50}, []int{20, 40, 50}},
		"NoMaximum":   {"Without a greatest weight, steps end at 100.", v1beta1.CanaryAnalysis{StepWeight: 40}, []int{40, 80, 100}},
		"OneStep":     {"A step above the greatest weight is one step.", v1beta1.CanaryAnalysis{StepWeight: 60, MaxWeight: 50}, []int{50}},
		"AboveAll":    {"No weight is above 100.", v1beta1.CanaryAnalysis{StepWeight: 150}, []int{100}},
		"Listed":      {"A list is taken as it is, and maxWeight is ignored.", v1beta1.CanaryAnalysis{StepWeights: []int32{1, 5, 80}, MaxWeight: 50}, []int{1, 5, 80}},
		"NoStepsMade": {"Without steps there are none.", v1beta1.CanaryAnalysis{}, nil},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, steps(&tc.analysis)); diff != "" {
				t.Errorf("%s (-want +got)\n%s", tc.reason, diff)
			}
		})
	}
}

func TestPlan(t *testing.T) {
	no, yes := false, true
	cases := map[string]struct {
		reason string
		in     *v1beta1.Canary
		d      Defaults
		want   func(*rollout.Plan)
	}{
		"Defaults":       {"What is not said has a default.", canary(), Defaults{}, func(*rollout.Plan) {}},
		"CumulativeFlag": {"The flag counts as Flagger does.", canary(), Defaults{Cumulative: true}, func(p *rollout.Plan) { p.Cumulative = true }},
		"CountingField": {"The field goes before the flag.", canary(func(s *v1beta1.CanarySpec) {
			s.Analysis.FailureCounting = v1beta1.FailureCountingConsecutive
		}), Defaults{Cumulative: true}, func(*rollout.Plan) {}},
		"LeastInterval": {"An interval is at least a second.", canary(func(s *v1beta1.CanarySpec) { s.Analysis.Interval = "0s" }), Defaults{}, func(p *rollout.Plan) {
			p.Interval = time.Minute
		}},
		"NoThreshold":    {"A threshold is at least 1.", canary(func(s *v1beta1.CanarySpec) { s.Analysis.Threshold = 0 }), Defaults{}, func(p *rollout.Plan) { p.Threshold, p.ErrorLimit = 1, 5 }},
		"AllAtOnce":      {"A step back of everything is no step.", canary(func(s *v1beta1.CanarySpec) { s.Analysis.StepWeightPromotion = 100 }), Defaults{}, func(*rollout.Plan) {}},
		"KeepOnDeletion": {"Only an explicit false leaves everything.", canary(func(s *v1beta1.CanarySpec) { s.RevertOnDeletion = &no }), Defaults{}, func(p *rollout.Plan) { p.Revert = false }},
		"Revert":         {"True is as unset.", canary(func(s *v1beta1.CanarySpec) { s.RevertOnDeletion = &yes }), Defaults{}, func(*rollout.Plan) {}},
		"Gates": {"Each type of webhook that waits for leave is a gate.", canary(func(s *v1beta1.CanarySpec) {
			for _, h := range []v1beta1.HookType{v1beta1.HookConfirmRollout, v1beta1.HookPreRollout, v1beta1.HookConfirmTrafficIncrease, v1beta1.HookConfirmPromotion, v1beta1.HookRollback, v1beta1.HookPostRollout, v1beta1.HookRollout, ""} {
				s.Analysis.Webhooks = append(s.Analysis.Webhooks, v1beta1.CanaryWebhook{Type: h})
			}
		}), Defaults{}, func(p *rollout.Plan) {
			p.Gates = rollout.Gates{Rollout: true, PreRollout: true, TrafficIncrease: true, Promotion: true, Rollback: true}
		}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			want := rollout.Plan{
				Version: "7", Steps: []int{10, 20, 30, 40, 50}, Interval: 10 * time.Second, Drain: drain,
				Threshold: 3, ErrorLimit: 6, Revert: true,
			}
			tc.want(&want)
			if diff := cmp.Diff(want, Plan(tc.in, tc.d)); diff != "" {
				t.Errorf("%s (-want +got)\n%s", tc.reason, diff)
			}
		})
	}
}

func TestProblems(t *testing.T) {
	lo, hi := 2.0, 1.0
	cases := map[string]struct {
		mod     func(*v1beta1.CanarySpec)
		code    v1beta1.Reason
		message string
	}{
		"NoAnalysis": {func(s *v1beta1.CanarySpec) { s.Analysis = nil }, v1beta1.ReasonInvalidSpec, "spec.analysis is missing"},
		"NoPort":     {func(s *v1beta1.CanarySpec) { s.Service.Port = 0 }, v1beta1.ReasonInvalidSpec, "spec.service.port"},
		"NoSteps":    {func(s *v1beta1.CanarySpec) { s.Analysis.StepWeight = 0 }, v1beta1.ReasonInvalidSpec, "set stepWeight or stepWeights"},
		"Falling":    {func(s *v1beta1.CanarySpec) { s.Analysis.StepWeights = []int32{10, 5} }, v1beta1.ReasonInvalidSpec, "stepWeights[1] is 5"},
		"Repeating":  {func(s *v1beta1.CanarySpec) { s.Analysis.StepWeights = []int32{10, 10} }, v1beta1.ReasonInvalidSpec, "must rise"},
		"TooMuch":    {func(s *v1beta1.CanarySpec) { s.Analysis.MaxWeight = 101 }, v1beta1.ReasonInvalidSpec, "maxWeight is 101"},
		"NoRange": {func(s *v1beta1.CanarySpec) {
			s.Analysis.Metrics = []v1beta1.CanaryMetric{{ThresholdRange: &v1beta1.CanaryThresholdRange{Min: &lo, Max: &hi}}}
		}, v1beta1.ReasonInvalidSpec, "no value could pass"},
		"DaemonSet":   {func(s *v1beta1.CanarySpec) { s.TargetRef.Kind = "DaemonSet" }, v1beta1.ReasonUnsupported, "spec.targetRef.kind DaemonSet"},
		"BlueGreen":   {func(s *v1beta1.CanarySpec) { s.Analysis.StepWeight, s.Analysis.Iterations = 0, 5 }, v1beta1.ReasonUnsupported, "spec.analysis.iterations"},
		"AB":          {func(s *v1beta1.CanarySpec) { s.Analysis.Match = []v1beta1.CanaryMatch{{}} }, v1beta1.ReasonUnsupported, "spec.analysis.match"},
		"Mirror":      {func(s *v1beta1.CanarySpec) { s.Analysis.Mirror = true }, v1beta1.ReasonUnsupported, "spec.analysis.mirror"},
		"Affinity":    {func(s *v1beta1.CanarySpec) { s.Analysis.SessionAffinity = &v1beta1.SessionAffinity{} }, v1beta1.ReasonUnsupported, "sessionAffinity"},
		"Autoscaler":  {func(s *v1beta1.CanarySpec) { s.AutoscalerRef = &v1beta1.AutoscalerReference{} }, v1beta1.ReasonUnsupported, "spec.autoscalerRef"},
		"UnknownHook": {func(s *v1beta1.CanarySpec) { s.Analysis.Webhooks = []v1beta1.CanaryWebhook{{Type: "later"}} }, v1beta1.ReasonUnsupported, `"later" is not known`},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			p := Plan(canary(tc.mod), Defaults{})
			if !p.Invalid || len(p.Problems) == 0 || p.Problems[0].Code != string(tc.code) || !strings.Contains(p.Problems[0].Message, tc.message) {
				t.Errorf("problems are %v, invalid %v; want %s … %s", p.Problems, p.Invalid, tc.code, tc.message)
			}
			if p.Threshold < 1 || p.ErrorLimit < 1 || p.Interval <= 0 {
				t.Errorf("an invalid plan must still be able to roll back: %+v", p)
			}
		})
	}
}

// TestProblemsInOrder holds that people hear of one thing at a time, and not of
// another each time that somebody looks.
func TestProblemsInOrder(t *testing.T) {
	c := canary(func(s *v1beta1.CanarySpec) {
		s.Service.Port = 0
		s.Analysis.Mirror = true
	})
	want := []string{"InvalidSpec", "Unsupported"}
	for range 100 {
		var got []string
		for _, p := range Plan(c, Defaults{}).Problems {
			got = append(got, p.Code)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("what makes no sense comes before what can't be done (-want +got):\n%s", diff)
		}
	}
}
