// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

// Package loadtest is the load tester: a server inside the cluster that runs
// commands for the webhooks of canaries and keeps gates that people open and
// close. It serves the API of Flagger's load tester.
//
// Whoever reaches it may run commands in its pod. Keep it in a namespace of
// its own, with few rights, and out of reach of strangers.
package loadtest

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"time"
)

// grace is how long requests may take to end when the process is to stop.
const grace = 10 * time.Second

// A Config holds the flags.
type Config struct {
	Port      string
	Timeout   time.Duration  // of each command
	Namespace *regexp.Regexp // of canaries that may run commands; nil is all
	Log       *slog.Logger
}

// Parse reads the flags in args, which are those of Flagger's load tester.
// Logs go to w, as do the usage and the mistakes.
func Parse(args []string, w io.Writer) (Config, error) {
	flags := flag.NewFlagSet("sluice-loadtester", flag.ContinueOnError)
	flags.SetOutput(w)
	c := Config{}
	flags.StringVar(&c.Port, "port", "9090", "port to listen on")
	flags.DurationVar(&c.Timeout, "timeout", time.Hour, "longest time that a command may take")
	namespace := flags.String("namespace-regexp", "", "run commands only for canaries in namespaces that match; empty is all")
	level := flags.String("log-level", "debug", "debug, info, warn or error")
	encoding := flags.String("zap-encoding", "json", "json or console")
	flags.Bool("zap-replace-globals", false, "accepted for compatibility, without effect")
	if err := flags.Parse(args); err != nil {
		return c, err
	}
	if flags.NArg() > 0 {
		return c, fmt.Errorf("unexpected argument %q: there are only flags", flags.Arg(0))
	}
	if c.Timeout <= 0 {
		return c, fmt.Errorf("-timeout is %s but must be more than zero, such as 1h", c.Timeout)
	}
	if *namespace != "" {
		r, err := regexp.Compile(*namespace)
		if err != nil {
			return c, fmt.Errorf("-namespace-regexp: %w", err)
		}
		c.Namespace = r
	}
	log, err := logger(w, *level, *encoding)
	c.Log = log
	return c, err
}

func logger(w io.Writer, level, encoding string) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("-log-level is %q but must be debug, info, warn or error", level)
	}
	options := &slog.HandlerOptions{Level: l}
	switch encoding {
	case "json":
		return slog.New(slog.NewJSONHandler(w, options)), nil
	case "console":
		return slog.New(slog.NewTextHandler(w, options)), nil
	}
	return nil, fmt.Errorf("-zap-encoding is %q but must be json or console", encoding)
}

// Run serves until ctx ends, then ends the commands that run. Asking for help
// is no error.
func Run(ctx context.Context, args []string, w io.Writer) error {
	c, err := Parse(args, w)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort("", c.Port))
	if err != nil {
		return fmt.Errorf("listen on -port %s: %w", c.Port, err)
	}
	return Serve(ctx, c, listener)
}

// Serve is Run with a listener, which it closes.
func Serve(ctx context.Context, c Config, listener net.Listener) error {
	handler := New(ctx, c)
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	c.Log.Info("load tester is listening", "address", listener.Addr().String())
	select {
	case err := <-done:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	err := server.Shutdown(late) // the commands have ended with ctx, and the requests with them
	handler.Wait()
	c.Log.Info("load tester has stopped")
	return err
}
