// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package progress

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		stop := New(&out).Watch("part 3 of 9: containerd v2.3.6")
		<-time.After(12 * time.Second)
		took := stop()
		want := "part 3 of 9: containerd v2.3.6, 5.0 s …\npart 3 of 9: containerd v2.3.6, 10 s …\n"
		if diff := cmp.Diff(want, out.String()); diff != "" {
			t.Errorf("twelve seconds bring a line every five seconds (-want +got):\n%s", diff)
		}
		if took != 12*time.Second {
			t.Errorf("stop tells the time it took: want 12 s, got %s", took)
		}
	})
}

func TestSeconds(t *testing.T) {
	for name, test := range map[string]struct {
		reason string
		d      time.Duration
		want   string
	}{
		"Short":  {"tenths matter while something is quick", 730 * time.Millisecond, "0.7 s"},
		"Medium": {"tenths are noise after ten seconds", 41200 * time.Millisecond, "41 s"},
		"Long":   {"nobody divides by sixty while waiting", 629 * time.Second, "10 min 29 s"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Seconds(test.d); got != test.want {
				t.Errorf("%s: want %q, got %q", test.reason, test.want, got)
			}
		})
	}
}
