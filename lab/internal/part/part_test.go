// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package part

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNamed(t *testing.T) {
	parts, unknown := Named("containerd", "hyper", "docker")
	var got []string
	for _, p := range parts {
		got = append(got, p.Name)
	}
	if diff := cmp.Diff([]string{"hyper", "containerd"}, got); diff != "" {
		t.Errorf("parts come in the order of building (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"docker"}, unknown); diff != "" {
		t.Errorf("a name that no part has is told (-want +got):\n%s", diff)
	}
}

func TestCatalogIsPinned(t *testing.T) {
	for _, p := range Catalog() {
		text := map[string]string{}
		err := p.text(func(name string, content []byte) error {
			text[name] = string(content)
			return nil
		})
		if err != nil {
			t.Fatalf("%s: %v", p, err)
		}
		module, isModule := p.maker.(module)
		switch {
		case p.Name == "own":
		case isModule && text["go.sum"] == "":
			t.Errorf("%s: without go.sum a build would trust whatever it is given", p)
		case isModule && p.Name != "hyper" && !pinned(text["go.mod"], p):
			t.Errorf("%s: its go.mod requires another version", p)
		case !isModule && !strings.Contains(text["requirements.txt"], "--hash=sha256:"):
			t.Errorf("%s: without a hash a build would trust whatever it is given", p)
		}
		if module.flags == "" && isModule {
			t.Errorf("%s: programs are stored without symbols", p)
		}
	}
}

// pinned tells whether the module that the part's programs come from is
// required in the part's version.
func pinned(gomod string, p Part) bool {
	for s := bufio.NewScanner(strings.NewReader(gomod)); s.Scan(); {
		fields := strings.Fields(strings.TrimPrefix(s.Text(), "require "))
		if len(fields) >= 2 && strings.HasPrefix(p.Programs[0].Package+"/", fields[0]+"/") && fields[1] == p.Version {
			return true
		}
	}
	return false
}

func TestFingerprint(t *testing.T) {
	parts, _ := Named("containerd")
	p := parts[0]
	for name, tt := range map[string]struct {
		reason string
		change func(*Part)
		same   bool
	}{
		"Nothing": {"equal parts are one", func(*Part) {}, true},
		"Version": {"another version is another part", func(p *Part) { p.Version = "v9" }, false},
		"Maker":   {"other flags give other programs", func(p *Part) { p.maker = module{flags: strip} }, false},
		"Text":    {"another go.sum may give other programs", func(p *Part) { p.Name = "runc" }, false},
	} {
		t.Run(name, func(t *testing.T) {
			changed := p
			tt.change(&changed)
			if got := changed.fingerprint() == p.fingerprint(); got != tt.same {
				t.Errorf("%s: same fingerprint: %t", tt.reason, got)
			}
		})
	}
}

func TestSays(t *testing.T) {
	for name, tt := range map[string]struct {
		reason string
		text   string
		want   bool
	}{
		"Plain":     {"a version alone", "runc version 1.4.2\nspec: 1.3", true},
		"Prefixed":  {"v is often put before it", "Kubernetes v1.4.2", true},
		"Longer":    {"11.4.2 is another version", "11.4.2", false},
		"Patch":     {"1.4.20 too", "v1.4.20", false},
		"Candidate": {"a release candidate is not the release", "v1.4.2-rc.1", false},
		"Slashes":   {"Envoy writes it between slashes", "envoy  version: abc/1.4.2/Clean", true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := says(tt.text, "1.4.2"); got != tt.want {
				t.Errorf("%s: got %t for %q", tt.reason, got, tt.text)
			}
		})
	}
}

func TestBorrow(t *testing.T) {
	p := Part{Name: "web", Version: "v1.4.2", Programs: []Program{{Package: ".", Names: []string{"both", "etc-d", "kube-x"}}},
		Prints: map[string]string{"etc-d": "3.7.3"}, Ask: map[string][]string{"kube-x": {"version", "--client"}}}
	for name, tt := range map[string]struct {
		reason   string
		programs map[string]string
		want     bool
	}{
		"Fitting": {"what is installed in the right version is used", map[string]string{
			"etc-d": "echo etcd Version: 3.7.3", "kube-x": `[ "$1 $2" = "version --client" ] && echo v1.4.2`}, true},
		"Older":   {"what is installed in another version is not", map[string]string{"etc-d": "echo 3.7.3", "kube-x": "echo v1.4.1"}, false},
		"Partly":  {"all programs of a part come from one place", map[string]string{"etc-d": "echo 3.7.3"}, false},
		"Failing": {"a program that does not work is not used", map[string]string{"etc-d": "echo 3.7.3", "kube-x": "echo v1.4.2; exit 1"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			dir, bin := t.TempDir(), t.TempDir()
			for program, script := range tt.programs {
				if err := os.WriteFile(filepath.Join(dir, program), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			t.Setenv("PATH", dir)
			if got := p.borrow(t.Context(), bin); got != tt.want {
				t.Fatalf("%s: got %t", tt.reason, got)
			}
			if _, err := os.Stat(filepath.Join(bin, "kube-x")); (err == nil) != tt.want {
				t.Errorf("%s: in the part: %v", tt.reason, err)
			}
		})
	}
}

// Contour's manifests ask for images by name; those names must be ours.
func TestManifestsFindTheirImages(t *testing.T) {
	var names []string
	for _, p := range Catalog() {
		if p.Image != nil {
			names = append(names, p.Image.Names...)
		}
	}
	parts, _ := Named("contour")
	dir := t.TempDir()
	if err := parts[0].lay(dir); err != nil {
		t.Fatal(err)
	}
	tree := parts[0].Trees[0]
	if err := tree.take(t.Context(), dir, dir); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, tree.To, "0[23]*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no manifests: %v", err)
	}
	found := 0
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^\s*image: (\S+)$`).FindAllSubmatch(bytes.TrimSpace(b), -1) {
			found++
			if !slices.Contains(names, string(m[1])) {
				t.Errorf("%s asks for %s, which no part is", filepath.Base(file), m[1])
			}
		}
	}
	if found == 0 {
		t.Error(fmt.Sprint("no image found in ", files))
	}
}
