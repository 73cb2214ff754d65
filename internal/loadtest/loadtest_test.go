// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package loadtest

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	cases := map[string]struct {
		reason string
		args   []string
		want   Config // without its Log
		err    string
	}{
		"Defaults": {reason: "The defaults are Flagger's.", want: Config{Port: "9090", Timeout: time.Hour}},
		"All": {reason: "All of Flagger's flags are taken.",
			args: []string{"-log-level=info", "-port=8080", "-timeout=2h", "-zap-replace-globals", "-zap-encoding=console"},
			want: Config{Port: "8080", Timeout: 2 * time.Hour}},
		"Level":    {reason: "An unknown level is a mistake.", args: []string{"-log-level=loud"}, err: `-log-level is "loud" but must be`},
		"Encoding": {reason: "An unknown encoding is a mistake.", args: []string{"-zap-encoding=xml"}, err: `-zap-encoding is "xml" but must be`},
		"Regexp":   {reason: "A broken expression is a mistake.", args: []string{"-namespace-regexp=("}, err: "-namespace-regexp"},
		"Timeout":  {reason: "Commands need time.", args: []string{"-timeout=0s"}, err: "must be more than zero"},
		"Argument": {reason: "A flag without its dash is a mistake.", args: []string{"port=1"}, err: `unexpected argument "port=1"`},
		"Unknown":  {reason: "An unknown flag is a mistake.", args: []string{"-prot=1"}, err: "-prot"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c, err := Parse(tc.args, io.Discard)
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Fatalf("%s\nwant an error that mentions %q, got: %v", tc.reason, tc.err, err)
				}
				return
			}
			if err != nil || c.Log == nil {
				t.Fatalf("%s\nParse: %v", tc.reason, err)
			}
			c.Log = nil
			if diff := cmp.Diff(tc.want, c); diff != "" {
				t.Errorf("%s\nconfig (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

// server returns a load tester whose logs are in the buffer once it has ended.
func server(t *testing.T, ctx context.Context, change func(*Config)) (*httptest.Server, *Server, *log) {
	t.Helper()
	lines := &log{}
	c := Config{Timeout: time.Minute, Log: slog.New(slog.NewJSONHandler(lines, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	if change != nil {
		change(&c)
	}
	s := New(ctx, c)
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	return h, s, lines
}

// log is a buffer for several writers.
type log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// send posts body and returns the status and the text of the answer.
func send(t *testing.T, url, body string) (int, string) {
	t.Helper()
	resp, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatalf("post to %s: %v", url, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("read the answer of %s: %v", url, err)
	}
	return resp.StatusCode, strings.TrimSpace(string(text))
}

// body is a payload with metadata, which is JSON.
func body(metadata string) string {
	return `{"name":"web","namespace":"prod","phase":"Progressing","metadata":` + metadata + `}`
}

func TestAnswers(t *testing.T) {
	only := func(c *Config) { c.Namespace = regexp.MustCompile("rod") }
	cases := map[string]struct {
		reason string
		path   string
		body   string
		status int
		text   string // is in the answer
	}{
		"Health":    {reason: "It lives.", path: "/healthz", status: 200, text: "OK"},
		"Metrics":   {reason: "It tells about itself.", path: "/metrics", status: 200, text: "go_goroutines"},
		"Approve":   {reason: "This gate is always open.", path: "/gate/approve", status: 200, text: "OK"},
		"Halt":      {reason: "This gate never is.", path: "/gate/halt", status: 403},
		"Closed":    {reason: "A gate that nobody opened is closed.", path: "/gate/check", body: body("{}"), status: 403, text: "the gate of web.prod is closed"},
		"NoJSON":    {reason: "A gate needs to know whose it is.", path: "/gate/open", body: "web", status: 400, text: "must be the JSON"},
		"NoName":    {reason: "A gate needs to know whose it is.", path: "/gate/open", body: "{}", status: 400, text: "name and namespace"},
		"Empty":     {reason: "A task needs a payload.", path: "/", status: 400, text: "must be the JSON"},
		"NoTask":    {reason: "A task needs metadata.", path: "/", body: body("null"), status: 400, text: "metadata is missing"},
		"NoCommand": {reason: "A task needs a command.", path: "/", body: body(`{"type":"bash","cmd":" "}`), status: 400, text: "metadata.cmd is missing"},
		"Unknown":   {reason: "An unknown type is told what is known.", path: "/", body: body(`{"type":"fish","cmd":"x"}`), status: 400, text: "metadata.type fish is not known; known are cmd, bash, helm"},
		"Foreign":   {reason: "Namespaces can be kept out.", path: "/", body: `{"name":"a","namespace":"dev","metadata":{"cmd":"true"}}`, status: 403, text: "namespace dev may not"},
		"Huge":      {reason: "A payload has an end.", path: "/", body: body(`{"cmd":"` + strings.Repeat("x", 2<<20) + `"}`), status: 400, text: "too large"},
		"Bash":      {reason: "Success says nothing unless asked.", path: "/", body: body(`{"type":"bash","cmd":"echo hi"}`), status: 200, text: ""},
		"Output": {reason: "The output can be had.", path: "/", status: 200, text: "hi\nthere",
			body: body(`{"type":"bash","cmd":"echo hi; echo there >&2","returnCmdOutput":"true"}`)},
		"Failure": {reason: "What a failed command said is the reason.", path: "/any/path", status: 500, text: "hi\nthere\nexit status 3",
			body: body(`{"type":"bash","cmd":"echo hi; echo there >&2; exit 3"}`)},
		"Bashism": {reason: "bash is bash.", path: "/", status: 200, text: "b", body: body(`{"type":"bash","cmd":"a=(a b); echo ${a[1]}","returnCmdOutput":"true"}`)},
		"Cut":     {reason: "Of a long output the end is kept.", path: "/", status: 200, text: "1\nend", body: body(`{"type":"bash","cmd":"yes 1 | head -c 1000000; echo end","returnCmdOutput":"true"}`)},
	}
	h, _, _ := server(t, t.Context(), only)
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			status, text := send(t, h.URL+tc.path, tc.body)
			if status != tc.status || !strings.Contains(text, tc.text) || (tc.text == "" && status == 200 && text != "") {
				t.Errorf("%s\nwant %d %q, got %d %q", tc.reason, tc.status, tc.text, status, text[:min(len(text), 500)])
			}
			if len(text) > maxOutput+100 {
				t.Errorf("%s\ngot %d bytes", tc.reason, len(text))
			}
		})
	}
}

func TestGates(t *testing.T) {
	h, _, _ := server(t, t.Context(), nil)
	steps := []struct {
		reason, path, canary string
		want                 int
	}{
		{"A gate is opened.", "/gate/open", "web", 202},
		{"It stays open.", "/gate/check", "web", 200},
		{"Another canary's is another.", "/gate/check", "api", 403},
		{"The gate for rollbacks is another.", "/rollback/check", "web", 403},
		{"A gate is closed.", "/gate/close", "web", 202},
		{"It stays closed.", "/gate/check", "web", 403},
		{"A rollback is asked for.", "/rollback/open", "web", 202},
		{"It is seen.", "/rollback/check", "web", 200},
		{"It is taken back.", "/rollback/close", "web", 202},
		{"That is seen too.", "/rollback/check", "web", 403},
	}
	for _, step := range steps {
		got, _ := send(t, h.URL+step.path, `{"name":"`+step.canary+`","namespace":"prod"}`)
		if got != step.want {
			t.Errorf("%s %s of %s: want %d, got %d", step.reason, step.path, step.canary, step.want, got)
		}
	}
}

// fifo returns a named pipe, by which commands and tests wait for each other.
func fifo(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatalf("make a fifo: %v", err)
	}
	return path
}

// line waits for a line in the fifo.
func line(t *testing.T, path string) string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	text, err := bufio.NewReader(f).ReadString('\n')
	if err != nil {
		t.Fatalf("read from the command: %v", err)
	}
	return strings.TrimSpace(text)
}

