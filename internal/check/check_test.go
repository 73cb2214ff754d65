// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package check

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-delivery/sluice/api/v1beta1"
	"github.com/sluice-delivery/sluice/internal/analysis"
	"github.com/sluice-delivery/sluice/internal/hook"
	"github.com/sluice-delivery/sluice/internal/metric"
	"github.com/sluice-delivery/sluice/internal/rollout"
)

// answers is a metric system whose queries are their own answers.
type answers map[string]any // float64 or error

func (a answers) Source(context.Context, Provider) (metric.Source, error) {
	if err, ok := a["source"].(error); ok {
		return nil, err
	}
	return a, nil
}

func (a answers) Query(_ context.Context, query string, _ time.Duration) (float64, error) {
	if err, ok := a[query].(error); ok {
		return 0, err
	}
	return a[query].(float64), nil
}

func most(v float64) analysis.Metric { return analysis.Metric{Range: analysis.Range{Max: &v}} }

func metrics(queries ...string) []Metric {
	var all []Metric
	for i, q := range queries {
		m := Metric{Metric: most(1), Query: q, Field: fmt.Sprintf("spec.analysis.metrics[%d]", i)}
		m.Name = q
		all = append(all, m)
	}
	return all
}

func TestAskMetrics(t *testing.T) {
	source := answers{"good": 0.5, "bad": 2.0, "worse": 3.0, "none": metric.ErrNoData, "down": errors.New("connection refused"), "wrong": fmt.Errorf("parse error: %w", metric.ErrQuery)}
	cases := map[string]struct {
		reason   string
		question rollout.Question
		metrics  []Metric
		verdict  rollout.Verdict
		message  string
	}{
		"Pass":         {"All metrics in range pass.", rollout.Check, metrics("good", "good"), rollout.Yes, ""},
		"AllFailures":  {"Every metric that failed is named.", rollout.Check, metrics("bad", "good", "worse"), rollout.No, "bad is 2 but must be at most 1: 1 too high; worse is 3"},
		"NoData":       {"No data is a failed check.", rollout.Check, metrics("none"), rollout.No, "no data"},
		"Down":         {"A metric system that is down says nothing about the canary.", rollout.Check, metrics("good", "down"), rollout.Unknown, "connection refused"},
		"DownAndBad":   {"A bad value counts even then.", rollout.Check, metrics("down", "bad"), rollout.No, "bad is 2"},
		"ProbeBad":     {"Before the first request, values say nothing.", rollout.Probe, metrics("bad", "none"), rollout.Yes, ""},
		"ProbeDown":    {"A metric that can't be asked holds the release, and its field is named.", rollout.Probe, metrics("good", "down"), rollout.Unknown, "spec.analysis.metrics[1] (down): connection refused; see that"},
		"ProbeWrong":   {"A query that can't work is the user's to mend.", rollout.MayRoute, metrics("wrong"), rollout.Unknown, "mend the query"},
		"NothingAsked": {"Without metrics nothing speaks against the canary.", rollout.Check, nil, rollout.Yes, ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := Asker{Sources: source}.Ask(t.Context(), Request{Question: tc.question, Metrics: tc.metrics})
			if got.Answer.Verdict != tc.verdict || !strings.Contains(got.Answer.Reason.Message, tc.message) {
				t.Errorf("%s\ngot %v %q", tc.reason, got.Answer.Verdict, got.Answer.Reason.Message)
			}
		})
	}
}

func TestProbeProvider(t *testing.T) {
	source := answers{"source": errors.New("spec.provider.secretRef: secrets \"s\" not found")}
	got := Asker{Sources: source}.Ask(t.Context(), Request{Question: rollout.Probe, Metrics: metrics("m")})
	if got.Answer.Reason.Code != string(v1beta1.ReasonTemplateInvalid) || !strings.Contains(got.Answer.Reason.Message, "mend the provider") {
		t.Errorf("a missing Secret is the user's to create, and no matter of the network: %+v", got.Answer.Reason)
	}
}

// slow is a metric system that takes a second.
type slow struct{}

func (slow) Source(context.Context, Provider) (metric.Source, error) { return slow{}, nil }

func (slow) Query(context.Context, string, time.Duration) (float64, error) {
	<-time.NewTimer(time.Second).C
	return 0, nil
}

func TestMetricsSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		Asker{Sources: slow{}}.Ask(t.Context(), Request{Question: rollout.Check, Metrics: metrics("a", "b", "c", "d")})
		if took := time.Since(began); took != time.Second {
			t.Errorf("a check must take as long as its slowest metric, a second; it took %s", took)
		}
	})
}

