// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"k8s.io/apimachinery/pkg/types"

	"github.com/sluice-delivery/sluice/api/v1beta1"
)

func TestParseOptions(t *testing.T) {
	cases := map[string]struct {
		reason string
		args   []string
		check  func(Options) any
		want   any
		err    string
	}{
		"Flaggers": {
			"The arguments of Flagger's Deployment start us too.",
			[]string{
				"-log-level=info", "-mesh-provider=gatewayapi:v1", "-metrics-server=http://p:9090", "-selector-labels=app,name", "-include-label-prefix=a/,b/",
				"-enable-config-tracking=true", "-enable-leader-election=true", "-leader-election-namespace=flagger", "-slack-user=flagger", "-slack-channel=c",
				"-msteams-url=x", "-kubeconfig-qps=5", "-kubeconfig-burst=6", "-threadiness=3", "-control-loop-interval=5s", "-zap-replace-globals=true",
				"-zap-encoding=json", "-ingress-class=c", "-cluster-name=k", "-no-cross-namespace-refs=true", "-namespace=n", "-event-webhook=http://e", "-port=9",
			},
			func(o Options) any {
				return []any{o.MeshProvider, o.SelectorLabels, o.IncludeLabels, o.LeaderElection, o.QPS, o.NoCrossNamespaceRefs, o.Namespace, o.Port, len(o.ignored)}
			},
			[]any{"gatewayapi:v1", []string{"app", "name"}, []string{"a/", "b/"}, true, 5, true, "n", 9, 5}, "",
		},
		"Defaults": {
			"Without arguments the defaults are Flagger's.", nil,
			func(o Options) any {
				return []any{o.MeshProvider, o.MetricsServer, o.LogLevel, o.Port, o.ConfigTracking, o.LeaderElection, o.LeaderElectionNamespace, o.QPS, o.Burst}
			},
			[]any{"istio", "http://prometheus:9090", "debug", 8080, true, false, "kube-system", 100, 250}, "",
		},
		"UnknownFlag": {"An unknown flag is an error.", []string{"-nope"}, nil, nil, "not defined: -nope"},
		"Argument":    {"A forgotten dash is an error.", []string{"mesh-provider=istio"}, nil, nil, "flags only, for example"},
		"Counting":    {"A value that is not known names those that are.", []string{"-failure-counting=some"}, nil, nil, "must be Consecutive or Cumulative"},
		"NoLabels":    {"Without labels no side can be told from the other.", []string{"-selector-labels="}, nil, nil, "name at least one label"},
		"Port":        {"A port that can't be is an error.", []string{"-port=70000"}, nil, nil, "between 0 and 65535"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			o, err := ParseOptions(tc.args, io.Discard)
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Errorf("%s error is %v", tc.reason, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, tc.check(o)); diff != "" {
				t.Errorf("%s (-want +got)\n%s", tc.reason, diff)
			}
		})
	}
}

func TestEnvironment(t *testing.T) {
	t.Setenv("EVENT_WEBHOOK_URL", "http://env")
	o, err := ParseOptions([]string{"-event-webhook=http://flag"}, io.Discard)
	if err != nil || o.EventWebhook != "http://env" {
		t.Errorf("the environment goes before the flag, as in Flagger: %q, %v", o.EventWebhook, err)
	}
}

func TestMain_HelpAndVersion(t *testing.T) {
	var out, errOut bytes.Buffer
	if code := Main(t.Context(), []string{"-version"}, "v9", &out, &errOut); code != 0 || out.String() != "v9\n" {
		t.Errorf("-version gives %d and %q", code, out.String())
	}
	if code := Main(t.Context(), []string{"-help"}, "v9", &out, &errOut); code != 0 || !strings.Contains(errOut.String(), "-mesh-provider") {
		t.Errorf("-help gives %d and %q", code, errOut.String())
	}
	if code := Main(t.Context(), []string{"-nope"}, "v9", &out, &errOut); code != 2 {
		t.Errorf("a wrong flag gives %d", code)
	}
	if _, err := ParseOptions([]string{"-h"}, io.Discard); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("-h gives %v", err)
	}
}

func TestWget(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/healthz" {
			healthy(w, r)
			return
		}
		(&readiness{}).ServeHTTP(w, r)
	}))
	cases := map[string]struct {
		args []string
		want int
	}{
		"Healthy":  {[]string{"--quiet", "--tries=1", "--timeout=4", "--spider", s.URL + "/healthz"}, 0},
		"NotReady": {[]string{"--spider", s.URL + "/readyz"}, 8},
		"NoURL":    {[]string{"--spider"}, 2},
		"Nothing":  {nil, 2},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := Wget(t.Context(), tc.args, io.Discard); got != tc.want {
				t.Errorf("exit code %d, want %d", got, tc.want)
			}
		})
	}
	s.Close()
	if got := Wget(t.Context(), []string{s.URL}, io.Discard); got != 4 {
		t.Errorf("exit code %d when nobody answers, want 4", got)
	}
}

func TestMetrics(t *testing.T) {
	m := newMetrics("v9", "gatewayapi:v1")
	c := &v1beta1.Canary{}
	c.Namespace, c.Name, c.Spec.TargetRef.Name = "prod", "web", "app"
	c.Status.Phase, c.Status.CanaryWeight = v1beta1.PhaseProgressing, 30
	c.Status.Checks = []v1beta1.CanaryMetricStatus{{Name: "error-rate", Value: "1.5"}, {Name: "request-duration", Value: "250 ms"}, {Name: "gone"}}
	m.Saved(c, v1beta1.PhaseInitialized)
	for what, pair := range map[string][2]float64{
		"total":    {1, testutil.ToFloat64(m.total.WithLabelValues("prod"))},
		"status":   {0, testutil.ToFloat64(m.status.WithLabelValues("app", "prod"))},
		"canary":   {30, testutil.ToFloat64(m.weight.WithLabelValues("app", "prod"))},
		"primary":  {70, testutil.ToFloat64(m.weight.WithLabelValues("app-primary", "prod"))},
		"value":    {1.5, testutil.ToFloat64(m.analysis.WithLabelValues("app", "prod", "error-rate"))},
		"duration": {0.25, testutil.ToFloat64(m.analysis.WithLabelValues("app", "prod", "request-duration"))},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s is %v, want %v", what, pair[1], pair[0])
		}
	}
	c.Status.Phase = v1beta1.PhaseFailed
	m.Saved(c, v1beta1.PhaseProgressing)
	m.Saved(c, v1beta1.PhaseFailed)
	c.Status.Phase = v1beta1.PhaseSucceeded
	m.Saved(c, v1beta1.PhaseFinalising)
	if f, s := testutil.CollectAndCount(m.failures), testutil.CollectAndCount(m.successes); f != 1 || s != 1 {
		t.Errorf("%d failures and %d successes are counted, want one of each", f, s)
	}
	m.Gone(types.NamespacedName{Namespace: "prod", Name: "web"})
	if n := testutil.CollectAndCount(m.status) + testutil.CollectAndCount(m.weight) + testutil.CollectAndCount(m.analysis); n != 0 {
		t.Errorf("%d series are left of a canary that is gone", n)
	}
}