func TestBackground(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	h, s, lines := server(t, ctx, nil)
	started, finish := fifo(t), fifo(t)
	cmd := body(fmt.Sprintf(`{"cmd":"echo up > %s; cat %s","logCmdOutput":"true"}`, started, finish))
	for range 3 {
		if got, _ := send(t, h.URL, cmd); got != 202 {
			t.Fatalf("Nobody waits for a load test: want 202, got %d", got)
		}
	}
	line(t, started)
	if err := os.WriteFile(finish, []byte("the output"), 0); err != nil {
		t.Fatal(err)
	}
	s.Wait()
	if got := strings.Count(lines.String(), "command starts"); got != 1 {
		t.Errorf("What runs is not started again: started %d times", got)
	}
	if !strings.Contains(lines.String(), `"output":"the output"`) {
		t.Errorf("The output is logged when asked for; the log is\n%s", lines)
	}
	send(t, h.URL, body(`{"cmd":"true"}`))
	s.Wait()
	send(t, h.URL, body(`{"cmd":"true"}`))
	s.Wait()
	if got := strings.Count(lines.String(), "command ended"); got != 3 {
		t.Errorf("What has ended may start again: want 3 ends, got %d", got)
	}
}

func TestTimeout(t *testing.T) {
	h, _, _ := server(t, t.Context(), func(c *Config) { c.Timeout = 50 * time.Millisecond })
	status, text := send(t, h.URL, body(`{"type":"bash","cmd":"echo before; sleep 1000"}`))
	if status != 500 || text != "before\nended after 50ms, the longest time that -timeout allows" {
		t.Errorf("A command has an end, and its output is told: got %d %q", status, text)
	}
	holders := fifo(t)
	freed := make(chan error, 1)
	go func() { freed <- held(holders) }()
	status, text = send(t, h.URL, body(fmt.Sprintf(`{"type":"bash","cmd":"exec 3> %s; sleep 1000 & echo left"}`, holders)))
	if status != 500 || !strings.HasPrefix(text, "left\nended after 50ms") {
		t.Errorf("What a command leaves in the background is waited for: got %d %q", status, text)
	}
	select {
	case err := <-freed:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("What a command leaves in the background ends with its time.")
	}
}

