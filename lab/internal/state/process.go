// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package state

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A Process is a process of this machine. Ids are used again, but not with the
// same start.
type Process struct {
	ID    int    `json:"id"`
	Start string `json:"start"` // in ticks since boot
	Boot  string `json:"boot"`  // which boot
}

// Identify returns the process that has the given id now.
func Identify(id int) (Process, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", id))
	if err != nil {
		return Process{}, err
	}
	// The second field is the program's name in parentheses, which may itself
	// hold spaces and parentheses.
	_, rest, _ := strings.Cut(string(stat[strings.LastIndexByte(string(stat), ')'):]), " ")
	fields := strings.Fields(rest)
	if len(fields) < 20 {
		return Process{}, fmt.Errorf("read the start of process %d: unexpected %q", id, stat)
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return Process{}, err
	}
	return Process{ID: id, Start: fields[19], Boot: strings.TrimSpace(string(boot))}, nil
}

// open returns a file that stands for the process, and false if it has ended.
func (p Process) open() (fd int, alive bool) {
	if p.ID <= 1 {
		return -1, false
	}
	fd, err := unix.PidfdOpen(p.ID, 0)
	if err != nil {
		return -1, false
	}
	// fd is p itself: if a process with p's start has the id now, it had it
	// when fd was opened.
	if now, err := Identify(p.ID); err != nil || now != p {
		unix.Close(fd)
		return -1, false
	}
	return fd, true
}

// Alive tells whether the process runs.
func (p Process) Alive() bool {
	fd, alive := p.open()
	if alive {
		alive = !ended(fd, 0)
		unix.Close(fd)
	}
	return alive
}

// Kill ends the process at once and returns when it, and for the first one of
// a PID namespace everything below it, is gone.
func (p Process) Kill(ctx context.Context) error {
	fd, alive := p.open()
	if !alive {
		return nil
	}
	defer unix.Close(fd)
	if err := unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("end process %s: %w", strconv.Itoa(p.ID), err)
	}
	for !ended(fd, 100*time.Millisecond) {
		if ctx.Err() != nil {
			return fmt.Errorf("wait for the end of process %d: %w", p.ID, context.Cause(ctx))
		}
	}
	return nil
}

// ended waits up to d for the process behind fd to end.
func ended(fd int, d time.Duration) bool {
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(d.Milliseconds()))
	return err == nil && n == 1
}
