// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package demoapp

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// parts is the precision of the share of errors.
const parts = 1_000_000

// buckets are close together where limits of latency usually are.
func buckets() []float64 {
	return []float64{.001, .0025, .005, .01, .025, .05, .1, .15, .2, .25, .3, .35, .4, .5, .6, .8, 1, 1.5, 2, 3, 5, 10}
}

// An App is the HTTP handler of the application.
type App struct {
	config   Config
	mux      *http.ServeMux
	readyAt  time.Time
	stopping atomic.Bool
	requests atomic.Uint64
	failing  uint64 // of parts requests

	total   *prometheus.CounterVec
	seconds *prometheus.HistogramVec
}

// New returns an App that starts now.
func New(c Config) *App {
	a := &App{
		config:  c,
		mux:     http.NewServeMux(),
		readyAt: time.Now().Add(c.ReadyAfter),
		failing: uint64(math.Round(c.ErrorRate * parts)),
		total: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "http_requests_total", Help: "Requests answered, by status."}, []string{"status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "http_request_duration_seconds", Help: "Time to answer a request, by status.",
			Buckets: buckets()}, []string{"status"}),
	}
	for _, status := range []int{http.StatusOK, http.StatusInternalServerError} { // a rate needs a beginning
		a.total.WithLabelValues(strconv.Itoa(status))
		a.seconds.WithLabelValues(strconv.Itoa(status))
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(a.total, a.seconds)
	a.mux.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	a.mux.HandleFunc("/healthz", func(http.ResponseWriter, *http.Request) {})
	a.mux.HandleFunc("/readyz", a.ready)
	a.mux.HandleFunc("/", a.answer)
	return a
}

// ServeHTTP implements http.Handler.
func (a *App) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if a.stopping.Load() {
		w.Header().Set("Connection", "close") // the next request goes elsewhere
	}
	a.mux.ServeHTTP(w, r)
}

// Stop makes a not ready for good. It still answers.
func (a *App) Stop() { a.stopping.Store(true) }

func (a *App) ready(w http.ResponseWriter, _ *http.Request) {
	switch wait := time.Until(a.readyAt); {
	case a.stopping.Load():
		http.Error(w, "stopping", http.StatusServiceUnavailable)
	case wait > 0:
		http.Error(w, "ready in "+wait.String(), http.StatusServiceUnavailable)
	}
}

// answer is what requests are about: the version and the pod, or a failure.
func (a *App) answer(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	select {
	case <-time.After(a.config.Latency):
	case <-r.Context().Done():
	}
	status := http.StatusOK
	if a.fails(a.requests.Add(1)) {
		status = http.StatusInternalServerError
	}
	code := strconv.Itoa(status)
	a.total.WithLabelValues(code).Inc()
	a.seconds.WithLabelValues(code).Observe(time.Since(start).Seconds())
	w.Header().Set("X-Version", a.config.Version)
	w.WriteHeader(status)
	fmt.Fprintf(w, "%s %s\n", a.config.Version, a.config.Pod)
}

// fails reports whether the nth request fails. Failures are spread evenly: of
// the first n requests, exactly the share of n, rounded down, have failed.
func (a *App) fails(n uint64) bool {
	return n*a.failing/parts > (n-1)*a.failing/parts
}
