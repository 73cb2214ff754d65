// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

// Package demo shows the product on a real cluster: it installs everything from
// the manifests that users apply, sends traffic, releases a good version and a
// bad one, prints what happens as it happens, and proves the outcome from the
// cluster's own objects.
package demo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/yaml"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/sluice-delivery/sluice/api/v1beta1"
)

var errStream = errors.New("the API server ended a watch; is the cluster still there?")

// Options say what to show.
type Options struct {
	Kubeconfig string
	Root       string // of the repository, where the manifests are
	Manifest   string // with a Canary, instead of the demo's own
	Gateway    string // URL by which users reach the application
	PerSecond  int    // requests
	Out        io.Writer
	Now        func() time.Time
}

// A Demo is one show.
type Demo struct {
	Options
	client  client.WithWatch
	line    timeline
	now     func() time.Time
	traffic *Traffic

	key    types.NamespacedName // of the Canary
	app    string               // name of its route and Services
	target types.NamespacedName
}

// New returns a Demo of the cluster that o.Kubeconfig leads to.
func New(o Options) (*Demo, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1beta1.AddToScheme, gatewayv1.Install} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	rc, err := clientcmd.BuildConfigFromFlags("", o.Kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("find the cluster: %w", err)
	}
	c, err := client.NewWithWatch(rc, client.Options{Scheme: scheme})
	if err != nil {
		return nil, fmt.Errorf("reach the cluster: %w", err)
	}
	return &Demo{
		Options: o, client: c, now: o.Now, line: timeline{out: o.Out, now: o.Now},
		traffic: &Traffic{URL: o.Gateway, PerSecond: o.PerSecond},
	}, nil
}