// held returns when the fifo was opened by commands and all of them have ended.
func held(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.ReadAll(f)
	return err
}

func TestMissingProgram(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	h, _, _ := server(t, t.Context(), nil)
	status, text := send(t, h.URL, body(`{"type":"helm","cmd":"test web"}`))
	if status != 500 || !strings.Contains(text, `"helm": executable file not found`) {
		t.Errorf("A program that is not there is named: got %d %q", status, text)
	}
}

func TestServe(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	lines := &log{}
	served := make(chan error, 1)
	go func() {
		served <- Serve(ctx, Config{Timeout: time.Hour, Log: slog.New(slog.NewJSONHandler(lines, nil))}, listener)
	}()
	holders, ready := fifo(t), fifo(t)
	freed := make(chan error, 1)
	go func() { freed <- held(holders) }()
	send(t, "http://"+listener.Addr().String(), body(fmt.Sprintf(`{"cmd":"exec 3> %s; sleep 1000 & echo up > %s; wait"}`, holders, ready)))
	line(t, ready)
	stop()
	if err := <-served; err != nil {
		t.Errorf("To be stopped is no error: %v", err)
	}
	if !strings.Contains(lines.String(), "ended, as the load tester stops") {
		t.Errorf("Commands end with the load tester; the log is\n%s", lines)
	}
	select {
	case err := <-freed:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("So do their children.")
	}
}
