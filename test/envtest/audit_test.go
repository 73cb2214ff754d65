// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build envtest

package envtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// ours is how the controller under test names itself to the API server.
const ours = "sluice-controller/envtest"

// A request is one that the API server has answered.
type request struct {
	Verb      string `json:"verb"`
	UserAgent string `json:"userAgent"`
	Stage     string `json:"stage"`
	ObjectRef struct {
		Resource    string `json:"resource"`
		Subresource string `json:"subresource"`
		Namespace   string `json:"namespace"`
		Name        string `json:"name"`
	} `json:"objectRef"`
	ResponseStatus struct {
		Code int `json:"code"`
	} `json:"responseStatus"`
	At   time.Time `json:"requestReceivedTimestamp"`
	Done time.Time `json:"stageTimestamp"`
}

// String is for the messages of tests.
func (r request) String() string {
	o := r.ObjectRef
	return fmt.Sprintf("%s %s %s/%s/%s %s %d", r.At.Format("05.000"), r.Verb, o.Namespace, o.Resource, o.Name, o.Subresource, r.ResponseStatus.Code)
}

// requests returns those of the controller, watches and leases apart, that
// reached the API server since then and that want wants, in their order.
func requests(t *testing.T, since time.Time, want func(request) bool) []request {
	t.Helper()
	return audited(t, func(r request) bool {
		return r.At.After(since) && strings.HasPrefix(r.UserAgent, ours) && r.Verb != "watch" && r.ObjectRef.Resource != "leases" && want(r)
	})
}

// audited returns the requests of anybody that want wants, in their order.
func audited(t *testing.T, want func(request) bool) []request {
	t.Helper()
	text, err := os.ReadFile(lab.audit)
	if err != nil {
		t.Fatalf("%v; %s", err, usage)
	}
	var all []request
	for line := range bytes.Lines(text) {
		var r request
		if err := json.Unmarshal(line, &r); err != nil {
			continue // it is being written
		}
		if r.Stage == "ResponseComplete" && want(r) {
			all = append(all, r)
		}
	}
	slices.SortStableFunc(all, func(a, b request) int { return a.At.Compare(b.At) })
	return all
}

// TestAudit makes sure that the audit log is that of this lab: the tests that
// count requests prove nothing with another one.
func TestAudit(t *testing.T) {
	w := newWorld(t)
	w.create(deployment("web"))
	soon(t, "the audit log holds a request that was just made; "+usage, func() bool {
		return len(audited(t, func(r request) bool {
			return r.ObjectRef.Namespace == w.ns && r.Verb == "create" && r.ObjectRef.Name == "web"
		})) == 1
	})
}

// soon waits until what holds of something that can't be watched.
func soon(t *testing.T, what string, holds func() bool) {
	t.Helper()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for !holds() {
		select {
		case <-again.C:
		case <-deadline.C:
			t.Fatalf("waited %s in vain until %s", patience, what)
		}
	}
}
