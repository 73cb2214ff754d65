// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

// Package app wires the controller together: flags, clients, caches, leader
// election, health and metrics.
package app

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/uuid"
	"go.uber.org/zap/zapcore"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/sluice-delivery/sluice/api/v1beta1"
	"github.com/sluice-delivery/sluice/internal/catalog"
	"github.com/sluice-delivery/sluice/internal/check"
	"github.com/sluice-delivery/sluice/internal/controller/canary"
	"github.com/sluice-delivery/sluice/internal/hook"
	"github.com/sluice-delivery/sluice/internal/spec"
	"github.com/sluice-delivery/sluice/internal/target/config"
	"github.com/sluice-delivery/sluice/internal/target/deployment"
)

// leaseName is Flagger's, so that the two never work at the same time.
const leaseName = "flagger-leader-election"

// Main runs the controller until ctx ends and returns its exit code.
func Main(ctx context.Context, args []string, version string, out, errOut io.Writer) int {
	o, err := ParseOptions(args, errOut)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintln(errOut, "sluice-controller:", err)
		return 2
	case o.Version:
		fmt.Fprintln(out, version)
		return 0
	}
	if err := run(ctx, o, version, errOut); err != nil {
		fmt.Fprintln(errOut, "sluice-controller:", err)
		return 1
	}
	return 0
}

func run(ctx context.Context, o Options, version string, errOut io.Writer) error {
	log := logger(o, errOut)
	ctrl.SetLogger(log)
	klog.SetLogger(log.WithName("client"))
	log.Info("starting", "version", version, "meshProvider", o.MeshProvider, "metricsServer", o.MetricsServer, "namespace", o.Namespace)
	for _, f := range o.ignored {
		log.Info("a flag has no effect in this version", "flag", f)
	}
	rc, err := clientcmd.BuildConfigFromFlags(o.Master, o.Kubeconfig)
	if err != nil {
		return fmt.Errorf("find the cluster: %w; set -kubeconfig, or run in a pod", err)
	}
	rc.WarningHandler = rest.NoWarnings{} // of the API server about names that are Flagger's
	rc.QPS, rc.Burst, rc.UserAgent = float32(o.QPS), o.Burst, "sluice-controller/"+version
	mgr, err := manager(o, rc, log)
	if err != nil {
		return err
	}
	if err := served(mgr.GetRESTMapper()); err != nil {
		return err
	}
	live, err := client.New(rc, client.Options{Scheme: mgr.GetScheme(), HTTPClient: mgr.GetHTTPClient(), Mapper: mgr.GetRESTMapper()})
	if err != nil {
		return fmt.Errorf("reach the cluster: %w", err)
	}
	if err := canary.SetUp(ctx, mgr, wire(o, mgr, live, newMetrics(version, o.MeshProvider)), max(4, o.Threadiness)); err != nil {
		return fmt.Errorf("set up: %w", err)
	}
	return mgr.Start(ctx)
}

func manager(o Options, rc *rest.Config, log logr.Logger) (ctrl.Manager, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1beta1.AddToScheme, gatewayv1.Install} {
		if err := add(scheme); err != nil {
			return nil, fmt.Errorf("scheme: %w", err)
		}
	}
	yes := true
	lease, renew, again := 60*time.Second, 15*time.Second, 5*time.Second
	opts := ctrl.Options{
		Scheme: scheme,
		Logger: log,
		Client: client.Options{Cache: &client.CacheOptions{EnableReadYourWritesConsistency: &yes}},
		Cache:  cache.Options{DefaultTransform: cache.TransformStripManagedFields()},
		Metrics: metricsserver.Options{
			BindAddress:   fmt.Sprintf(":%d", o.Port),
			ExtraHandlers: map[string]http.Handler{"/healthz": http.HandlerFunc(healthy)},
		},
		HealthProbeBindAddress:        "0",
		LeaderElection:                o.LeaderElection,
		LeaderElectionID:              leaseName,
		LeaderElectionNamespace:       o.LeaderElectionNamespace,
		LeaderElectionReleaseOnCancel: true,
		LeaseDuration:                 &lease, RenewDeadline: &renew, RetryPeriod: &again,
	}
	if o.Namespace != "" {
		opts.Cache.DefaultNamespaces = map[string]cache.Config{o.Namespace: {}}
		opts.LeaderElectionNamespace = o.Namespace
	}
	r := &readiness{}
	opts.Metrics.ExtraHandlers["/readyz"] = r
	mgr, err := ctrl.NewManager(rc, opts)
	if err != nil {
		return nil, fmt.Errorf("reach the cluster: %w", err)
	}
	return mgr, mgr.Add(r)
}

// wire makes every part that the reconciler needs.
func wire(o Options, mgr ctrl.Manager, live client.Client, m *metrics) canary.Config {
	hooks := hook.NewHTTP()
	c := canary.Config{
		Client:  mgr.GetClient(),
		Live:    live,
		Clock:   clock.RealClock{},
		NewID:   uuid.NewString,
		Hooks:   hooks,
		Asker:   check.Asker{Sources: &catalog.Sources{Secrets: live}, Hooks: hooks},
		Dialect: catalog.Dialect,
		Refs: check.Refs{
			Defaults:         spec.Defaults{Provider: o.MeshProvider, Cumulative: o.FailureCounting == "Cumulative"},
			MetricsServer:    o.MetricsServer,
			NoCrossNamespace: o.NoCrossNamespaceRefs,
		},
		Target:       deployment.Options{SelectorLabels: o.SelectorLabels, IncludeLabelPrefix: o.IncludeLabels},
		EventWebhook: o.EventWebhook,
		Observer:     m,
	}
	if o.ConfigTracking {
		c.Configs = config.NewTracker(mgr.GetCache(), live)
	}
	return c
}

// served returns an error unless the cluster has the kinds that the controller
// works on.
func served(mapper meta.RESTMapper) error {
	for _, kind := range []string{"Canary", "MetricTemplate", "AlertProvider"} {
		if _, err := mapper.RESTMapping(v1beta1.GroupVersion.WithKind(kind).GroupKind(), v1beta1.GroupVersion.Version); err != nil {
			return fmt.Errorf("the cluster has no %s of %s: %w; install the CRDs with kubectl apply -k config/crd", kind, v1beta1.GroupVersion, err)
		}
	}
	return nil
}

func logger(o Options, w io.Writer) logr.Logger {
	level, ok := map[string]zapcore.Level{
		"debug": zapcore.DebugLevel, "info": zapcore.InfoLevel, "warn": zapcore.WarnLevel, "warning": zapcore.WarnLevel,
		"error": zapcore.ErrorLevel, "fatal": zapcore.FatalLevel, "panic": zapcore.PanicLevel,
	}[o.LogLevel]
	if !ok {
		level = zapcore.InfoLevel
	}
	encoder := zap.JSONEncoder(func(c *zapcore.EncoderConfig) { c.EncodeTime = zapcore.RFC3339NanoTimeEncoder })
	if o.Encoding == "console" {
		encoder = zap.ConsoleEncoder()
	}
	return zap.New(zap.WriteTo(w), zap.Level(level), zap.StacktraceLevel(zapcore.PanicLevel), encoder)
}
