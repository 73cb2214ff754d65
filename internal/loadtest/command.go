// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package loadtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

const (
	maxOutput = 64 << 10        // bytes of a command's output that are kept: the last ones
	killAfter = 5 * time.Second // from asking a command to end to making it
)

// run runs a command for at most timeout and returns the end of its output,
// standard and error together. It has ended when whatever it left in the
// background has closed the output too. When ctx or the time is over, its
// whole process group ends.
func run(ctx context.Context, timeout time.Duration, argv []string) (string, error) {
	timed, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	r, w, err := os.Pipe()
	if err != nil {
		return "", fmt.Errorf("make a pipe: %w", err)
	}
	defer r.Close()
	cmd := exec.CommandContext(timed, argv[0], argv[1:]...) //nolint:gosec // it is what the load tester is for
	cmd.Stdout, cmd.Stderr = w, w
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = killAfter
	err = cmd.Start()
	_ = w.Close()
	if err != nil {
		return "", err
	}
	var out tail
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		_, _ = io.Copy(&out, r)
	}()
	err = cmd.Wait()
	select {
	case <-copied:
	case <-timed.Done():
		err = timed.Err()
	}
	if timed.Err() != nil {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // whoever did not listen
		_ = r.Close()                                       // held by whoever left the group
		<-copied
	}
	return out.text(), explain(ctx, timed, timeout, err)
}

// explain says why a command was ended, if it was.
func explain(ctx, timed context.Context, timeout time.Duration, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return errors.New("ended, as the load tester stops")
	case timed.Err() != nil:
		return fmt.Errorf("ended after %s, the longest time that -timeout allows", timeout)
	}
	return err
}

// tail keeps the end of what is written to it.
type tail struct {
	kept []byte
	cut  bool
}

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	t.kept = append(t.kept, p...)
	if len(t.kept) > 2*maxOutput { // not at once, so that little is copied
		t.trim()
	}
	return len(p), nil
}

func (t *tail) trim() {
	if n := len(t.kept) - maxOutput; n > 0 {
		t.kept, t.cut = append(t.kept[:0], t.kept[n:]...), true
	}
}

func (t *tail) text() string {
	t.trim()
	text := strings.ToValidUTF8(string(t.kept), "")
	if t.cut {
		return "…" + text
	}
	return text
}
