// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package space

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// leashFD is where the first process finds its leash.
const leashFD = 3

// Init is what the first process of a space does: it starts "lab args…" and
// buries every process that nobody else waits for, until that one ends. It
// returns the exit code of that one. Its own end is the end of the space.
func Init(args ...string) int {
	child, err := syscall.ForkExec("/proc/self/exe", append([]string{"lab"}, args...), &syscall.ProcAttr{
		Env:   os.Environ(),
		Files: []uintptr{0, 1, 2, leashFD},
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "start the supervisor:", err)
		return 1
	}
	go hold()
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, 0, nil)
		switch {
		case err == unix.EINTR:
		case err != nil:
			fmt.Fprintln(os.Stderr, "wait for processes:", err)
			return 1
		case pid == child && status.Signaled():
			return 128 + int(status.Signal())
		case pid == child:
			return status.ExitStatus()
		}
	}
}

// hold ends this process, and so the space, when the other end of the leash is
// let go without release.
func hold() {
	line, err := bufio.NewReader(os.NewFile(leashFD, "leash")).ReadString('\n')
	if err != nil || line != release {
		os.Exit(1)
	}
}

// Outside is the way from the inside to whoever holds the leash.
type Outside struct{ encoder *json.Encoder }

// Leash returns the way out. The caller must be the one that Init started.
func Leash() Outside {
	unix.CloseOnExec(leashFD)
	return Outside{json.NewEncoder(os.NewFile(leashFD, "leash"))}
}

// Send tells the outside something. Nobody may listen any more; that is no
// error.
func (o Outside) Send(e Event) { _ = o.encoder.Encode(e) }

// Write sends every line as an event, so that progress can be printed to it.
func (o Outside) Write(b []byte) (int, error) {
	o.Send(Event{Text: strings.TrimSuffix(string(b), "\n")})
	return len(b), nil
}
