// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// Traffic are users of the application: a steady stream of requests through the
// gateway, each of which is counted.
type Traffic struct {
	URL       string // of the gateway
	Host      string // header of the requests; empty for the URL's
	PerSecond int

	mu    sync.Mutex
	count Count
}

// A Count says what became of requests.
type Count struct {
	Sent, Failed int
	ByVersion    map[string]int // answers, by their X-Version header
	FirstFailure string         // why the first of the failed ones did
}

func (c *Count) fail(why string) {
	c.Failed++
	if c.FirstFailure == "" {
		c.FirstFailure = why
	}
}

// Serving waits until the gateway answers for the application: a proxy opens
// its port only when it has the first route.
func (t *Traffic) Serving(ctx context.Context) error {
	client := &http.Client{Timeout: time.Second, Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for answered := 0; answered < 10; { // in a row
		t.send(ctx, client)
		if c := t.Take(); c.Failed == 0 && c.Sent > 0 && c.ByVersion[""] == 0 {
			answered++
		} else {
			answered = 0
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the gateway does not answer at %s: %w", t.URL, ctx.Err())
		case <-tick.C:
		}
	}
	return nil
}

// Run sends requests until ctx ends. A request that got no answer, or a 5xx,
// has failed.
func (t *Traffic) Run(ctx context.Context) {
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: t.PerSecond}}
	defer client.CloseIdleConnections()
	tick := time.NewTicker(time.Second / time.Duration(t.PerSecond))
	defer tick.Stop()
	var wg sync.WaitGroup
	defer wg.Wait()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			wg.Go(func() { t.send(ctx, client) })
		}
	}
}

func (t *Traffic) send(ctx context.Context, client *http.Client) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, t.URL, nil)
	if err != nil {
		return
	}
	if t.Host != "" {
		req.Host = t.Host
	}
	res, err := client.Do(req)
	if ctx.Err() != nil {
		if err == nil {
			_ = res.Body.Close()
		}
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.count.Sent++
	if err != nil {
		t.count.fail(err.Error())
		return
	}
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	if res.StatusCode >= http.StatusInternalServerError {
		t.count.fail(res.Status)
	}
	if t.count.ByVersion == nil {
		t.count.ByVersion = map[string]int{}
	}
	t.count.ByVersion[res.Header.Get("X-Version")]++
}

// Take returns what was counted since the last Take.
func (t *Traffic) Take() Count {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.count
	t.count = Count{}
	return c
}
