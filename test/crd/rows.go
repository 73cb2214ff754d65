// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

// Package crd holds what the CRDs accept and refuse, as rows that a test can
// put to the schema in-process or to a real API server.
package crd

import (
	"bytes"
	"embed"
	"fmt"
	"path"
	"strings"

	"k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"
)

//go:embed testdata
var testdata embed.FS

// A Row is one manifest and what has to become of it.
type Row struct {
	Name   string         // names the row
	Reason string         // the rule that it holds, as a sentence
	Want   string         // part of the error; empty if the manifest is accepted
	Object map[string]any // the manifest
}

// Rows returns all rows. Every file of testdata starts with a manifest that is
// accepted; each further document is a JSON merge patch on it, headed by the
// comments "# NAME: REASON" and, unless it is accepted, "# want: ERROR".
func Rows() ([]Row, error) {
	files, err := testdata.ReadDir("testdata")
	if err != nil {
		return nil, err
	}
	var rows []Row
	for _, f := range files {
		text, err := testdata.ReadFile(path.Join("testdata", f.Name()))
		if err != nil {
			return nil, err
		}
		more, err := parse(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name(), err)
		}
		rows = append(rows, more...)
	}
	return rows, nil
}

// parse returns the rows of one file.
func parse(text []byte) ([]Row, error) {
	var base map[string]any
	var rows []Row
	for i, doc := range bytes.Split(text, []byte("\n---\n")) {
		row, err := head(string(doc))
		if err != nil {
			return nil, fmt.Errorf("document %d: %w", i+1, err)
		}
		patch, err := decode(doc)
		if err != nil {
			return nil, fmt.Errorf("row %s: %w", row.Name, err)
		}
		if base == nil {
			base = patch
		}
		row.Object = merged(base, patch)
		rows = append(rows, row)
	}
	return rows, nil
}

// decode reads YAML as the API server does, with whole numbers as int64.
func decode(doc []byte) (map[string]any, error) {
	text, err := yaml.YAMLToJSONStrict(doc)
	if err != nil {
		return nil, err
	}
	var obj map[string]any
	return obj, json.Unmarshal(text, &obj)
}

// head reads the comments that a document starts with.
func head(doc string) (Row, error) {
	var row Row
	for line := range strings.Lines(doc) {
		comment, ok := strings.CutPrefix(strings.TrimSpace(line), "# ")
		if !ok {
			break
		}
		key, value, ok := strings.Cut(comment, ": ")
		switch {
		case !ok:
			return row, fmt.Errorf("comment %q is neither # NAME: REASON nor # want: ERROR", comment)
		case key == "want":
			row.Want = value
		default:
			row.Name, row.Reason = key, value
		}
	}
	if row.Name == "" {
		return row, fmt.Errorf("there is no comment # NAME: REASON")
	}
	return row, nil
}

// merged returns base changed by a JSON merge patch (RFC 7386).
func merged(base, patch map[string]any) map[string]any {
	out := make(map[string]any, len(base))
	for k, v := range base {
		out[k] = v
	}
	for k, v := range patch {
		old, _ := out[k].(map[string]any)
		switch v := v.(type) {
		case nil:
			delete(out, k)
		case map[string]any:
			out[k] = merged(old, v)
		default:
			out[k] = v
		}
	}
	return out
}
