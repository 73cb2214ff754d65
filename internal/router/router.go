// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

// Package router divides the requests of an application between its primary
// and its canary. Each proxy is a Dialect in a package of its own below this
// one, held to its laws by routertest. Dialects plan; Apply alone writes.
package router

import (
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// A Dialect knows how one proxy writes Routes down. It is pure: it reads and
// writes nothing but its arguments, never changes them, and may be called
// concurrently. Package routertest holds it to three laws:
//
//   - what Plan writes, Read reads;
//   - Plan on the result of Plan is empty;
//   - what others have written stays as it was.
type Dialect interface {
	// Objects are what the Dialect looks at: typed objects with namespace and
	// name, nothing else. Those of them that exist, in any order, are the found
	// of Plan and Read.
	Objects(app App) []client.Object

	// Plan returns the edits that make found say what want says. There are none
	// if it does already. A *SpecError, which is ErrInvalid or ErrUnsupported,
	// means that the user must change the Canary: no retry helps, and no edits
	// come with it but those that take requests away from the canary, so that
	// no spec, however broken, stands in the way of a rollback.
	Plan(app App, want Routes, found []client.Object) ([]Edit, error)

	// Read returns what found says. Routes are none if it says nothing.
	Read(app App, found []client.Object) (State, error)

	// Features are what Plan can express, in a fixed order.
	Features() []Feature
}

// Routes say where requests go. The zero value sends all of them to the
// primary.
type Routes struct {
	Canary int // percent of the requests that the canary answers
}

// A State is what was read from a proxy's objects.
type State struct {
	Routes   Routes
	Accepted bool   // the proxy has taken up what the objects say now
	Why      string // it has not, in words for people
}

// A Feature is something that not every proxy can do.
type Feature string

// The features.
const (
	Weights         Feature = "weights"          // a percentage of the requests goes to the canary
	Matches         Feature = "matches"          // requests that match a condition go to the canary
	Mirroring       Feature = "mirroring"        // the canary gets copies of the primary's requests
	SessionAffinity Feature = "session-affinity" // a client stays with the side that it first met
)

// An Edit creates one object or changes one.
type Edit struct {
	// Create is the whole object, if there is none yet; the other fields are
	// empty then.
	Create client.Object
	// Object says which one to change; it is as it was found.
	Object client.Object
	// Patch is a JSON patch (RFC 6902). Its test operations fail when the object
	// is no longer what the plan was made for.
	Patch []byte
	// Fallback is a part of Patch, if there is one, for the case that the API
	// server refuses Patch: it takes requests away from the canary, no more.
	Fallback []byte
}
