// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

// Package metrictest is the suite that every adapter of metric.Source passes,
// and a Source in memory for the tests of those who use one.
package metrictest

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sluice-delivery/sluice/internal/metric"
)

// Secret is the credential that New must use. It is in no error.
const Secret = "s3cr3t-Pa55w0rd" //nolint:gosec // the only one there is

// An Answer is what a system sends over HTTP.
type Answer struct {
	Status int
	Body   string
}

// A System is what the suite needs to know about one adapter: how it is made,
// and recorded answers of the system it speaks to.
type System struct {
	// New returns the adapter for a server at url, which authenticates with
	// Secret in whatever way the system has.
	New func(t *testing.T, url string) metric.Source
	// Query is a valid query.
	Query string

	Value   Answer // of the number 97.5
	Empty   Answer // valid, matched nothing
	NaN     Answer // not a number; its zero value if the system has none
	Series  Answer // several series, one of which is named by Named
	Named   string
	Invalid Answer // the query is wrong, because of Reason
	Reason  string
}

// Run runs the suite.
func Run(t *testing.T, s System) {
	t.Run("Answers", s.answers)
	t.Run("Deadline", s.deadline)
	t.Run("Huge", s.huge)
	t.Run("Echo", s.echo)
	t.Run("Gone", s.gone)
}

// kinds are the errors that callers tell apart.
var kinds = []error{metric.ErrNoData, metric.ErrSeries, metric.ErrQuery, metric.ErrInfinite}

func (s System) answers(t *testing.T) {
	cases := map[string]struct {
		reason  string
		answer  Answer
		value   float64
		kind    error // nil with text is an error of no kind
		mention string
	}{
		"Value":       {reason: "One number is the result.", answer: s.Value, value: 97.5},
		"Empty":       {reason: "An empty result is no data, not zero.", answer: s.Empty, kind: metric.ErrNoData, mention: "no data"},
		"NaN":         {reason: "NaN is no data.", answer: s.NaN, kind: metric.ErrNoData, mention: "no data"},
		"Series":      {reason: "Nobody guesses which of several series is meant.", answer: s.Series, kind: metric.ErrSeries, mention: s.Named},
		"Invalid":     {reason: "The system's own words tell the user what to mend.", answer: s.Invalid, kind: metric.ErrQuery, mention: s.Reason},
		"ServerError": {reason: "A broken server is not a broken query.", answer: Answer{503, "down for maintenance"}, mention: "503"},
		"Forbidden":   {reason: "Bad credentials are not a broken query.", answer: Answer{403, "no entry"}, mention: "403"},
		"Redirect":    {reason: "An answer that leads nowhere is an error.", answer: Answer{304, ""}, mention: "304"},
		"NotJSON":     {reason: "A login page is not a measurement.", answer: Answer{200, "<html>log in</html>"}, mention: "log in"},
		"Nothing":     {reason: "An empty body is an error, not zero.", answer: Answer{200, ""}, mention: "200"},
		"EmptyObject": {reason: "JSON without a result is an error, not zero.", answer: Answer{200, "{}"}, mention: "answer"},
	}
	for name, tc := range cases {
		if tc.answer == (Answer{}) {
			continue // the system has no such answer
		}
		t.Run(name, func(t *testing.T) {
			v, err := s.ask(t, t.Context(), func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tc.answer.Status)
				_, _ = w.Write([]byte(tc.answer.Body))
			})
			if diff := cmp.Diff(tc.value, v, cmpopts.EquateApprox(0, 1e-9)); diff != "" {
				t.Errorf("%s\nvalue (-want +got):\n%s", tc.reason, diff)
			}
			check(t, tc.reason, err, tc.kind, tc.mention)
		})
	}
}

func (s System) deadline(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_, err := s.ask(t, ctx, func(_ http.ResponseWriter, r *http.Request) {
		cancel() // once asked, the caller has no more time
		<-r.Context().Done()
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("A query ends with its context: got error %v", err)
	}
}

func (s System) huge(t *testing.T) {
	const size = 256 << 20
	chunk := bytes.Repeat([]byte("[1,2,3],"), 8<<10)
	hungUp := make(chan bool, 1)
	_, err := s.ask(t, t.Context(), func(w http.ResponseWriter, _ *http.Request) {
		for range size / len(chunk) {
			if _, err := w.Write(chunk); err != nil {
				hungUp <- true
				return
			}
		}
		hungUp <- false
	})
	check(t, "A hostile answer is refused.", err, nil, "answer")
	if !<-hungUp {
		t.Errorf("Nobody reads an answer of %d MiB to its end.", size>>20)
	}
	if len(err.Error()) > 2<<10 {
		t.Errorf("An error quotes little of a hostile answer: got %d bytes", len(err.Error()))
	}
}

func (s System) echo(t *testing.T) {
	seen := false
	_, err := s.ask(t, t.Context(), func(w http.ResponseWriter, r *http.Request) {
		var dump bytes.Buffer
		_ = r.Header.Write(&dump)
		user, password, _ := r.BasicAuth()
		text := dump.String() + user + " " + password + " " + r.URL.String()
		seen = strings.Contains(text, Secret)
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = w.Write([]byte(text))
	})
	if !seen {
		t.Error("The adapter authenticates with the secret it was given.")
	}
	check(t, "A server that echoes the request reveals nothing.", err, nil, "500")
}

func (s System) gone(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	source := s.New(t, server.URL)
	server.Close()
	_, err := source.Query(t.Context(), s.Query, time.Minute)
	check(t, "A server that is gone is no fault of the query.", err, nil, "refused")
}

// ask has the adapter query a server that answers with h.
func (s System) ask(t *testing.T, ctx context.Context, h http.HandlerFunc) (float64, error) {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return s.New(t, server.URL).Query(ctx, s.Query, time.Minute)
}

// check holds err to its kind, its text, and the secret. Without a mention no
// error is expected.
func check(t *testing.T, reason string, err, kind error, mention string) {
	t.Helper()
	if mention == "" {
		if err != nil {
			t.Fatalf("%s\nunexpected error: %v", reason, err)
		}
		return
	}
	if err == nil {
		t.Fatalf("%s\nwant an error that mentions %q, got none", reason, mention)
	}
	if !strings.Contains(err.Error(), mention) {
		t.Errorf("%s\nwant an error that mentions %q, got: %v", reason, mention, err)
	}
	if strings.Contains(err.Error(), Secret) {
		t.Errorf("%s\nthe error holds the secret: %v", reason, err)
	}
	for _, k := range kinds {
		if want := k == kind; errors.Is(err, k) != want {
			t.Errorf("%s\nerrors.Is(err, %q) is %t, want %t; the error is: %v", reason, k, !want, want, err)
		}
	}
}
