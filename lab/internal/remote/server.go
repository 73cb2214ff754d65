// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/sluice-delivery/sluice/lab/internal/host"
)

// Exit codes for commands that did not run, as shells give them.
const (
	CannotRun = 126
	NotFound  = 127
)

// A Server does things inside a lab for clients outside.
type Server struct {
	// Env overrides variables of a client's environment.
	Env []string
	// Bin is put before the client's PATH.
	Bin string
}

// Listen returns a listener at the socket path.
func Listen(path string) (*net.UnixListener, error) {
	name, dir, err := short(path)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: name, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	l.SetUnlinkOnClose(false)
	return l, nil
}

// Serve answers clients until l is closed.
func (s *Server) Serve(l *net.UnixListener) error {
	for {
		c, err := l.AcceptUnix()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		go func() {
			defer c.Close()
			s.answer(c)
		}()
	}
}

func (s *Server) answer(c *net.UnixConn) {
	var r request
	files, more, err := receive(c, &r)
	if err != nil {
		return // not a client of ours, or gone again
	}
	defer closeAll(files)
	if r.Dial != "" {
		dial(c, r.Dial)
		return
	}
	signals := make(chan syscall.Signal)
	gone, leave := context.WithCancel(context.Background())
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		defer leave()
		var n note
		for more.Decode(&n) == nil {
			select {
			case signals <- syscall.Signal(n.Signal):
			case <-ended:
				return
			}
		}
	}()
	// The client may be gone: then nobody wants to know.
	_ = send(c, s.run(gone, r, files, signals))
}

// run runs a command until it ends, or until the client is gone.
func (s *Server) run(gone context.Context, r request, files []*os.File, signals <-chan syscall.Signal) reply {
	if len(files) != 3 || len(r.Args) == 0 {
		return reply{Code: CannotRun, Error: "a command needs arguments, and files for input, output and errors"}
	}
	cmd, err := s.command(r, files)
	if err != nil {
		return reply{Code: NotFound, Error: err.Error()}
	}
	if err := cmd.Start(); err != nil {
		code := CannotRun
		if errors.Is(err, fs.ErrNotExist) {
			code = NotFound
		}
		return reply{Code: code, Error: err.Error()}
	}
	closeAll(files) // else a reader of the command's output would never see its end
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case err := <-ended:
			return reply{Code: code(cmd.ProcessState, err)}
		case number := <-signals:
			_ = syscall.Kill(-cmd.Process.Pid, number)
		case <-gone.Done():
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			<-ended
			return reply{Code: CannotRun, Error: "the client is gone"}
		}
	}
}

func (s *Server) command(r request, files []*os.File) (*exec.Cmd, error) {
	env := s.environment(r.Env)
	program := r.Args[0]
	if !strings.Contains(program, "/") {
		file, err := host.Look(value(env, "PATH"), program)
		if err != nil {
			return nil, err
		}
		program = file
	}
	cmd := exec.Command(program)
	cmd.Path, cmd.Args, cmd.Err = program, r.Args, nil
	cmd.Env, cmd.Dir = env, r.Dir
	cmd.Stdin, cmd.Stdout, cmd.Stderr = files[0], files[1], files[2]
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: !r.Terminal, Setsid: r.Terminal, Setctty: r.Terminal}
	return cmd, nil
}

// environment returns the client's environment as it should be inside.
func (s *Server) environment(client []string) []string {
	env := slices.DeleteFunc(slices.Clone(client), func(e string) bool {
		key, _, _ := strings.Cut(e, "=")
		return strings.HasSuffix(strings.ToLower(key), "_proxy") // leads outside, where nothing gets
	})
	env = append(env, s.Env...)
	return append(env, "PATH="+s.Bin+":"+value(client, "PATH"))
}

// value returns the last value of key in env.
func value(env []string, key string) (v string) {
	for _, e := range env {
		if k, x, ok := strings.Cut(e, "="); ok && k == key {
			v = x
		}
	}
	return v
}

func code(p *os.ProcessState, err error) int {
	status, ok := p.Sys().(syscall.WaitStatus)
	switch {
	case err == nil:
		return 0
	case ok && status.Signaled():
		return 128 + int(status.Signal())
	default:
		return p.ExitCode()
	}
}

// dial connects to address and hands the connection to the client.
func dial(c *net.UnixConn, address string) {
	conn, err := net.DialTimeout("tcp", address, 10*time.Second)
	if err != nil {
		_ = send(c, reply{Code: 1, Error: err.Error()})
		return
	}
	defer conn.Close()
	f, err := conn.(*net.TCPConn).File()
	if err != nil {
		_ = send(c, reply{Code: 1, Error: err.Error()})
		return
	}
	defer f.Close()
	_ = send(c, reply{}, f)
}
