// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

// Package config follows the ConfigMaps and Secrets that pods refer to, so that
// a change of theirs is a new revision and the primary keeps copies of its own.
package config

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// A Kind is one of the two kinds of objects that hold configuration.
type Kind string

// The kinds.
const (
	ConfigMap Kind = "configmap"
	Secret    Kind = "secret"
)

// A Ref is a reference from a pod to a ConfigMap or Secret in its namespace.
type Ref struct {
	Kind     Kind
	Name     string
	Optional bool // for everybody who refers to it
}

// Key is how the status names the object, for example "configmap/web".
func (r Ref) Key() string { return string(r.Kind) + "/" + r.Name }

// Refs returns what the pod mounts or reads, sorted, each object once. Image
// pull secrets are not configuration.
func Refs(pod *corev1.PodSpec) []Ref {
	found := map[Ref]bool{} // with Optional false in the key; the value is whether all are optional
	Visit(pod, func(kind Kind, name *string, optional *bool) {
		key := Ref{Kind: kind, Name: *name}
		all, seen := found[key]
		found[key] = (all || !seen) && optional != nil && *optional
	})
	refs := make([]Ref, 0, len(found))
	for r, optional := range found {
		r.Optional = optional
		refs = append(refs, r)
	}
	slices.SortFunc(refs, func(a, b Ref) int { return strings.Compare(a.Key(), b.Key()) })
	return refs
}

// Visit calls f with each reference in pod. f may change the name.
func Visit(pod *corev1.PodSpec, f func(kind Kind, name *string, optional *bool)) {
	for i := range pod.Volumes {
		visitVolume(&pod.Volumes[i], f)
	}
	for _, containers := range [][]corev1.Container{pod.InitContainers, pod.Containers} {
		for i := range containers {
			visitContainer(&containers[i], f)
		}
	}
}

func visitVolume(v *corev1.Volume, f func(Kind, *string, *bool)) {
	if c := v.ConfigMap; c != nil {
		f(ConfigMap, &c.Name, c.Optional)
	}
	if s := v.Secret; s != nil {
		f(Secret, &s.SecretName, s.Optional)
	}
	if v.Projected == nil {
		return
	}
	for i := range v.Projected.Sources {
		if c := v.Projected.Sources[i].ConfigMap; c != nil {
			f(ConfigMap, &c.Name, c.Optional)
		}
		if s := v.Projected.Sources[i].Secret; s != nil {
			f(Secret, &s.Name, s.Optional)
		}
	}
}

func visitContainer(c *corev1.Container, f func(Kind, *string, *bool)) {
	for i := range c.EnvFrom {
		if r := c.EnvFrom[i].ConfigMapRef; r != nil {
			f(ConfigMap, &r.Name, r.Optional)
		}
		if r := c.EnvFrom[i].SecretRef; r != nil {
			f(Secret, &r.Name, r.Optional)
		}
	}
	for i := range c.Env {
		from := c.Env[i].ValueFrom
		if from == nil {
			continue
		}
		if r := from.ConfigMapKeyRef; r != nil {
			f(ConfigMap, &r.Name, r.Optional)
		}
		if r := from.SecretKeyRef; r != nil {
			f(Secret, &r.Name, r.Optional)
		}
	}
}
