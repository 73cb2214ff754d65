// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package spec

import (
	"fmt"
	"slices"

	"github.com/sluice-delivery/sluice/api/v1beta1"
	"github.com/sluice-delivery/sluice/internal/rollout"
)

// A rule returns what is wrong with c in one respect, or "".
type rule func(c *v1beta1.Canary) string

// invalid are the rules about fields that make no sense. The schema of the CRD
// refuses most of them; they hold here too, for a cluster whose CRD is older.
var invalid = []rule{
	func(c *v1beta1.Canary) string {
		if c.Spec.Analysis == nil {
			return "spec.analysis is missing; set at least its interval, threshold and stepWeight"
		}
		return ""
	},
	func(c *v1beta1.Canary) string {
		if c.Spec.Service.Port <= 0 {
			return "spec.service.port is missing; set it to the port of the application's Service"
		}
		return ""
	},
	func(c *v1beta1.Canary) string {
		a := c.GetAnalysis()
		if len(a.StepWeights) == 0 && a.StepWeight <= 0 && a.Iterations <= 0 && !c.Spec.SkipAnalysis {
			return "spec.analysis has no steps; set stepWeight or stepWeights"
		}
		return ""
	},
	func(c *v1beta1.Canary) string {
		last := int32(0)
		for i, w := range c.GetAnalysis().StepWeights {
			if w <= last || w > 100 {
				return fmt.Sprintf("spec.analysis.stepWeights[%d] is %d; weights must rise from step to step and be at most 100", i, w)
			}
			last = w
		}
		return ""
	},
	func(c *v1beta1.Canary) string {
		if m := c.GetAnalysis().MaxWeight; m < 0 || m > 100 {
			return fmt.Sprintf("spec.analysis.maxWeight is %d; it must be between 1 and 100", m)
		}
		return ""
	},
	func(c *v1beta1.Canary) string {
		for i, m := range c.GetAnalysis().Metrics {
			if r := m.ThresholdRange; r != nil && r.Min != nil && r.Max != nil && *r.Min > *r.Max {
				return fmt.Sprintf("spec.analysis.metrics[%d].thresholdRange: min %v is greater than max %v; no value could pass", i, *r.Min, *r.Max)
			}
		}
		return ""
	},
}

// unsupported are the rules about what this version can't do. It refuses rather
// than leaving a part of the user's wish out.
var unsupported = []rule{
	func(c *v1beta1.Canary) string {
		if k := c.Spec.TargetRef.Kind; k != "Deployment" {
			return fmt.Sprintf("spec.targetRef.kind %s can't be released by this version; it releases Deployments", k)
		}
		return ""
	},
	func(c *v1beta1.Canary) string {
		if a := c.GetAnalysis(); a.Iterations > 0 {
			return "spec.analysis.iterations: A/B and blue/green releases are not in this version; use stepWeight or stepWeights"
		}
		return ""
	},
	func(c *v1beta1.Canary) string {
		if len(c.GetAnalysis().Match) > 0 {
			return "spec.analysis.match: A/B releases are not in this version; use stepWeight or stepWeights without match"
		}
		return ""
	},
	func(c *v1beta1.Canary) string {
		if c.GetAnalysis().Mirror {
			return "spec.analysis.mirror: mirroring is not in this version; remove it"
		}
		return ""
	},
	func(c *v1beta1.Canary) string {
		if c.GetAnalysis().SessionAffinity != nil {
			return "spec.analysis.sessionAffinity is not in this version; remove it"
		}
		return ""
	},
	func(c *v1beta1.Canary) string {
		if c.Spec.AutoscalerRef != nil {
			return "spec.autoscalerRef is not in this version: the primary would not be scaled; remove it"
		}
		return ""
	},
	func(c *v1beta1.Canary) string {
		known := []v1beta1.HookType{
			"", v1beta1.HookRollout, v1beta1.HookConfirmRollout, v1beta1.HookPreRollout, v1beta1.HookPostRollout, v1beta1.HookEvent,
			v1beta1.HookConfirmTrafficIncrease, v1beta1.HookConfirmPromotion, v1beta1.HookRollback,
		}
		for i, h := range c.GetAnalysis().Webhooks {
			if !slices.Contains(known, h.Type) {
				return fmt.Sprintf("spec.analysis.webhooks[%d].type %q is not known", i, h.Type)
			}
		}
		return ""
	},
}

// problems returns what is wrong with c, always in the same order: people are
// told about the first, and again when it changes.
func problems(c *v1beta1.Canary) []rollout.Reason {
	var all []rollout.Reason
	add := func(code v1beta1.Reason, rules []rule) {
		for _, r := range rules {
			if message := r(c); message != "" {
				all = append(all, rollout.Reason{Code: string(code), Message: message})
			}
		}
	}
	add(v1beta1.ReasonInvalidSpec, invalid)
	add(v1beta1.ReasonUnsupported, unsupported)
	return all
}
