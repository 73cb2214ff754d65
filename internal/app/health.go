// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// healthy answers that the process is alive.
func healthy(w http.ResponseWriter, _ *http.Request) {
	_, _ = io.WriteString(w, "OK")
}

// A readiness answers whether the caches are filled. The manager starts it once
// they are, whether the controller leads or stands by.
type readiness struct{ filled atomic.Bool }

// Start implements manager.Runnable.
func (r *readiness) Start(ctx context.Context) error {
	r.filled.Store(true)
	<-ctx.Done()
	return nil
}

// NeedLeaderElection implements manager.LeaderElectionRunnable.
func (r *readiness) NeedLeaderElection() bool { return false }

// ServeHTTP implements http.Handler.
func (r *readiness) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	if !r.filled.Load() {
		http.Error(w, "the caches are being filled", http.StatusServiceUnavailable)
		return
	}
	_, _ = io.WriteString(w, "OK")
}

// Wget asks the last of args, a URL, and returns 0 if the answer is a success.
// Under the name wget the controller stands in for the program that the probes
// of Flagger's Deployment run, so that this Deployment works with our image,
// which has no other program.
func Wget(ctx context.Context, args []string, errOut io.Writer) int {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if len(args) == 0 || strings.HasPrefix(args[len(args)-1], "-") {
		fmt.Fprintln(errOut, "wget: the URL is missing; this one checks health only, for example wget --spider http://localhost:8080/healthz")
		return 2
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, args[len(args)-1], nil)
	if err != nil {
		fmt.Fprintln(errOut, "wget:", err)
		return 2
	}
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	res, err := client.Do(req)
	if err != nil {
		fmt.Fprintln(errOut, "wget:", err)
		return 4
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode >= http.StatusBadRequest {
		fmt.Fprintln(errOut, "wget:", res.Status)
		return 8
	}
	return 0
}
