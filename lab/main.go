// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

// Lab runs a real Kubernetes inside namespaces of an ordinary user: no root,
// no registry, no virtual machine.
package main

import (
	"os"

	"github.com/sluice-delivery/sluice/lab/internal/cli"
)

func main() {
	os.Exit(cli.Main(os.Args[1:]))
}
