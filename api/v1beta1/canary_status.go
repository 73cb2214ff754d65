// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package v1beta1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// A CanaryStatus says how far a release is. The fields up to conditions are
// Flagger's, the others are read by Sluice alone.
type CanaryStatus struct {
	// Where the release stands.
	// +optional
	Phase CanaryPhase `json:"phase,omitempty"`

	// Failed checks that count towards the threshold.
	// +optional
	FailedChecks int32 `json:"failedChecks"`

	// Percentage of requests that the canary gets.
	// +optional
	CanaryWeight int32 `json:"canaryWeight"`

	// Passed checks of an A/B or a blue/green release.
	// +optional
	Iterations int32 `json:"iterations"`

	// Checksums of the ConfigMaps and Secrets that the target refers to, by
	// configmap/NAME and secret/NAME.
	// +optional
	TrackedConfigs map[string]string `json:"trackedConfigs,omitempty"`

	// Fingerprint of the revision that was last put under analysis, or found
	// when the Canary was initialized.
	// +optional
	LastAppliedSpec string `json:"lastAppliedSpec,omitempty"`

	// Fingerprint of the revision that the primary was last promoted to.
	// +optional
	LastPromotedSpec string `json:"lastPromotedSpec,omitempty"`

	// When the status was last written.
	// +optional
	LastTransitionTime metav1.Time `json:"lastTransitionTime,omitzero"`

	// NAME=VALUE of the cookie that ties clients to the canary in this release.
	// +optional
	SessionAffinityCookie string `json:"sessionAffinityCookie,omitempty"`

	// NAME=VALUE of the cookie that ties clients to the primary in this release.
	// +optional
	PrimarySessionAffinityCookie string `json:"primarySessionAffinityCookie,omitempty"`

	// NAME=VALUE of the cookie of the release before, which clients are asked to
	// drop.
	// +optional
	PreviousSessionAffinityCookie string `json:"previousSessionAffinityCookie,omitempty"`

	// What is the case now, and why.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []CanaryCondition `json:"conditions,omitempty"`

	// metadata.generation of the spec that this status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// The current release, or the last one when none is under way.
	// +optional
	Run *CanaryRunStatus `json:"run,omitempty"`

	// What the last check found, one entry for every metric.
	// +optional
	// +listType=atomic
	Checks []CanaryMetricStatus `json:"checks,omitempty"`

	// What people were last told to mend or to approve, so that they are told
	// once.
	// +optional
	Told *CanaryTold `json:"told,omitempty"`

	// Version of the metrics that were last tried out before a release.
	// +optional
	Probed string `json:"probed,omitempty"`

	// What has happened and not everybody was told yet.
	// +optional
	// +listType=map
	// +listMapKey=key
	Outbox []CanaryNotice `json:"outbox,omitempty"`
}

// A CanaryRunStatus is the memory of one release.
type CanaryRunStatus struct {
	// Unique to the release.
	ID string `json:"id"`

	// Fingerprint of the revision that is released.
	// +optional
	Revision string `json:"revision,omitempty"`

	// metadata.generation of the target that has this revision.
	// +optional
	TargetGeneration int64 `json:"targetGeneration,omitempty"`

	// When the revision was found.
	// +optional
	StartedAt *metav1.MicroTime `json:"startedAt,omitempty"`

	// When the canary was last checked, or its weight last raised.
	// +optional
	CheckedAt *metav1.MicroTime `json:"checkedAt,omitempty"`

	// Number of the current questions to metrics and webhooks; answers to
	// earlier ones are dropped.
	// +optional
	Round int32 `json:"round,omitempty"`

	// Percentage of requests that the passed checks have earned. The canary may
	// have less, while it is not ready for example, but never more.
	// +optional
	EarnedWeight int32 `json:"earnedWeight,omitempty"`

	// Number of failed checks, whatever passed in between.
	// +optional
	TotalFailedChecks int32 `json:"totalFailedChecks,omitempty"`

	// Number of checks in a row that had no answer.
	// +optional
	ErrorChecks int32 `json:"errorChecks,omitempty"`

	// When traffic was last taken from the canary.
	// +optional
	RoutedAt *metav1.MicroTime `json:"routedAt,omitempty"`

	// When the release was promoted, rolled back or ended otherwise. Unset while
	// it is under way.
	// +optional
	EndedAt *metav1.MicroTime `json:"endedAt,omitempty"`
}

// A CanaryTold is what people were last told to mend or to approve.
type CanaryTold struct {
	Reason  Reason `json:"reason"`
	Message string `json:"message"`
}

// A CanaryMetricStatus is what the last check found about one metric.
type CanaryMetricStatus struct {
	Name string `json:"name"`

	// The value, as text; empty if there was none.
	// +optional
	Value string `json:"value,omitempty"`

	// The values that pass, as text, for example ≤ 500.
	// +optional
	Range string `json:"range,omitempty"`

	Verdict MetricVerdict `json:"verdict"`

	// Why, unless it passed.
	// +optional
	Message string `json:"message,omitempty"`

	// When it was measured.
	Time metav1.MicroTime `json:"time"`
}

// A MetricVerdict says what a check made of a metric.
//
// +kubebuilder:validation:Enum=Passed;Failed;NoData;Error
type MetricVerdict string

// The verdicts.
const (
	// MetricPassed says that the value is within its range.
	MetricPassed MetricVerdict = "Passed"
	// MetricFailed says that the value is outside of its range.
	MetricFailed MetricVerdict = "Failed"
	// MetricNoData says that the answer had no value.
	MetricNoData MetricVerdict = "NoData"
	// MetricError says that there was no answer.
	MetricError MetricVerdict = "Error"
)

// A CanaryNotice is news that is on its way. It is saved with the state that it
// speaks of and removed when everybody was told, so nobody misses it, and a
// crash may tell somebody twice.
type CanaryNotice struct {
	// Unique and the same at every try, so that receivers can drop doubles.
	Key string `json:"key"`

	Type EventType `json:"type"`

	Reason Reason `json:"reason"`

	Message string `json:"message"`

	// The phase that it speaks of.
	// +optional
	Phase CanaryPhase `json:"phase,omitempty"`

	// When it happened.
	Time metav1.MicroTime `json:"time"`

	// Who is still to be told: event for the Kubernetes event, webhook/TYPE/NAME for
	// a webhook of the Canary, alert/NAME for an alert of the Canary.
	// +optional
	// +listType=atomic
	Deliver []string `json:"deliver,omitempty"`
}

// An EventType is that of Kubernetes events.
//
// +kubebuilder:validation:Enum=Normal;Warning
type EventType string

// The types of event.
const (
	// EventNormal says that everything went as planned.
	EventNormal EventType = "Normal"
	// EventWarning says that something did not.
	EventWarning EventType = "Warning"
)

// A CanaryCondition says whether something is the case, and why.
type CanaryCondition struct {
	Type ConditionType `json:"type"`

	// True, False or Unknown.
	Status metav1.ConditionStatus `json:"status"`

	// Why, for machines.
	Reason Reason `json:"reason"`

	// Why, for people. Stable while nothing changes.
	// +optional
	Message string `json:"message,omitempty"`

	// When anything in this condition last changed.
	// +optional
	LastUpdateTime metav1.Time `json:"lastUpdateTime,omitzero"`

	// When its status last changed.
	// +optional
	LastTransitionTime metav1.Time `json:"lastTransitionTime,omitzero"`

	// metadata.generation of the spec that it speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
}
