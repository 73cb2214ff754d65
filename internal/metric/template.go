// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package metric

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/template"
)

// maxQuery is the greatest length of a rendered query in bytes.
const maxQuery = 64 << 10

// Vars are the facts about a canary that a query may refer to, each by the
// function of its name in lower case.
type Vars struct {
	Name      string // of the Canary
	Namespace string // of the Canary
	Target    string // name of the workload
	Service   string // base name of the services
	Ingress   string // name of the Ingress, else the target's
	Route     string // name of the route, else the target's
	Interval  string // window of the metric as the user wrote it, such as 1m
	Variables map[string]string
}

// funcs binds the functions of templates to v.
func (v Vars) funcs() template.FuncMap {
	text := func(s string) func() string { return func() string { return s } }
	return template.FuncMap{
		"name":      text(v.Name),
		"namespace": text(v.Namespace),
		"target":    text(v.Target),
		"service":   text(v.Service),
		"ingress":   text(v.Ingress),
		"route":     text(v.Route),
		"interval":  text(v.Interval),
		"variables": func() map[string]string { return v.Variables },
	}
}

// A Template is a parsed query template: Go's text/template with the functions
// that Vars names and no data. It is safe for concurrent use.
type Template struct {
	parsed *template.Template
}

// ParseTemplate parses text. Its errors are ErrQuery, and list the functions
// that a query may use.
func ParseTemplate(text string) (*Template, error) {
	if strings.TrimSpace(text) == "" {
		return nil, fmt.Errorf("%w: the query is empty", ErrQuery)
	}
	t, err := template.New("query").Option("missingkey=error").Funcs(Vars{}.funcs()).Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w; a query may use the functions %s", ErrQuery, err, list(Vars{}.funcs()))
	}
	return &Template{parsed: t}, nil
}

// Render returns the query for v. Its errors are ErrQuery, and list the
// variables that there are.
func (t *Template) Render(v Vars) (string, error) {
	bound, err := t.parsed.Clone()
	if err != nil {
		return "", fmt.Errorf("copy the template: %w", err)
	}
	var b bounded
	if err := bound.Funcs(v.funcs()).Execute(&b, nil); err != nil {
		known := "templateVariables are " + list(v.Variables)
		if len(v.Variables) == 0 {
			known = "the metric has no templateVariables"
		}
		return "", fmt.Errorf("%w: %w; %s", ErrQuery, err, known)
	}
	return b.String(), nil
}

var errLong = errors.New("the rendered query is longer than 64 KiB")

// bounded is a text that refuses to grow beyond maxQuery.
type bounded struct{ strings.Builder }

func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > maxQuery {
		return 0, errLong
	}
	return b.Builder.Write(p)
}

func list[V any](m map[string]V) string {
	return strings.Join(slices.Sorted(maps.Keys(m)), ", ")
}
