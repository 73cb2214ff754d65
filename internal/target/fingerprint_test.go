// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package target

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
)

func TestFingerprint(t *testing.T) {
	type m = map[string]any
	cases := map[string]struct {
		reason string
		a, b   any
		same   bool
	}{
		"KeyOrder":   {"The order of keys says nothing.", m{"a": 1, "b": 2}, m{"b": 2, "a": 1}, true},
		"Nothing":    {"A field set to nothing is no field.", m{"a": 1, "b": nil, "c": m{}, "d": []any{}}, m{"a": 1}, true},
		"GoTypes":    {"A Go type and its JSON are the same content.", corev1.PodSpec{NodeName: "n"}, m{"nodeName": "n"}, true},
		"Value":      {"Another value is another revision.", m{"a": 1}, m{"a": 2}, false},
		"Moved":      {"A value in another place is another revision.", m{"a": 1}, m{"b": 1}, false},
		"ListOrder":  {"The order of a list says something.", []any{1, 2}, []any{2, 1}, false},
		"EmptyDir":   {"An emptyDir says something by being there.", m{"emptyDir": m{}}, m{}, false},
		"ZeroNumber": {"Zero is a value: no grace period differs from the default one.", m{"a": 0}, m{}, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			a, errA := Fingerprint(tc.a)
			b, errB := Fingerprint(tc.b)
			if errA != nil || errB != nil {
				t.Fatal(errA, errB)
			}
			if (a == b) != tc.same {
				t.Errorf("%s\n%s and %s", tc.reason, a, b)
			}
			if !Known(a) {
				t.Errorf("%s is not known as one of ours", a)
			}
		})
	}
	if Known("5d9c7b6f4") {
		t.Error("a fingerprint of Flagger's is taken for one of ours")
	}
	if _, err := Fingerprint(func() {}); err == nil {
		t.Error("what has no JSON must be an error")
	}
}
