// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"fmt"
	"os"

	"github.com/sluice-delivery/sluice/lab/internal/cluster"
	"github.com/sluice-delivery/sluice/lab/internal/host"
	"github.com/sluice-delivery/sluice/lab/internal/progress"
	"github.com/sluice-delivery/sluice/lab/internal/remote"
	"github.com/sluice-delivery/sluice/lab/internal/space"
	"github.com/sluice-delivery/sluice/lab/internal/state"
)

// What the program is called as inside a lab, each with the lab's directory.
const (
	InitCommand      = "init"
	SuperviseCommand = "supervise"
)

// Init is the first process of the lab in dir.
func Init(dir string) int { return space.Init(SuperviseCommand, dir) }

// Supervise brings up the lab in dir and stays until it ends. It returns the
// exit code.
func Supervise(dir string) int {
	out, l := space.Leash(), state.Lab{Dir: dir}
	err := supervise(out, l)
	// Written down before it is told: who is told may look at once.
	if err := l.Tell(state.Progress{Phase: state.Failed, Message: err.Error()}); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	fmt.Fprintln(os.Stderr, err)
	out.Send(space.Event{Failed: err.Error()})
	return 1
}

func supervise(out space.Outside, l state.Lab) error {
	spec, err := cluster.Load(l.Dir)
	if err != nil {
		return err
	}
	if err := space.Enter(spec.Keep); err != nil {
		return err
	}
	c, err := cluster.New(spec, progress.New(out))
	if err != nil {
		return err
	}
	listener, err := remote.Listen(l.Socket())
	if err != nil {
		return err
	}
	defer listener.Close()
	server := remote.Server{Env: c.Layout().Env(), Bin: c.Layout().Bin()}
	go server.Serve(listener) //nolint:errcheck // clients are told when the connection breaks
	if err := c.Up(context.Background()); err != nil {
		return err
	}
	if err := l.Tell(state.Progress{Phase: state.Ready}); err != nil {
		return err
	}
	out.Send(space.Event{Ready: true})
	return c.Wait()
}

// ProbeCommand is what the program is called as in a space that is made to see
// whether it can be.
const ProbeCommand = "probe"

// Probe tells whether this machine allows what a lab needs of it.
func Probe() error {
	log, err := os.CreateTemp("", "lab-probe-")
	if err != nil {
		return err
	}
	defer log.Close()
	if err := os.Remove(log.Name()); err != nil {
		return err
	}
	first, err := space.Start(log, ProbeCommand, "")
	if err != nil {
		return err
	}
	defer first.Kill()
	e, err := first.Next()
	switch {
	case err != nil:
		return fmt.Errorf("the first process of a lab does not start: %w", err)
	case e.Failed != "":
		return fmt.Errorf("%s\n%s", e.Failed, host.Namespaces())
	default:
		return nil
	}
}

// Probed is the inside of Probe.
func Probed(string) int {
	out := space.Leash()
	if err := space.Enter(nil); err != nil {
		out.Send(space.Event{Failed: err.Error()})
		return 1
	}
	out.Send(space.Event{Ready: true})
	return 0
}
