// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

// Package demoapp is the application that the demo releases: a small HTTP
// server that counts its requests and goes wrong on demand.
package demoapp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// drain is how long requests may take to end once no more are taken.
const drain = 10 * time.Second

// errCrash is the end that CRASH_AFTER brings.
var errCrash = errors.New("crashed, as CRASH_AFTER says")

// Run serves as the environment says until ctx ends or it crashes.
func Run(ctx context.Context, lookup func(string) (string, bool), hostname func() (string, error), w io.Writer) error {
	c, err := Knobs(lookup)
	if err != nil {
		return err
	}
	if c.Pod, err = hostname(); err != nil {
		return fmt.Errorf("find the name of the pod: %w", err)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort("", strconv.Itoa(c.Port)))
	if err != nil {
		return fmt.Errorf("listen on PORT %d: %w", c.Port, err)
	}
	fmt.Fprintf(w, "version %s in pod %s is listening on %s\n", c.Version, c.Pod, listener.Addr())
	return Serve(ctx, c, listener)
}

// Serve is Run with a listener, which it closes. After the end of ctx it goes
// on for c.ShutdownDelay without being ready, so that everybody has learnt to
// send requests elsewhere before it takes no more.
func Serve(ctx context.Context, c Config, listener net.Listener) error {
	app := New(c)
	server := &http.Server{Handler: app, ReadHeaderTimeout: 10 * time.Second}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	select {
	case err := <-done:
		return fmt.Errorf("serve: %w", err)
	case <-after(c.CrashAfter):
		_ = server.Close()
		return errCrash
	case <-ctx.Done():
	}
	app.Stop()
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.ShutdownDelay+drain)
	defer cancel()
	select {
	case err := <-done:
		return fmt.Errorf("serve: %w", err)
	case <-time.After(c.ShutdownDelay):
	}
	return server.Shutdown(late)
}

// after is time.After, but zero is never.
func after(d time.Duration) <-chan time.Time {
	if d == 0 {
		return nil
	}
	return time.After(d)
}
