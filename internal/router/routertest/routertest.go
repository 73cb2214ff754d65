// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

// Package routertest is the suite that every router.Dialect passes, and a
// server in memory that carries out its edits.
package routertest

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluice-delivery/sluice/internal/router"
)

// A Fixture is what the suite must know about one dialect.
type Fixture struct {
	// App is an application with a plain spec.
	App router.App
	// Admit is that of a Server.
	Admit func(object map[string]any) error
	// Edits are changes that users make to the spec, by name. Each is a valid
	// spec on its own; App.Service may be changed, but not what it points to.
	Edits map[string]func(*router.App)
	// Foreign is what others put into the objects, by name. All of it can be
	// there at once, and with every one of Edits.
	Foreign map[string]Foreign
	// Broken are specs that cannot be expressed, by name.
	Broken map[string]Broken
	// Refused are specs that Plan can express and Admit refuses, by name.
	Refused map[string]func(*router.App)
}

// Foreign is something that somebody else puts into an object.
type Foreign struct {
	Add   func(client.Object)
	Stays func(client.Object) bool // it is there, as it was added
}

// A Broken spec cannot be expressed.
type Broken struct {
	Edit  func(*router.App)
	Kind  error  // router.ErrInvalid or router.ErrUnsupported
	Field string // that the error names
}

// Run runs the suite on d.
func Run(t *testing.T, d router.Dialect, f Fixture) {
	t.Run("Weights", func(t *testing.T) { weights(t, d, f) })
	t.Run("Stale", func(t *testing.T) { stale(t, d, f) })
	t.Run("Edits", func(t *testing.T) { edits(t, d, f) })
	t.Run("Broken", func(t *testing.T) { broken(t, d, f) })
	t.Run("Refused", func(t *testing.T) { rejected(t, d, f) })
	t.Run("Random", func(t *testing.T) { random(t, d, f) })
}

// A bench is one dialect at work on one server.
type bench struct {
	d       router.Dialect
	s       *Server
	app     router.App
	foreign map[string]Foreign // that must be there
}

func newBench(d router.Dialect, f Fixture) *bench {
	return &bench{d: d, s: &Server{Admit: f.Admit}, app: f.App, foreign: map[string]Foreign{}}
}

func (b *bench) found() []client.Object { return b.s.Found(b.d.Objects(b.app)) }

func (b *bench) plan(t *testing.T, weight int) []router.Edit {
	t.Helper()
	found := b.found()
	before := copies(found)
	edits, err := b.d.Plan(b.app, router.Routes{Canary: weight}, found)
	if err != nil {
		t.Fatalf("Plan(%d): %v", weight, err)
	}
	if diff := cmp.Diff(before, found); diff != "" {
		t.Fatalf("Plan(%d) changed what was found, which may be a cache (-before +after):\n%s", weight, diff)
	}
	return edits
}

// route plans and applies weight, and holds the result to the laws.
func (b *bench) route(t *testing.T, weight int) {
	t.Helper()
	if err := b.s.Apply(b.plan(t, weight)); err != nil {
		t.Fatalf("apply Plan(%d): %v", weight, err)
	}
	b.check(t, weight)
}

func (b *bench) check(t *testing.T, weight int) {
	t.Helper()
	state, err := b.d.Read(b.app, b.found())
	if err != nil {
		t.Fatalf("Read after Plan(%d): %v", weight, err)
	}
	if diff := cmp.Diff(router.Routes{Canary: weight}, state.Routes); diff != "" {
		t.Fatalf("What Plan writes, Read reads (-planned +read):\n%s", diff)
	}
	if !state.Accepted && state.Why == "" {
		t.Fatal("Read says that the objects are not accepted, and not why")
	}
	if again := b.plan(t, weight); len(again) != 0 {
		t.Fatalf("Plan(%d) on its own result gives %s", weight, describe(again))
	}
	for name, foreign := range b.foreign {
		for _, obj := range b.found() {
			if !foreign.Stays(obj) {
				t.Fatalf("What others have written must stay, but %s is gone after Plan(%d):\n%s", name, weight, text(obj))
			}
		}
	}
}

// add lets others write everything of foreign.
func (b *bench) add(t *testing.T, foreign map[string]Foreign) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(foreign)) {
		f := foreign[name]
		b.foreign[name] = f
		for _, obj := range b.found() {
			if err := b.s.Update(obj, f.Add); err != nil {
				t.Fatalf("add %s: %v", name, err)
			}
		}
	}
}

func weights(t *testing.T, d router.Dialect, f Fixture) {
	for name, foreign := range map[string]map[string]Foreign{"Alone": nil, "AmongOthers": f.Foreign} {
		t.Run(name, func(t *testing.T) {
			b := newBench(d, f)
			if state, err := d.Read(b.app, nil); err != nil || state.Accepted || state.Why == "" || state.Routes != (router.Routes{}) {
				t.Fatalf("Read of nothing = %+v, %v; want no routes, not accepted, and why", state, err)
			}
			b.route(t, 0)
			b.add(t, foreign)
			for _, w := range []int{0, 1, 50, 99, 100, 0, 100, 10, 0} {
				b.route(t, w)
			}
		})
	}
}

// stale holds that the plan of one who has slept since he looked does nothing.
func stale(t *testing.T, d router.Dialect, f Fixture) {
	b := newBench(d, f)
	create := b.plan(t, 50)
	b.route(t, 10)
	late := b.plan(t, 20)
	b.route(t, 0)
	b.refuses(t, create)
	b.refuses(t, late)
	b.route(t, 10)
	b.route(t, 0)
	b.refuses(t, late)
	for name, edit := range f.Edits {
		b.app = f.App
		b.route(t, 10)
		edit(&b.app)
		late := b.plan(t, 20)
		b.app = f.App
		b.route(t, 0)
		if len(late) == 0 {
			t.Fatalf("spec edit %s with another weight needs no edit", name)
		}
		b.refuses(t, late)
	}
}

