// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package archtest

import (
	"go/ast"
	"go/token"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var reasonRules = map[string]rule{
	"ReasonsKnown": {
		why:  "Tools of users match reasons, so the API lists all that they can meet.",
		find: findUnknown,
	},
	"ReasonsGiven": {
		why:  "An alert on a reason that nothing gives stays silent for ever.",
		find: findUngiven,
	},
	"ConditionsGiven": {
		why:  "A condition that nothing writes makes users wait for it in vain.",
		find: findConditions,
	},
	"ReasonsDescribed": {
		why:  "Whoever meets a reason finds in one table what it means and what to do.",
		find: findUndescribed,
	},
}

// speakers are the trees that give reasons. The demo only reads them.
var speakers = []string{
	"internal/rollout", "internal/spec", "internal/analysis", "internal/check", "internal/controller",
	"internal/target", "internal/router", "internal/service", "internal/hook", "internal/app", "internal/catalog",
}

const reasonsPage = "docs/spec/reasons.md"

// constants returns the constants of a type of the API: values by name.
func (r repo) constants(typ string) map[string]string {
	all := map[string]string{}
	for _, f := range r.product("api/v1beta1") {
		maps.Copy(all, f.constants(typ))
	}
	return all
}

// constants returns the constants of typ in f: values by name.
func (f *file) constants(typ string) map[string]string {
	all := map[string]string{}
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		if s, ok := n.(*ast.ValueSpec); ok && last(s.Type) == typ && len(s.Values) == 1 {
			all[s.Names[0].Name] = text(s.Values[0], nil)
		}
		return true
	})
	return all
}

// text returns what a literal or one of the known constants says, or "".
func text(e ast.Expr, known map[string]string) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			s, _ := strconv.Unquote(e.Value) // the parser has read it
			return s
		}
	case *ast.Ident:
		return known[e.Name]
	}
	return ""
}

// A voice is what one package says reasons with.
type voice struct {
	consts map[string]string // strings by name
	codes  map[string]int    // functions by name, with the place of their parameter code
}

func voiceOf(files []*file) voice {
	v := voice{consts: map[string]string{}, codes: map[string]int{}}
	for _, f := range files {
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ValueSpec:
				if len(n.Values) == 1 {
					v.consts[n.Names[0].Name] = text(n.Values[0], nil)
				}
			case *ast.FuncDecl:
				if i := place(n.Type.Params, "code"); i >= 0 {
					v.codes[n.Name.Name] = i
				}
			}
			return true
		})
	}
	return v
}

// place returns which of the parameters is called name, or -1.
func place(params *ast.FieldList, name string) int {
	i := 0
	for _, field := range params.List {
		for _, id := range field.Names {
			if id.Name == name {
				return i
			}
			i++
		}
	}
	return -1
}

// says returns the expressions in n itself that are codes of reasons: arguments
// for a parameter code, and fields of literals.
func (v voice) says(n ast.Node) []ast.Expr {
	switch n := n.(type) {
	case *ast.CallExpr:
		if i, ok := v.codes[last(n.Fun)]; ok && i < len(n.Args) {
			return n.Args[i : i+1]
		}
	case *ast.CompositeLit:
		if name := last(n.Type); (name == "Reason" || name == "Problem") && len(n.Elts) > 0 {
			return n.Elts[:1]
		}
	case *ast.KeyValueExpr:
		if name := last(n.Key); name == "Code" || name == "Reason" {
			return []ast.Expr{n.Value}
		}
	}
	return nil
}

// last returns the last part of a name, such as Reason in rollout.Reason.
func last(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}

// A code is the code of a reason that a file gives as plain text.
type code struct{ path, text string }

// given returns all codes.
func given(r repo) []code {
	packages := map[string][]*file{}
	for _, f := range r.product(speakers...) {
		packages[f.dir()] = append(packages[f.dir()], f)
	}
	var all []code
	for _, files := range packages {
		v := voiceOf(files)
		for _, f := range files {
			ast.Inspect(f.syntax, func(n ast.Node) bool {
				for _, e := range v.says(n) {
					if s := text(e, v.consts); s != "" {
						all = append(all, code{f.path, s})
					}
				}
				return true
			})
		}
	}
	return all
}

// named returns the names of the API that the speakers use.
func named(r repo) []string {
	var all []string
	for _, f := range r.product(speakers...) {
		all = append(all, f.uses("api/v1beta1", f.syntax)...)
	}
	return all
}

func findUnknown(r repo) []finding {
	known := slices.Collect(maps.Values(r.constants("Reason")))
	known = slices.AppendSeq(known, maps.Values(r.constants("CanaryPhase"))) // the reasons of Promoted
	all := map[string]finding{}
	for _, c := range given(r) {
		if key := c.path + " " + c.text; !slices.Contains(known, c.text) {
			all[key] = found(key, "api/v1beta1 must declare this reason")
		}
	}
	return sorted(all)
}

func findUngiven(r repo) []finding {
	codes, names := given(r), named(r)
	all := map[string]finding{}
	for name, text := range r.constants("Reason") {
		spoken := slices.ContainsFunc(codes, func(c code) bool { return c.text == text })
		if !spoken && !slices.Contains(names, name) {
			all[name] = found(name, "nothing gives this reason; remove it from api/v1beta1")
		}
	}
	return sorted(all)
}

func findConditions(r repo) []finding {
	all, names := map[string]finding{}, named(r)
	for name := range r.constants("ConditionType") {
		if !slices.Contains(names, name) {
			all[name] = found(name, "nothing writes this condition; remove it from api/v1beta1")
		}
	}
	return sorted(all)
}

// reasonRow is a row of a table: the reason, with a star if it is that of a
// warning, what it means and what to do.
var reasonRow = regexp.MustCompile("(?m)^\\| `(\\w+)`(?: \\*)? \\|([^|]+)\\|([^|]+)\\|$")

func findUndescribed(r repo) []finding {
	all, rows := map[string]finding{}, map[string]int{}
	for _, row := range reasonRow.FindAllStringSubmatch(r.text(reasonsPage), -1) {
		if strings.TrimSpace(row[2]) == "" || strings.TrimSpace(row[3]) == "" {
			all[row[1]] = found(row[1], "needs what it means and what to do in %s", reasonsPage)
		}
		rows[row[1]]++
	}
	want := map[string]bool{}
	for _, typ := range []string{"Reason", "CanaryPhase"} {
		for _, code := range r.constants(typ) {
			want[code] = true
		}
	}
	for code := range want {
		if rows[code] != 1 {
			all[code] = found(code, "has %d rows of the form | `%s` | what it means | what to do | in %s; it needs one", rows[code], code, reasonsPage)
		}
	}
	for code := range rows {
		if !want[code] {
			all[code] = found(code, "is no reason any more; remove its row from %s", reasonsPage)
		}
	}
	return sorted(all)
}
