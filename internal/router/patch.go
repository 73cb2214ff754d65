// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package router

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// An Operation is one of a JSON patch.
type Operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value,omitempty"`
}

// Test returns the operation that fails unless the value at path is value.
func Test(path string, value any) Operation {
	return Operation{Op: "test", Path: path, Value: value}
}

// Unchanged returns the operation that fails unless obj is exactly as it was
// found. Who changes one number of a busy object tests less than that.
func Unchanged(obj client.Object) Operation {
	return Test("/metadata/resourceVersion", obj.GetResourceVersion())
}

// Patch returns the edit of found that does ops if all of fence hold.
func Patch(found client.Object, fence, ops []Operation) (Edit, error) {
	patch, err := json.Marshal(slices.Concat(fence, ops))
	if err != nil {
		return Edit{}, fmt.Errorf("encode patch of %s: %w", client.ObjectKeyFromObject(found), err)
	}
	return Edit{Object: found, Patch: patch}, nil
}

// Diff returns the operations that turn found into next. They touch nothing
// that is the same in both, so that fields which the Go types do not know stay.
func Diff(found, next client.Object) ([]Operation, error) {
	from, err := runtime.DefaultUnstructuredConverter.ToUnstructured(found)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", client.ObjectKeyFromObject(found), err)
	}
	to, err := runtime.DefaultUnstructuredConverter.ToUnstructured(next)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", client.ObjectKeyFromObject(next), err)
	}
	return diff("", from, to), nil
}

func diff(path string, from, to any) []Operation {
	switch from := from.(type) {
	case map[string]any:
		if to, ok := to.(map[string]any); ok {
			return diffMap(path, from, to)
		}
	case []any:
		if to, ok := to.([]any); ok {
			return diffList(path, from, to)
		}
	}
	if reflect.DeepEqual(from, to) {
		return nil
	}
	return []Operation{{Op: "replace", Path: path, Value: to}}
}

func diffMap(path string, from, to map[string]any) []Operation {
	var ops []Operation
	for _, k := range slices.Sorted(maps.Keys(from)) {
		if _, ok := to[k]; !ok {
			ops = append(ops, Operation{Op: "remove", Path: path + "/" + escape(k)})
		}
	}
	for _, k := range slices.Sorted(maps.Keys(to)) {
		at := path + "/" + escape(k)
		if old, ok := from[k]; ok {
			ops = append(ops, diff(at, old, to[k])...)
		} else {
			ops = append(ops, Operation{Op: "add", Path: at, Value: to[k]})
		}
	}
	return ops
}

// diffList leaves equal elements at both ends alone, so that one that comes or
// goes does not cause its neighbours to be written again.
func diffList(path string, from, to []any) []Operation {
	start := 0
	for start < min(len(from), len(to)) && reflect.DeepEqual(from[start], to[start]) {
		start++
	}
	end := 0
	for end < min(len(from), len(to))-start && reflect.DeepEqual(from[len(from)-1-end], to[len(to)-1-end]) {
		end++
	}
	from, to = from[start:len(from)-end], to[start:len(to)-end]
	both := min(len(from), len(to))
	at := func(i int) string { return path + "/" + strconv.Itoa(start+i) }

	var ops []Operation
	for i := range both {
		ops = append(ops, diff(at(i), from[i], to[i])...)
	}
	for i := len(from) - 1; i >= both; i-- {
		ops = append(ops, Operation{Op: "remove", Path: at(i)})
	}
	for i := both; i < len(to); i++ {
		ops = append(ops, Operation{Op: "add", Path: at(i), Value: to[i]})
	}
	return ops
}

// escape makes a JSON pointer's token of a key (RFC 6901).
func escape(key string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(key)
}
