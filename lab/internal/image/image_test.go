// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package image

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	program := write(t, dir, "web", "#!/bin/sh\n")
	tree := filepath.Join(dir, "tree")
	if err := os.MkdirAll(filepath.Join(tree, "etc", "app"), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, tree, "etc/app/config", "answer: 42\n")

	for test, tt := range map[string]struct {
		reason string
		spec   Spec
		config v1.Config
		files  map[string]string
	}{
		"Plain": {
			reason: "the first file is the entrypoint and the search path is the usual one",
			spec:   Spec{Names: []string{"lab.local/web:1"}, Files: []File{{"/web", program}}},
			config: v1.Config{Entrypoint: []string{"/web"}, WorkingDir: "/", Env: []string{searchPath}},
			files:  map[string]string{"web": "#!/bin/sh\n"},
		},
		"Full": {
			reason: "entrypoint, directory, environment, tree and a program under two names all reach the image",
			spec: Spec{
				Names: []string{"docker.io/example/web:1"}, Entrypoint: []string{"/bin/web", "-v"}, WorkDir: "/data",
				Env: []string{"A=1"}, Tree: tree, Files: []File{{"/bin/web", program}, {"/bin/again", program}},
			},
			config: v1.Config{Entrypoint: []string{"/bin/web", "-v"}, WorkingDir: "/data", Env: []string{searchPath, "A=1"}},
			files:  map[string]string{"bin/web": "#!/bin/sh\n", "bin/again": "→ bin/web", "etc/app/config": "answer: 42\n", "data/": ""},
		},
	} {
		t.Run(test, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out.tar")
			if err := Write(out, tt.spec); err != nil {
				t.Fatal(err)
			}
			img := read(t, out, tt.spec.Names[0])
			config, err := img.ConfigFile()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.config, config.Config); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
			if config.Architecture != runtime.GOARCH {
				t.Errorf("an image is for the machine it was made on: got %s", config.Architecture)
			}
			got := content(t, img)
			for path, want := range tt.files {
				if diff := cmp.Diff(want, got[path]); diff != "" {
					t.Errorf("%s: %s (-want +got):\n%s", tt.reason, path, diff)
				}
			}
		})
	}
}

func TestWriteTakesLibrariesAlong(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out.tar")
	if err := Write(out, Spec{Names: []string{"lab.local/sh:1"}, Files: []File{{"/sh", "/bin/sh"}}}); err != nil {
		t.Fatal(err)
	}
	for path := range content(t, read(t, out, "lab.local/sh:1")) {
		if strings.Contains(path, "libc.so") || strings.Contains(path, "ld-musl") {
			return
		}
	}
	t.Error("the shell of this machine is linked dynamically, so its image needs the C library")
}

func TestWriteIsReproducible(t *testing.T) {
	dir := t.TempDir()
	spec := Spec{Names: []string{"lab.local/web:1"}, Files: []File{{"/web", write(t, dir, "web", "x")}}}
	var got [2][]byte
	for i := range got {
		out := filepath.Join(dir, "out.tar")
		if err := Write(out, spec); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		got[i] = b
	}
	if !bytes.Equal(got[0], got[1]) {
		t.Error("equal input must give equal output")
	}
}

func TestWriteRefuses(t *testing.T) {
	for test, tt := range map[string]struct {
		reason string
		spec   Spec
		want   string
	}{
		"NoName":    {"an image nobody can refer to is of no use", Spec{}, "needs a name"},
		"NoProgram": {"an image must start something", Spec{Names: []string{"a/b:1"}}, "needs a program"},
		"NoFile":    {"a missing file is named", Spec{Names: []string{"a/b:1"}, Files: []File{{"/x", "/nowhere"}}}, "/nowhere"},
		"Directory": {"a directory is not a program", Spec{Names: []string{"a/b:1"}, Files: []File{{"/x", "/"}}}, "give directories as a tree"},
		"NoTag":     {"a name without tag would be a guess", Spec{Names: []string{"a"}, Files: []File{{"/x", "/bin/sh"}}}, "NAME:TAG"},
	} {
		t.Run(test, func(t *testing.T) {
			err := Write(filepath.Join(t.TempDir(), "out.tar"), tt.spec)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: want an error with %q, got %v", tt.reason, tt.want, err)
			}
		})
	}
}

func TestParseFile(t *testing.T) {
	want := []File{{"/web", "bin/web"}, {"/usr/bin/x", "bin/web"}}
	got := []File{ParseFile("bin/web"), ParseFile("/usr/bin/x=bin/web")}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("a file may say where it goes (-want +got):\n%s", diff)
	}
}

func write(t *testing.T, dir, file, text string) string {
	t.Helper()
	path := filepath.Join(dir, file)
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func read(t *testing.T, file, ref string) v1.Image {
	t.Helper()
	tag, err := name.NewTag(ref)
	if err != nil {
		t.Fatal(err)
	}
	img, err := tarball.ImageFromPath(file, &tag)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func content(t *testing.T, img v1.Image) map[string]string {
	t.Helper()
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	r, err := layers[0].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	files := map[string]string{}
	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(tr)
		if err != nil {
			t.Fatal(err)
		}
		files[h.Name] = string(b)
		if h.Typeflag == tar.TypeLink {
			files[h.Name] = "→ " + h.Linkname
		}
	}
}
