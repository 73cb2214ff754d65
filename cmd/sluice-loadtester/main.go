// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

// Sluice-loadtester runs load tests, acceptance tests and gates for canaries
// inside the cluster.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/sluice-delivery/sluice/internal/loadtest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := loadtest.Run(ctx, os.Args[1:], os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "sluice-loadtester:", err)
		os.Exit(1)
	}
}
