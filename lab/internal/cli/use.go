// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluice-delivery/sluice/lab/internal/lab"
	"github.com/sluice-delivery/sluice/lab/internal/remote"
	"github.com/sluice-delivery/sluice/lab/internal/state"
)

func down() *cobra.Command {
	cmd := &cobra.Command{
		Use: "down", Short: "End a lab and remove all that is left of it", Args: cobra.NoArgs,
	}
	dir := dirFlag(cmd)
	cmd.RunE = func(*cobra.Command, []string) error {
		d, err := dir()
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		return lab.Down(ctx, d)
	}
	return cmd
}

func status() *cobra.Command {
	cmd := &cobra.Command{
		Use: "status", Short: "Tell how a lab is; exit status 0: ready, 1: not yet, or not any more, 3: none", Args: cobra.NoArgs,
	}
	dir := dirFlag(cmd)
	cmd.RunE = func(*cobra.Command, []string) error {
		d, err := dir()
		if err != nil {
			return err
		}
		text, code, err := describe(state.Lab{Dir: d})
		if err != nil {
			return err
		}
		fmt.Print(text)
		if code != 0 {
			return exit(code)
		}
		return nil
	}
	return cmd
}

// describe says how a lab is, in words and as an exit code.
func describe(l state.Lab) (text string, code int, err error) {
	r, err := l.Load()
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Sprintf("no lab in %s\n", l.Dir), notRunning, nil
	}
	if err != nil {
		return "", 0, err
	}
	told, err := l.Told()
	if err != nil {
		return "", 0, err
	}
	phase := string(told.Phase)
	if !r.First.Alive() && told.Phase != state.Failed {
		phase = "gone: it was ended from outside"
	}
	var b strings.Builder
	for _, line := range [][2]string{
		{"state", phase}, {"reason", told.Message}, {"since", r.Begun.Format(time.DateTime)}, {"with", strings.Join(r.Addons, ", ")},
		{"audit", r.Audit}, {"process", fmt.Sprint(r.First.ID)}, {"directory", l.Dir}, {"logs", l.Logs()},
	} {
		if line[1] != "" {
			fmt.Fprintf(&b, "%-10s %s\n", line[0], line[1])
		}
	}
	if told.Phase != state.Ready || !r.First.Alive() {
		return b.String(), failure, nil
	}
	return b.String(), 0, nil
}

// enter returns the way into the lab in dir.
func enter(dir string) (remote.Client, error) {
	l := state.Lab{Dir: dir}
	r, err := l.Load()
	if err != nil || !r.First.Alive() {
		return remote.Client{}, fmt.Errorf("no lab runs in %s; start one with \"lab up\"", dir)
	}
	return remote.Client{Socket: l.Socket()}, nil
}

func execCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "exec [flags] -- COMMAND [ARG…]", Args: cobra.MinimumNArgs(1),
		Short: "Run a command in a running lab, and exit as it did",
	}
	cmd.Flags().SetInterspersed(false)
	dir := dirFlag(cmd)
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		d, err := dir()
		if err != nil {
			return err
		}
		client, err := enter(d)
		if err != nil {
			return err
		}
		command, err := remote.Here(args...)
		if err != nil {
			return err
		}
		return outcome(client.Run(command))
	}
	return cmd
}

func forward() *cobra.Command {
	cmd := &cobra.Command{
		Use: "forward LISTEN ADDRESS", Args: cobra.ExactArgs(2),
		Short: "Let programs outside reach a TCP address inside",
		Long: `Forward listens at LISTEN, a port of 127.0.0.1 or the path of a unix socket, and connects everyone who
comes with ADDRESS inside the lab, HOST:PORT; the names of Services are known there. It goes on until it
is interrupted.`,
		Example: "  lab forward 9090 prometheus.monitoring:9090",
	}
	dir := dirFlag(cmd)
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		d, err := dir()
		if err != nil {
			return err
		}
		client, err := enter(d)
		if err != nil {
			return err
		}
		l, err := listen(args[0])
		if err != nil {
			return err
		}
		ctx, done := interruptible()
		defer done()
		context.AfterFunc(ctx, func() { l.Close() })
		printer().Say("forwarding %s to %s", l.Addr(), args[1])
		return client.Forward(l, args[1], func(err error) { printer().Say("lab: %v", err) })
	}
	return cmd
}

// listen listens at a path, or at a port of this machine only.
func listen(where string) (net.Listener, error) {
	if !strings.Contains(where, "/") {
		host, port, err := net.SplitHostPort(where)
		if err != nil {
			host, port = "127.0.0.1", where
		}
		return net.Listen("tcp", net.JoinHostPort(host, port))
	}
	l, err := net.Listen("unix", where)
	if err != nil {
		return nil, err
	}
	return l, os.Chmod(where, 0o600)
}
