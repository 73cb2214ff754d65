// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

// Package cli is the command line of lab.
package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/sluice-delivery/sluice/lab/internal/lab"
	"github.com/sluice-delivery/sluice/lab/internal/progress"
)

// Exit codes of lab itself; those of commands that it runs are passed on.
const (
	failure     = 1
	failedRun   = 125 // lab run and lab exec could not do their part
	interrupted = 130
	notRunning  = 3 // lab status
)

// exit is an error that is nothing but an exit code.
type exit int

// Error names the code.
func (e exit) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// errInterrupted says that a person had enough.
var errInterrupted = errors.New("interrupted")

// Main runs lab with the arguments args and returns its exit code.
func Main(args []string) int {
	root := command()
	root.SetArgs(args)
	cmd, err := root.ExecuteC()
	var code exit
	switch {
	case err == nil:
		return 0
	case errors.As(err, &code):
		return int(code)
	}
	fmt.Fprintln(os.Stderr, "lab:", err)
	switch {
	case errors.Is(err, errInterrupted):
		return interrupted
	case cmd.Name() == "run" || cmd.Name() == "exec":
		return failedRun
	default:
		return failure
	}
}

func command() *cobra.Command {
	root := &cobra.Command{
		Use:   "lab",
		Short: "A real Kubernetes on this machine, without root, registry or virtual machine",
		Long: `Lab runs etcd, the Kubernetes control plane and a node with containerd in namespaces of
an ordinary user. Everything is built from source once, into a cache. When a lab ends,
nothing of it is left: no process, no mount, no network device.`,
		SilenceUsage: true, SilenceErrors: true,
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddCommand(up(), down(), status(), runCommand(), execCommand(), forward(), images(), parts(), doctor())
	root.AddCommand(inside(lab.InitCommand, lab.Init), inside(lab.SuperviseCommand, lab.Supervise), inside(lab.ProbeCommand, lab.Probed))
	return root
}

// inside is a command that lab itself starts.
func inside(name string, run func(dir string) int) *cobra.Command {
	return &cobra.Command{
		Use: name + " DIR", Hidden: true, Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return exit(run(args[0])) },
	}
}

// printer returns a Printer for people: on the error output, so that the
// output is the command's alone.
func printer() *progress.Printer { return progress.New(os.Stderr) }

// interruptible returns a context that ends when a person or the system wants
// this process to end.
func interruptible() (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	done := make(chan struct{})
	go func() {
		select {
		case <-signals:
			cancel(errInterrupted)
		case <-done:
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(done)
	}
}

// dirFlag adds --dir and returns a function that gives its value.
func dirFlag(cmd *cobra.Command) func() (string, error) {
	dir := cmd.Flags().String("dir", "", "the lab's directory (default: $XDG_STATE_HOME/sluice-lab/default)")
	return func() (string, error) {
		if *dir != "" {
			return *dir, nil
		}
		return lab.DefaultDir()
	}
}
