// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

// Sluice-demo-app is the application that the demo releases.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/sluice-delivery/sluice/internal/demoapp"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := demoapp.Run(ctx, os.LookupEnv, os.Hostname, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "sluice-demo-app:", err)
		os.Exit(1)
	}
}
