// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package hook

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

var payload = Payload{Name: "web", Namespace: "prod", Phase: "Progressing", Checksum: "c1",
	Metadata: map[string]string{"cmd": "hey"}}

func TestRequest(t *testing.T) {
	type request struct{ Method, Path, ContentType, Key, Body string }
	var got request
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = request{r.Method, r.URL.Path, r.Header.Get("Content-Type"), r.Header.Get("Idempotency-Key"), string(body)}
	}))
	defer server.Close()
	err := NewHTTP().Call(t.Context(), Call{URL: server.URL + "/gate", IdempotencyKey: "k1", Payload: payload})
	if err != nil {
		t.Fatalf("Call: %v", err)
	}
	want := request{"POST", "/gate", "application/json", "k1",
		`{"name":"web","namespace":"prod","phase":"Progressing","checksum":"c1","metadata":{"cmd":"hey"}}`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("The payload is Flagger's (-want +got):\n%s", diff)
	}
	body, _ := json.Marshal(Payload{Name: "web"})
	if strings.Contains(string(body), "metadata") {
		t.Errorf("Metadata that is empty is left out: got %s", body)
	}
}

func TestAnswers(t *testing.T) {
	cases := map[string]struct {
		reason  string
		status  int
		body    string
		err     string // none if empty
		refused bool
	}{
		"OK":        {reason: "200 is yes.", status: 200},
		"Accepted":  {reason: "202 is yes.", status: 202},
		"NoContent": {reason: "Any 2xx is yes.", status: 204},
		"Forbidden": {reason: "The body is the reason.", status: 403, body: "gate\n  closed\n", err: "refused with 403 Forbidden: gate closed", refused: true},
		"Silent":    {reason: "Without a body it says so.", status: 400, err: "400 Bad Request: no reason given", refused: true},
		"Server":    {reason: "The body of a 500 is the reason too.", status: 500, body: "tests failed", err: "500 Internal Server Error: tests failed", refused: true},
		"Long":      {reason: "A long body is cut.", status: 400, body: strings.Repeat("x", 5000), err: ": " + strings.Repeat("x", 1024) + "…", refused: true},
		"NotUTF8":   {reason: "Events must be UTF-8.", status: 400, body: "a\xffb", err: ": ab", refused: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tc.status)
				_, _ = io.WriteString(w, tc.body)
			}))
			defer server.Close()
			err := NewHTTP().Call(t.Context(), Call{URL: server.URL + "/s3cret?key=s3cret"})
			wantError(t, tc.reason, tc.err, err)
			if errors.Is(err, ErrRefused) != tc.refused {
				t.Errorf("%s\nwant ErrRefused: %t, got: %v", tc.reason, tc.refused, err)
			}
		})
	}
}

func TestNoAnswer(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	cases := map[string]struct{ reason, url, err string }{
		"Gone":     {reason: "A webhook that is gone is named by its host alone.", url: gone.URL + "/s3cret?key=s3cret", err: "connection refused"},
		"Relative": {reason: "A URL has a host.", url: "/gate/s3cret", err: "the url of a webhook must be one such as"},
		"Scheme":   {reason: "Only HTTP is spoken.", url: "ftp://host/s3cret", err: "the url of a webhook must be one such as"},
		"Broken":   {reason: "A secret in a broken URL stays one.", url: "http://u:%zs3cret@host", err: "the url of a webhook must be one such as"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			err := NewHTTP().Call(t.Context(), Call{URL: tc.url})
			wantError(t, tc.reason, tc.err, err)
			if errors.Is(err, ErrRefused) {
				t.Errorf("%s\nno answer is not a refusal: %v", tc.reason, err)
			}
		})
	}
}

func TestDisableTLS(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	caller := NewHTTP()
	wantError(t, "An unknown certificate is refused.", "certificate", caller.Call(t.Context(), Call{URL: server.URL}))
	wantError(t, "The user may say that any will do.", "", caller.Call(t.Context(), Call{URL: server.URL, DisableTLS: true}))
	if caller.trusting.(*http.Transport).Proxy == nil {
		t.Error("The proxy of the environment is used with disableTLS too.")
	}
}

// script is a transport that gives one answer after another; the last stays.
type script struct {
	answers []answer
	start   time.Time
	at      []time.Duration // of the attempts, since start
	keys    []string
}

type answer struct {
	status int // 0 is a connection error, hang is no answer
	after  string
}

const hang = -1

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	s.at = append(s.at, time.Since(s.start))
	s.keys = append(s.keys, r.Header.Get("Idempotency-Key"))
	a := s.answers[min(len(s.at), len(s.answers))-1]
	switch a.status {
	case 0:
		return nil, errors.New("connection reset")
	case hang:
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	resp := httptest.NewRecorder()
	if a.after != "" {
		resp.Header().Set("Retry-After", a.after)
	}
	resp.WriteHeader(a.status)
	_, _ = resp.WriteString("why")
	return resp.Result(), nil
}

