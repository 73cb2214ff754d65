// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package v1beta1

// Suffixes of the objects that belong to one side of a release.
const (
	PrimarySuffix = "-primary"
	CanarySuffix  = "-canary"
)

// ServiceName returns the name of the application's Service, which is the
// target's unless the spec has another.
func (c *Canary) ServiceName() string {
	if c.Spec.Service.Name != "" {
		return c.Spec.Service.Name
	}
	return c.Spec.TargetRef.Name
}

// ServiceNames returns the names of the application's Service and of those that
// lead to the primary and to the canary.
func (c *Canary) ServiceNames() (apex, primary, canary string) {
	apex = c.ServiceName()
	return apex, apex + PrimarySuffix, apex + CanarySuffix
}

// PrimaryName returns the name of the primary workload.
func (c *Canary) PrimaryName() string {
	return c.Spec.TargetRef.Name + PrimarySuffix
}

// GetAnalysis returns the analysis. It is never nil: a Canary that has none,
// which the API server refuses, has an empty one. Callers must not change it.
func (c *Canary) GetAnalysis() *CanaryAnalysis {
	if c.Spec.Analysis == nil {
		return &CanaryAnalysis{}
	}
	return c.Spec.Analysis
}

// LeftAloneByFlux returns the annotations by which Flux leaves an object alone
// that a controller makes, in a map of the caller's own.
func LeftAloneByFlux() map[string]string {
	return map[string]string{
		"kustomize.toolkit.fluxcd.io/reconcile": "disabled",
		"helm.toolkit.fluxcd.io/driftDetection": "disabled",
	}
}
