// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

// Package image makes container images from files on disk, without a registry
// and without a container engine.
package image

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/google/go-containerregistry/pkg/compression"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// searchPath is what PATH is in a container unless its image says otherwise.
const searchPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// A Spec says what an image holds and how it starts.
type Spec struct {
	// Names are all the names the image goes by, each with its tag.
	Names []string
	// Entrypoint is the command line. Unset, it is the first of Files.
	Entrypoint []string
	// WorkDir is where the command starts. Unset, it is "/".
	WorkDir string
	// Env holds additions to the environment, as KEY=VALUE.
	Env []string
	// Files are the image's files. Programs that are linked dynamically take
	// the libraries along that they need.
	Files []File
	// Tree is a directory whose content is laid out at "/"; empty for none.
	Tree string
}

// A File is a file of the image.
type File struct {
	Path string // in the image
	From string // on disk; several Files with one From become hard links
}

// ParseFile reads "PATH=FILE". "FILE" alone is put at "/" under its own name.
func ParseFile(s string) File {
	if path, from, ok := strings.Cut(s, "="); ok {
		return File{Path: path, From: from}
	}
	return File{Path: "/" + filepath.Base(s), From: s}
}

// Write makes the image that s describes and stores it in the file out, as an
// archive that containerd, Docker and Podman import. The image has one layer
// and is for the architecture of this machine. Equal input gives equal output.
func Write(out string, s Spec) error {
	if err := s.check(); err != nil {
		return err
	}
	work, err := os.MkdirTemp(filepath.Dir(out), ".image-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)

	layer := filepath.Join(work, "layer.tar")
	if err := writeLayer(layer, s); err != nil {
		return fmt.Errorf("lay out image %s: %w", s.Names[0], err)
	}
	img, err := assemble(layer, s)
	if err != nil {
		return fmt.Errorf("assemble image %s: %w", s.Names[0], err)
	}
	images := map[name.Tag]v1.Image{}
	for _, n := range s.Names {
		tag, err := name.NewTag(n, name.StrictValidation)
		if err != nil {
			return fmt.Errorf("image name %q needs the form NAME:TAG: %w", n, err)
		}
		images[tag] = img
	}
	finished := filepath.Join(work, "image.tar")
	if err := tarball.MultiWriteToFile(finished, images); err != nil {
		return fmt.Errorf("write image %s: %w", s.Names[0], err)
	}
	return os.Rename(finished, out)
}

func (s Spec) check() error {
	if len(s.Names) == 0 {
		return fmt.Errorf("an image needs a name, such as example.com/web:1")
	}
	if len(s.Files) == 0 && len(s.Entrypoint) == 0 {
		return fmt.Errorf("image %s needs a program or an entrypoint", s.Names[0])
	}
	for _, f := range s.Files {
		info, err := os.Stat(f.From)
		if err != nil {
			return fmt.Errorf("image %s: file for %s: %w", s.Names[0], f.Path, err)
		}
		if !info.Mode().IsRegular() {
			return fmt.Errorf("image %s: %s is not a file; give directories as a tree", s.Names[0], f.From)
		}
	}
	return nil
}

func assemble(layer string, s Spec) (v1.Image, error) {
	l, err := tarball.LayerFromFile(layer,
		tarball.WithCompression(compression.None), tarball.WithMediaType(types.DockerUncompressedLayer))
	if err != nil {
		return nil, err
	}
	img, err := mutate.AppendLayers(empty.Image, l)
	if err != nil {
		return nil, err
	}
	entry := s.Entrypoint
	if len(entry) == 0 {
		entry = []string{"/" + inside(s.Files[0].Path)}
	}
	work := s.WorkDir
	if work == "" {
		work = "/"
	}
	config, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", runtime.GOARCH
	config.History, config.Created = nil, v1.Time{}
	config.Config = v1.Config{Entrypoint: entry, WorkingDir: work, Env: append([]string{searchPath}, s.Env...)}
	return mutate.ConfigFile(img, config)
}