func seconds(n ...int) []time.Duration {
	var d []time.Duration
	for _, s := range n {
		d = append(d, time.Duration(s)*time.Second)
	}
	return d
}

func TestRetries(t *testing.T) {
	cases := map[string]struct {
		reason  string
		answers []answer
		call    Call
		limit   time.Duration // of the caller's context
		at      []time.Duration
		err     string
	}{
		"None": {reason: "Nobody asked for retries.", answers: []answer{{status: 500}}, at: seconds(0), err: "500"},
		"Recovers": {reason: "A webhook that comes back is a yes.", answers: []answer{{}, {status: 503}, {status: 200}},
			call: Call{Retries: 5}, at: seconds(0, 1, 3)},
		"Doubles": {reason: "Waits double up to 30 s, and the last reason is told.", answers: []answer{{status: 500}},
			call: Call{Retries: 7}, at: seconds(0, 1, 3, 7, 15, 31, 61, 91), err: "after 8 attempts: host refused with 500 Internal Server Error: why"},
		"Refused":        {reason: "A no is a no.", answers: []answer{{status: 403}}, call: Call{Retries: 5}, at: seconds(0), err: "403"},
		"NotImplemented": {reason: "What is not implemented will not be soon.", answers: []answer{{status: 501}}, call: Call{Retries: 5}, at: seconds(0), err: "501"},
		"TooMany": {reason: "Retry-After is honoured.", answers: []answer{{status: 429, after: "45"}, {status: 200}},
			call: Call{Retries: 1}, at: seconds(0, 45)},
		"Soon": {reason: "Retry-After does not make retries faster.", answers: []answer{{status: 429, after: "0"}, {status: 200}},
			call: Call{Retries: 1}, at: seconds(0, 1)},
		"Date": {reason: "Retry-After may be a date.", // synctest begins at midnight of that day
			answers: []answer{{status: 429, after: "Sat, 01 Jan 2000 00:00:20 GMT"}, {status: 200}}, call: Call{Retries: 1}, at: seconds(0, 20)},
		"Nonsense": {reason: "Nonsense in Retry-After is ignored.", answers: []answer{{status: 429, after: "soon"}, {status: 200}},
			call: Call{Retries: 1}, at: seconds(0, 1)},
		"Timeouts": {reason: "The timeout is that of an attempt.", answers: []answer{{status: hang}},
			call: Call{Retries: 1, Timeout: 4 * time.Second}, at: seconds(0, 5), err: "after 2 attempts: call host: no answer within 4s"},
		"DefaultTimeout": {reason: "An attempt may take 10 s.", answers: []answer{{status: hang}}, at: seconds(0), err: "no answer within 10s"},
		"NoTimeLeft": {reason: "Who has no time left does not wait for nothing, and hears the reason.", answers: []answer{{status: 500}},
			call: Call{Retries: 9}, limit: 3 * time.Second, at: seconds(0, 1), err: "why"},
		"Cancelled": {reason: "The caller's end is the end.", answers: []answer{{status: hang}},
			call: Call{Retries: 9}, limit: 3 * time.Second, at: seconds(0), err: "context deadline exceeded"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{answers: tc.answers, start: time.Now()}
				ctx := t.Context()
				if tc.limit > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, tc.limit)
					defer cancel()
				}
				tc.call.URL, tc.call.IdempotencyKey = "http://host/s3cret", "k"
				err := (&HTTP{verifying: s}).Call(ctx, tc.call)
				wantError(t, tc.reason, tc.err, err)
				if diff := cmp.Diff(tc.at, s.at); diff != "" {
					t.Errorf("%s\nattempts (-want +got):\n%s", tc.reason, diff)
				}
				if got := strings.Join(s.keys, ""); got != strings.Repeat("k", len(tc.at)) {
					t.Errorf("All attempts have the same key: got %q", s.keys)
				}
			})
		})
	}
}

func TestCallerFunc(t *testing.T) {
	var caller Caller = CallerFunc(func(_ context.Context, c Call) error { return errors.New(c.URL) })
	wantError(t, "A function is a Caller.", "here", caller.Call(t.Context(), Call{URL: "here"}))
}

// wantError wants an error that mentions want and no secret, or none if want
// is empty.
func wantError(t *testing.T, reason, want string, err error) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("%s\nunexpected error: %v", reason, err)
	case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
		t.Errorf("%s\nwant an error that mentions %q, got: %v", reason, want, err)
	case err != nil && strings.Contains(err.Error(), "s3cret"):
		t.Errorf("%s\nthe error holds a secret: %v", reason, err)
	}
}
