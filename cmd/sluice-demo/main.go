// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

// sluice-demo shows a good and a bad release on the cluster of KUBECONFIG.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/sluice-delivery/sluice/internal/demo"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	o := demo.Options{Kubeconfig: os.Getenv("KUBECONFIG"), Out: os.Stdout, Now: time.Now}
	flag.StringVar(&o.Root, "root", ".", "`folder` of the repository, where the manifests are")
	flag.StringVar(&o.Manifest, "manifest", "", "`file` with a Canary of your own, instead of demo/canary.yaml")
	flag.StringVar(&o.Gateway, "gateway", "http://127.0.0.1:80/", "`URL` by which users reach the application")
	flag.IntVar(&o.PerSecond, "rate", 100, "requests per second")
	flag.Parse()
	d, err := demo.New(o)
	if err == nil {
		var sum string
		if sum, err = d.Run(ctx); err == nil {
			fmt.Println("\n" + sum)
			return
		}
	}
	fmt.Fprintln(os.Stderr, "demo:", err)
	os.Exit(1)
}
