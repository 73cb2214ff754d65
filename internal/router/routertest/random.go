// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package routertest

import (
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluice-delivery/sluice/internal/router"
)

// random lets users, others and plans of any age meet in any order.
func random(t *testing.T, d router.Dialect, f Fixture) {
	for seed := range uint64(10) {
		r := rand.New(rand.NewPCG(seed, seed)) //nolint:gosec // repeatable on purpose
		b := newBench(d, f)
		weight := 0
		b.route(t, weight)
		slept := b.found()
		for step := range 40 {
			switch r.IntN(7) {
			case 0: // the user edits the spec
				b.app = f.App
				if len(f.Edits) > 0 {
					f.Edits[one(r, f.Edits)](&b.app)
				}
			case 1: // the user takes it back
				b.app = f.App
			case 2: // somebody else comes by
				if len(f.Foreign) > 0 {
					name := one(r, f.Foreign)
					if _, ok := b.foreign[name]; !ok {
						b.add(t, map[string]Foreign{name: f.Foreign[name]})
					}
				}
			case 3: // somebody looks, and falls asleep
				slept = b.found()
			case 4: // and wakes up
				late, err := d.Plan(b.app, router.Routes{Canary: 77}, slept)
				if err != nil {
					t.Fatalf("seed %d step %d: Plan on what was: %v", seed, step, err)
				}
				if len(late) > 0 && changed(slept, b.found()) {
					if err := b.s.Apply(late); !errors.Is(err, router.ErrConflict) {
						t.Fatalf("seed %d step %d: a stale plan gives %v, want a conflict: %s", seed, step, err, describe(late))
					}
				}
			default:
				weight = r.IntN(101)
			}
			t.Logf("seed %d step %d: weight %d", seed, step, weight)
			b.route(t, weight)
		}
	}
}

// changed reports whether any of the objects says something else by now.
func changed(before, after []client.Object) bool {
	return !slices.EqualFunc(before, after, func(a, b client.Object) bool {
		return a.GetGeneration() == b.GetGeneration()
	})
}

func one[V any](r *rand.Rand, m map[string]V) string {
	names := slices.Sorted(maps.Keys(m))
	return names[r.IntN(len(names))]
}