func TestAskHooks(t *testing.T) {
	hooks := []v1beta1.CanaryWebhook{
		{Name: "load", URL: "yes"}, // rollout when unset
		{Name: "accept", Type: v1beta1.HookRollout, URL: "no", Metadata: map[string]string{"k": "v"}},
		{Name: "later", Type: v1beta1.HookRollout, URL: "yes"},
		{Name: "gate", Type: v1beta1.HookConfirmRollout, URL: "yes"},
		{Name: "halt", Type: v1beta1.HookConfirmPromotion, URL: "no"},
		{Name: "abort?", Type: v1beta1.HookRollback, URL: "no"},
		{Name: "abort!", Type: v1beta1.HookRollback, URL: "yes"},
	}
	cases := map[string]struct {
		reason  string
		q       rollout.Question
		verdict rollout.Verdict
		called  []string
	}{
		"UpToTheFirstNo":    {"Hooks run in their order, up to the first refusal, before any metric.", rollout.Check, rollout.No, []string{"load", "accept"}},
		"Agreed":            {"A gate that agrees opens.", rollout.MayStart, rollout.Yes, []string{"gate"}},
		"Refused":           {"A gate that refuses stays shut.", rollout.MayPromote, rollout.No, []string{"halt"}},
		"NoneOfThatType":    {"Without a gate there is leave.", rollout.MayIncrease, rollout.Yes, nil},
		"OneWantsItGone":    {"One rollback hook is enough.", rollout.MustRollBack, rollout.Yes, []string{"abort?", "abort!"}},
		"PreRolloutIsEmpty": {"Without pre-rollout hooks there is leave.", rollout.MayRoute, rollout.Yes, nil},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			var called []string
			caller := hook.CallerFunc(func(_ context.Context, c hook.Call) error {
				mu.Lock()
				defer mu.Unlock()
				called = append(called, strings.TrimPrefix(c.IdempotencyKey, "key/"))
				if c.URL == "no" {
					return hook.ErrRefused
				}
				return nil
			})
			got := Asker{Sources: answers{}, Hooks: caller}.Ask(t.Context(), Request{Question: tc.q, Hooks: hooks, Key: "key"})
			if got.Answer.Verdict != tc.verdict {
				t.Errorf("%s got %v", tc.reason, got.Answer.Verdict)
			}
			if diff := cmp.Diff(tc.called, called); diff != "" {
				t.Errorf("%s (-want +got)\n%s", tc.reason, diff)
			}
		})
	}
}

func TestResolve(t *testing.T) {
	min := 99.0
	template := &v1beta1.MetricTemplate{Spec: v1beta1.MetricTemplateSpec{
		Provider: v1beta1.MetricTemplateProvider{Type: v1beta1.MetricProviderPrometheus, Address: "http://own"},
		Query:    `sum(x{pod=~"{{ target }}-.*"}[{{ interval }}])`,
	}}
	template.Namespace, template.Name, template.Generation = "prod", "rate", 3
	refs := Refs{MetricsServer: "http://flag", NoCrossNamespace: true, Template: func(_, name string) (*v1beta1.MetricTemplate, error) {
		switch name {
		case "rate":
			return template, nil
		case "broken":
			b := template.DeepCopy()
			b.Name, b.Spec.Query = "broken", "{{ nobody }}"
			return b, nil
		}
		return nil, nil
	}}
	cases := map[string]struct {
		reason  string
		metric  v1beta1.CanaryMetric
		query   string
		address string
		problem string
	}{
		"Template":   {"A template is rendered with the canary's facts.", v1beta1.CanaryMetric{Name: "m", TemplateRef: &v1beta1.CrossNamespaceReference{Name: "rate"}, Interval: "2m"}, `sum(x{pod=~"web-.*"}[2m])`, "http://own", ""},
		"Interval":   {"The window is a minute when unset.", v1beta1.CanaryMetric{Name: "m", TemplateRef: &v1beta1.CrossNamespaceReference{Name: "rate"}}, `sum(x{pod=~"web-.*"}[1m])`, "http://own", ""},
		"Inline":     {"An inline query goes to the flag's Prometheus.", v1beta1.CanaryMetric{Name: "m", Query: "up{ns=\"{{ namespace }}\"}"}, `up{ns="prod"}`, "http://flag", ""},
		"Missing":    {"A template that does not exist names its field.", v1beta1.CanaryMetric{Name: "m", TemplateRef: &v1beta1.CrossNamespaceReference{Name: "gone"}}, "", "", "spec.analysis.metrics[0].templateRef: MetricTemplate prod/gone does not exist"},
		"Elsewhere":  {"A reference to another namespace is refused where the flag forbids it.", v1beta1.CanaryMetric{Name: "m", TemplateRef: &v1beta1.CrossNamespaceReference{Name: "rate", Namespace: "other"}}, "", "", "-no-cross-namespace-refs forbids"},
		"Broken":     {"A query that does not parse names the template.", v1beta1.CanaryMetric{Name: "m", TemplateRef: &v1beta1.CrossNamespaceReference{Name: "broken"}}, "", "http://own", "MetricTemplate prod/broken spec.query"},
		"NoProvider": {"A builtin of an unknown provider is refused, not guessed.", v1beta1.CanaryMetric{Name: metric.SuccessRate, ThresholdRange: &v1beta1.CanaryThresholdRange{Min: &min}}, "", "http://flag", "spec.analysis.metrics[0]"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c := &v1beta1.Canary{Spec: v1beta1.CanarySpec{Provider: "nobody", Analysis: &v1beta1.CanaryAnalysis{Metrics: []v1beta1.CanaryMetric{tc.metric}}}}
			c.Namespace, c.Name, c.Spec.TargetRef.Name = "prod", "web", "web"
			got, _, err := refs.Resolve(c)
			if err != nil {
				t.Fatal(err)
			}
			m := got[0]
			if m.Query != tc.query || m.From.Spec.Address != tc.address {
				t.Errorf("%s\ngot %q from %q", tc.reason, m.Query, m.From.Spec.Address)
			}
			if problem := m.Problem; (problem == nil) != (tc.problem == "") || problem != nil && !strings.Contains(problem.Message, tc.problem) {
				t.Errorf("%s\ngot problem %v", tc.reason, problem)
			}
		})
	}
}
