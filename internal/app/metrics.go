// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"strconv"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/sluice-delivery/sluice/api/v1beta1"
)

// metrics are the series that Flagger exports, set from what was saved. As in
// Flagger, name is that of the target.
type metrics struct {
	total, status, weight, analysis *prometheus.GaugeVec
	successes, failures             *prometheus.CounterVec

	mu   sync.Mutex
	seen map[types.NamespacedName]series
}

// A series is what is exported about one Canary.
type series struct {
	target  string
	metrics []string
}

func newMetrics(version, provider string) *metrics {
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
	}
	counter := func(name, help string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{"name", "namespace", "deployment_strategy", "analysis_status"})
	}
	m := &metrics{
		total:     gauge("flagger_canary_total", "Number of canaries in a namespace.", "namespace"),
		status:    gauge("flagger_canary_status", "Last known state of a canary: 0 progressing, 1 at rest, 2 failed.", "name", "namespace"),
		weight:    gauge("flagger_canary_weight", "Percentage of requests that a workload gets.", "workload", "namespace"),
		analysis:  gauge("flagger_canary_metric_analysis", "Last value of a metric; request-duration in seconds.", "name", "namespace", "metric"),
		successes: counter("flagger_canary_successes_total", "Releases that were promoted."),
		failures:  counter("flagger_canary_failures_total", "Releases that were rolled back."),
		seen:      map[types.NamespacedName]series{},
	}
	info := gauge("flagger_info", "Version of the controller and its default provider.", "version", "mesh_provider")
	info.WithLabelValues(version, provider).Set(1)
	ctrlmetrics.Registry.MustRegister(info, m.total, m.status, m.weight, m.analysis, m.successes, m.failures)
	return m
}

// Saved implements canary.Observer.
func (m *metrics) Saved(c *v1beta1.Canary, was v1beta1.CanaryPhase) {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := types.NamespacedName{Namespace: c.Namespace, Name: c.Name}
	target := c.Spec.TargetRef.Name
	if before, ok := m.seen[key]; !ok {
		m.total.WithLabelValues(c.Namespace).Inc()
	} else if before.target != target {
		m.drop(key, before)
	}
	now := series{target: target}
	m.status.WithLabelValues(target, c.Namespace).Set(statusValue(c.Status.Phase))
	m.weight.WithLabelValues(target, c.Namespace).Set(float64(c.Status.CanaryWeight))
	m.weight.WithLabelValues(c.PrimaryName(), c.Namespace).Set(float64(100 - c.Status.CanaryWeight))
	for _, check := range c.Status.Checks {
		if v, ok := valueOf(check); ok {
			m.analysis.WithLabelValues(target, c.Namespace, check.Name).Set(v)
			now.metrics = append(now.metrics, check.Name)
		}
	}
	m.seen[key] = now
	m.count(c, was)
}

// count counts a release that has just ended.
func (m *metrics) count(c *v1beta1.Canary, was v1beta1.CanaryPhase) {
	analysis := "completed"
	if c.Spec.SkipAnalysis {
		analysis = "skipped"
	}
	switch now := c.Status.Phase; {
	case now == was:
	case now == v1beta1.PhaseSucceeded && was == v1beta1.PhaseFinalising:
		m.successes.WithLabelValues(c.Spec.TargetRef.Name, c.Namespace, "canary", analysis).Inc()
	case now == v1beta1.PhaseFailed:
		m.failures.WithLabelValues(c.Spec.TargetRef.Name, c.Namespace, "canary", analysis).Inc()
	}
}

// Gone implements canary.Observer.
func (m *metrics) Gone(key types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	before, ok := m.seen[key]
	if !ok {
		return
	}
	m.drop(key, before)
	delete(m.seen, key)
	m.total.WithLabelValues(key.Namespace).Dec()
}

func (m *metrics) drop(key types.NamespacedName, s series) {
	m.status.DeleteLabelValues(s.target, key.Namespace)
	m.weight.DeleteLabelValues(s.target, key.Namespace)
	m.weight.DeleteLabelValues(s.target+v1beta1.PrimarySuffix, key.Namespace)
	for _, name := range s.metrics {
		m.analysis.DeleteLabelValues(s.target, key.Namespace, name)
	}
}

func statusValue(p v1beta1.CanaryPhase) float64 {
	switch p {
	case v1beta1.PhaseProgressing:
		return 0
	case v1beta1.PhaseFailed:
		return 2
	}
	return 1
}

// valueOf returns the number in a finding such as "512.3 ms" or "99.1%".
func valueOf(check v1beta1.CanaryMetricStatus) (float64, bool) {
	text, millis := strings.CutSuffix(check.Value, " ms")
	v, err := strconv.ParseFloat(strings.TrimSuffix(text, "%"), 64)
	if millis {
		v /= 1000
	}
	return v, err == nil
}
