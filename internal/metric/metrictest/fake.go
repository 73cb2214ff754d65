// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package metrictest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/sluice-delivery/sluice/internal/metric"
)

// Fake is a metric.Source in memory. Its zero value has no data.
type Fake struct {
	mu      sync.Mutex
	answers map[string]result
	asked   []string
}

type result struct {
	value float64
	err   error
}

// Set makes query give value and err from now on.
func (f *Fake) Set(query string, value float64, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.answers == nil {
		f.answers = map[string]result{}
	}
	f.answers[query] = result{value, err}
}

// Asked returns the queries so far, in order.
func (f *Fake) Asked() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.asked)
}

// Query implements metric.Source.
func (f *Fake) Query(_ context.Context, query string, _ time.Duration) (float64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, query)
	a, ok := f.answers[query]
	if !ok {
		return 0, fmt.Errorf("%w: nothing was set for %q", metric.ErrNoData, query)
	}
	return a.value, a.err
}
