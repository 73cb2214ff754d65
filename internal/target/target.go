// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

// Package target drives the workloads that are released. Each kind of workload
// is an adapter in a package below this one.
package target

import (
	"context"
	"errors"

	corev1 "k8s.io/api/core/v1"
)

// ErrMoved is returned by Promote when the target no longer is the revision
// that was checked.
var ErrMoved = errors.New("the target has moved to another revision")

// A Problem is something about the target that only the user can mend.
type Problem struct {
	Code    string // PascalCase, for conditions and events
	Message string // names the field and the mend
}

// A State is what was observed of one side.
type State struct {
	Exists     bool
	Generation int64
	Revision   string // that it runs or is about to run; empty if nobody recorded it
	Replicas   int    // wanted
	Available  int    // serving
	Ready      bool   // all wanted replicas run the revision and serve
	Stuck      bool   // the progress deadline has passed
	Why        string // it is not ready
}

// An Observation is both sides, and what leads requests to them.
type Observation struct {
	Canary, Primary State
	// Problem is what the user must mend before the target can be released; the
	// rest of the Observation holds all the same.
	Problem *Problem
	// Refs are the ConfigMaps and Secrets that the target's pods refer to, as
	// configmap/NAME and secret/NAME, whether they exist or not.
	Refs []string
	// Configs maps configmap/NAME and secret/NAME of everything that the
	// target's pods mount or read to a digest of its data.
	Configs map[string]string
	// Label and Value select the canary's pods; Value-primary selects those of
	// the primary.
	Label, Value string
	// Ports are the named container ports of the target.
	Ports []ContainerPort
	// PodLabels are the labels of the target's pods.
	PodLabels map[string]string
}

// PrimaryValue is the value of Label that the primary's pods carry.
func (o Observation) PrimaryValue() string { return o.Value + "-primary" }

// A ContainerPort is a port of one container of the target.
type ContainerPort struct {
	Container string
	Index     int // of the port within its container
	Port      corev1.ContainerPort
}

// A Target is a workload that can be released progressively. Everything but
// Observe writes, is idempotent, and gives a Kubernetes conflict error when
// somebody else was faster.
type Target interface {
	// Observe reads both sides, from caches where it can.
	Observe(ctx context.Context) (Observation, error)
	// CreatePrimary makes the primary as a copy of the target, if there is none.
	CreatePrimary(ctx context.Context) error
	// Scale gives the target as many replicas as it needs to be analysed, or
	// none.
	Scale(ctx context.Context, up bool) error
	// Promote makes the primary run revision of the target. It returns ErrMoved
	// if the target has another one by now.
	Promote(ctx context.Context, revision string) error
	// Demote makes the primary run again what it ran before revision.
	Demote(ctx context.Context, revision string) error
}
