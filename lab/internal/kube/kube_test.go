// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// serve answers every request with body.
func serve(t *testing.T, status int, body string) *Client {
	t.Helper()
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer secret" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}))
	t.Cleanup(s.Close)
	return New(s.URL, "secret", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
}

func TestCondition(t *testing.T) {
	for name, tt := range map[string]struct {
		reason string
		status int
		body   string
		want   string
	}{
		"True":    {"a condition that holds ends the wait", 200, `{"status":{"conditions":[{"type":"Ready","status":"True"}]}}`, ""},
		"False":   {"one that does not hold says why", 200, `{"status":{"conditions":[{"type":"Ready","status":"False","message":"no network"}]}}`, "no network"},
		"Missing": {"an object that is new has none yet", 200, `{}`, "has no condition Ready"},
		"Refused": {"an error of the server is shown", 403, `not you`, "not you"},
	} {
		t.Run(name, func(t *testing.T) {
			err := serve(t, tt.status, tt.body).Condition("/x", "Ready")(t.Context())
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: want %q, got %v", tt.reason, tt.want, err)
			}
		})
	}
}

func TestOneUser(t *testing.T) {
	if err := serve(t, 201, `{"spec":{"securityContext":{}}}`).OneUser(t.Context()); err != nil {
		t.Errorf("the policy acts when the user is gone: %v", err)
	}
	if err := serve(t, 201, `{"spec":{"securityContext":{"runAsUser":7}}}`).OneUser(t.Context()); err == nil {
		t.Error("the policy does not act yet when the user is still there")
	}
}

func TestReady(t *testing.T) {
	if err := serve(t, 200, "ok").Ready(t.Context()); err != nil {
		t.Error(err)
	}
	if err := serve(t, 500, "etcd is not").Ready(t.Context()); err == nil || !strings.Contains(err.Error(), "etcd is not") {
		t.Errorf("what the server lacks is told: %v", err)
	}
}
