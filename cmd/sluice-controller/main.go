// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

// sluice-controller releases new versions of workloads a little at a time.
package main

import (
	"context"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/sluice-delivery/sluice/internal/app"
)

// version is set by the linker.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if filepath.Base(os.Args[0]) == "wget" {
		os.Exit(app.Wget(ctx, os.Args[1:], os.Stderr))
	}
	os.Exit(app.Main(ctx, os.Args[1:], version, os.Stdout, os.Stderr))
}
