// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"crypto/x509"
	"encoding/pem"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var layout = Layout{Dir: "/home/ann/lab", Data: "/var/lib/lab", Audit: "/tmp/audit.log", Token: "token"}

func TestFiles(t *testing.T) {
	files, err := layout.Files(Keys{CA: []byte("authority")})
	if err != nil {
		t.Fatal(err)
	}
	for path, b := range files {
		golden(t, filepath.Base(path), string(b))
		if strings.HasSuffix(path, ".yaml") || strings.HasSuffix(path, "list") || path == layout.Kubeconfig() {
			if err := yaml.UnmarshalStrict(b, new(map[string]any)); err != nil {
				t.Errorf("%s must be readable: %v", path, err)
			}
		}
	}
}

func TestCommands(t *testing.T) {
	for name, tt := range map[string]struct {
		reason string
		args   []string
	}{
		"etcd":                    {"it need not outlive the lab", layout.Etcd()},
		"kube-apiserver":          {"it writes the audit log that was asked for", layout.APIServer()},
		"kube-controller-manager": {"it leads alone", layout.ControllerManager()},
		"kube-scheduler":          {"it leads alone", layout.Scheduler()},
		"kube-proxy":              {"it is configured by file", layout.Proxy()},
		"containerd":              {"it is configured by file", layout.Containerd()},
		"kubelet":                 {"it stores nothing outside", layout.Kubelet()},
		"kwok":                    {"it knows its own stages", layout.Kwok("/parts/kwok/stage")},
		"ctr":                     {"it sees the kubelet's images", layout.Ctr("images", "list")},
		"environment":             {"clients find the cluster", layout.Env()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Log(tt.reason)
			golden(t, name+".args", strings.Join(tt.args, "\n")+"\n")
		})
	}
}

func TestNoAuditUnlessAskedFor(t *testing.T) {
	plain := layout
	plain.Audit = ""
	for _, a := range append(plain.APIServer(), plain.Env()...) {
		if strings.Contains(strings.ToLower(a), "audit") {
			t.Errorf("nobody asked for an audit log: %s", a)
		}
	}
}

func TestKeys(t *testing.T) {
	now := time.Now()
	k, err := NewKeys(now)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(k.CA) {
		t.Fatal("the authority's certificate is not readable")
	}
	block, _ := pem.Decode(k.Certificate)
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"127.0.0.1", "10.40.0.1", "10.43.0.1", "kubernetes.default.svc", "localhost"} {
		if _, err := c.Verify(x509.VerifyOptions{Roots: roots, DNSName: name, CurrentTime: now}); err != nil {
			t.Errorf("clients reach the server as %s: %v", name, err)
		}
	}
}

func TestWrite(t *testing.T) {
	l := layout
	l.Dir = t.TempDir()
	if err := l.Write(Keys{}); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(l.Kubeconfig())
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the file holds the administrator's password: got mode %s", info.Mode())
	}
}

// golden compares got with a file in testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s changed; \"go test -update\" if that is meant (-want +got):\n%s", name, diff)
	}
}
