// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

// Package space gives a lab a world of its own: user, process, network, mount,
// control group, host name and message namespaces, in which an ordinary user
// may do what needs root outside.
//
// The first process in it ("lab init", see Init) holds everything together:
// when it ends, the kernel ends all the others, and with the last of them go
// the mounts and the network. It is on a leash, a socket to the process that
// started it, and ends when that one does, unless it was released.
package space

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/sluice-delivery/sluice/lab/internal/host"
)

// An Event is something that the inside tells the outside.
type Event struct {
	Text   string `json:"text,omitempty"`   // a line for people
	Ready  bool   `json:"ready,omitempty"`  // the lab is ready
	Failed string `json:"failed,omitempty"` // the lab has failed and ends, why
}

// ErrEnded is what First.Next returns when the inside is gone.
var ErrEnded = errors.New("the lab has ended")

// release is what the outside sends for the inside to stay without it.
const release = "release\n"

// First is the first process of a space, seen from outside.
type First struct {
	cmd   *exec.Cmd
	leash *os.File
	event *json.Decoder
}

// Start makes a space and starts "lab args…" in it as its first process, which
// must call Init. What it prints goes to log.
func Start(log *os.File, args ...string) (*First, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "leash"), os.NewFile(uintptr(fds[1]), "leash")
	defer theirs.Close()

	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Args[0] = "lab"
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles, cmd.Dir = log, log, []*os.File{theirs}, "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET |
			unix.CLONE_NEWIPC | unix.CLONE_NEWUTS | unix.CLONE_NEWCGROUP,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}},
		Setsid:      true, // a terminal's signals are not for it
	}
	if err := cmd.Start(); err != nil {
		ours.Close()
		return nil, fmt.Errorf("make namespaces: %w\n%s", err, host.Namespaces())
	}
	return &First{cmd: cmd, leash: ours, event: json.NewDecoder(ours)}, nil
}

// ID returns the process id, as seen from outside.
func (f *First) ID() int { return f.cmd.Process.Pid }

// Next waits for the next event. ErrEnded: there will be no more.
func (f *First) Next() (e Event, err error) {
	err = f.event.Decode(&e)
	if errors.Is(err, io.EOF) || errors.Is(err, os.ErrClosed) || errors.Is(err, unix.ECONNRESET) {
		err = ErrEnded
	}
	return e, err
}

// Release lets the space live on when this process ends.
func (f *First) Release() error {
	_, err := f.leash.WriteString(release)
	return err
}

// Kill ends everything in the space and returns when it is gone.
func (f *First) Kill() {
	// An error means that it is gone already, which Wait then tells.
	_ = f.cmd.Process.Kill()
	_ = f.cmd.Wait()
	f.leash.Close()
}
