// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

// Package supervise starts the programs of a lab and notices when one dies.
package supervise

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// poll is how often a program is asked whether it is ready.
const poll = 50 * time.Millisecond

// tailLines is how much of a dead program's log is shown.
const tailLines = 30

// A Process is a program that runs as long as the lab.
type Process struct {
	Name string
	Args []string // the first one is the program's file
	Env  []string // additions to the environment
	// Ready returns nil once the program does its work; nil if it need not be
	// waited for.
	Ready func(context.Context) error
}

// Died is the error of a process that ended, which none should.
type Died struct {
	Name string
	Err  error  // how it ended
	Log  string // the file of its log
	Tail string // the last lines of it
}

// Error says which process died and shows the end of its log.
func (d *Died) Error() string {
	return fmt.Sprintf("%s ended: %v; the end of its log (%s):\n%s", d.Name, d.Err, d.Log, d.Tail)
}

// A Supervisor runs processes.
type Supervisor struct {
	logs string
	env  []string
	ctx  context.Context
	fail context.CancelCauseFunc
}

// New returns a Supervisor that writes the output of each process to NAME.log
// in the directory logs, and starts all with env.
func New(ctx context.Context, logs string, env []string) *Supervisor {
	s := &Supervisor{logs: logs, env: env}
	s.ctx, s.fail = context.WithCancelCause(ctx)
	return s
}

// Context ends when the first process dies, with a *Died as its cause, or when
// the context does that New was given.
func (s *Supervisor) Context() context.Context { return s.ctx }

// Start starts p and does not wait for it.
func (s *Supervisor) Start(p Process) error {
	file := filepath.Join(s.logs, p.Name+".log")
	log, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	cmd := exec.Command(p.Args[0], p.Args[1:]...)
	cmd.Env, cmd.Stdout, cmd.Stderr = append(s.env[:len(s.env):len(s.env)], p.Env...), log, log
	err = cmd.Start()
	log.Close()
	if err != nil {
		return fmt.Errorf("start %s: %w", p.Name, err)
	}
	go func() {
		err := cmd.Wait()
		if err == nil {
			err = fmt.Errorf("exit status 0")
		}
		s.fail(&Died{Name: p.Name, Err: err, Log: file, Tail: Tail(file)})
	}()
	return nil
}

// Await waits until p is ready. It gives up when any process dies.
func (s *Supervisor) Await(p Process) error {
	return Poll(s.ctx, p.Name, p.Ready)
}

// Poll calls ready until it returns nil. When ctx ends first, the error says
// what was waited for and what ready said last.
func Poll(ctx context.Context, name string, ready func(context.Context) error) error {
	for {
		err := ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s (last: %v): %w", name, err, context.Cause(ctx))
		case <-time.After(poll):
		}
	}
}

// Tail returns the last lines of a log.
func Tail(file string) string {
	b, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimRight(string(b), "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-tailLines):], "\n")
}
