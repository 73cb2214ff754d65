// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluice-delivery/sluice/lab/internal/addon"
	"github.com/sluice-delivery/sluice/lab/internal/lab"
	"github.com/sluice-delivery/sluice/lab/internal/progress"
	"github.com/sluice-delivery/sluice/lab/internal/remote"
)

// optionFlags adds the flags that say what lab to start.
func optionFlags(cmd *cobra.Command) *lab.Options {
	var o lab.Options
	var about []string
	for _, a := range addon.All() {
		about = append(about, "\n  "+a.Name+": "+a.About)
	}
	cmd.Flags().StringSliceVar(&o.Addons, "with", nil, "what the lab has beyond a cluster, separated by commas:"+strings.Join(about, ""))
	cmd.Flags().StringArrayVar(&o.Images, "image", nil, "an archive of images that the lab holds from the start; may be repeated")
	cmd.Flags().StringVar(&o.Audit, "audit", "", "write the API server's audit log, at level Metadata, to this file")
	return &o
}

func up() *cobra.Command {
	cmd := &cobra.Command{
		Use: "up", Short: "Start a lab and leave it running", Args: cobra.NoArgs,
	}
	dir, o := dirFlag(cmd), optionFlags(cmd)
	cmd.RunE = func(*cobra.Command, []string) (err error) {
		if o.Dir, err = dir(); err != nil {
			return err
		}
		ctx, done := interruptible()
		defer done()
		begun := time.Now()
		r, err := lab.Start(ctx, *o, printer())
		if err != nil {
			return err
		}
		if err := r.Release(); err != nil {
			return err
		}
		printer().Say("lab ready after %s in %s", progress.Seconds(time.Since(begun)), o.Dir)
		return nil
	}
	return cmd
}

func runCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "run [flags] -- COMMAND [ARG…]", Args: cobra.MinimumNArgs(1),
		Short: "Run a command in a fresh lab, which ends with it",
		Long: `Run starts a fresh lab, runs COMMAND in it with KUBECONFIG, PATH (kubectl) and LAB_DIR set, removes
everything, and exits as COMMAND did; with 125 if the lab could not be started or broke.`,
	}
	cmd.Flags().SetInterspersed(false)
	dir := cmd.Flags().String("dir", "", "the lab's directory, removed afterwards (default: one of its own)")
	o := optionFlags(cmd)
	cmd.RunE = func(_ *cobra.Command, args []string) (err error) {
		if o.Dir = *dir; o.Dir == "" {
			if o.Dir, err = lab.PassingDir(); err != nil {
				return err
			}
		}
		return run(*o, args)
	}
	return cmd
}

func run(o lab.Options, args []string) error {
	command, err := remote.Here(args...)
	if err != nil {
		return err
	}
	ctx, done := interruptible()
	r, err := lab.Start(ctx, o, printer())
	done()
	if errors.Is(err, errInterrupted) {
		return errors.Join(err, lab.Down(context.Background(), o.Dir), lab.Discard(o.Dir))
	}
	if err != nil {
		_ = lab.Discard(o.Dir) // or it is removed when the next one starts
		return err
	}
	ended, broken := make(chan error, 1), make(chan error, 1)
	var code int
	go func() {
		var err error
		code, err = r.Client().Run(command)
		ended <- err
	}()
	go func() { broken <- r.Ended() }()
	select {
	case err = <-ended:
	case err = <-broken:
		err = fmt.Errorf("the lab broke while %s ran: %w", args[0], err)
		code = failedRun
	}
	if err := r.End(); err != nil {
		return err
	}
	return outcome(code, err)
}

// outcome is the error that makes lab exit with code, having said why.
func outcome(code int, err error) error {
	if err != nil {
		printer().Say("lab: %v", err)
	}
	if code == 0 {
		return nil
	}
	return exit(code)
}
