// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package metric

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBuiltin(t *testing.T) {
	const labels = `kubernetes_namespace="prod",kubernetes_pod_name=~"web(-[b-df-hj-np-tv-xz2-9]+)?-[b-df-hj-np-tv-xz2-9]{5}"`
	cases := map[string]struct {
		reason     string
		provider   string
		metric     string
		percentile int
		want       string
		err        string
	}{
		"SuccessRate": {reason: "Gateway API is judged by what the pods say, in percent.",
			provider: "gatewayapi:v1", metric: SuccessRate,
			want: `100 * (1 - (sum(rate(http_request_duration_seconds_count{` + labels + `,status=~"5.*"}[30s])) or vector(0))` +
				` / sum(rate(http_request_duration_seconds_count{` + labels + `}[30s])))`},
		"Duration": {reason: "Seconds become milliseconds, at the 99th percentile.",
			provider: "kubernetes", metric: Duration,
			want: `1000 * histogram_quantile(0.99, sum by (le) (rate(http_request_duration_seconds_bucket{` + labels + `}[30s])))`},
		"Percentile": {reason: "Another percentile may be asked for; App Mesh counts milliseconds.",
			provider: "appmesh:v1beta2", metric: Duration, percentile: 50,
			want: `histogram_quantile(0.5, sum by (le) (rate(envoy_cluster_upstream_rq_time_bucket{` + labels + `}[30s])))`},
		"Service": {reason: "Contour's clusters have the name of the service, not of the target.",
			provider: "contour", metric: Duration,
			want: `histogram_quantile(0.99, sum by (le) (rate(envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name=~"prod_shop-canary_[0-9a-zA-Z-]+"}[30s])))`},
		"Only": {reason: "A matcher of the latency alone is added to it.",
			provider: "apisix", metric: Duration,
			want: `histogram_quantile(0.99, sum by (le) (rate(apisix_http_latency_bucket{route=~"prod_r-shop-canary_.+",type=~"request"}[30s])))`},
		"UnknownProvider": {reason: "Nobody guesses what an unknown provider measures.",
			provider: "istoi", metric: SuccessRate, err: `not known for provider "istoi"; use a templateRef, or one of the providers apisix, appmesh,`},
		"UnknownMetric":  {reason: "Only two metrics are builtin.", provider: "istio", metric: "cpu", err: `no builtin metric "cpu"`},
		"WildPercentile": {reason: "A percentile is one.", provider: "istio", metric: Duration, percentile: 101, err: "between 1 and 100"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			parsed, err := Builtin(tc.provider, tc.metric, tc.percentile)
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Fatalf("%s\nwant an error that mentions %q, got: %v", tc.reason, tc.err, err)
				}
				return
			}
			if err != nil {
				t.Fatalf("%s\nBuiltin: %v", tc.reason, err)
			}
			got, err := parsed.Render(facts)
			if err != nil {
				t.Fatalf("%s\nRender: %v", tc.reason, err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\nquery (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestEveryObserverRenders(t *testing.T) {
	for provider := range observers() {
		for _, name := range []string{SuccessRate, Duration} {
			parsed, err := Builtin(provider, name, 0)
			if err != nil {
				t.Errorf("%s of %s is a template: %v", name, provider, err)
				continue
			}
			query, err := parsed.Render(facts)
			if err != nil || !strings.Contains(query, "[30s]") || strings.Contains(query, "{{") {
				t.Errorf("%s of %s renders: got %q, %v", name, provider, query, err)
			}
		}
	}
}

func TestPods(t *testing.T) {
	cases := map[string]struct {
		reason string
		pod    string
		want   bool
	}{
		"Deployment":        {reason: "A pod of the target is the canary's.", pod: "web-5d4f8c6b9d-x7k2p", want: true},
		"ShortHash":         {reason: "Hashes are of different lengths.", pod: "web-7f9-x7k2p", want: true},
		"DaemonSet":         {reason: "A pod of a DaemonSet has no hash.", pod: "web-x7k2p", want: true},
		"Primary":           {reason: "The primary's pods are not the canary's.", pod: "web-primary-5d4f8c6b9d-x7k2p"},
		"PrimaryDaemonSet":  {reason: "The primary's pods are not the canary's, in a DaemonSet either.", pod: "web-primary-x7k2p"},
		"OtherWorkload":     {reason: "A workload whose name begins alike is another one.", pod: "web-api-5d4f8c6b9d-x7k2p"},
		"OtherDaemonSet":    {reason: "A DaemonSet whose name begins alike is another one.", pod: "web-agent-x7k2p"},
		"OtherStatefulSet":  {reason: "Neither is a StatefulSet.", pod: "web-db-0"},
		"LongerNameInFront": {reason: "The name begins where the pod's does.", pod: "my-web-5d4f8c6b9d-x7k2p"},
	}
	pattern := regexp.MustCompile("^(?:" + strings.ReplaceAll(pods, "{{ target }}", "web") + ")$")
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := pattern.MatchString(tc.pod); got != tc.want {
				t.Errorf("%s\n%s: want %t, got %t", tc.reason, tc.pod, tc.want, got)
			}
		})
	}
}
