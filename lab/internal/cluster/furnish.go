// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sluice-delivery/sluice/lab/internal/addon"
	"github.com/sluice-delivery/sluice/lab/internal/host"
	"github.com/sluice-delivery/sluice/lab/internal/progress"
	"github.com/sluice-delivery/sluice/lab/internal/supervise"
)

// furnish makes this machine a node and installs the add-ons. Pods are made
// only when images is closed: a pod whose image is missing tries again much
// later.
func (c *Cluster) furnish(ctx context.Context, images <-chan struct{}) error {
	if err := c.start("kube-proxy", c.layout.Proxy(), nil); err != nil {
		return err
	}
	if err := c.start("kubelet", c.layout.Kubelet(), nil); err != nil {
		return err
	}
	kinds := append([]addon.Addon{addon.OneUser}, c.addons...)
	err := c.stage("node", func() error {
		g, ctx := errgroup.WithContext(ctx)
		g.Go(func() error { return c.nodeReady(ctx) })
		g.Go(func() error {
			if err := c.apply(ctx, kinds, func(a addon.Addon) []addon.File { return a.Kinds }); err != nil {
				return err
			}
			return supervise.Poll(ctx, "the policy for users of pods", c.api.OneUser)
		})
		return g.Wait()
	})
	if err != nil {
		return err
	}
	select {
	case <-images:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return c.install(ctx, append([]addon.Addon{addon.DNS}, c.addons...))
}

// install applies the objects of the add-ons and waits for all of them.
func (c *Cluster) install(ctx context.Context, addons []addon.Addon) error {
	if err := c.apply(ctx, addons, func(a addon.Addon) []addon.File { return a.Objects }); err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	for _, a := range addons {
		g.Go(func() error {
			return c.stage(a.Name, func() error {
				for _, wait := range a.Wait {
					if err := c.kubectl(ctx, append(wait, "--timeout="+patience.String())...); err != nil {
						return fmt.Errorf("%w\n%s", err, c.pods())
					}
				}
				return nil
			})
		})
	}
	return g.Wait()
}

// pods describes the state of all pods, for people who wonder why something
// does not get ready.
func (c *Cluster) pods() string {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	out, err := c.command(ctx, c.layout.Kubectl("get", "pods", "--all-namespaces")).CombinedOutput()
	if err != nil {
		return err.Error()
	}
	return string(out)
}

// apply applies the chosen manifests of all addons, in order.
func (c *Cluster) apply(ctx context.Context, addons []addon.Addon, choose func(addon.Addon) []addon.File) error {
	args := []string{"apply", "--server-side", "--force-conflicts"}
	for _, a := range addons {
		for _, f := range choose(a) {
			args = append(args, "--filename="+c.find(f))
		}
	}
	return c.kubectl(ctx, args...)
}

func (c *Cluster) kubectl(ctx context.Context, args ...string) error {
	return c.run(ctx, "kubectl "+args[0], c.layout.Kubectl(args...))
}

// load imports the images of the parts and those that were asked for.
func (c *Cluster) load(ctx context.Context) error {
	version := c.layout.Ctr("version")
	err := supervise.Poll(ctx, "containerd", func(ctx context.Context) error { return c.command(ctx, version).Run() })
	if err != nil {
		return err
	}
	var archives []string
	for _, name := range slices.Sorted(maps.Keys(c.spec.Parts)) {
		if archive := filepath.Join(c.spec.Parts[name], "image.tar"); exists(archive) {
			archives = append(archives, archive)
		}
	}
	archives = append(archives, c.spec.Images...)
	return c.stage(fmt.Sprintf("%d images", len(archives)), func() error {
		for _, a := range archives {
			if err := c.run(ctx, "import "+a, c.layout.Ctr("images", "import", a)); err != nil {
				return err
			}
		}
		return nil
	})
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

func (c *Cluster) command(ctx context.Context, args []string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = append(os.Environ(), c.layout.Env()...)
	cmd.Env = append(cmd.Env, "PATH="+c.layout.Bin()+":"+host.SearchPath())
	return cmd
}

// run runs a command to its end. Its output is shown if it fails.
func (c *Cluster) run(ctx context.Context, what string, args []string) error {
	var out bytes.Buffer
	cmd := c.command(ctx, args)
	cmd.Stdout, cmd.Stderr = &out, &out
	begun := time.Now()
	err := cmd.Run()
	fmt.Printf("%s: %s\n%s", what, progress.Seconds(time.Since(begun)), out.String()) // the lab's own log
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", what, context.Cause(ctx))
	}
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", what, err, strings.TrimSpace(out.String()))
	}
	return nil
}
