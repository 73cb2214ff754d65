// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package image

import (
	"archive/tar"
	"bytes"
	"debug/elf"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

// library finds the file names in what ldd prints.
var library = regexp.MustCompile(`(/\S+) \(0x`)

// inside returns p as tar wants it: relative to the image's root.
func inside(p string) string {
	return strings.TrimPrefix(path.Clean("/"+p), "/")
}

// layer writes the tar of an image's only layer.
type layer struct {
	*tar.Writer
	paths map[string]bool   // what is there already
	first map[string]string // file on disk → where it is in the image
}

func writeLayer(out string, s Spec) error {
	f, err := os.Create(out)
	if err != nil {
		return err
	}
	defer f.Close()
	l := layer{Writer: tar.NewWriter(f), paths: map[string]bool{}, first: map[string]string{}}
	if err := l.fill(s); err != nil {
		return err
	}
	if err := l.Close(); err != nil {
		return err
	}
	return f.Close()
}

func (l *layer) fill(s Spec) error {
	if s.Tree != "" {
		if err := l.tree(s.Tree); err != nil {
			return err
		}
	}
	for _, f := range s.Files {
		if err := l.file(inside(f.Path), f.From); err != nil {
			return err
		}
	}
	for _, f := range s.Files {
		if err := l.libraries(f.From); err != nil {
			return err
		}
	}
	return l.base(s.WorkDir)
}

// base adds what programs expect of a root file system.
func (l *layer) base(work string) error {
	for _, dir := range []string{"dev", "etc", "home/app", "proc", "sys", inside(work)} {
		if err := l.dir(dir, 0o755); err != nil {
			return err
		}
	}
	if err := l.dir("tmp", 0o1777); err != nil {
		return err
	}
	for at, text := range map[string]string{
		"etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
	} {
		if err := l.content(at, []byte(text)); err != nil {
			return err
		}
	}
	return nil
}

func (l *layer) dir(at string, mode int64) error {
	if at == "" || at == "." || l.paths[at] {
		return nil
	}
	l.paths[at] = true
	return l.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: at + "/", Mode: mode})
}

func (l *layer) content(at string, b []byte) error {
	if l.paths[at] {
		return nil
	}
	l.paths[at] = true
	if err := l.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: at, Mode: 0o644, Size: int64(len(b))}); err != nil {
		return err
	}
	_, err := io.Copy(l, bytes.NewReader(b))
	return err
}

func (l *layer) file(at, from string) error {
	if l.paths[at] {
		return nil
	}
	l.paths[at] = true
	if first, ok := l.first[from]; ok {
		return l.WriteHeader(&tar.Header{Typeflag: tar.TypeLink, Name: at, Linkname: first, Mode: 0o755})
	}
	l.first[from] = at
	return l.copy(at, from, 0o755)
}

func (l *layer) copy(at, from string, mode int64) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := l.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: at, Mode: mode, Size: info.Size()}); err != nil {
		return err
	}
	_, err = io.Copy(l, f)
	return err
}

func (l *layer) tree(root string) error {
	return filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, file)
		if err != nil || rel == "." {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		at := inside(filepath.ToSlash(rel))
		switch {
		case d.IsDir():
			return l.dir(at, int64(info.Mode().Perm()))
		case info.Mode()&fs.ModeSymlink != 0:
			return l.link(at, file)
		case info.Mode().IsRegular():
			l.paths[at] = true
			return l.copy(at, file, int64(info.Mode().Perm()))
		default:
			return fmt.Errorf("%s is neither a file nor a directory nor a link", file)
		}
	})
}

func (l *layer) link(at, file string) error {
	to, err := os.Readlink(file)
	if err != nil {
		return err
	}
	l.paths[at] = true
	return l.WriteHeader(&tar.Header{Typeflag: tar.TypeSymlink, Name: at, Linkname: to, Mode: 0o777})
}

// libraries adds the shared libraries of a program that is linked dynamically.
func (l *layer) libraries(program string) error {
	if !dynamic(program) {
		return nil
	}
	out, err := exec.Command("ldd", program).Output()
	if err != nil {
		return fmt.Errorf("ask ldd for the libraries of %s: %w", program, err)
	}
	for _, match := range library.FindAllStringSubmatch(string(out), -1) {
		if err := l.file(inside(match[1]), match[1]); err != nil {
			return err
		}
	}
	return nil
}

// dynamic tells whether file is a program that a loader has to complete.
func dynamic(file string) bool {
	f, err := elf.Open(file)
	if err != nil {
		return false
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return true
		}
	}
	return false
}
