// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

// Package lab starts, enters and ends labs.
package lab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/sluice-delivery/sluice/lab/internal/addon"
	"github.com/sluice-delivery/sluice/lab/internal/cluster"
	"github.com/sluice-delivery/sluice/lab/internal/host"
	"github.com/sluice-delivery/sluice/lab/internal/part"
	"github.com/sluice-delivery/sluice/lab/internal/progress"
	"github.com/sluice-delivery/sluice/lab/internal/remote"
	"github.com/sluice-delivery/sluice/lab/internal/space"
	"github.com/sluice-delivery/sluice/lab/internal/state"
)

// Options say what lab to start.
type Options struct {
	Dir    string   // where it keeps what can be seen from outside
	Addons []string // what it has beyond a cluster
	Images []string // archives of images that it holds from the start
	Audit  string   // the file for the API server's audit log; empty for none
}

// Running is a lab that this process has started.
type Running struct {
	lab   state.Lab
	first *space.First
}

// Start builds what is missing and starts a lab. It returns when the lab is
// ready. Until Release, the lab ends when this process does.
func Start(ctx context.Context, o Options, say *progress.Printer) (*Running, error) {
	spec, err := plan(ctx, o, say)
	if err != nil {
		return nil, err
	}
	l := state.Lab{Dir: spec.Dir}
	unlock, err := l.Lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	if r, err := l.Load(); err == nil && r.First.Alive() {
		return nil, fmt.Errorf("a lab runs in %s already, since %s: end it with \"lab down\", or choose another --dir",
			l.Dir, r.Begun.Format(time.TimeOnly))
	}
	if err := l.Clear(); err != nil { // what a crash has left
		return nil, err
	}
	r := &Running{lab: l}
	if err := r.start(spec); err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, r.first.Kill)
	defer stop()
	err = r.await(say)
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		r.first.Kill()
		return nil, err
	}
	return r, nil
}

// plan finds or builds all that the lab needs.
func plan(ctx context.Context, o Options, say *progress.Printer) (s cluster.Spec, err error) {
	addons, err := addon.Choose(o.Addons)
	if err != nil {
		return s, err
	}
	for _, path := range []*string{&o.Dir, &o.Audit} {
		if *path == "" {
			continue
		}
		if *path, err = filepath.Abs(*path); err != nil {
			return s, err
		}
	}
	for i, image := range o.Images {
		if o.Images[i], err = filepath.Abs(image); err != nil {
			return s, err
		}
		if _, err := os.Stat(image); err != nil {
			return s, fmt.Errorf("--image: %w", err)
		}
	}
	root, err := part.DefaultRoot()
	if err != nil {
		return s, err
	}
	if err := host.Need(cluster.Tools(addons)); err != nil {
		return s, err
	}
	parts, _ := part.Named(cluster.Parts(addons)...)
	installed, err := part.NewCache(root, say).Ensure(ctx, parts)
	if err != nil {
		return s, err
	}
	dirs := map[string]string{}
	for name, p := range installed {
		dirs[name] = p.Dir
	}
	return cluster.Spec{
		Dir: o.Dir, Addons: o.Addons, Images: o.Images, Audit: o.Audit, Parts: dirs,
		Keep: keep(o, root),
	}, nil
}

// keep returns the directories that must be seen inside.
func keep(o Options, cache string) []string {
	dirs := []string{o.Dir, cache}
	if o.Audit != "" {
		dirs = append(dirs, filepath.Dir(o.Audit))
	}
	for _, image := range o.Images {
		dirs = append(dirs, filepath.Dir(image))
	}
	for _, find := range []func() (string, error){os.Getwd, os.UserHomeDir} {
		if dir, err := find(); err == nil {
			dirs = append(dirs, dir)
		}
	}
	return append(dirs, filepath.SplitList(host.SearchPath())...)
}

func (r *Running) start(spec cluster.Spec) error {
	if err := os.MkdirAll(r.lab.Logs(), 0o755); err != nil {
		return err
	}
	if err := spec.Save(); err != nil {
		return err
	}
	if err := r.lab.Tell(state.Progress{Phase: state.Starting}); err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(r.lab.Logs(), "lab.log"))
	if err != nil {
		return err
	}
	defer log.Close()
	if r.first, err = space.Start(log, InitCommand, r.lab.Dir); err != nil {
		return err
	}
	id, err := state.Identify(r.first.ID())
	if err == nil {
		err = r.lab.Save(state.Record{First: id, Begun: time.Now(), Addons: spec.Addons, Audit: spec.Audit})
	}
	if err != nil {
		r.first.Kill()
	}
	return err
}

// await shows what the lab says until it is ready.
func (r *Running) await(say *progress.Printer) error {
	for {
		e, err := r.first.Next()
		switch {
		case errors.Is(err, space.ErrEnded):
			return fmt.Errorf("the lab ended while it started; see %s", r.lab.Logs())
		case err != nil:
			return err
		case e.Failed != "":
			return errors.New(e.Failed)
		case e.Ready:
			return nil
		default:
			say.Say("%s", e.Text)
		}
	}
}

// Ended waits for the lab to end by itself, which it does not unless something
// in it breaks, and says why.
func (r *Running) Ended() error {
	for {
		e, err := r.first.Next()
		if err != nil {
			return err
		}
		if e.Failed != "" {
			return errors.New(e.Failed)
		}
	}
}

// Client returns the way into the lab.
func (r *Running) Client() remote.Client { return remote.Client{Socket: r.lab.Socket()} }

// Release lets the lab live on when this process ends.
func (r *Running) Release() error { return r.first.Release() }

// End ends the lab and removes its directory.
func (r *Running) End() error {
	r.first.Kill()
	return r.lab.Remove()
}

// Discard removes the directory of a lab that did not start, unless there are
// logs in it that tell why.
func Discard(dir string) error {
	l := state.Lab{Dir: dir}
	if _, err := os.Stat(l.Logs()); err == nil {
		return nil
	}
	if err := os.Remove(dir); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Down ends the lab in dir, whatever state it is in, and removes the
// directory. It is no error if there is none.
func Down(ctx context.Context, dir string) error {
	l := state.Lab{Dir: dir}
	r, err := l.Load()
	if errors.Is(err, fs.ErrNotExist) {
		if !l.Marked() {
			return nil // nothing there that a lab would have left
		}
	} else if err != nil {
		return err
	}
	if err := r.First.Kill(ctx); err != nil {
		return err
	}
	unlock, err := l.Lock()
	if err != nil {
		return err
	}
	defer unlock()
	return l.Remove()
}
