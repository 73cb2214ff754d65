// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package archtest

import (
	"go/ast"
	"strings"
)

var budgetRules = map[string]rule{
	"Functions": {
		why:  "What is on one screen can be checked by eye; a longer function does more than its name says.",
		find: findLongFunctions,
	},
	"Files": {
		why:  "A file is one idea; split it by behaviour.",
		find: findLongFiles,
	},
	"Interfaces": {
		why:  "A large interface is implemented once and faked badly; ask for less.",
		find: findLargeInterfaces,
	},
	"Parameters": {
		why:  "Nobody remembers the order of so many; make them fields of a struct.",
		find: findManyParameters,
	},
}

// The budgets, which hold for the lab too.
const (
	mostMain       = 30
	mostFunction   = 60
	mostTest       = 120
	mostFile       = 500
	mostTestFile   = 1000
	mostMethods    = 5
	mostParameters = 6
)

func findLongFunctions(r repo) []finding {
	var all []finding
	for _, f := range r.code() {
		for _, fn := range f.functions() {
			most := mostFunction
			switch {
			case f.test():
				most = mostTest
			case f.syntax.Name.Name == "main" && fn.Name.Name == "main":
				most = mostMain
			}
			if n := f.lines(fn.Pos(), fn.End()); n > most {
				all = append(all, found(f.path+" "+fn.Name.Name, "has %d lines; %d are the most", n, most))
			}
		}
	}
	return all
}

func findLongFiles(r repo) []finding {
	var all []finding
	for _, f := range r.code() {
		most := mostFile
		if f.test() {
			most = mostTestFile
		}
		if n := strings.Count(f.text, "\n"); n > most {
			all = append(all, found(f.path, "has %d lines; %d are the most", n, most))
		}
	}
	return all
}

func findLargeInterfaces(r repo) []finding {
	var all []finding
	for _, f := range r.code() {
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			if t, ok := n.(*ast.TypeSpec); ok {
				if i, ok := t.Type.(*ast.InterfaceType); ok && i.Methods.NumFields() > mostMethods {
					all = append(all, found(f.path+" "+t.Name.Name, "has %d methods; %d are the most", i.Methods.NumFields(), mostMethods))
				}
			}
			return true
		})
	}
	return all
}

func findManyParameters(r repo) []finding {
	var all []finding
	for _, f := range r.code() {
		for _, fn := range f.functions() {
			if n := fn.Type.Params.NumFields(); n > mostParameters {
				all = append(all, found(f.path+" "+fn.Name.Name, "has %d parameters; %d are the most", n, mostParameters))
			}
		}
	}
	return all
}
