// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"
)

// A Client reaches into the lab whose server listens on Socket.
type Client struct{ Socket string }

// A Command is a command to run inside.
type Command struct {
	Args  []string
	Env   []string
	Dir   string
	Files [3]*os.File // input, output, errors
}

// Here returns a Command that runs in this process's place: with its
// environment, directory and files.
func Here(args ...string) (Command, error) {
	dir, err := os.Getwd()
	return Command{Args: args, Env: os.Environ(), Dir: dir, Files: [3]*os.File{os.Stdin, os.Stdout, os.Stderr}}, err
}

// interrupted is the exit code of a command that a person had enough of.
const interrupted = 130

func (c Client) connect() (*net.UnixConn, error) {
	name, dir, err := short(c.Socket)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: name, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("reach the lab at %s: %w", c.Socket, err)
	}
	return conn, nil
}

// Run runs a command to its end and returns its exit code; above 128 it tells
// the signal that ended it. Signals that reach this process are passed on; at
// the second interrupt the command is killed. If this process ends, the command
// ends too. Where all files of the command are one terminal, it gets a terminal
// of its own.
func (c Client) Run(cmd Command) (int, error) {
	conn, err := c.connect()
	if err != nil {
		return CannotRun, err
	}
	defer conn.Close()
	if !terminal(cmd.Files) {
		return run(conn, cmd, false)
	}
	t, err := openTerminal()
	if err != nil {
		return CannotRun, err
	}
	outside := cmd.Files[0]
	cmd.Files = [3]*os.File{t.inner, t.inner, t.inner}
	restore, err := t.attach(outside)
	if err != nil {
		return CannotRun, err
	}
	defer restore()
	return run(conn, cmd, true)
}

func terminal(files [3]*os.File) bool {
	for _, f := range files {
		if f == nil || !term.IsTerminal(int(f.Fd())) {
			return false
		}
	}
	return true
}

func run(conn *net.UnixConn, cmd Command, terminal bool) (int, error) {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2)
	defer signal.Stop(signals)

	r := request{Args: cmd.Args, Env: cmd.Env, Dir: cmd.Dir, Terminal: terminal}
	if err := send(conn, r, cmd.Files[:]...); err != nil {
		return CannotRun, fmt.Errorf("start %s in the lab: %w", cmd.Args[0], err)
	}
	if terminal {
		cmd.Files[0].Close() // the command has it now, and its end must be seen
	}
	answers := make(chan answer, 1)
	go func() { answers <- await(conn, cmd.Args[0]) }()
	for interrupts := 0; ; {
		select {
		case a := <-answers:
			return a.code, a.err
		case s := <-signals:
			if s == syscall.SIGINT || s == syscall.SIGTERM {
				interrupts++
			}
			if interrupts > 1 {
				return interrupted, nil
			}
			if err := pass(conn, s); err != nil {
				return CannotRun, err
			}
		}
	}
}

type answer struct {
	code int
	err  error
}

func await(conn *net.UnixConn, program string) answer {
	var got reply
	if _, _, err := receive(conn, &got); err != nil {
		return answer{CannotRun, fmt.Errorf("the lab ended while %s ran in it", program)}
	}
	if got.Error != "" {
		return answer{got.Code, fmt.Errorf("run %s in the lab: %s", program, got.Error)}
	}
	return answer{code: got.Code}
}

// Dial returns a connection to a TCP address inside the lab.
func (c Client) Dial(address string) (net.Conn, error) {
	conn, err := c.connect()
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := send(conn, request{Dial: address}); err != nil {
		return nil, err
	}
	var got reply
	files, _, err := receive(conn, &got)
	if err != nil {
		return nil, fmt.Errorf("connect to %s in the lab: %w", address, err)
	}
	defer closeAll(files)
	if got.Error != "" || len(files) != 1 {
		return nil, fmt.Errorf("connect to %s in the lab: %s", address, got.Error)
	}
	return net.FileConn(files[0])
}

// Forward connects everyone who comes to l with a TCP address inside the lab,
// until l is closed. Each connection that fails is told to failed.
func (c Client) Forward(l net.Listener, address string, failed func(error)) error {
	for {
		near, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		go func() {
			defer near.Close()
			far, err := c.Dial(address)
			if err != nil {
				failed(err)
				return
			}
			defer far.Close()
			join(near, far)
		}()
	}
}

// join copies both ways until both sides have said all.
func join(a, b net.Conn) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		pour(a, b)
	}()
	pour(b, a)
	<-done
}

func pour(to, from net.Conn) {
	_, _ = io.Copy(to, from) // an error ends the connection, which both ends see
	if w, ok := to.(interface{ CloseWrite() error }); ok {
		_ = w.CloseWrite()
	}
}
