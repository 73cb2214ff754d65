// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package metric

import (
	"fmt"
	"strconv"
	"strings"
)

// Names of the builtin metrics.
const (
	SuccessRate = "request-success-rate" // in percent
	Duration    = "request-duration"     // in milliseconds
)

// BuiltinInterval is the window of a builtin metric whose interval is unset.
const BuiltinInterval = "1m"

// defaultPercentile is the percentile of request-duration if unset.
const defaultPercentile = 99

// An observer says which series of a data plane tell about the requests that
// the canary answered. Its texts are parts of a Template.
type observer struct {
	requests string // counter of requests
	labels   string // matchers that select the canary
	failed   string // matcher of failed requests
	latency  string // name of the latency histogram's buckets
	only     string // further matcher for the latency; may be empty
	seconds  bool   // the histogram counts seconds, not milliseconds
}

// pods matches the names of the target's own pods: those of a Deployment have
// the hash of a ReplicaSet before their random end, those of a DaemonSet have
// not. Kubernetes writes both without vowels, so pods of TARGET-primary never
// match.
const pods = `{{ target }}(-[b-df-hj-np-tv-xz2-9]+)?-[b-df-hj-np-tv-xz2-9]{5}`

const envoyCodes = `envoy_response_code=~"5.*"`

// envoy observes the clusters that labels select in Envoy's own statistics.
func envoy(labels string) observer {
	return observer{requests: "envoy_cluster_upstream_rq", labels: labels, failed: envoyCodes,
		latency: "envoy_cluster_upstream_rq_time_bucket"}
}

// http observes what applications say about themselves.
func http() observer {
	return observer{requests: "http_request_duration_seconds_count",
		labels: `kubernetes_namespace="{{ namespace }}",kubernetes_pod_name=~"` + pods + `"`,
		failed: `status=~"5.*"`, latency: "http_request_duration_seconds_bucket", seconds: true}
}

func istio() observer {
	return observer{requests: "istio_requests_total",
		labels: `reporter="destination",destination_workload_namespace="{{ namespace }}",destination_workload=~"{{ target }}"`,
		failed: `response_code=~"5.*"`, latency: "istio_request_duration_milliseconds_bucket"}
}

// observers returns what there is for each provider, by its name before any
// colon.
func observers() map[string]observer {
	return map[string]observer{
		"gatewayapi": http(),
		"kubernetes": http(),
		"istio":      istio(),
		"smi":        istio(),
		"linkerd": {requests: "response_total",
			labels: `namespace="{{ namespace }}",deployment=~"{{ target }}",direction="inbound"`,
			failed: `classification="failure"`, latency: "response_latency_ms_bucket"},
		"osm": {requests: "osm_request_total",
			labels: `destination_namespace="{{ namespace }}",destination_kind="Deployment",destination_name="{{ target }}"`,
			failed: `response_code=~"5.*"`, latency: "osm_request_duration_ms_bucket"},
		"appmesh": envoy(`kubernetes_namespace="{{ namespace }}",kubernetes_pod_name=~"` + pods + `"`),
		"contour": envoy(`envoy_cluster_name=~"{{ namespace }}_{{ service }}-canary_[0-9a-zA-Z-]+"`),
		"knative": envoy(`envoy_cluster_name=~"{{ namespace }}/{{ route }}"`),
		"nginx": {requests: "nginx_ingress_controller_requests",
			labels: `namespace="{{ namespace }}",ingress="{{ ingress }}",canary!=""`,
			failed: `status=~"5.*"`, latency: "nginx_ingress_controller_response_duration_seconds_bucket", seconds: true},
		"traefik": {requests: "traefik_service_request_duration_seconds_count",
			labels: `service=~"{{ namespace }}-{{ service }}-canary-[0-9a-zA-Z-]+@kubernetescrd"`,
			failed: `code=~"5.."`, latency: "traefik_service_request_duration_seconds_bucket", seconds: true},
		"apisix": {requests: "apisix_http_status",
			labels: `route=~"{{ namespace }}_{{ route }}-{{ service }}-canary_.+"`,
			failed: `code=~"5.."`, latency: "apisix_http_latency_bucket", only: `type=~"request"`},
	}
}

// IsBuiltin reports whether name is that of a builtin metric.
func IsBuiltin(name string) bool { return name == SuccessRate || name == Duration }

// Builtin returns the PromQL query of the builtin metric name for the data
// plane that provider (as in the Canary, such as gatewayapi:v1) stands for.
// SuccessRate is in percent; Duration is in milliseconds, at percentile, which
// is 99 if zero. An unknown provider or name is an error.
func Builtin(provider, name string, percentile int) (*Template, error) {
	family, _, _ := strings.Cut(provider, ":")
	o, ok := observers()[family]
	if !ok {
		return nil, fmt.Errorf("the builtin metric %s is not known for provider %q; use a templateRef, or one of the providers %s",
			name, provider, list(observers()))
	}
	switch name {
	case SuccessRate:
		return ParseTemplate(o.successRate())
	case Duration:
		if percentile == 0 {
			percentile = defaultPercentile
		}
		if percentile < 0 || percentile > 100 {
			return nil, fmt.Errorf("percentile of %s is %d but must be between 1 and 100", name, percentile)
		}
		return ParseTemplate(o.duration(percentile))
	}
	return nil, fmt.Errorf("there is no builtin metric %q; known are %s and %s", name, SuccessRate, Duration)
}

// successRate counts the failures, not the successes: a version all of whose
// requests fail must give 0 rather than no data.
func (o observer) successRate() string {
	total := rate(o.requests, o.labels)
	failed := rate(o.requests, o.labels+","+o.failed)
	return fmt.Sprintf("100 * (1 - (sum(%s) or vector(0)) / sum(%s))", failed, total)
}

func (o observer) duration(percentile int) string {
	labels := o.labels
	if o.only != "" {
		labels += "," + o.only
	}
	quantile := strconv.FormatFloat(float64(percentile)/100, 'f', -1, 64)
	query := fmt.Sprintf("histogram_quantile(%s, sum by (le) (%s))", quantile, rate(o.latency, labels))
	if o.seconds {
		return "1000 * " + query
	}
	return query
}

func rate(series, labels string) string {
	return fmt.Sprintf("rate(%s{%s}[{{ interval }}])", series, labels)
}
