// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package canary

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/types"

	"github.com/sluice-delivery/sluice/api/v1beta1"
)

// A thing is an object that a turn looked at.
type thing struct{ kind, namespace, name string }

// A look collects the things that one turn looks at.
type look struct {
	namespace string
	keys      map[thing]bool
}

func newLook(c *v1beta1.Canary) *look {
	return &look{namespace: c.Namespace, keys: map[thing]bool{}}
}

func (l *look) at(kind, name string) { l.in(kind, l.namespace, name) }

func (l *look) in(kind, namespace, name string) { l.keys[thing{kind, namespace, name}] = true }

// ref looks at configmap/NAME or secret/NAME.
func (l *look) ref(key string) {
	kind, name, _ := strings.Cut(key, "/")
	l.at(map[string]string{"configmap": "ConfigMap", "secret": "Secret"}[kind], name)
}

// An interest knows which Canaries look at which things, so that a change of
// any of them moves the right Canaries on and no others. It may be used
// concurrently.
type interest struct {
	mu     sync.Mutex
	looks  map[types.NamespacedName]map[thing]bool
	owners map[thing]map[types.NamespacedName]bool
}

func newInterest() *interest {
	return &interest{looks: map[types.NamespacedName]map[thing]bool{}, owners: map[thing]map[types.NamespacedName]bool{}}
}

// set replaces what the Canary looks at, and reports whether any of it is new.
func (i *interest) set(canary types.NamespacedName, now map[thing]bool) (fresh bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	before := i.looks[canary]
	if maps.Equal(before, now) {
		return false
	}
	for t := range before {
		if now[t] {
			continue
		}
		delete(i.owners[t], canary)
		if len(i.owners[t]) == 0 {
			delete(i.owners, t)
		}
	}
	for t := range now {
		if before[t] {
			continue
		}
		fresh = true
		if i.owners[t] == nil {
			i.owners[t] = map[types.NamespacedName]bool{}
		}
		i.owners[t][canary] = true
	}
	i.looks[canary] = now
	if now == nil {
		delete(i.looks, canary)
	}
	return fresh
}

// of returns the Canaries that look at t, in no order.
func (i *interest) of(t thing) []types.NamespacedName {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Collect(maps.Keys(i.owners[t]))
}
