// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package part

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sluice-delivery/sluice/lab/internal/image"
)

// modules holds, for each part, the text of the module it is built from.
//
//go:embed modules
var modules embed.FS

// A maker turns a part's embedded text into programs.
type maker interface {
	// make puts the programs of p into dir/bin. The text is laid out in
	// dir/src, which the caller removes.
	make(ctx context.Context, p Part, dir string) error
}

// build fills dir with the programs, trees and image of p.
func (p Part) build(ctx context.Context, dir string) error {
	src := filepath.Join(dir, "src")
	if err := p.lay(src); err != nil {
		return err
	}
	bin := filepath.Join(dir, "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return err
	}
	if !p.borrow(ctx, bin) {
		if err := p.maker.make(ctx, p, dir); err != nil {
			return err
		}
		if err := p.link(bin); err != nil {
			return err
		}
	}
	for _, t := range p.Trees {
		if err := t.take(ctx, src, dir); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(src); err != nil {
		return err
	}
	return p.pack(dir)
}

// lay writes the part's embedded text to dir.
func (p Part) lay(dir string) error {
	return p.text(func(name string, content []byte) error {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		return os.WriteFile(file, content, 0o644)
	})
}

// text visits the files that the part is built from, in a fixed order.
func (p Part) text(visit func(name string, content []byte) error) error {
	root := path.Join("modules", p.Name)
	return fs.WalkDir(modules, root, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(file, "_test.go") {
			return err
		}
		content, err := modules.ReadFile(file)
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(file, root+"/")
		if name != "requirements.txt" {
			name = strings.TrimSuffix(name, ".txt") // so that it is no module of its own here
		}
		return visit(name, content)
	})
}

// fingerprint changes whenever p would be built differently.
func (p Part) fingerprint() string {
	h := sha256.New()
	said, err := json.Marshal([]any{p.Version, p.Programs, p.Trees, p.Image, fmt.Sprintf("%+v", p.maker)})
	if err == nil {
		h.Write(said)
		err = p.text(func(name string, content []byte) error {
			fmt.Fprintf(h, "\n%s %d\n", name, len(content))
			_, err := h.Write(content)
			return err
		})
	}
	if err != nil {
		panic(fmt.Sprintf("part %s: the program holds no readable text for it: %v", p, err))
	}
	return hex.EncodeToString(h.Sum(nil))[:12]
}

// link gives the programs their other names.
func (p Part) link(bin string) error {
	for _, program := range p.Programs {
		for _, name := range program.Names[1:] {
			if err := os.Symlink(program.Names[0], filepath.Join(bin, name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// pack makes the part's image.
func (p Part) pack(dir string) error {
	if p.Image == nil {
		return nil
	}
	spec := *p.Image
	spec.Files = slices.Clone(spec.Files)
	for i := range spec.Files {
		spec.Files[i].From = filepath.Join(dir, spec.Files[i].From)
	}
	return image.Write(filepath.Join(dir, archive), spec)
}

// take copies the tree from where Go keeps the module that src requires.
func (t Tree) take(ctx context.Context, src, dir string) error {
	if _, err := goTool(ctx, src, module{}, "mod", "download", t.Module); err != nil {
		return err
	}
	out, err := goTool(ctx, src, module{}, "list", "-m", "-f", "{{.Dir}}", t.Module)
	if err != nil {
		return err
	}
	from := filepath.Join(strings.TrimSpace(out), t.From)
	return fs.WalkDir(os.DirFS(from), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		to := filepath.Join(dir, t.To, name)
		if d.IsDir() {
			return os.MkdirAll(to, 0o755)
		}
		return copyFile(to, filepath.Join(from, name), 0o644)
	})
}

func copyFile(to, from string, mode fs.FileMode) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return fmt.Errorf("copy %s: %w", from, err)
	}
	return out.Close()
}
