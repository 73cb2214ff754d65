// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package gatewayapi

import (
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
	gw "sigs.k8s.io/gateway-api/apis/v1"
)

// The functions of this file merge three ways: found is what there is, was what
// we applied last, want what we want now. What is in found and not in was
// belongs to others and stays.

// same takes nil and empty for equal.
func same(a, b any) bool { return equality.Semantic.DeepEqual(a, b) }

func contains[T any](list []T, v T) bool {
	return slices.ContainsFunc(list, func(x T) bool { return same(x, v) })
}

// never says that two elements can always stand side by side.
func never[T any](_, _ T) bool { return false }

// mergeList keeps the order of found as long as nothing of ours is missing, has
// moved or must go. An element of others goes only if it clashes with one that
// we want.
func mergeList[T any](found, was, want []T, clash func(f, w T) bool) []T {
	var mine, others []T
	gone := false
	for _, f := range found {
		switch {
		case contains(want, f):
			mine = append(mine, f)
		case contains(was, f), slices.ContainsFunc(want, func(w T) bool { return clash(f, w) }):
			gone = true
		default:
			others = append(others, f)
		}
	}
	if !gone && same(mine, want) {
		return found
	}
	return slices.Concat(want, others)
}

func mergeMap(found map[string]string, was []string, want map[string]string) map[string]string {
	next := maps.Clone(found)
	for _, k := range was {
		delete(next, k)
	}
	if next == nil && len(want) > 0 {
		next = map[string]string{}
	}
	maps.Copy(next, want)
	return next
}

func mergeTimeouts(found, was, want *gw.HTTPRouteTimeouts) *gw.HTTPRouteTimeouts {
	f, a, w := timeouts(found), timeouts(was), timeouts(want)
	next := gw.HTTPRouteTimeouts{
		Request:        mergeValue(f.Request, a.Request, w.Request),
		BackendRequest: mergeValue(f.BackendRequest, a.BackendRequest, w.BackendRequest),
	}
	if next == (gw.HTTPRouteTimeouts{}) {
		return nil
	}
	return &next
}

func timeouts(t *gw.HTTPRouteTimeouts) gw.HTTPRouteTimeouts {
	if t == nil {
		return gw.HTTPRouteTimeouts{}
	}
	return *t
}

func mergeValue[T any](found, was, want *T) *T {
	switch {
	case want != nil:
		return want
	case was != nil && same(found, was):
		return nil
	}
	return found
}

// mergeFilters merges headers one by one, since a rule can have only one filter
// that changes those of requests, and one for responses.
func mergeFilters(found, was, want []gw.HTTPRouteFilter) []gw.HTTPRouteFilter {
	var next []gw.HTTPRouteFilter
	want = slices.Clone(want)
	for _, f := range found {
		if modifier(&f) == nil {
			next = append(next, f)
			continue
		}
		merged, empty := mergeHeaders(f, pick(was, f.Type), pick(want, f.Type))
		if empty {
			continue
		}
		next = append(next, merged)
		if at := indexType(want, f.Type); at >= 0 {
			want[at] = merged
		}
	}
	return mergeList(next, was, want, func(f, w gw.HTTPRouteFilter) bool { return f.Type == w.Type && once(f.Type) })
}

// once reports whether a rule can have only one filter of that type.
func once(t gw.HTTPRouteFilterType) bool {
	return t != gw.HTTPRouteFilterRequestMirror && t != gw.HTTPRouteFilterExtensionRef
}

func mergeHeaders(found gw.HTTPRouteFilter, was, want *gw.HTTPHeaderFilter) (next gw.HTTPRouteFilter, empty bool) {
	if was == nil {
		was = &gw.HTTPHeaderFilter{}
	}
	if want == nil {
		want = &gw.HTTPHeaderFilter{}
	}
	next = *found.DeepCopy()
	h := modifier(&next)
	h.Set = mergeList(h.Set, was.Set, want.Set, sameName)
	h.Add = mergeList(h.Add, was.Add, want.Add, sameName)
	h.Remove = mergeList(h.Remove, was.Remove, want.Remove, never)
	return next, len(h.Set)+len(h.Add)+len(h.Remove) == 0
}

func sameName(a, b gw.HTTPHeader) bool { return strings.EqualFold(string(a.Name), string(b.Name)) }

// modifier returns the part of f that changes headers, if it does.
func modifier(f *gw.HTTPRouteFilter) *gw.HTTPHeaderFilter {
	switch f.Type {
	case gw.HTTPRouteFilterRequestHeaderModifier:
		return f.RequestHeaderModifier
	case gw.HTTPRouteFilterResponseHeaderModifier:
		return f.ResponseHeaderModifier
	default:
		return nil
	}
}

func indexType(filters []gw.HTTPRouteFilter, t gw.HTTPRouteFilterType) int {
	return slices.IndexFunc(filters, func(f gw.HTTPRouteFilter) bool { return f.Type == t })
}

// pick returns the part of the filter of type t that changes headers.
func pick(filters []gw.HTTPRouteFilter, t gw.HTTPRouteFilterType) *gw.HTTPHeaderFilter {
	if at := indexType(filters, t); at >= 0 {
		return modifier(&filters[at])
	}
	return nil
}
