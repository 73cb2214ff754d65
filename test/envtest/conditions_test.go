// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build envtest

package envtest

import (
	"fmt"
	"regexp"
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-delivery/sluice/api/v1beta1"
)

var pascalCase = regexp.MustCompile(`^([A-Z][a-z0-9]*)+$`)

// conditionsWrong returns what is wrong with the conditions of a Canary by the
// rules of kstatus, on which tools such as Flux and Argo CD rely. before is the
// version seen before, or nil.
func conditionsWrong(before, c *v1beta1.Canary) []string {
	if c.Status.ObservedGeneration == 0 {
		return nil // nobody has looked at it yet, or Flagger has, which sets Promoted only
	}
	var wrong []string
	must := func(holds bool, format string, a ...any) {
		if !holds {
			wrong = append(wrong, fmt.Sprintf(format, a...))
		}
	}
	is := func(t v1beta1.ConditionType, s metav1.ConditionStatus) bool { return condition(c, t).Status == s }
	stalled, busy := is(v1beta1.ConditionStalled, "True"), is(v1beta1.ConditionReconciling, "True")
	must(!stalled || !busy, "both Stalled and Reconciling are True")
	must(!is(v1beta1.ConditionReady, "True") || !stalled && !busy, "Ready is True while Stalled or Reconciling is")
	must(stalled || busy || c.Status.ObservedGeneration < c.Generation || !is(v1beta1.ConditionReady, "Unknown"), "Ready is Unknown at rest")
	must(c.Status.Phase != v1beta1.PhaseFailed || !is(v1beta1.ConditionReady, "True"), "Ready is True after a rollback")
	must(c.Status.ObservedGeneration <= c.Generation, "observedGeneration %d is ahead of %d", c.Status.ObservedGeneration, c.Generation)
	for _, t := range []v1beta1.ConditionType{v1beta1.ConditionPromoted, v1beta1.ConditionReady, v1beta1.ConditionReconciling, v1beta1.ConditionStalled} {
		cond := condition(c, t)
		must(slices.Contains([]metav1.ConditionStatus{"True", "False", "Unknown"}, cond.Status), "%s is %q", t, cond.Status)
		must(pascalCase.MatchString(string(cond.Reason)), "the reason of %s is %q", t, cond.Reason)
		must(cond.ObservedGeneration <= c.Generation, "%s is ahead of the spec", t)
		must(!cond.LastTransitionTime.IsZero(), "%s does not say since when", t)
		must(cond.Status != "True" || cond.Message != "", "%s is True without a message", t)
		if before == nil || before.Status.ObservedGeneration == 0 {
			continue
		}
		if was := condition(before, t); was.Status == cond.Status {
			must(was.LastTransitionTime.Equal(&cond.LastTransitionTime), "%s has a new lastTransitionTime, but is %s as before", t, cond.Status)
		}
	}
	must(string(condition(c, v1beta1.ConditionPromoted).Reason) == string(c.Status.Phase), "the reason of Promoted is not the phase")
	return wrong
}

// TestConditionRules holds the rules to what they are for.
func TestConditionRules(t *testing.T) {
	cases := map[string]struct {
		reason                    string
		ready, reconciling, stall metav1.ConditionStatus
		wrong                     bool
	}{
		"AtRest":  {reason: "A Canary at rest is ready.", ready: "True", reconciling: "False", stall: "False"},
		"Busy":    {reason: "One that is busy is not ready yet.", ready: "Unknown", reconciling: "True", stall: "False"},
		"Both":    {reason: "What waits for a person does not go on by itself.", ready: "False", reconciling: "True", stall: "True", wrong: true},
		"TooSoon": {reason: "Ready means that nothing is under way.", ready: "True", reconciling: "True", stall: "False", wrong: true},
		"Stalled": {reason: "Ready means that nothing is to be mended.", ready: "True", reconciling: "False", stall: "True", wrong: true},
		"Limbo":   {reason: "Nobody knows what an unknown state at rest means.", ready: "Unknown", reconciling: "False", stall: "False", wrong: true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			canary := &v1beta1.Canary{ObjectMeta: metav1.ObjectMeta{Generation: 1}, Status: v1beta1.CanaryStatus{Phase: v1beta1.PhaseInitialized, ObservedGeneration: 1}}
			for typ, s := range map[v1beta1.ConditionType]metav1.ConditionStatus{
				v1beta1.ConditionPromoted: "True", v1beta1.ConditionReady: c.ready, v1beta1.ConditionReconciling: c.reconciling, v1beta1.ConditionStalled: c.stall,
			} {
				canary.Status.Conditions = append(canary.Status.Conditions, v1beta1.CanaryCondition{
					Type: typ, Status: s, Reason: "Initialized", Message: "Why.", LastTransitionTime: metav1.Now(),
				})
			}
			if wrong := conditionsWrong(nil, canary); (len(wrong) > 0) != c.wrong {
				t.Errorf("%s\nwrong = %v", c.reason, wrong)
			}
		})
	}
}
