// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package archtest

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

var layerRules = map[string]rule{
	"Layers": {
		why:  "The direction of imports is the architecture. Where it holds, a part can be read, tested and replaced alone.",
		find: findLayers,
	},
	"Adapters": {
		why:  "A new proxy, metric system or kind of workload is one package and one line in internal/catalog, and nobody else notices.",
		find: findAdapters,
		pass: map[string]string{
			"internal/controller/canary → internal/target/deployment": "There is one kind of workload so far; with the second one the catalog chooses.",
			"internal/controller/canary → internal/target/config":     "The tracker of config belongs to the only kind of workload so far.",
			"internal/app → internal/target/deployment":               "There is one kind of workload so far, and its options are flags.",
			"internal/app → internal/target/config":                   "The tracker of config lives as long as the process, and belongs to the only kind of workload so far.",
			"internal/target/deployment → internal/target/config":     "Every kind of workload has pods, and config is what their pods mount and read.",
		},
	},
	"Suites": {
		why:  "A port is an interface and the suite that every adapter passes; an adapter without it only looks like one.",
		find: findSuites,
	},
	"Assertions": {
		why:  "Tests are plain testing and go-cmp, so that whoever reads Go reads them.",
		find: findAssertions,
	},
}

// A layer says what the packages in one place of the tree may import.
type layer struct {
	why     string
	std     []string // standard packages; nil is all
	ours    []string // packages of this module; a/* is a and everything below it
	foreign []string // modules, or trees in them; "*" is all
}

// Sets of packages that several layers may import.
var (
	pure    = []string{"cmp", "errors", "fmt", "maps", "math", "slices", "strconv", "strings", "time"}
	dialect = append([]string{"bytes", "encoding/json", "regexp"}, pure...)
	machine = []string{"k8s.io/apimachinery"}
	objects = []string{"k8s.io/apimachinery", "k8s.io/api", "sigs.k8s.io/controller-runtime/pkg/client"}
	all     = []string{"*"}
)

// layers maps a package, or with /* also everything below it, to its layer. The
// closest name counts.
var layers = map[string]layer{
	"api/*": {why: "the API is imported by others and must not drag anything along", foreign: machine},
	"cmd/*": {
		why:  "main only starts what lives in internal",
		ours: []string{"internal/app", "internal/demo", "internal/demoapp", "internal/loadtest"},
	},
	"bench/*": {why: "a benchmark may look at everything", ours: all, foreign: all},
	"test/*":  {why: "a test of the whole may look at everything", ours: all, foreign: all},
	"lab/*":   {why: "the lab is a module of its own, which other projects can use", ours: []string{"lab/*"}, foreign: all},

	"internal/rollout":  {why: "the core is pure: equal snapshots give equal decisions", std: pure},
	"internal/analysis": {why: "verdicts are arithmetic", std: pure},
	"internal/spec":     {why: "a plan follows from the Canary alone", std: pure, ours: []string{"api/v1beta1", "internal/rollout"}},

	"internal/hook":   {why: "a port imports nothing of ours"},
	"internal/metric": {why: "a port imports nothing of ours"},
	"internal/metric/metrictest": {
		why:     "the suite knows the port and no adapter",
		ours:    []string{"internal/metric"},
		foreign: []string{"github.com/google/go-cmp"},
	},
	"internal/metric/*": {why: "a source knows the port and its own system", ours: []string{"internal/metric"}, foreign: all},
	"internal/router":   {why: "a port knows the API and no proxy", ours: []string{"api/v1beta1"}, foreign: objects},
	"internal/router/routertest": {
		why:     "the suite knows the port and no dialect",
		ours:    []string{"internal/router"},
		foreign: append([]string{"github.com/google/go-cmp", "github.com/evanphx/json-patch/v5"}, objects...),
	},
	"internal/router/*": {
		why:     "a dialect is pure: it knows the port and its proxy's types",
		std:     dialect,
		ours:    []string{"api/v1beta1", "internal/router"},
		foreign: append([]string{"sigs.k8s.io/gateway-api/apis"}, objects...),
	},
	"internal/target": {why: "a port knows Kubernetes' own types and nothing of ours", foreign: []string{"k8s.io/api"}},
	"internal/target/*": {
		why:     "a target knows the port and the cluster",
		ours:    []string{"internal/target", "internal/target/config"},
		foreign: objects,
	},
	"internal/service": {
		why:     "the Services follow from the Canary and its target",
		ours:    []string{"api/v1beta1", "internal/target"},
		foreign: objects,
	},
	"internal/check": {
		why:  "questions are answered through ports, whatever is behind them",
		ours: []string{"api/v1beta1", "internal/analysis", "internal/hook", "internal/metric", "internal/rollout", "internal/spec"},
	},
	"internal/catalog": {
		why:     "the catalog turns names into adapters",
		ours:    []string{"api/v1beta1", "internal/check", "internal/metric/*", "internal/router/*", "internal/target/*"},
		foreign: objects,
	},
	"internal/controller/*": {
		why: "the shell drives the core through ports and has no opinion of its own",
		ours: []string{
			"api/v1beta1", "internal/analysis", "internal/check", "internal/hook", "internal/rollout", "internal/router",
			"internal/service", "internal/spec", "internal/target/*",
		},
		foreign: append([]string{"github.com/go-logr/logr", "k8s.io/client-go/util", "k8s.io/utils/clock", "sigs.k8s.io/controller-runtime"}, objects...),
	},
	"internal/app": {
		why:     "the app wires everything together",
		ours:    []string{"api/v1beta1", "internal/catalog", "internal/check", "internal/controller/*", "internal/hook", "internal/spec", "internal/target/*"},
		foreign: all,
	},
	"internal/loadtest": {why: "the load tester runs where the controller does not", foreign: []string{"github.com/prometheus/client_golang"}},
	"internal/demoapp":  {why: "the application of the demo is an ordinary one", foreign: []string{"github.com/prometheus/client_golang"}},
	"internal/demo": {
		why:     "the demo sees what a user sees: the API, through the cluster",
		ours:    []string{"api/v1beta1"},
		foreign: append([]string{"k8s.io/client-go", "sigs.k8s.io/gateway-api/apis"}, objects...),
	},
	"internal/archtest": {
		why:     "the rules read source, and plan the samples",
		ours:    []string{"api/v1beta1", "internal/metric", "internal/spec"},
		foreign: []string{"github.com/google/go-cmp", "sigs.k8s.io/yaml"},
	},
}

