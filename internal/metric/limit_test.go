// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package metric

import (
	"context"
	"errors"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// slow answers 1 after a while.
type slow struct {
	takes         time.Duration
	now, greatest atomic.Int32
}

func (s *slow) Query(ctx context.Context, _ string, _ time.Duration) (float64, error) {
	n := s.now.Add(1)
	defer s.now.Add(-1)
	for g := s.greatest.Load(); n > g && !s.greatest.CompareAndSwap(g, n); g = s.greatest.Load() {
	}
	select {
	case <-time.After(s.takes):
		return 1, nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// pingable is a slow Source that is a Pinger too.
type pingable struct{ slow }

func (p *pingable) Ping(ctx context.Context) error {
	_, err := p.Query(ctx, "", 0)
	return err
}

func TestLimitOfQueriesAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &slow{takes: 4 * time.Second}
		limited := Limit(source, Limits{})
		start := time.Now()
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if v, err := limited.Query(t.Context(), "q", time.Minute); v != 1 || err != nil {
					t.Errorf("Waiting for a turn is not held against the source: got %v, %v", v, err)
				}
			})
		}
		wg.Wait()
		if got := source.greatest.Load(); got != 8 {
			t.Errorf("Eight queries run at a time: got %d", got)
		}
		if took := time.Since(start); took != 12*time.Second {
			t.Errorf("Twenty queries of 4 s in three turns take 12 s: got %s", took)
		}
	})
}

func TestLimitOfTime(t *testing.T) {
	cases := map[string]struct {
		reason string
		limits Limits
		caller time.Duration
		took   time.Duration
		err    string
	}{
		"Default": {reason: "A query may take 5 s.", caller: time.Hour, took: 5 * time.Second, err: "no answer within 5s"},
		"Chosen":  {reason: "The limit can be set.", limits: Limits{Timeout: time.Second}, caller: time.Hour, took: time.Second, err: "no answer within 1s"},
		"Caller":  {reason: "The caller's own limit is not blamed on the source's.", caller: 2 * time.Second, took: 2 * time.Second, err: "context deadline exceeded"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				limited := Limit(&pingable{slow{takes: time.Minute}}, tc.limits)
				ctx, cancel := context.WithTimeout(t.Context(), tc.caller)
				defer cancel()
				start := time.Now()
				_, err := limited.Query(ctx, "q", 0)
				if err == nil || !strings.HasPrefix(err.Error(), tc.err) || !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%s\nwant %q, got: %v", tc.reason, tc.err, err)
				}
				if took := time.Since(start); took != tc.took {
					t.Errorf("%s\nwant it after %s, got it after %s", tc.reason, tc.took, took)
				}
			})
		})
	}
}

func TestLimitOfWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limited := Limit(&slow{takes: 3 * time.Second}, Limits{Concurrent: 1})
		go func() { _, _ = limited.Query(t.Context(), "first", 0) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := limited.Query(ctx, "second", 0)
		if err == nil || !strings.Contains(err.Error(), "wait for a turn") {
			t.Errorf("Who waits may give up: got %v", err)
		}
	})
}

func TestLimitKeepsPing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, ok := Limit(&pingable{slow{takes: time.Minute}}, Limits{}).(Pinger)
		if !ok {
			t.Fatal("A limited Pinger is a Pinger.")
		}
		if err := p.Ping(t.Context()); err == nil || !strings.Contains(err.Error(), "no answer within 5s") {
			t.Errorf("Ping is limited too: got %v", err)
		}
		if _, ok := Limit(&slow{}, Limits{}).(Pinger); ok {
			t.Error("Limit does not invent a Pinger.")
		}
	})
}

func TestFinite(t *testing.T) {
	cases := map[string]struct {
		reason string
		in     float64
		err    error
	}{
		"Number": {reason: "A number is one.", in: 1.5},
		"NaN":    {reason: "NaN is no data.", in: math.NaN(), err: ErrNoData},
		"Plus":   {reason: "Infinity is no measurement.", in: math.Inf(1), err: ErrInfinite},
		"Minus":  {reason: "Nor is minus infinity.", in: math.Inf(-1), err: ErrInfinite},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			v, err := Finite(tc.in)
			if !errors.Is(err, tc.err) || (err == nil && v != tc.in) {
				t.Errorf("%s\ngot %v, %v", tc.reason, v, err)
			}
		})
	}
}

func TestSeriesError(t *testing.T) {
	const want = "several series: the query gave 5 where one is needed: a, b, c and 2 more; aggregate them, for example with sum()"
	err := SeriesError([]string{"a", "b", "c", "d", "e"})
	if err.Error() != want || !errors.Is(err, ErrSeries) {
		t.Errorf("Three series are named, the rest counted: want %q, got %q", want, err)
	}
}
