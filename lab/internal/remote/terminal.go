// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// pass sends a signal on to the command.
func pass(conn *net.UnixConn, s os.Signal) error {
	number, ok := s.(syscall.Signal)
	if !ok {
		return fmt.Errorf("pass on %s: not a signal of this system", s)
	}
	return json.NewEncoder(conn).Encode(note{Signal: int(number)})
}

// pair is a terminal made for a command: what goes in at one end comes out at
// the other.
type pair struct {
	outer *os.File // read and written here
	inner *os.File // the command's terminal
}

func openTerminal() (pair, error) {
	outer, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return pair{}, fmt.Errorf("make a terminal: %w", err)
	}
	n, err := unix.IoctlGetInt(int(outer.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(outer.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		return pair{}, fmt.Errorf("make a terminal: %w", err)
	}
	inner, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return pair{}, fmt.Errorf("make a terminal: %w", err)
	}
	return pair{outer, inner}, nil
}

// attach connects the person's terminal with the command's, until restore is
// called.
func (p pair) attach(person *os.File) (restore func(), err error) {
	fd := int(person.Fd())
	before, err := term.MakeRaw(fd)
	if err != nil {
		return nil, fmt.Errorf("switch the terminal: %w", err)
	}
	resized := make(chan os.Signal, 1)
	signal.Notify(resized, syscall.SIGWINCH)
	resized <- syscall.SIGWINCH // the size that it has now
	go func() {
		for range resized {
			if size, err := unix.IoctlGetWinsize(fd, unix.TIOCGWINSZ); err == nil {
				_ = unix.IoctlSetWinsize(int(p.outer.Fd()), unix.TIOCSWINSZ, size)
			}
		}
	}()
	shown := make(chan struct{})
	go func() {
		defer close(shown)
		_, _ = io.Copy(person, p.outer) // ends with an error when the command is gone
	}()
	go func() { _, _ = io.Copy(p.outer, person) }()
	return func() {
		<-shown
		signal.Stop(resized)
		close(resized)
		_ = term.Restore(fd, before)
	}, nil
}
