// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// serve starts a server and returns a client of it.
func serve(t *testing.T) Client {
	t.Helper()
	// Longer than the 107 bytes that a socket's address may have.
	dir := filepath.Join(t.TempDir(), strings.Repeat("deep/", 30))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	l, err := Listen(filepath.Join(dir, "socket"))
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{Env: []string{"KUBECONFIG=/lab/kubeconfig"}, Bin: "/lab/bin"}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		l.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return Client{Socket: filepath.Join(dir, "socket")}
}

// shell is a command that runs script, with pipes for its input and output.
func shell(t *testing.T, script string) (cmd Command, in *os.File, out *os.File) {
	t.Helper()
	inside, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out, outside, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []*os.File{inside, in, out, outside} {
		t.Cleanup(func() { f.Close() })
	}
	env := []string{"PATH=/usr/bin:/bin", "KUBECONFIG=/mine", "HTTPS_PROXY=http://proxy"}
	return Command{Args: []string{"sh", "-c", script}, Env: env, Dir: "/", Files: [3]*os.File{inside, outside, outside}}, in, out
}

func TestRun(t *testing.T) {
	c := serve(t)
	for name, tt := range map[string]struct {
		reason string
		args   []string
		code   int
		out    string
		err    string
	}{
		"Success": {"output goes to the caller's file", []string{"sh", "-c", "echo done"}, 0, "done\n", ""},
		"Failure": {"the exit code is the command's", []string{"sh", "-c", "exit 7"}, 7, "", ""},
		"Signal":  {"an end by signal is told as shells do", []string{"sh", "-c", "kill -9 $$"}, 137, "", ""},
		"Missing": {"a command that is not there is named", []string{"nosuch"}, NotFound, "", "nosuch"},
		"Denied":  {"a file that is no program is told apart", []string{"/etc/passwd"}, CannotRun, "", "permission denied"},
		"Environment": {"the lab's variables win, and nothing leads outside", []string{"sh", "-c", "echo $KUBECONFIG $PATH $HTTPS_PROXY"},
			0, "/lab/kubeconfig /lab/bin:/usr/bin:/bin\n", ""},
		"Directory": {"it starts where the caller is", []string{"pwd"}, 0, "/\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			cmd, _, out := shell(t, "")
			cmd.Args = tt.args
			code, err := c.Run(cmd)
			if code != tt.code {
				t.Errorf("%s: want exit code %d, got %d", tt.reason, tt.code, code)
			}
			if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%s: want error %q, got %v", tt.reason, tt.err, err)
			}
			cmd.Files[1].Close()
			got, readErr := io.ReadAll(out)
			if readErr != nil {
				t.Fatal(readErr)
			}
			if diff := cmp.Diff(tt.out, string(got)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

func TestRunPassesSignalsOn(t *testing.T) {
	c := serve(t)
	cmd, _, out := shell(t, `trap 'exit 9' USR1; echo up; while :; do read -r line; done`)
	go func() {
		first := make([]byte, 3)
		if _, err := io.ReadFull(out, first); err == nil {
			_ = syscall.Kill(os.Getpid(), syscall.SIGUSR1)
		}
	}()
	if code, err := c.Run(cmd); code != 9 || err != nil {
		t.Errorf("a signal for the client is one for the command: got %d, %v", code, err)
	}
}

func TestCommandEndsWithItsClient(t *testing.T) {
	c := serve(t)
	cmd, _, out := shell(t, `echo up; sleep 600`)
	conn, err := c.connect()
	if err != nil {
		t.Fatal(err)
	}
	if err := send(conn, request{Args: cmd.Args, Env: cmd.Env, Dir: cmd.Dir}, cmd.Files[:]...); err != nil {
		t.Fatal(err)
	}
	first := make([]byte, 3)
	if _, err := io.ReadFull(out, first); err != nil {
		t.Fatal(err)
	}
	conn.Close() // as when the client is killed
	cmd.Files[1].Close()
	if _, err := io.ReadAll(out); err != nil { // ends when nobody can write any more
		t.Error(err)
	}
}

func TestForward(t *testing.T) {
	c := serve(t)
	echo, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer echo.Close()
	go func() {
		conn, err := echo.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = io.Copy(conn, conn)
	}()
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	failed := make(chan error, 1)
	go c.Forward(l, echo.Addr().String(), func(err error) { failed <- err }) //nolint:errcheck // it ends with l
	defer l.Close()

	near, err := net.Dial("unix", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer near.Close()
	if _, err := near.Write([]byte("there and back")); err != nil {
		t.Fatal(err)
	}
	if err := near.(*net.UnixConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(near)
	if err != nil || string(got) != "there and back" {
		t.Errorf("what is sent comes back, end included: got %q, %v", got, err)
	}
	if _, err := c.Dial("127.0.0.1:1"); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("an address where nobody listens is told: got %v", err)
	}
}

func TestNoLab(t *testing.T) {
	for name, tt := range map[string]struct{ reason, socket string }{
		"NoDirectory": {"a lab that was never there", "/nowhere/socket"},
		"NoSocket":    {"a lab that is gone", filepath.Join(t.TempDir(), "socket")},
	} {
		t.Run(name, func(t *testing.T) {
			cmd, _, _ := shell(t, "true")
			if code, err := (Client{Socket: tt.socket}).Run(cmd); err == nil || code != CannotRun {
				t.Errorf("%s is told: got %d, %v", tt.reason, code, err)
			}
		})
	}
}
