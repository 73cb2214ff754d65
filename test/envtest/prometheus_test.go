// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build envtest

package envtest

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// A prometheus answers every query as the test says.
type prometheus struct {
	*httptest.Server
	mu     sync.Mutex
	reply  func(query string) (status int, body string)
	served []served
}

// served is an answer that was sent.
type served struct {
	query string
	at    time.Time
}

func newPrometheus(t *testing.T) *prometheus {
	t.Helper()
	p := &prometheus{}
	p.say(100)
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	return p
}

// ServeHTTP implements http.Handler.
func (p *prometheus) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query().Get("query")
	p.mu.Lock()
	reply := p.reply
	p.mu.Unlock()
	status, body := reply(query)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body))
	p.mu.Lock()
	p.served = append(p.served, served{query, time.Now()})
	p.mu.Unlock()
}

// say makes v the answer to every query.
func (p *prometheus) say(v float64) {
	p.answer(func(string) (int, string) { return http.StatusOK, vector(v) })
}

func (p *prometheus) answer(reply func(query string) (int, string)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reply = reply
}

// asked returns the answers to queries that have text in them.
func (p *prometheus) asked(text string) []served {
	p.mu.Lock()
	defer p.mu.Unlock()
	var some []served
	for _, s := range p.served {
		if strings.Contains(s.query, text) {
			some = append(some, s)
		}
	}
	return some
}

func vector(v float64) string {
	return fmt.Sprintf(`{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"%v"]}]}}`, v)
}

func badData(message string) (int, string) {
	return http.StatusBadRequest, fmt.Sprintf(`{"status":"error","errorType":"bad_data","error":%q}`, message)
}

// closedPort returns an address where nobody listens, and a function that
// starts Prometheus there.
func closedPort(t *testing.T, p *prometheus) (url string, open func()) {
	t.Helper()
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	address := fmt.Sprintf("127.0.0.1:%d", port)
	return "http://" + address, func() {
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		s := &http.Server{Handler: p, ReadHeaderTimeout: patience}
		go func() { _ = s.Serve(l) }()
		t.Cleanup(func() { _ = s.Close() })
	}
}
