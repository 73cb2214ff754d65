// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sluice-delivery/sluice/lab/internal/addon"
	"github.com/sluice-delivery/sluice/lab/internal/host"
	"github.com/sluice-delivery/sluice/lab/internal/kube"
	"github.com/sluice-delivery/sluice/lab/internal/node"
	"github.com/sluice-delivery/sluice/lab/internal/progress"
	"github.com/sluice-delivery/sluice/lab/internal/space"
	"github.com/sluice-delivery/sluice/lab/internal/supervise"
)

// data is where programs store things: in memory, gone with the lab.
const data = "/var/lib/lab"

// patience is how long bringing up a cluster may take.
const patience = 5 * time.Minute

// A Cluster is a cluster of this space.
type Cluster struct {
	spec   Spec
	addons []addon.Addon
	layout node.Layout
	keys   node.Keys
	api    *kube.Client
	super  *supervise.Supervisor
	say    *progress.Printer
	begun  time.Time
}

// New returns the cluster that s describes and prepares its files. It must be
// called inside a space that was entered.
func New(s Spec, say *progress.Printer) (*Cluster, error) {
	addons, err := addon.Choose(s.Addons)
	if err != nil {
		return nil, err
	}
	keys, err := node.NewKeys(time.Now())
	if err != nil {
		return nil, fmt.Errorf("make keys: %w", err)
	}
	layout := node.Layout{Dir: s.Dir, Data: data, Audit: s.Audit, Token: rand.Text()}
	c := &Cluster{
		spec: s, addons: addons, layout: layout, keys: keys, say: say, begun: time.Now(),
		api: kube.New(node.Server, layout.Token, keys.CA),
	}
	return c, c.prepare()
}

// Layout returns where the cluster's files are.
func (c *Cluster) Layout() node.Layout { return c.layout }

func (c *Cluster) prepare() error {
	for _, dir := range []string{data, "/run/netns", c.spec.lab().Logs(), c.layout.Bin()} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	if err := c.link(); err != nil {
		return err
	}
	if err := c.layout.Write(c.keys); err != nil {
		return err
	}
	if err := addon.Lay(c.spec.Dir); err != nil {
		return err
	}
	if without(c.addons) {
		return nil
	}
	return space.Resolve(c.layout.Config("resolv.conf"), node.DNS)
}

// link puts the programs of all parts into one directory.
func (c *Cluster) link() error {
	for _, dir := range c.spec.Parts {
		programs, err := filepath.Glob(filepath.Join(dir, "bin", "*"))
		if err != nil {
			return err
		}
		for _, p := range programs {
			if err := os.Symlink(p, filepath.Join(c.layout.Bin(), filepath.Base(p))); err != nil {
				return err
			}
		}
	}
	return nil
}

// Up starts everything and returns when it is ready, or with the reason why it
// will not be.
func (c *Cluster) Up(ctx context.Context) error {
	env := append(os.Environ(), c.layout.Env()...)
	env = append(env, "PATH="+c.layout.Bin()+":"+host.SearchPath())
	c.super = supervise.New(ctx, c.spec.lab().Logs(), env)
	soon, cancel := context.WithTimeoutCause(c.super.Context(), patience, fmt.Errorf("not ready after %s", patience))
	defer cancel()

	g, soon := errgroup.WithContext(soon)
	images := make(chan struct{})
	if !without(c.addons) {
		if err := c.start("containerd", c.layout.Containerd(), nil); err != nil {
			return err
		}
		g.Go(func() error {
			defer close(images)
			return c.load(soon)
		})
	}
	g.Go(func() error {
		if err := c.control(soon); err != nil {
			return err
		}
		if without(c.addons) {
			return c.pretend(soon)
		}
		return c.furnish(soon, images)
	})
	err := g.Wait()
	if died := context.Cause(c.super.Context()); died != nil {
		return died // what went wrong first, rather than what it led to
	}
	return err
}

// Wait returns when the cluster has ended, and why.
func (c *Cluster) Wait() error {
	<-c.super.Context().Done()
	return context.Cause(c.super.Context())
}

func (c *Cluster) start(name string, args []string, ready func(context.Context) error) error {
	return c.super.Start(supervise.Process{Name: name, Args: args, Ready: ready})
}

// stage runs one stage and says when it is done; what it waits for is shown
// while that takes long.
func (c *Cluster) stage(what string, f func() error) error {
	stop := c.say.Watch("waiting for " + what)
	err := f()
	stop()
	if err == nil {
		c.say.Say("%s ready after %s", what, progress.Seconds(time.Since(c.begun)))
	}
	return err
}

// control starts the control plane.
func (c *Cluster) control(ctx context.Context) error {
	if err := c.start("etcd", c.layout.Etcd(), nil); err != nil {
		return err
	}
	if err := c.start("kube-apiserver", c.layout.APIServer(), nil); err != nil {
		return err
	}
	err := c.stage("API server", func() error { return supervise.Poll(ctx, "the API server", c.api.Ready) })
	if err != nil {
		return err
	}
	if err := c.start("kube-controller-manager", c.layout.ControllerManager(), nil); err != nil {
		return err
	}
	return c.start("kube-scheduler", c.layout.Scheduler(), nil)
}

// pretend makes kwok stand in for a node.
func (c *Cluster) pretend(ctx context.Context) error {
	if err := c.start("kwok", c.layout.Kwok(filepath.Join(c.spec.Parts["kwok"], "stage")), nil); err != nil {
		return err
	}
	kwok := addon.File{Path: "kwok.yaml"}
	return c.stage("node", func() error {
		if err := c.kubectl(ctx, "create", "--filename="+c.find(kwok)); err != nil {
			return err
		}
		return c.nodeReady(ctx)
	})
}

func (c *Cluster) nodeReady(ctx context.Context) error {
	return supervise.Poll(ctx, "the node", c.api.Condition("/api/v1/nodes/"+node.Name, "Ready"))
}

func (c *Cluster) find(f addon.File) string { return f.Find(c.spec.Parts, c.spec.Dir) }
