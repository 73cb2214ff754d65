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
	"PackageNames": {
		why:  "A package without a subject collects what nobody finds again; name it after the thing that it knows.",
		find: findPackageNames,
	},
	"Init": {
		why:  "What happens on import can't be seen, ordered or tested; let the caller call it.",
		find: findInit,
	},
	"Headers": {
		why:  "Each file tells its license, wherever it is copied to.",
		find: findHeaders,
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

func findPackageNames(r repo) []finding {
	all := map[string]finding{}
	for _, f := range r.code() {
		for _, name := range []string{f.syntax.Name.Name, strings.TrimSuffix(path.Base(f.path), ".go")} {
			if slices.Contains([]string{"util", "utils", "common", "helper", "helpers", "misc"}, name) {
				all[f.path] = found(f.path, "must not be called %s", name)
			}
		}
	}
	return sorted(all)
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

const boilerplate = "hack/boilerplate.go.txt"

func findHeaders(r repo) []finding {
	header := strings.TrimSpace(r.text(boilerplate)) + "\n\n"
	var all []finding
	for _, f := range r.code() {
		if !strings.HasPrefix(f.text, header) {
			all = append(all, found(f.path, "must begin with the lines of %s and an empty one", boilerplate))
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
	need := func(id *ast.Ident, docs ...*ast.CommentGroup) {
		if id.IsExported() && !slices.ContainsFunc(docs, func(c *ast.CommentGroup) bool { return startsWith(c, id.Name) }) {
			all = append(all, id.Name)
		}
	}
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil || ast.IsExported(receiver(d)) {
			need(d.Name, d.Doc)
		}
	case *ast.GenDecl:
		if d.Lparen.IsValid() && d.Doc != nil {
			return nil
		}
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.TypeSpec:
				need(s.Name, s.Doc, d.Doc)
			case *ast.ValueSpec:
				for _, id := range s.Names {
					need(id, s.Doc, d.Doc)
				}
			}
		}
	}
	return all
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
