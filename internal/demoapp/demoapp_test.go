// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package demoapp

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestKnobs(t *testing.T) {
	cases := map[string]struct {
		reason string
		env    map[string]string
		want   Config
		err    []string
	}{
		"Unset": {reason: "Without knobs nothing goes wrong.", want: Config{Version: "dev", Port: 8080, ShutdownDelay: 3 * time.Second}},
		"All": {reason: "Every knob is heard.",
			env: map[string]string{"VERSION": "2.0", "PORT": "80", "ERROR_RATE": "0.2", "LATENCY": "300ms",
				"CRASH_AFTER": "20s", "READY_AFTER": "5s", "SHUTDOWN_DELAY": "0s"},
			want: Config{Version: "2.0", Port: 80, ErrorRate: 0.2, Latency: 300 * time.Millisecond,
				CrashAfter: 20 * time.Second, ReadyAfter: 5 * time.Second}},
		"Wrong": {reason: "Everything that is wrong is named at once, with an example.",
			env: map[string]string{"ERROR_RATE": "20", "LATENCY": "3", "PORT": "http", "READY_AFTER": "-1s"},
			err: []string{`ERROR_RATE is "20" but must be a share from 0 to 1 such as 0.2`, `LATENCY is "3" but must be a duration such as`,
				`PORT is "http"`, `READY_AFTER is "-1s"`}},
		"NaN": {reason: "NaN is no share.", env: map[string]string{"ERROR_RATE": "NaN"}, err: []string{"ERROR_RATE"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c, err := Knobs(func(k string) (string, bool) { v, ok := tc.env[k]; return v, ok })
			if (err != nil) != (tc.err != nil) {
				t.Fatalf("%s\ngot error %v", tc.reason, err)
			}
			for _, want := range tc.err {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%s\nwant an error that mentions %q, got: %v", tc.reason, want, err)
				}
			}
			if diff := cmp.Diff(tc.want, c); err == nil && diff != "" {
				t.Errorf("%s\nconfig (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

// get asks a for path without a network.
func get(a http.Handler, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	a.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w
}

func TestAnswer(t *testing.T) {
	w := get(New(Config{Version: "1.2", Pod: "web-1"}), "/")
	if w.Code != 200 || w.Body.String() != "1.2 web-1\n" || w.Header().Get("X-Version") != "1.2" {
		t.Errorf("An answer tells version and pod: got %d %q, header %q", w.Code, w.Body, w.Header())
	}
}

func TestErrorRate(t *testing.T) {
	cases := map[string]struct {
		reason   string
		rate     float64
		requests int
		failed   []int // numbers of the requests that fail, nil if failures are only counted
		count    int
	}{
		"None":     {reason: "Zero is never.", requests: 1000},
		"All":      {reason: "One is always.", rate: 1, requests: 100, count: 100},
		"OneInTen": {reason: "The tenth fails.", rate: 0.1, requests: 30, failed: []int{10, 20, 30}, count: 3},
		"OneIn5":   {reason: "The fifth fails.", rate: 0.2, requests: 15, failed: []int{5, 10, 15}, count: 3},
		"Odd":      {reason: "No share is lost to rounding.", rate: 0.29, requests: 1000, count: 290},
		"Rare":     {reason: "Rare failures happen.", rate: 0.001, requests: 2000, failed: []int{1000, 2000}, count: 2},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			a := New(Config{ErrorRate: tc.rate})
			var failed []int
			for n := range tc.requests {
				if get(a, "/").Code == 500 {
					failed = append(failed, n+1)
				}
			}
			if len(failed) != tc.count {
				t.Errorf("%s\nwant %d failures, got %d", tc.reason, tc.count, len(failed))
			}
			if diff := cmp.Diff(tc.failed, failed); tc.failed != nil && diff != "" {
				t.Errorf("%s\nfailures (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestMetrics(t *testing.T) {
	a := New(Config{ErrorRate: 0.2})
	fresh := get(a, "/metrics").Body.String()
	for _, want := range []string{
		`http_requests_total{status="200"} 0`, `http_requests_total{status="500"} 0`,
		`http_request_duration_seconds_count{status="200"} 0`, `http_request_duration_seconds_count{status="500"} 0`,
	} {
		if !strings.Contains(fresh, want) {
			t.Errorf("Both series are there from the start; %s is not in\n%s", want, fresh)
		}
	}
	for range 10 {
		get(a, "/")
		get(a, "/healthz")
		get(a, "/readyz")
		get(a, "/metrics")
	}
	text := get(a, "/metrics").Body.String()
	for _, want := range []string{`http_requests_total{status="200"} 8`, `http_requests_total{status="500"} 2`,
		`http_request_duration_seconds_count{status="200"} 8`, `http_request_duration_seconds_bucket{status="500",le="+Inf"} 2`} {
		if !strings.Contains(text, want) {
			t.Errorf("Requests of users are counted, and no others; %s is not in\n%s", want, text)
		}
	}
}

func TestLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := New(Config{Latency: 300 * time.Millisecond})
		start := time.Now()
		get(a, "/")
		if took := time.Since(start); took != 300*time.Millisecond {
			t.Errorf("The latency is added: want 300ms, got %s", took)
		}
		text := get(a, "/metrics").Body.String()
		for _, want := range []string{`status="200",le="0.25"} 0`, `status="200",le="0.5"} 1`} {
			if !strings.Contains(text, want) {
				t.Errorf("The latency is measured; %s is not in\n%s", want, text)
			}
		}
	})
}

func TestReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := New(Config{ReadyAfter: 5 * time.Second})
		steps := []struct {
			reason string
			do     func()
			want   int
		}{
			{"It takes its time.", func() {}, 503},
			{"It is not ready too early.", func() { <-time.After(5*time.Second - 1) }, 503},
			{"It becomes ready.", func() { <-time.After(1) }, 200},
			{"It is not ready when it stops.", a.Stop, 503},
		}
		for _, step := range steps {
			step.do()
			if got := get(a, "/readyz").Code; got != step.want {
				t.Errorf("%s Want %d, got %d", step.reason, step.want, got)
			}
			if health, answer := get(a, "/healthz").Code, get(a, "/").Code; health != 200 || answer != 200 {
				t.Errorf("Ready or not, it lives and answers: got %d and %d", health, answer)
			}
		}
	})
}

// pipes is a listener whose connections are in memory, for synctest.
type pipes struct {
	conns chan net.Conn
	once  sync.Once
	ended chan struct{}
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), ended: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.ended:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.ended) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// client returns a client of the listener and a function that ends it.
func (p *pipes) client() (*http.Client, func()) {
	transport := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		select {
		case p.conns <- far:
			return near, nil
		case <-p.ended:
			return nil, errors.New("connection refused")
		}
	}}
	return &http.Client{Transport: transport}, transport.CloseIdleConnections
}

func TestShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listener := newPipes()
		client, end := listener.client()
		defer end()
		ctx, stop := context.WithCancel(t.Context())
		served := make(chan error, 1)
		start := time.Now()
		go func() {
			served <- Serve(ctx, Config{ShutdownDelay: 3 * time.Second, Latency: 2 * time.Second}, listener)
		}()
		stop()
		synctest.Wait()
		for range 2 { // the second ends after the delay
			resp, err := client.Get("http://app/")
			if err != nil || resp.StatusCode != 200 || !resp.Close {
				t.Fatalf("Requests are answered while others learn that it stops, and connections end: got %v, %v", resp, err)
			}
			_ = resp.Body.Close()
		}
		if err := <-served; err != nil {
			t.Errorf("To be stopped is no error: %v", err)
		}
		if took := time.Since(start); took < 4*time.Second || took > 5*time.Second {
			t.Errorf("It ends when the last request does, after 4 s: got %s", took)
		}
		if _, err := client.Get("http://app/"); err == nil {
			t.Error("Then it takes no more.")
		}
	})
}

func TestCrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		err := Serve(t.Context(), Config{CrashAfter: 20 * time.Second, ShutdownDelay: time.Hour}, newPipes())
		if took := time.Since(start); !errors.Is(err, errCrash) || took != 20*time.Second {
			t.Errorf("It crashes at its time, without any delay: got %v after %s", err, took)
		}
	})
}

// onWrite is called with what is written.
type onWrite func(string)

func (f onWrite) Write(p []byte) (int, error) {
	f(string(p))
	return len(p), nil
}

func TestRun(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	env := map[string]string{"PORT": "0", "SHUTDOWN_DELAY": "0s", "VERSION": "3"}
	lookup := func(k string) (string, bool) { v, ok := env[k]; return v, ok }
	hostname := func() (string, error) { return "web-1", nil }
	said := ""
	err := Run(ctx, lookup, hostname, onWrite(func(text string) { said += text; stop() }))
	if err != nil || !strings.HasPrefix(said, "version 3 in pod web-1 is listening on ") {
		t.Errorf("It says where it listens, and ends with its context: got %q, %v", said, err)
	}
	env["LATENCY"] = "slow"
	if err := Run(t.Context(), lookup, hostname, io.Discard); err == nil || !strings.Contains(err.Error(), "LATENCY") {
		t.Errorf("A wrong knob ends it at once: %v", err)
	}
}
