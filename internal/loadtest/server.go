// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package loadtest

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// maxBody is the greatest length of a payload in bytes.
const maxBody = 1 << 20

// A payload is what webhooks send.
type payload struct {
	Name      string            `json:"name"`
	Namespace string            `json:"namespace"`
	Phase     string            `json:"phase"`
	Metadata  map[string]string `json:"metadata"`
}

func (p payload) canary() string { return p.Name + "." + p.Namespace }

// A Server is the load tester's HTTP handler.
type Server struct {
	config  Config
	ctx     context.Context // of the commands
	mux     *http.ServeMux
	running sync.WaitGroup

	mu   sync.Mutex
	busy map[string]bool // background commands that run, by canary and command
}

// New returns a Server whose commands end with ctx.
func New(ctx context.Context, c Config) *Server {
	s := &Server{config: c, ctx: ctx, mux: http.NewServeMux(), busy: map[string]bool{}}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	s.mux.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	s.mux.HandleFunc("/healthz", ok)
	s.mux.HandleFunc("/gate/approve", ok)
	s.mux.HandleFunc("/gate/halt", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "Forbidden: this gate is never open", http.StatusForbidden)
	})
	for _, prefix := range []string{"/gate", "/rollback"} {
		g := newGates()
		s.mux.HandleFunc(prefix+"/check", s.read(g.check))
		s.mux.HandleFunc(prefix+"/open", s.read(g.set(true)))
		s.mux.HandleFunc(prefix+"/close", s.read(g.set(false)))
	}
	s.mux.HandleFunc("/", s.read(s.task))
	return s
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// Wait returns when no background command runs. The context must have ended.
func (s *Server) Wait() { s.running.Wait() }

func ok(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("OK")) }

// read gives the payload of a request to next.
func (s *Server) read(next func(http.ResponseWriter, payload)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var p payload
		err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&p)
		if err != nil {
			http.Error(w, "the body must be the JSON that a webhook of a canary sends: "+err.Error(), http.StatusBadRequest)
			return
		}
		next(w, p)
	}
}

// task runs what the metadata of p asks for.
func (s *Server) task(w http.ResponseWriter, p payload) {
	if s.config.Namespace != nil && !s.config.Namespace.MatchString(p.Namespace) {
		http.Error(w, "namespace "+p.Namespace+" may not run commands here", http.StatusForbidden)
		return
	}
	if len(p.Metadata) == 0 {
		http.Error(w, "metadata is missing: it holds the command, as cmd", http.StatusBadRequest)
		return
	}
	kind := p.Metadata["type"]
	if kind == "" {
		kind = background
	}
	argv, known := command(kind, p.Metadata["cmd"])
	switch {
	case !known:
		http.Error(w, "metadata.type "+kind+" is not known; known are "+kinds, http.StatusBadRequest)
	case strings.TrimSpace(p.Metadata["cmd"]) == "":
		http.Error(w, "metadata.cmd is missing: it is the command to run", http.StatusBadRequest)
	case kind == background:
		s.start(p, argv)
		w.WriteHeader(http.StatusAccepted)
	default:
		s.block(w, p, argv)
	}
}

// background is the type of commands that nobody waits for.
const background = "cmd"

// kinds lists the types of commands for people.
const kinds = "cmd, bash, helm, helmv3 and kubectl"

// command returns the program and the arguments that run text.
func command(kind, text string) (argv []string, known bool) {
	switch kind {
	case background:
		return []string{"sh", "-c", text}, true
	case "bash":
		return []string{"bash", "-c", text}, true
	case "helm", "helmv3":
		return append([]string{"helm"}, strings.Fields(text)...), true
	case "kubectl":
		return append([]string{"kubectl"}, strings.Fields(text)...), true
	}
	return nil, false
}

// start runs argv in the background, unless it already runs for the canary:
// a load test asked for at every step is one load.
func (s *Server) start(p payload, argv []string) {
	key := p.canary() + " " + p.Metadata["cmd"]
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy[key] || s.ctx.Err() != nil {
		return
	}
	s.busy[key] = true
	s.running.Go(func() {
		s.run(p, argv)
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.busy, key)
	})
}

// block runs argv and answers with how it ended. It goes on when the caller
// hangs up, as what it does may not bear being cut short.
func (s *Server) block(w http.ResponseWriter, p payload, argv []string) {
	out, err := s.run(p, argv)
	if err != nil {
		http.Error(w, strings.TrimSpace(strings.TrimSpace(out)+"\n"+err.Error()), http.StatusInternalServerError)
		return
	}
	if p.Metadata["returnCmdOutput"] == "true" {
		_, _ = w.Write([]byte(out))
	}
}

func (s *Server) run(p payload, argv []string) (string, error) {
	log := s.config.Log.With("canary", p.canary(), "cmd", p.Metadata["cmd"])
	log.Debug("command starts")
	start := time.Now()
	out, err := run(s.ctx, s.config.Timeout, argv)
	log = log.With("took", time.Since(start).Round(time.Millisecond).String())
	if err != nil || p.Metadata["logCmdOutput"] == "true" {
		log = log.With("output", out)
	}
	if err != nil {
		log.Error("command failed", "error", err)
		return out, err
	}
	log.Info("command ended")
	return out, nil
}
