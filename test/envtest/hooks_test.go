// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build envtest

package envtest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	gw "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/sluice-delivery/sluice/api/v1beta1"
)

// A receiver plays the webhooks of a Canary. The path of the URL names one.
type receiver struct {
	*httptest.Server
	mu      sync.Mutex
	refuses map[string]bool
	calls   []call
}

// A call is one that a receiver got.
type call struct {
	hook, key string
	body      payload
}

// payload is what Flagger posts to a webhook.
type payload struct {
	Name      string            `json:"name"`
	Namespace string            `json:"namespace"`
	Phase     string            `json:"phase"`
	Checksum  string            `json:"checksum"`
	Metadata  map[string]string `json:"metadata"`
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{refuses: map[string]bool{}}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		c := call{hook: req.URL.Path[1:], key: req.Header.Get("Idempotency-Key")}
		d := json.NewDecoder(req.Body)
		d.DisallowUnknownFields()
		if err := d.Decode(&c.body); err != nil || req.Method != http.MethodPost || req.Header.Get("Content-Type") != "application/json" {
			t.Errorf("a webhook gets a POST with Flagger's payload as JSON; got %s: %v", req.Method, err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.calls = append(r.calls, c)
		if r.refuses[c.hook] {
			w.WriteHeader(http.StatusForbidden)
		}
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) refuse(hook string, yes bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refuses[hook] = yes
}

// of returns the calls of one webhook.
func (r *receiver) of(hook string) []call {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(r.calls), func(c call) bool { return c.hook != hook })
}

// TestWebhooks releases with a webhook of every type that this version has.
func TestWebhooks(t *testing.T) {
	t.Parallel()
	w, r := newWorld(t), newReceiver(t)
	types := []v1beta1.HookType{
		v1beta1.HookConfirmRollout, v1beta1.HookPreRollout, v1beta1.HookRollout, v1beta1.HookPostRollout, v1beta1.HookEvent,
	}
	w.create(deployment("web"), w.canary("web", func(c *v1beta1.Canary) {
		c.Spec.Analysis.Threshold = 100
		for _, typ := range types {
			c.Spec.Analysis.Webhooks = append(c.Spec.Analysis.Webhooks, v1beta1.CanaryWebhook{
				Name: "the-" + string(typ), Type: typ, URL: r.URL + "/" + string(typ), Metadata: map[string]string{"mine": "yes"},
			})
		}
	}))
	w.stopped("web", v1beta1.PhaseInitialized)
	soon(t, "the event webhook hears of the takeover", func() bool { return len(r.of("event")) == 1 })
	for _, gate := range []string{"confirm-rollout", "pre-rollout", "rollout"} {
		r.refuse(gate, true)
	}
	w.release("web", "example.com/web:2")
	w.until("a release that nobody confirmed waits and says so", func() bool {
		return slices.Contains(w.reasons("web"), "WaitingForApproval")
	})
	if d := find[*gw.HTTPRoute](w, "web"); find[*v1beta1.Canary](w, "web").Status.Phase != v1beta1.PhaseWaiting || weight(d) != 0 || len(r.of("pre-rollout")) != 0 {
		t.Error("before it is confirmed, a release is Waiting, has no requests and asks nobody else")
	}
	r.refuse("confirm-rollout", false)
	w.until("a pre-rollout webhook that refuses is a failed check", func() bool {
		return find[*v1beta1.Canary](w, "web").Status.FailedChecks > 0
	})
	if weight(find[*gw.HTTPRoute](w, "web")) != 0 || len(r.of("rollout")) != 0 {
		t.Error("before pre-rollout agrees, the canary has no requests, and is not checked")
	}
	r.refuse("pre-rollout", false)
	soon(t, "the rollout webhook is asked in each check", func() bool { return len(r.of("rollout")) >= 2 })
	if got := weight(find[*gw.HTTPRoute](w, "web")); got != 10 {
		t.Errorf("a rollout webhook that refuses holds the weight; it is %d", got)
	}
	r.refuse("rollout", false)
	w.phase("web", v1beta1.PhaseSucceeded)
	soon(t, "the post-rollout webhook hears of the end", func() bool { return len(r.of("post-rollout")) == 1 })
	w.payloads(r)
}

// payloads holds the calls to what Flagger sends, and their keys to what tells
// calls apart that mean different things.
func (w *world) payloads(r *receiver) {
	w.Helper()
	phases := map[string][]string{
		"confirm-rollout": {"Waiting"}, "pre-rollout": {"Progressing"}, "rollout": {"Progressing"}, "post-rollout": {"Succeeded"},
	}
	seen := map[string]string{}
	r.mu.Lock()
	calls := slices.Clone(r.calls)
	r.mu.Unlock()
	for _, c := range calls {
		b := c.body
		if b.Name != "web" || b.Namespace != w.ns || b.Checksum == "" || b.Metadata["mine"] != "yes" {
			w.Errorf("%s gets the name, namespace, checksum and the user's metadata; got %+v", c.hook, b)
		}
		if want, ok := phases[c.hook]; ok && !slices.Contains(want, b.Phase) {
			w.Errorf("%s is called in %v; got phase %s", c.hook, want, b.Phase)
		}
		if also, ok := seen[c.key]; ok || c.key == "" {
			w.Errorf("each call that means something else has a key of its own; %s and %s have %q", c.hook, also, c.key)
		}
		seen[c.key] = c.hook
	}
	var told []string
	for _, c := range r.of("event") {
		told = append(told, c.body.Metadata["eventMessage"])
		if m := c.body.Metadata; m["timestamp"] == "" || m["eventType"] != "Normal" && m["eventType"] != "Warning" {
			w.Errorf("an event webhook gets message, type and time; got %v", m)
		}
	}
	var events []string
	for _, e := range w.events("web") {
		events = append(events, e.Message)
	}
	slices.Sort(told)
	slices.Sort(events)
	if diff := cmp.Diff(events, told); diff != "" {
		w.Errorf("the event webhook is told every event, once (-events +told):\n%s", diff)
	}
}
