// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"k8s.io/klog/v2"
)

// Options are the flags of the controller. They have Flagger's names, defaults
// and environment variables.
type Options struct {
	Kubeconfig, Master            string
	QPS, Burst                    int
	MetricsServer, MeshProvider   string
	LogLevel, Encoding            string
	Port, Threadiness             int
	Namespace                     string
	EventWebhook                  string
	SelectorLabels, IncludeLabels []string
	LeaderElection                bool
	LeaderElectionNamespace       string
	ConfigTracking                bool
	NoCrossNamespaceRefs          bool
	FailureCounting               string
	Version                       bool

	ignored []string // given, but without effect in this version
}

// unused are flags of Flagger's that this version accepts without effect, so
// that its Deployment starts unchanged.
var unused = map[string]string{
	"kubeconfig-service-mesh":    "a separate cluster for routes",
	"slack-url":                  "alerts",
	"slack-token":                "alerts",
	"slack-proxy-url":            "alerts",
	"slack-user":                 "alerts",
	"slack-channel":              "alerts",
	"msteams-url":                "alerts",
	"msteams-proxy-url":          "alerts",
	"cluster-name":               "alerts",
	"ingress-annotations-prefix": "the provider nginx",
	"ingress-class":              "the provider contour",
}

// ParseOptions parses args, without the program's name, and writes help to w.
// It returns flag.ErrHelp if that was asked for.
func ParseOptions(args []string, w io.Writer) (Options, error) {
	var o Options
	fs := flag.NewFlagSet("sluice-controller", flag.ContinueOnError)
	fs.SetOutput(w)
	o.define(fs)
	labels := fs.String("selector-labels", "app,name,app.kubernetes.io/name", "`labels` of a target's selector that tell primary and canary apart, the first that it has")
	include := fs.String("include-label-prefix", "", "`prefixes` of the labels and annotations that the primary takes over; * is all")
	for name, what := range unused {
		fs.String(name, "", "no effect in this version, which has no "+strings.TrimPrefix(what, "a ")+"; `accepted` for Flagger's manifests")
	}
	fs.Duration("control-loop-interval", 10*time.Second, "no effect: nothing is polled; `accepted` for Flagger's manifests")
	fs.Bool("zap-replace-globals", false, "no effect; `accepted` for Flagger's manifests")
	klog.InitFlags(fs)
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	if fs.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q; flags only, for example -mesh-provider=gatewayapi:v1", fs.Arg(0))
	}
	fs.Visit(func(f *flag.Flag) {
		if what, ok := unused[f.Name]; ok {
			o.ignored = append(o.ignored, fmt.Sprintf("-%s (%s)", f.Name, what))
		}
	})
	o.SelectorLabels, o.IncludeLabels = list(*labels), list(*include)
	if url := os.Getenv("EVENT_WEBHOOK_URL"); url != "" {
		o.EventWebhook = url
	}
	return o, o.validate()
}

func (o *Options) define(fs *flag.FlagSet) {
	fs.StringVar(&o.Kubeconfig, "kubeconfig", "", "`file` that leads to the cluster; inside a pod its own cluster")
	fs.StringVar(&o.Master, "master", "", "`URL` of the API server, before the one in the kubeconfig")
	fs.IntVar(&o.QPS, "kubeconfig-qps", 100, "requests per second to the API server")
	fs.IntVar(&o.Burst, "kubeconfig-burst", 250, "requests to the API server at once")
	fs.StringVar(&o.MetricsServer, "metrics-server", "http://prometheus:9090", "`URL` of the Prometheus for builtin metrics and inline queries")
	fs.StringVar(&o.MeshProvider, "mesh-provider", "istio", "`provider` of canaries that name none")
	fs.StringVar(&o.LogLevel, "log-level", "debug", "`level`: debug, info, warn or error")
	fs.StringVar(&o.Encoding, "zap-encoding", "json", "`format` of the log: json or console")
	fs.IntVar(&o.Port, "port", 8080, "`port` of /metrics, /healthz and /readyz")
	fs.IntVar(&o.Threadiness, "threadiness", 2, "canaries that are moved on at a time, at least 4")
	fs.StringVar(&o.Namespace, "namespace", "", "`namespace` to work in; all if empty")
	fs.StringVar(&o.EventWebhook, "event-webhook", "", "`URL` that is told the events of canaries without an event webhook; also EVENT_WEBHOOK_URL")
	fs.BoolVar(&o.LeaderElection, "enable-leader-election", false, "let one of several controllers work at a time")
	fs.StringVar(&o.LeaderElectionNamespace, "leader-election-namespace", "kube-system", "`namespace` of the Lease")
	fs.BoolVar(&o.ConfigTracking, "enable-config-tracking", true, "a change of a ConfigMap or Secret is a new revision")
	fs.BoolVar(&o.NoCrossNamespaceRefs, "no-cross-namespace-refs", false, "refuse references to other namespaces")
	fs.StringVar(&o.FailureCounting, "failure-counting", "Consecutive", "`how` failed checks count towards the threshold: Consecutive, or Cumulative as in Flagger")
	fs.BoolVar(&o.Version, "version", false, "print the version and end")
}

func (o *Options) validate() error {
	if !slices.Contains([]string{"Consecutive", "Cumulative"}, o.FailureCounting) {
		return fmt.Errorf("-failure-counting is %q; it must be Consecutive or Cumulative", o.FailureCounting)
	}
	if o.Port < 0 || o.Port > 65535 {
		return fmt.Errorf("-port is %d; it must be between 0 and 65535", o.Port)
	}
	if len(o.SelectorLabels) == 0 {
		return fmt.Errorf("-selector-labels is empty; name at least one label, for example app")
	}
	return nil
}

func list(text string) []string {
	var all []string
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			all = append(all, part)
		}
	}
	return all
}
