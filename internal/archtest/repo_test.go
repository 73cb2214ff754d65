// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
)

// module is the path of the repository's Go module. The lab's is below it.
const module = "github.com/sluice-delivery/sluice/"

// A repo is what the rules look at.
type repo struct {
	files []*file // all of them, in order of their paths
}

// A file is one file of the repository.
type file struct {
	path   string
	text   string
	syntax *ast.File // nil unless the file holds Go of ours
	fset   *token.FileSet
}

// repository reads the real one.
func repository(t *testing.T) repo {
	t.Helper()
	return load(t, os.DirFS("../.."))
}

// load reads everything in root but what git ignores too.
func load(t *testing.T, root fs.FS) repo {
	t.Helper()
	var r repo
	fset := token.NewFileSet()
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (name == "bin" || d.Name() == ".git" || d.Name() == "node_modules"):
			return fs.SkipDir
		case !d.Type().IsRegular():
			return nil
		}
		text, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		f := &file{path: name, text: string(text), fset: fset}
		r.files = append(r.files, f)
		if path.Ext(name) != ".go" || strings.Contains(name, "testdata/") {
			return nil
		}
		f.syntax, err = parser.ParseFile(fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// code returns the files of Go under any of the trees that people write; the
// whole repository if no tree is given.
func (r repo) code(trees ...string) []*file {
	var all []*file
	for _, f := range r.files {
		in := func(tree string) bool { return strings.HasPrefix(f.path, tree+"/") }
		if f.syntax != nil && !ast.IsGenerated(f.syntax) && (len(trees) == 0 || slices.ContainsFunc(trees, in)) {
			all = append(all, f)
		}
	}
	return all
}

// product returns the code that is not a test.
func (r repo) product(trees ...string) []*file {
	return slices.DeleteFunc(r.code(trees...), (*file).test)
}

// text returns what the file at name says; nothing if there is none.
func (r repo) text(name string) string {
	for _, f := range r.files {
		if f.path == name {
			return f.text
		}
	}
	return ""
}

func (f *file) dir() string { return path.Dir(f.path) }

func (f *file) test() bool { return strings.HasSuffix(f.path, "_test.go") }

// lines counts the lines from one place in the file to another.
func (f *file) lines(from, to token.Pos) int {
	return f.fset.Position(to).Line - f.fset.Position(from).Line + 1
}

// imports returns what f imports, packages of ours without the module's path.
func (f *file) imports() []string {
	var all []string
	for _, i := range f.syntax.Imports {
		all = append(all, strings.TrimPrefix(strings.Trim(i.Path.Value, `"`), module))
	}
	return all
}

// functions returns the functions and methods that f declares.
func (f *file) functions() []*ast.FuncDecl {
	var all []*ast.FuncDecl
	for _, d := range f.syntax.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok {
			all = append(all, fn)
		}
	}
	return all
}

// uses returns the names that a part of f takes from the package that it
// imports from importPath, in their order, such as Now for time.Now.
func (f *file) uses(importPath string, in ast.Node) []string {
	local := ""
	for _, i := range f.syntax.Imports {
		if strings.TrimPrefix(strings.Trim(i.Path.Value, `"`), module) != importPath {
			continue
		}
		local = path.Base(importPath)
		if i.Name != nil {
			local = i.Name.Name
		}
	}
	var all []string
	ast.Inspect(in, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok && local != "" {
			if x, ok := s.X.(*ast.Ident); ok && x.Name == local {
				all = append(all, s.Sel.Name)
			}
		}
		return true
	})
	return all
}

// A declaration is one thing that a file declares at its top.
type declaration struct {
	name string // that of a method alone, so several may have the same
	node ast.Node
}

// declarations returns what f declares at its top.
func (f *file) declarations() []declaration {
	var all []declaration
	for _, d := range f.syntax.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			all = append(all, declaration{d.Name.Name, d})
		case *ast.GenDecl:
			for _, s := range d.Specs {
				if names, _ := declared(s); len(names) > 0 {
					all = append(all, declaration{names[0].Name, s})
				}
			}
		}
	}
	return all
}
