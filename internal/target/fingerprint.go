// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package target

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
)

// scheme is the version of the fingerprint. It changes with the way of
// computing one, so that an upgrade is never mistaken for a new revision.
const scheme = "v1-"

// Fingerprint returns a name for the content of v that depends on its JSON only:
// not on Go types, on the order of keys, or on fields that are set to nothing.
func Fingerprint(v any) (string, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("fingerprint: %w", err)
	}
	var tree any
	if err := json.Unmarshal(text, &tree); err != nil {
		return "", fmt.Errorf("fingerprint: %w", err)
	}
	canonical, err := json.Marshal(prune(tree))
	if err != nil {
		return "", fmt.Errorf("fingerprint: %w", err)
	}
	sum := sha256.Sum256(canonical)
	return scheme + hex.EncodeToString(sum[:8]), nil
}

// Known reports whether revision is a Fingerprint, rather than what another
// controller left in the status.
func Known(revision string) bool { return strings.HasPrefix(revision, scheme) }

// prune takes null, empty objects and empty lists out of objects, since an
// upgrade of a library may write them down or leave them out. An emptyDir is
// the one that says something by being there.
func prune(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			if x = prune(x); empty(x) && k != "emptyDir" {
				delete(v, k)
			} else {
				v[k] = x
			}
		}
	case []any:
		for i := range v {
			v[i] = prune(v[i])
		}
	}
	return v
}

func empty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case map[string]any:
		return len(v) == 0
	case []any:
		return len(v) == 0
	}
	return false
}
