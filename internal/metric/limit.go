// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package metric

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Limits bound what is asked of one address.
type Limits struct {
	Timeout    time.Duration // of one query; 5 s if zero
	Concurrent int           // queries at a time; 8 if zero
}

// Limit returns s within l. Callers share the result among all that ask the
// same address. Waiting for a turn is bounded by the caller's context alone:
// the timeout begins when the source is asked, so a crowd of callers is not
// taken for a slow source. The result is a Pinger if s is one.
func Limit(s Source, l Limits) Source {
	if l.Timeout <= 0 {
		l.Timeout = 5 * time.Second
	}
	if l.Concurrent <= 0 {
		l.Concurrent = 8
	}
	limited := &limiter{source: s, timeout: l.Timeout, turns: make(chan struct{}, l.Concurrent)}
	if p, ok := s.(Pinger); ok {
		return &limitedPinger{limiter: limited, pinger: p}
	}
	return limited
}

type limiter struct {
	source  Source
	timeout time.Duration
	turns   chan struct{}
}

func (l *limiter) Query(ctx context.Context, query string, window time.Duration) (float64, error) {
	var v float64
	err := l.do(ctx, func(ctx context.Context) (err error) {
		v, err = l.source.Query(ctx, query, window)
		return err
	})
	return v, err
}

// do runs ask when it has a turn, for at most the timeout.
func (l *limiter) do(ctx context.Context, ask func(context.Context) error) error {
	select {
	case l.turns <- struct{}{}:
		defer func() { <-l.turns }()
	case <-ctx.Done():
		return fmt.Errorf("wait for a turn, with %d queries running: %w", cap(l.turns), ctx.Err())
	}
	timed, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	err := ask(timed)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return fmt.Errorf("no answer within %s: %w", l.timeout, err)
	}
	return err
}

type limitedPinger struct {
	*limiter
	pinger Pinger
}

func (l *limitedPinger) Ping(ctx context.Context) error { return l.do(ctx, l.pinger.Ping) }
