// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package loadtest

import (
	"net/http"
	"sync"
)

// gates are opened and closed by people, and asked by canaries. A gate that
// nobody opened is closed. They are forgotten when the process ends.
type gates struct {
	mu   sync.Mutex
	open map[string]bool
}

func newGates() *gates { return &gates{open: map[string]bool{}} }

// set returns the handler that opens or closes the canary's gate.
func (g *gates) set(open bool) func(http.ResponseWriter, payload) {
	return func(w http.ResponseWriter, p payload) {
		if p.Name == "" || p.Namespace == "" {
			http.Error(w, "name and namespace of the canary are missing", http.StatusBadRequest)
			return
		}
		g.mu.Lock()
		defer g.mu.Unlock()
		if open {
			g.open[p.canary()] = true
		} else {
			delete(g.open, p.canary())
		}
		w.WriteHeader(http.StatusAccepted)
	}
}

// check answers whether the canary's gate is open.
func (g *gates) check(w http.ResponseWriter, p payload) {
	g.mu.Lock()
	open := g.open[p.canary()]
	g.mu.Unlock()
	if !open {
		http.Error(w, "Forbidden: the gate of "+p.canary()+" is closed", http.StatusForbidden)
		return
	}
	_, _ = w.Write([]byte("Approved"))
}
