// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/sluice-delivery/sluice/lab/internal/state"
)

func TestDescribe(t *testing.T) {
	me, err := state.Identify(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	gone := me
	gone.Start += "0"
	for name, tt := range map[string]struct {
		reason string
		first  state.Process
		told   state.Progress
		code   int
		want   string
	}{
		"Ready":    {"a lab that works is good news", me, state.Progress{Phase: state.Ready}, 0, "ready"},
		"Starting": {"one that is not ready yet is not", me, state.Progress{Phase: state.Starting}, failure, "starting"},
		"Failed":   {"one that broke says why", gone, state.Progress{Phase: state.Failed, Message: "etcd ended"}, failure, "etcd ended"},
		"Gone":     {"one that was killed could not say so", gone, state.Progress{Phase: state.Ready}, failure, "ended from outside"},
	} {
		t.Run(name, func(t *testing.T) {
			l := state.Lab{Dir: t.TempDir()}
			if err := l.Save(state.Record{First: tt.first, Begun: time.Now()}); err != nil {
				t.Fatal(err)
			}
			if err := l.Tell(tt.told); err != nil {
				t.Fatal(err)
			}
			text, code, err := describe(l)
			if err != nil || code != tt.code || !strings.Contains(text, tt.want) {
				t.Errorf("%s: want code %d and %q, got %d, %v and:\n%s", tt.reason, tt.code, tt.want, code, err, text)
			}
		})
	}
	if _, code, err := describe(state.Lab{Dir: t.TempDir()}); code != notRunning || err != nil {
		t.Errorf("no lab is neither good nor bad: got %d, %v", code, err)
	}
}

func TestListen(t *testing.T) {
	for name, tt := range map[string]struct{ reason, where, want string }{
		"Port":    {"a port is this machine's alone", "0", "127.0.0.1:"},
		"Address": {"an address is taken as it is", "127.0.0.1:0", "127.0.0.1:"},
		"Path":    {"a path is a socket", t.TempDir() + "/s", "/s"},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := listen(tt.where)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			if !strings.Contains(l.Addr().String(), tt.want) {
				t.Errorf("%s: got %s", tt.reason, l.Addr())
			}
		})
	}
}
