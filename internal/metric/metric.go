// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

// Package metric asks metric systems for numbers. Source is the port; each
// system is one package below, and metrictest holds the suite that every one
// of them passes. Template makes queries out of facts about a canary, Builtin
// knows the queries of the builtin metrics, and Limit bounds what one address
// is asked.
package metric

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
)

// Kinds of errors that a Source returns, told by errors.Is. Any other error
// says that the source could not be asked: retrying may help.
var (
	// ErrNoData says that the query is valid but matched nothing: an empty
	// result or NaN, usually for want of traffic.
	ErrNoData = errors.New("no data")
	// ErrSeries says that the query gave several series instead of one
	// number. The user must aggregate them.
	ErrSeries = errors.New("several series")
	// ErrQuery says that the query itself is wrong. The user must mend it.
	ErrQuery = errors.New("wrong query")
	// ErrInfinite says that the query gave plus or minus infinity, which is
	// a division by zero and not a measurement. The user should guard it.
	ErrInfinite = errors.New("infinite value")
)

// A Source is one metric system at one address. Implementations are safe for
// concurrent use, return soon after ctx ends, and never put credentials into
// their errors.
type Source interface {
	// Query returns the finite number that query gives over window, which
	// ends now. Systems whose queries carry their own window ignore it.
	Query(ctx context.Context, query string, window time.Duration) (float64, error)
}

// A Pinger is a Source that can tell whether it is there without a query of
// the user's. The ability is found by type assertion.
type Pinger interface {
	// Ping returns nil when the system answers and accepts the credentials.
	Ping(ctx context.Context) error
}

// Finite returns v, or ErrNoData for NaN and ErrInfinite for infinities.
// Sources pass their value through it.
func Finite(v float64) (float64, error) {
	switch {
	case math.IsNaN(v):
		return 0, fmt.Errorf("%w: the query gave NaN, probably for want of traffic", ErrNoData)
	case math.IsInf(v, 0):
		return 0, fmt.Errorf("%w: the query gave %v; guard it against dividing by zero", ErrInfinite, v)
	}
	return v, nil
}

// shown is how many series an error names.
const shown = 3

// SeriesError returns an ErrSeries that names the first few of series and
// says what to do.
func SeriesError(series []string) error {
	names := series[:min(shown, len(series))]
	more := ""
	if n := len(series) - len(names); n > 0 {
		more = fmt.Sprintf(" and %d more", n)
	}
	return fmt.Errorf("%w: the query gave %d where one is needed: %s%s; aggregate them, for example with sum()",
		ErrSeries, len(series), strings.Join(names, ", "), more)
}
