// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package check

import (
	"fmt"
	"strings"

	"github.com/sluice-delivery/sluice/api/v1beta1"
	"github.com/sluice-delivery/sluice/internal/analysis"
	"github.com/sluice-delivery/sluice/internal/metric"
	"github.com/sluice-delivery/sluice/internal/rollout"
	"github.com/sluice-delivery/sluice/internal/spec"
)

// Refs is what the metrics of a Canary refer to.
type Refs struct {
	Defaults         spec.Defaults
	MetricsServer    string // the Prometheus of builtin metrics and inline queries
	NoCrossNamespace bool   // references stay in the namespace of the Canary
	// Template returns nil for a MetricTemplate that does not exist.
	Template func(namespace, name string) (*v1beta1.MetricTemplate, error)
}

// Resolve returns the metrics of c. The version changes whenever a query does.
// An error means that a template could not be read, which may pass.
func (r Refs) Resolve(c *v1beta1.Canary) (metrics []Metric, version string, err error) {
	var b strings.Builder
	fmt.Fprintf(&b, "%d", c.Generation)
	for i, m := range c.GetAnalysis().Metrics {
		field := fmt.Sprintf("spec.analysis.metrics[%d]", i)
		resolved, generation, err := r.resolve(c, m, field)
		if err != nil {
			return nil, "", fmt.Errorf("%s: %w", field, err)
		}
		resolved.Field = field
		metrics = append(metrics, resolved)
		fmt.Fprintf(&b, ".%d", generation)
	}
	return metrics, b.String(), nil
}

func (r Refs) resolve(c *v1beta1.Canary, m v1beta1.CanaryMetric, field string) (Metric, int64, error) {
	out := Metric{
		Metric: analysis.Metric{Name: m.Name, Unit: unit(m), Range: rangeOf(m), NoData: analysis.Policy(m.OnNoData)},
		Window: Window(m),
	}
	var generation int64
	var template *metric.Template
	var err error
	switch {
	case m.TemplateRef != nil:
		var found *v1beta1.MetricTemplate
		if found, out.Problem, err = r.template(c, *m.TemplateRef, field); found == nil {
			return out, 0, err
		}
		generation = found.Generation
		out.From = Provider{Namespace: found.Namespace, Spec: found.Spec.Provider}
		field = fmt.Sprintf("MetricTemplate %s/%s spec.query", found.Namespace, found.Name)
		template, err = metric.ParseTemplate(found.Spec.Query)
	case m.Query != "":
		out.From = r.prometheus(c)
		field += ".query"
		template, err = metric.ParseTemplate(m.Query)
	default:
		out.From = r.prometheus(c)
		template, err = metric.Builtin(spec.Provider(c, r.Defaults), m.Name, 0)
	}
	if err == nil {
		out.Query, err = template.Render(vars(c, m))
	}
	if err != nil {
		out.Problem = &rollout.Reason{Code: string(v1beta1.ReasonTemplateInvalid), Message: fmt.Sprintf("%s: %v", field, err)}
	}
	return out, generation, nil
}

func (r Refs) template(c *v1beta1.Canary, ref v1beta1.CrossNamespaceReference, field string) (*v1beta1.MetricTemplate, *rollout.Reason, error) {
	namespace := ref.Namespace
	if namespace == "" {
		namespace = c.Namespace
	}
	if r.NoCrossNamespace && namespace != c.Namespace {
		return nil, &rollout.Reason{Code: string(v1beta1.ReasonCrossNamespaceRef), Message: fmt.Sprintf("%s.templateRef leads to namespace %s, which -no-cross-namespace-refs forbids; copy the MetricTemplate to %s", field, namespace, c.Namespace)}, nil
	}
	found, err := r.Template(namespace, ref.Name)
	if err != nil {
		return nil, nil, err
	}
	if found == nil {
		return nil, &rollout.Reason{Code: string(v1beta1.ReasonTemplateNotFound), Message: fmt.Sprintf("%s.templateRef: MetricTemplate %s/%s does not exist; create it or mend the reference", field, namespace, ref.Name)}, nil
	}
	return found, nil, nil
}

// prometheus is the metric system of builtin metrics and inline queries.
func (r Refs) prometheus(c *v1beta1.Canary) Provider {
	address := c.Spec.MetricsServer
	if address == "" {
		address = r.MetricsServer
	}
	return Provider{Namespace: c.Namespace, Spec: v1beta1.MetricTemplateProvider{Type: v1beta1.MetricProviderPrometheus, Address: address}}
}

func vars(c *v1beta1.Canary, m v1beta1.CanaryMetric) metric.Vars {
	v := metric.Vars{
		Name:      c.Name,
		Namespace: c.Namespace,
		Target:    c.Spec.TargetRef.Name,
		Service:   c.ServiceName(),
		Ingress:   c.Spec.TargetRef.Name,
		Route:     c.Spec.TargetRef.Name,
		Interval:  m.Interval,
		Variables: m.TemplateVariables,
	}
	if v.Interval == "" {
		v.Interval = metric.BuiltinInterval
	}
	if c.Spec.IngressRef != nil {
		v.Ingress = c.Spec.IngressRef.Name
	}
	if c.Spec.RouteRef != nil {
		v.Route = c.Spec.RouteRef.Name
	}
	return v
}

// rangeOf returns the range of m. Without any, a success rate may be anything
// and every other value must not be above 0, as in Flagger.
func rangeOf(m v1beta1.CanaryMetric) analysis.Range {
	if r := m.ThresholdRange; r != nil {
		return analysis.Range{Min: r.Min, Max: r.Max}
	}
	if isBuiltin(m) && m.Name == metric.SuccessRate {
		return analysis.Range{Min: &m.Threshold}
	}
	return analysis.Range{Max: &m.Threshold}
}

func unit(m v1beta1.CanaryMetric) string {
	if !isBuiltin(m) {
		return ""
	}
	return map[string]string{metric.SuccessRate: "%", metric.Duration: "ms"}[m.Name]
}

func isBuiltin(m v1beta1.CanaryMetric) bool {
	return m.TemplateRef == nil && m.Query == "" && metric.IsBuiltin(m.Name)
}
