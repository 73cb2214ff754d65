// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build envtest

package envtest

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-delivery/sluice/api/v1beta1"
	"github.com/sluice-delivery/sluice/internal/hook"
)

// A receiver is a webhook that agrees to everything but what is shut.
type receiver struct {
	*httptest.Server
	mu    sync.Mutex
	shut  map[string]bool
	calls []call
}

// A call is one that the receiver got.
type call struct {
	path, key string
	hook.Payload
}

func newReceiver(t *testing.T, shut ...string) *receiver {
	t.Helper()
	r := &receiver{shut: map[string]bool{}}
	for _, path := range shut {
		r.shut[path] = true
	}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

// ServeHTTP implements http.Handler.
func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	c := call{path: strings.TrimPrefix(req.URL.Path, "/"), key: req.Header.Get("Idempotency-Key")}
	if err := json.NewDecoder(req.Body).Decode(&c.Payload); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = append(r.calls, c)
	if r.shut[c.path] {
		http.Error(w, "the gate is shut", http.StatusForbidden)
	}
}

func (r *receiver) open(path string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.shut, path)
}

// got returns the calls of one path, or of all.
func (r *receiver) got(path string) []call {
	r.mu.Lock()
	defer r.mu.Unlock()
	var some []call
	for _, c := range r.calls {
		if path == "" || c.path == path {
			some = append(some, c)
		}
	}
	return some
}

// hooks lets r have a webhook for each type.
func (r *receiver) hooks(types ...v1beta1.HookType) func(*v1beta1.Canary) {
	return func(c *v1beta1.Canary) {
		for _, t := range types {
			c.Spec.Analysis.Webhooks = append(c.Spec.Analysis.Webhooks, v1beta1.CanaryWebhook{
				Name: "my-" + string(t), Type: t, URL: r.URL + "/" + string(t), Metadata: map[string]string{"who": string(t)},
			})
		}
	}
}

func TestWebhooks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, "confirm-rollout")
	w.create(deployment("web"), w.canary("web", r.hooks(
		v1beta1.HookConfirmRollout, v1beta1.HookPreRollout, v1beta1.HookRollout, v1beta1.HookPostRollout, v1beta1.HookEvent)))
	w.stopped("web", v1beta1.PhaseInitialized)
	w.release("web", "example.com/web:2")
	w.phase("web", v1beta1.PhaseWaiting)
	w.until("the gate was asked again", func() bool { return len(r.got("confirm-rollout")) > 2 || find[*v1beta1.Canary](w, "web") == nil })
	if !slices.Equal(w.weights("web"), []int{0}) || len(r.got("pre-rollout")) > 0 {
		t.Errorf("nothing moves before the gate is open; weights %v", w.weights("web"))
	}
	r.open("confirm-rollout")
	w.stopped("web", v1beta1.PhaseSucceeded)

	var order []string
	for _, c := range r.got("") {
		if c.path != "event" && (len(order) == 0 || order[len(order)-1] != c.path) {
			order = append(order, c.path)
		}
	}
	if diff := cmp.Diff([]string{"confirm-rollout", "pre-rollout", "rollout", "post-rollout"}, order); diff != "" {
		t.Errorf("each webhook has its moment (-want +got):\n%s", diff)
	}
	for path, count := range map[string]int{"pre-rollout": 1, "rollout": 2, "post-rollout": 1} {
		if got := len(r.got(path)); got != count {
			t.Errorf("%s was called %d times, want %d", path, got, count)
		}
	}
	checkPayloads(w, r)
	told := map[string]int{}
	for _, e := range w.events("web") {
		told[e.Message]++
	}
	heard := map[string]int{}
	for _, c := range r.got("event") {
		heard[c.Metadata["eventMessage"]]++
	}
	if diff := cmp.Diff(told, heard); diff != "" {
		t.Errorf("the event webhook hears what the events say (-events +webhook):\n%s", diff)
	}
	waits := 0
	for _, reason := range w.reasons("web") {
		if reason == "WaitingForApproval" {
			waits++
		}
	}
	if waits != 1 {
		t.Errorf("people are told once that a revision waits; got %v", w.reasons("web"))
	}
}

// checkPayloads holds what was sent to Flagger's payload.
func checkPayloads(w *world, r *receiver) {
	w.Helper()
	phases := map[string][]string{
		"confirm-rollout": {"Initialized", "Waiting"}, "pre-rollout": {"Progressing"}, "rollout": {"Progressing"}, "post-rollout": {"Succeeded"},
	}
	keys := map[string]bool{}
	for _, c := range r.got("") {
		if c.Name != "web" || c.Namespace != w.ns || c.Checksum == "" || c.key == "" || c.Metadata["who"] != c.path {
			w.Errorf("a payload says which Canary it is about, with checksum, key and the user's metadata; got %+v", c)
		}
		if want, ok := phases[c.path]; ok && !slices.Contains(want, c.Phase) {
			w.Errorf("the phase of %s is one of %v; got %s", c.path, want, c.Phase)
		}
		if keys[c.key] {
			w.Errorf("calls that mean different things have the same key %s", c.key)
		}
		keys[c.key] = true
		if c.path == "event" {
			if want := []string{"eventMessage", "eventType", "timestamp", "who"}; !slices.Equal(want, slices.Sorted(maps.Keys(c.Metadata))) {
				w.Errorf("an event comes with %v; got %v", want, c.Metadata)
			}
		}
	}
}

// TestFailingHooks rolls back for webhooks that refuse.
func TestFailingHooks(t *testing.T) {
	t.Parallel()
	cases := map[v1beta1.HookType]struct {
		reason  string
		weights []int
	}{
		v1beta1.HookPreRollout: {"Without the pre-rollout hook's leave the canary gets no request.", []int{0}},
		v1beta1.HookRollout:    {"A rollout hook that refuses is a failed check.", []int{0, 10, 0}},
	}
	for kind, c := range cases {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			r := newReceiver(t, string(kind), string(v1beta1.HookPostRollout))
			w.create(deployment("web"), w.canary("web", r.hooks(kind, v1beta1.HookPostRollout)))
			w.stopped("web", v1beta1.PhaseInitialized)
			w.release("web", "example.com/web:2")
			w.until("the release is rolled back", func() bool { return slices.Contains(w.reasons("web"), "RolledBack") })
			if diff := cmp.Diff(c.weights, w.weights("web")); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.reason, diff)
			}
			if got := len(r.got(string(kind))); got != 3 {
				t.Errorf("%s\nIt was called %d times, want as often as the threshold says", c.reason, got)
			}
			for _, e := range w.events("web") {
				if e.Reason == "RolledBack" && !strings.Contains(e.Message, "my-"+string(kind)) {
					t.Errorf("the event names the webhook; got %q", e.Message)
				}
			}
			soon(t, "the post-rollout hook knows of the rollback", func() bool {
				return len(r.got("post-rollout")) > 0 && r.got("post-rollout")[0].Phase == "Failed"
			})
		})
	}
}
