// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package router

import (
	"maps"

	"github.com/sluice-delivery/sluice/api/v1beta1"
)

// An App is what a Dialect must know about an application.
type App struct {
	Namespace string
	Name      string // of the application's own Service, and of its route
	Primary   string // Service that leads to the primary
	Canary    string // Service that leads to the canary
	Port      int32  // of all three Services

	// Service is the rest of what the user wants of the route. It is shared with
	// the Canary: read it only.
	Service v1beta1.CanaryService
}

// AppOf returns the application that c releases.
func AppOf(c *v1beta1.Canary) App {
	apex, primary, canary := c.ServiceNames()
	return App{
		Namespace: c.Namespace,
		Name:      apex,
		Primary:   primary,
		Canary:    canary,
		Port:      c.Spec.Service.Port,
		Service:   c.Spec.Service,
	}
}

// Labels are those that the user wants on the route. The caller may change
// them.
func (a App) Labels() map[string]string {
	labels := map[string]string{}
	if a.Service.Apex != nil {
		maps.Copy(labels, a.Service.Apex.Labels)
	}
	return labels
}

// Annotations are those that the user wants on the route, and those that keep
// Flux from undoing what is written to it. The caller may change them.
func (a App) Annotations() map[string]string {
	annotations := map[string]string{}
	if a.Service.Apex != nil {
		maps.Copy(annotations, a.Service.Apex.Annotations)
	}
	maps.Copy(annotations, v1beta1.LeftAloneByFlux())
	return annotations
}