// Run shows everything and returns the line that sums it up. An error means
// that an outcome was not the one that it should be.
func (d *Demo) Run(ctx context.Context) (string, error) {
	if err := d.Install(ctx); err != nil {
		return "", err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go d.Send(ctx)

	good, _, err := d.Release(ctx, "a good release", map[string]string{"VERSION": "1.1.0"})
	if err != nil {
		return "", err
	}
	if err := d.ProvePromoted(ctx, good, "1.1.0"); err != nil {
		return "", err
	}
	bad, count, err := d.Release(ctx, "a bad release: one request in five is answered 500", map[string]string{"VERSION": "1.2.0", "ERROR_RATE": "0.2"})
	if err != nil {
		return "", err
	}
	if err := d.ProveRolledBack(ctx, bad, "1.1.0"); err != nil {
		return "", err
	}
	return fmt.Sprintf("demo: promoted in %.1f s; rolled back %.1f s after the first bad check, %d of %d requests failed",
		good.Ended.Sub(good.Began).Seconds(), bad.Ended.Sub(bad.FirstBad).Seconds(), count.Failed, count.Sent), nil
}

// Install applies the manifests and waits until the Canary is ready to release.
func (d *Demo) Install(ctx context.Context) error {
	steps := [][]string{
		{"apply", "-k", "config/default"},
		{"apply", "-f", "demo/app.yaml"},
		{"apply", "-n", "prod", "-k", "config/loadtester"},
		{"rollout", "status", "-n", "sluice-system", "deploy/sluice-controller", "--timeout=90s"},
		{"rollout", "status", "-n", "prod", "deploy/web", "--timeout=90s"},
		{"rollout", "status", "-n", "prod", "deploy/flagger-loadtester", "--timeout=90s"},
		{"apply", "-f", d.manifest()},
	}
	for _, args := range steps {
		if err := d.Kubectl(ctx, args...); err != nil {
			return err
		}
	}
	return d.ready(ctx)
}

func (d *Demo) manifest() string {
	if d.Manifest != "" {
		return d.Manifest
	}
	return "demo/canary.yaml"
}

// Send sends requests as users do, until ctx ends.
func (d *Demo) Send(ctx context.Context) { d.traffic.Run(ctx) }

// Kubectl runs what a user would run, and shows the command.
func (d *Demo) Kubectl(ctx context.Context, args ...string) error {
	d.line.say("$ kubectl %s", strings.Join(args, " "))
	cmd := exec.CommandContext(ctx, "kubectl", args...)
	cmd.Dir = d.Root
	cmd.Env = append(os.Environ(), "KUBECONFIG="+d.Kubeconfig)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("kubectl %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}

// ready finds the Canary of the manifest and waits until it is initialized.
func (d *Demo) ready(ctx context.Context) error {
	key, err := canaryIn(d.inRoot(d.manifest()))
	if err != nil {
		return err
	}
	d.key = key
	if err := d.Kubectl(ctx, "wait", "-n", d.key.Namespace, "canary/"+d.key.Name, "--for=condition=Promoted", "--timeout=60s"); err != nil {
		return err
	}
	c := &v1beta1.Canary{}
	if err := d.client.Get(ctx, d.key, c); err != nil {
		return err
	}
	d.app = c.ServiceName()
	d.target = types.NamespacedName{Namespace: c.Namespace, Name: c.Spec.TargetRef.Name}
	if hosts := c.Spec.Service.Hosts; len(hosts) > 0 {
		d.traffic.Host = hosts[0]
	}
	return d.traffic.Serving(ctx)
}

// canaryIn returns the name of the first Canary in a file of manifests.
func canaryIn(file string) (types.NamespacedName, error) {
	f, err := os.Open(file)
	if err != nil {
		return types.NamespacedName{}, err
	}
	defer func() { _ = f.Close() }()
	for docs := yaml.NewYAMLOrJSONDecoder(f, 4096); ; {
		var doc metav1.PartialObjectMetadata
		switch err := docs.Decode(&doc); {
		case errors.Is(err, io.EOF):
			return types.NamespacedName{}, fmt.Errorf("%s has no Canary; add one, for example that of demo/canary.yaml", file)
		case err != nil:
			return types.NamespacedName{}, fmt.Errorf("read %s: %w", file, err)
		case doc.Kind == "Canary":
			return types.NamespacedName{Namespace: cmp.Or(doc.Namespace, "default"), Name: doc.Name}, nil
		}
	}
}

func (d *Demo) inRoot(file string) string {
	if strings.HasPrefix(file, "/") {
		return file
	}
	return d.Root + "/" + file
}

// Release changes the target as a user would, prints what follows, and returns
// what was seen and what became of the requests meanwhile.
func (d *Demo) Release(ctx context.Context, title string, env map[string]string) (Release, Count, error) {
	c := &v1beta1.Canary{}
	if err := d.client.Get(ctx, d.key, c); err != nil {
		return Release{}, Count{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience(c))
	defer cancel()
	w, err := d.watch(ctx)
	defer w.stop()
	if err != nil {
		return Release{}, Count{}, err
	}
	fmt.Fprintf(d.Out, "\n%s\n", title)
	d.line.begin()
	d.traffic.Take()
	set := []string{"set", "env", "-n", d.target.Namespace, "deploy/" + d.target.Name}
	for _, name := range []string{"VERSION", "ERROR_RATE"} {
		if v, ok := env[name]; ok {
			set = append(set, name+"="+v)
		} else {
			set = append(set, name+"-")
		}
	}
	began := d.now()
	if err := d.Kubectl(ctx, set...); err != nil {
		return Release{}, Count{}, err
	}
	r, err := d.follow(ctx, w, c.Status.LastAppliedSpec)
	r.Began = began
	count := d.traffic.Take()
	if err != nil {
		return r, count, err
	}
	d.line.say("%-16s %6s  %d requests, %d failed, by version %v", "", "", count.Sent, count.Failed, count.ByVersion)
	if r.Phase == v1beta1.PhaseFailed {
		d.line.say("%-16s %6s  last answer → route at weight 0: %d ms", "", "", r.ZeroAt.Sub(r.Last).Milliseconds())
	}
	return r, count, nil
}

// patience is how long a release of c may take: twice its steps, and a minute
// for pods to start.
func patience(c *v1beta1.Canary) time.Duration {
	interval, err := time.ParseDuration(c.GetAnalysis().Interval)
	if err != nil {
		interval = time.Minute
	}
	steps := len(c.GetAnalysis().StepWeights)
	if s := int(c.GetAnalysis().StepWeight); s > 0 {
		steps = 100/s + 1
	}
	return time.Minute + 2*interval*time.Duration(steps+int(c.GetAnalysis().Threshold))
}

// deployment returns the Deployment of that name beside the target.
func (d *Demo) deployment(ctx context.Context, name string) (*appsv1.Deployment, error) {
	found := &appsv1.Deployment{}
	return found, d.client.Get(ctx, types.NamespacedName{Namespace: d.target.Namespace, Name: name}, found)
}

func envOf(pod *corev1.PodSpec, name string) string {
	for _, e := range pod.Containers[0].Env {
		if e.Name == name {
			return e.Value
		}
	}
	return ""
}
