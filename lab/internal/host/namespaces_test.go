// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package host

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestNamespaces(t *testing.T) {
	for name, tt := range map[string]struct {
		reason string
		file   string
		value  string
		want   string
	}{
		"AppArmor": {"Ubuntu's switch is named with its mend", "kernel/apparmor_restrict_unprivileged_userns", "1\n", "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"},
		"Debian":   {"Debian's old switch too", "kernel/unprivileged_userns_clone", "0\n", "sysctl -w kernel.unprivileged_userns_clone=1"},
		"Maximum":  {"a maximum of none forbids them", "user/max_user_namespaces", "0\n", "sysctl -w user.max_user_namespaces="},
		"Allowed":  {"a switch that allows them is not blamed", "kernel/unprivileged_userns_clone", "1\n", "no setting of the kernel"},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			file := filepath.Join(root, tt.file)
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(tt.value), 0o644); err != nil {
				t.Fatal(err)
			}
			if got := namespaces(root); !strings.Contains(got, tt.want) {
				t.Errorf("%s: want %q in %q", tt.reason, tt.want, got)
			}
		})
	}
}
