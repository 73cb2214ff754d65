// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package archtest

import (
	"cmp"
	"go/ast"
	"path"
	"slices"
	"strings"
)

var packageRules = map[string]rule{
	"PackageComments": {
		why:  "The first sentence of a package says what it is for; two of them disagree sooner or later.",
		find: findPackageComments,
	},
	"Names": {
		why:  "A package or file without a subject collects what nobody finds again; name it after the thing that it knows.",
		find: findNames,
	},
	"Init": {
		why:  "What happens on import can't be seen, ordered or tested; let the caller call it.",
		find: findInit,
	},
	"Boilerplate": {
		why:  "Each file tells its license, wherever it is copied to.",
		find: findBoilerplate,
	},
	"Comments": {
		why:  "A comment on an exported name is its contract; starting with the name keeps it beside the right one.",
		find: findComments,
	},
}

func findPackageComments(r repo) []finding {
	comments, product := map[string][]string{}, map[string]bool{}
	for _, f := range r.code() {
		if doc := f.syntax.Doc; doc != nil {
			comments[f.dir()] = append(comments[f.dir()], f.path)
			if name := f.syntax.Name.Name; name != "main" && !strings.HasPrefix(doc.Text(), "Package "+name+" ") {
				comments[f.dir()] = append(comments[f.dir()], "a comment that does not start with Package "+name)
			}
		}
		product[f.dir()] = true
	}
	all := map[string]finding{}
	for dir := range product {
		if in := comments[dir]; len(in) != 1 {
			all[dir] = found(dir, "must have one package comment and has %d: %s", len(in), cmp.Or(strings.Join(in, ", "), "none"))
		}
	}
	return sorted(all)
}

// vague are words that name no subject.
var vague = []string{"util", "utils", "common", "helper", "helpers", "misc"}

func findNames(r repo) []finding {
	var all []finding
	for _, f := range r.code() {
		words := strings.Split(strings.TrimSuffix(path.Base(f.path), ".go"), "_")
		for _, word := range append(words, f.syntax.Name.Name, path.Base(f.dir())) {
			if slices.Contains(vague, word) {
				all = append(all, found(f.path, "must not be called %s", word))
			}
		}
	}
	return all
}

func findInit(r repo) []finding {
	var all []finding
	for _, f := range r.code() {
		for _, fn := range f.functions() {
			if fn.Name.Name == "init" && fn.Recv == nil {
				all = append(all, found(f.path, "must not have an init"))
			}
		}
	}
	return all
}

// headerFile holds what every file of Go begins with.
const headerFile = "hack/boilerplate.go.txt"

func findBoilerplate(r repo) []finding {
	header := strings.TrimSpace(r.text(headerFile)) + "\n\n"
	var all []finding
	for _, f := range r.code() {
		if !strings.HasPrefix(f.text, header) {
			all = append(all, found(f.path, "must begin with the lines of %s and an empty one", headerFile))
		}
	}
	return all
}

func findComments(r repo) []finding {
	var all []finding
	for _, f := range r.product() {
		if f.syntax.Name.Name == "main" {
			continue
		}
		for _, d := range f.syntax.Decls {
			for _, name := range uncommented(d) {
				all = append(all, found(f.path+" "+name, "needs a comment that starts with %s", name))
			}
		}
	}
	return all
}

// uncommented returns the exported names that d declares without a comment of
// their own, which one on the whole block stands for.
func uncommented(d ast.Decl) []string {
	var all []string
	need := func(id *ast.Ident, doc *ast.CommentGroup) {
		if id.IsExported() && !startsWith(doc, id.Name) {
			all = append(all, id.Name)
		}
	}
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil || ast.IsExported(receiver(d)) {
			need(d.Name, d.Doc)
		}
	case *ast.GenDecl:
		for _, s := range d.Specs {
			names, doc := declared(s)
			switch {
			case doc == nil && d.Lparen.IsValid() && d.Doc != nil:
				continue
			case doc == nil:
				doc = d.Doc
			}
			for _, id := range names {
				need(id, doc)
			}
		}
	}
	return all
}

// declared returns what s declares, and its own comment.
func declared(s ast.Spec) ([]*ast.Ident, *ast.CommentGroup) {
	switch s := s.(type) {
	case *ast.TypeSpec:
		return []*ast.Ident{s.Name}, s.Doc
	case *ast.ValueSpec:
		return s.Names, s.Doc
	}
	return nil, nil
}

// startsWith reports whether a comment speaks of name first.
func startsWith(c *ast.CommentGroup, name string) bool {
	words := strings.Fields(c.Text())
	if len(words) > 1 && slices.Contains([]string{"A", "An", "The"}, words[0]) {
		words = words[1:]
	}
	return len(words) > 0 && strings.TrimRight(words[0], ",:;") == name
}

// receiver returns the name of the type that fn is a method of.
func receiver(fn *ast.FuncDecl) string {
	t := fn.Recv.List[0].Type
	if star, ok := t.(*ast.StarExpr); ok {
		t = star.X
	}
	if generic, ok := t.(*ast.IndexExpr); ok {
		t = generic.X
	}
	if id, ok := t.(*ast.Ident); ok {
		return id.Name
	}
	return ""
}