func (b *bench) refuses(t *testing.T, late []router.Edit) {
	t.Helper()
	if err := b.s.Apply(late); !errors.Is(err, router.ErrConflict) {
		t.Fatalf("applying a plan for what is no more gives %v, want a conflict: %s", err, describe(late))
	}
	b.check(t, 0)
}

// edits holds that a spec edit in mid-run moves no traffic, and that taking it
// back leaves nothing behind.
func edits(t *testing.T, d router.Dialect, f Fixture) {
	for name, edit := range f.Edits {
		for kind, foreign := range map[string]map[string]Foreign{"Alone": nil, "AmongOthers": f.Foreign} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				b := newBench(d, f)
				b.route(t, 0)
				b.add(t, foreign)
				b.route(t, 30)
				plain := b.specs(t)

				edit(&b.app)
				if state, err := d.Read(b.app, b.found()); err != nil || state.Routes.Canary != 30 {
					t.Fatalf("Read with the edited spec = %+v, %v; want weight 30 as before", state, err)
				}
				if len(b.plan(t, 30)) == 0 {
					t.Fatal("the spec edit changes nothing")
				}
				b.route(t, 30)
				b.route(t, 0)
				b.route(t, 30)

				b.app = f.App
				b.route(t, 30)
				if diff := cmp.Diff(plain, b.specs(t)); diff != "" {
					t.Fatalf("The edit was taken back, but something stayed or went (-before +after):\n%s", diff)
				}

				fresh := newBench(d, f)
				edit(&fresh.app)
				fresh.route(t, 30)
				fresh.route(t, 0)
			})
		}
	}
}

// broken holds that a spec that cannot be is refused with the name of the
// field, and that it does not stand in the way of a rollback.
func broken(t *testing.T, d router.Dialect, f Fixture) {
	for name, broken := range f.Broken {
		t.Run(name, func(t *testing.T) {
			b := newBench(d, f)
			app := f.App
			broken.Edit(&app)
			if edits, err := d.Plan(app, router.Routes{}, nil); len(edits) != 0 || !refused(err, broken) {
				t.Fatalf("Plan without a route = %s, %v; want nothing but %v of %s", describe(edits), err, broken.Kind, broken.Field)
			}
			b.route(t, 50)
			if edits, err := d.Plan(app, router.Routes{Canary: 60}, b.found()); len(edits) != 0 || !refused(err, broken) {
				t.Fatalf("Plan of more traffic = %s, %v; want nothing but %v of %s", describe(edits), err, broken.Kind, broken.Field)
			}
			edits, err := d.Plan(app, router.Routes{}, b.found())
			if !refused(err, broken) {
				t.Fatalf("Plan of a rollback: %v; want %v of %s", err, broken.Kind, broken.Field)
			}
			if err := b.s.Apply(edits); err != nil {
				t.Fatalf("apply the rollback: %v", err)
			}
			b.check(t, 0) // with the spec that was there before
		})
	}
}

// rejected holds that not even the API server's refusal of a spec stands in the
// way of a rollback.
func rejected(t *testing.T, d router.Dialect, f Fixture) {
	for name, edit := range f.Refused {
		t.Run(name, func(t *testing.T) {
			for _, c := range []struct{ ask, want int }{{60, 50}, {50, 50}, {10, 10}, {0, 0}} {
				b := newBench(d, f)
				b.route(t, 50)
				edit(&b.app)
				if err := b.s.Apply(b.plan(t, c.ask)); !errors.Is(err, router.ErrInvalid) {
					t.Fatalf("Apply = %v; want that the spec is invalid", err)
				}
				b.app = f.App
				b.check(t, c.want)
			}
		})
	}
}

func refused(err error, b Broken) bool {
	var spec *router.SpecError
	return errors.Is(err, b.Kind) && errors.As(err, &spec) && spec.Field == b.Field && strings.HasPrefix(err.Error(), b.Field+" ")
}

// specs returns what the objects say, without what every write changes and in
// an order of its own.
func (b *bench) specs(t *testing.T) []any {
	t.Helper()
	var specs []any
	for _, obj := range copies(b.found()) {
		obj.SetResourceVersion("")
		obj.SetGeneration(0)
		var spec any
		if err := json.Unmarshal([]byte(text(obj)), &spec); err != nil {
			t.Fatal(err)
		}
		specs = append(specs, ordered(spec))
	}
	return specs
}

// ordered sorts all lists in v.
func ordered(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			v[k] = ordered(e)
		}
	case []any:
		for i, e := range v {
			v[i] = ordered(e)
		}
		slices.SortFunc(v, func(a, b any) int { return strings.Compare(text(a), text(b)) })
	}
	return v
}

func copies(objects []client.Object) []client.Object {
	var next []client.Object
	for _, obj := range objects {
		next = append(next, obj.DeepCopyObject().(client.Object))
	}
	return next
}

func describe(edits []router.Edit) string {
	var b strings.Builder
	for _, e := range edits {
		if e.Create != nil {
			b.WriteString("create " + text(e.Create) + "\n")
			continue
		}
		b.WriteString("patch " + e.Object.GetName() + " " + string(e.Patch) + "\n")
	}
	return b.String()
}

func text(v any) string {
	out, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err.Error()
	}
	return string(out)
}