// within reports whether name is one of the places, or below one that ends in /*.
func within(name string, places []string) bool {
	return slices.ContainsFunc(places, func(p string) bool {
		tree, below := strings.CutSuffix(p, "/*")
		return p == "*" || name == tree || below && strings.HasPrefix(name, tree+"/")
	})
}

// layerOf returns the layer that names the package in dir most closely.
func layerOf(dir string) (layer, bool) {
	if l, ok := layers[dir]; ok {
		return l, true
	}
	for at := dir; at != "."; at = path.Dir(at) {
		if l, ok := layers[at+"/*"]; ok {
			return l, true
		}
	}
	return layer{}, false
}

// ours reports whether an import, as file.imports returns it, is a package of
// this repository.
func ours(imported string) bool {
	tree, _, _ := strings.Cut(imported, "/")
	return slices.Contains([]string{"api", "bench", "cmd", "internal", "lab", "test"}, tree)
}

// foreign reports whether an import is neither ours nor of the standard library.
func foreign(imported string) bool {
	host, _, _ := strings.Cut(imported, "/")
	return !ours(imported) && strings.Contains(host, ".")
}

// allows reports whether the code of l may import a package.
func (l layer) allows(imported string) bool {
	switch {
	case ours(imported):
		return within(imported, l.ours)
	case foreign(imported):
		return within(imported, l.foreign) || slices.ContainsFunc(l.foreign, func(m string) bool { return strings.HasPrefix(imported, m+"/") })
	}
	return l.std == nil || slices.Contains(l.std, imported)
}

// allowsTest reports whether the tests of l in dir may import a package: what
// its code may, all of the standard library and of other modules, the package
// itself, and the suites of its port.
func (l layer) allowsTest(dir, imported string) bool {
	return !ours(imported) || l.allows(imported) || imported == dir || strings.HasPrefix(imported, dir+"/") || suite(imported)
}

func findLayers(r repo) []finding {
	var all []finding
	unnamed := map[string]bool{}
	for _, f := range r.code() {
		dir := f.dir()
		l, ok := layerOf(dir)
		if !ok && !unnamed[dir] {
			unnamed[dir] = true
			all = append(all, found(dir, "no layer names this package; say in internal/archtest what it may import, and why"))
		}
		for _, imported := range f.imports() {
			if ok && !l.allows(imported) && !(f.test() && l.allowsTest(dir, imported)) {
				all = append(all, found(f.path, "must not import %s: %s", imported, l.why))
			}
		}
	}
	return all
}

// ports are the packages whose adapters are below them, and their suites. A
// port without a suite says so with "".
var ports = map[string]string{
	"internal/metric": "internal/metric/metrictest",
	"internal/router": "internal/router/routertest",
	"internal/target": "", // its adapters are tested on a real API server, in test/envtest
}

// suite reports whether the package is the suite of a port.
func suite(dir string) bool { return slices.Contains(slices.Collect(maps.Values(ports)), dir) }

// portOf returns the port of an adapter.
func portOf(dir string) (string, bool) {
	for port := range ports {
		if strings.HasPrefix(dir, port+"/") && !suite(dir) {
			return port, true
		}
	}
	return "", false
}

func findAdapters(r repo) []finding {
	all := map[string]finding{}
	for _, f := range r.product("internal", "cmd", "api") {
		for _, imported := range f.imports() {
			if _, ok := portOf(imported); ok && f.dir() != "internal/catalog" {
				key := fmt.Sprintf("%s → %s", f.dir(), imported)
				all[key] = found(key, "only internal/catalog imports adapters; take the port instead")
			}
		}
	}
	return sorted(all)
}

func findSuites(r repo) []finding {
	missing := map[string]finding{}
	for _, f := range r.product("internal") {
		if port, ok := portOf(f.dir()); ok && ports[port] != "" {
			missing[f.dir()] = found(f.dir(), "the tests of this adapter must run %s", ports[port])
		}
	}
	for _, f := range r.code("internal") {
		if port, ok := portOf(f.dir()); ok && f.test() && slices.Contains(f.imports(), ports[port]) {
			delete(missing, f.dir())
		}
	}
	return sorted(missing)
}

func findAssertions(r repo) []finding {
	var all []finding
	for _, f := range r.code() {
		for _, imported := range f.imports() {
			if strings.HasPrefix(imported, "github.com/stretchr/testify") || strings.HasPrefix(imported, "github.com/onsi/") {
				all = append(all, found(f.path, "must not import %s", imported))
			}
		}
	}
	return all
}

// sorted returns the findings in the order of their keys.
func sorted(all map[string]finding) []finding {
	var list []finding
	for _, key := range slices.Sorted(maps.Keys(all)) {
		list = append(list, all[key])
	}
	return list
}
