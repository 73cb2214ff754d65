// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package v1beta1

// Names of the metrics that need neither a query nor a template.
const (
	// MetricRequestSuccessRate is the percentage of requests that were not
	// answered with a 5xx status.
	MetricRequestSuccessRate = "request-success-rate"
	// MetricRequestDuration is the 99th percentile of the time that requests
	// took, in milliseconds.
	MetricRequestDuration = "request-duration"
)

// A CanaryAnalysis says how a new version is judged. Exactly one of stepWeight,
// stepWeights and iterations chooses the strategy:
//
//   - stepWeight or stepWeights: a growing share of the requests goes to the
//     canary; every step is one passed check.
//   - iterations with match (A/B): matching requests go to the canary for that
//     many checks.
//   - iterations alone (blue/green): the canary is checked that many times
//     before it gets requests.
//
// +kubebuilder:validation:XValidation:rule="[has(self.iterations), has(self.stepWeight), has(self.stepWeights)].filter(x, x).size() == 1",message="spec.analysis must have exactly one of stepWeight, stepWeights and iterations"
type CanaryAnalysis struct {
	// Time between two checks, for example 30s or 1m. Promotion and rollback
	// don't wait for it. At least 1s.
	// +kubebuilder:validation:Pattern=`^[0-9]+(m|s)`
	Interval string `json:"interval"`

	// Number of failed checks that roll the release back. By default they must
	// be consecutive; see failureCounting. 0 and less act like 1.
	Threshold int32 `json:"threshold"`

	// What counts towards threshold. Consecutive: a passed check sets the count
	// back to 0. Cumulative: it does not, as in Flagger. When unset, the
	// controller's flag -failure-counting decides, which is Consecutive.
	// +optional
	FailureCounting FailureCounting `json:"failureCounting,omitempty"`

	// Number of failed checks in the whole release that roll it back, however
	// they are counted towards threshold. No limit when unset.
	// +optional
	// +kubebuilder:validation:Minimum=1
	MaxFailedChecks int32 `json:"maxFailedChecks,omitempty"`

	// Number of checks in a row without an answer that roll the release back.
	// Such a check, of a metric system that is down for example, holds the
	// release and does not count as failed. The greater of 5 and twice the
	// threshold when unset.
	// +optional
	// +kubebuilder:validation:Minimum=1
	ErrorLimit int32 `json:"errorLimit,omitempty"`

	// Number of checks of an A/B or a blue/green release.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Iterations int32 `json:"iterations,omitempty"`

	// Percentage of requests at which the canary is promoted, after a passed
	// check. An upper bound: with stepWeight 20 and maxWeight 50 the steps are
	// 20, 40, 50. 100 when unset or 0. Ignored with stepWeights.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	MaxWeight int32 `json:"maxWeight,omitempty"`

	// Percentage of requests that every passed check adds to the canary.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	StepWeight int32 `json:"stepWeight,omitempty"`

	// Percentage of requests at every step, strictly rising. The canary is
	// promoted after a passed check at the last one.
	// +optional
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=100
	// +kubebuilder:validation:items:Minimum=1
	// +kubebuilder:validation:items:Maximum=100
	// +kubebuilder:validation:XValidation:rule="self.isSorted() && self.all(w, self.exists_one(v, v == w))",message="spec.analysis.stepWeights must rise from step to step, for example [10, 30, 50]"
	StepWeights []int32 `json:"stepWeights,omitempty"`

	// Percentage of requests that returns to the primary at a time, once it runs
	// the new version. All at once when unset or 0; 100 and more act the same.
	// +optional
	// +kubebuilder:validation:Minimum=0
	StepWeightPromotion int32 `json:"stepWeightPromotion,omitempty"`

	// Send the canary copies of requests, whose answers are dropped, before it
	// gets any of its own. False when unset.
	// +optional
	Mirror bool `json:"mirror,omitempty"`

	// Percentage of requests that is copied. 100 when unset or 0. Used by Istio.
	// +optional
	MirrorWeight int32 `json:"mirrorWeight,omitempty"`

	// Percentage of the primary's updated replicas that must be available for it
	// to be ready. 100 when unset.
	// +optional
	PrimaryReadyThreshold *int32 `json:"primaryReadyThreshold,omitempty"`

	// Percentage of the canary's updated replicas that must be available for it
	// to be ready. 100 when unset.
	// +optional
	CanaryReadyThreshold *int32 `json:"canaryReadyThreshold,omitempty"`

	// Requests that go to the canary in an A/B test; one entry must match.
	// Needs iterations.
	// +optional
	// +kubebuilder:validation:MaxItems=128
	Match []CanaryMatch `json:"match,omitempty"`

	// What is measured at every check. All of them must be within their range.
	// +optional
	// +kubebuilder:validation:MaxItems=256
	Metrics []CanaryMetric `json:"metrics,omitempty"`

	// Who is told what. When unset, the notifier of the controller's flags is.
	// +optional
	Alerts []CanaryAlert `json:"alerts,omitempty"`

	// What is called when: load tests, acceptance tests, gates.
	// +optional
	Webhooks []CanaryWebhook `json:"webhooks,omitempty"`

	// Keep clients that reached the canary on it, by a cookie. Used by Istio and
	// Gateway API.
	// +optional
	SessionAffinity *SessionAffinity `json:"sessionAffinity,omitempty"`
}

// FailureCounting says which failed checks count towards the threshold.
//
// +kubebuilder:validation:Enum=Consecutive;Cumulative
type FailureCounting string

// The ways to count.
const (
	// FailureCountingConsecutive counts the failed checks since the last passed
	// one.
	FailureCountingConsecutive FailureCounting = "Consecutive"
	// FailureCountingCumulative counts all failed checks of the release.
	FailureCountingCumulative FailureCounting = "Cumulative"
)

// A CanaryMetric is measured at every check and compared with a range.
type CanaryMetric struct {
	// Name for people, and request-success-rate (percent) or request-duration
	// (99th percentile in milliseconds) for the built-in metrics.
	Name string `json:"name"`

	// The time that the query looks back over, {{ interval }} in its text. 1m
	// when unset.
	// +optional
	// +kubebuilder:validation:Pattern=`^[0-9]+(m|s)`
	Interval string `json:"interval,omitempty"`

	// Deprecated: use thresholdRange, which wins. The least success rate for
	// request-success-rate, the greatest value for every other metric.
	// +optional
	Threshold float64 `json:"threshold,omitempty"`

	// Values that pass, bounds included. When neither this nor threshold is set,
	// every success rate passes, and no value above 0 of any other metric.
	// +optional
	ThresholdRange *CanaryThresholdRange `json:"thresholdRange,omitempty"`

	// Deprecated: use templateRef. A Prometheus query, with the same functions
	// as in a MetricTemplate.
	// +optional
	Query string `json:"query,omitempty"`

	// The MetricTemplate that has the query.
	// +optional
	TemplateRef *CrossNamespaceReference `json:"templateRef,omitempty"`

	// Values for {{ variables.NAME }} in the query.
	// +optional
	TemplateVariables map[string]string `json:"templateVariables,omitempty"`

	// What an answer without a value means, as when there was no traffic. Fail:
	// a failed check. Pass: the metric passes. Wait: the check is repeated after
	// interval and counts as nothing. Fail when unset.
	// +optional
	OnNoData NoDataPolicy `json:"onNoData,omitempty"`
}

// A CanaryThresholdRange holds the values that pass. An unset bound is no bound.
//
// +kubebuilder:validation:XValidation:rule="!has(self.min) || !has(self.max) || self.min <= self.max",message="thresholdRange.min must not be greater than thresholdRange.max; no value passes"
type CanaryThresholdRange struct {
	// The least value that passes.
	// +optional
	Min *float64 `json:"min,omitempty"`

	// The greatest value that passes.
	// +optional
	Max *float64 `json:"max,omitempty"`
}

// A NoDataPolicy says what an answer without a value means.
//
// +kubebuilder:validation:Enum=Fail;Pass;Wait
type NoDataPolicy string

// The policies.
const (
	// NoDataFail makes the check fail.
	NoDataFail NoDataPolicy = "Fail"
	// NoDataPass makes the metric pass.
	NoDataPass NoDataPolicy = "Pass"
	// NoDataWait repeats the check after the interval.
	NoDataWait NoDataPolicy = "Wait"
)

// A CanaryAlert says who is told what.
type CanaryAlert struct {
	Name string `json:"name"`

	// What is told: info everything, warn what waits for somebody or failed,
	// error what failed. info when unset.
	// +optional
	Severity AlertSeverity `json:"severity,omitempty"`

	// The AlertProvider that tells it.
	ProviderRef CrossNamespaceReference `json:"providerRef"`
}

// An AlertSeverity says how much is told.
//
// +kubebuilder:validation:Enum="";info;warn;error
type AlertSeverity string

// The severities.
const (
	// SeverityInfo tells everything.
	SeverityInfo AlertSeverity = "info"
	// SeverityWarn tells what waits for somebody, and what failed.
	SeverityWarn AlertSeverity = "warn"
	// SeverityError tells what failed.
	SeverityError AlertSeverity = "error"
)

// A CanaryWebhook is called at one kind of moment. The call is an HTTP POST of
// a JSON document; 200, 201 and 202 answer yes.
type CanaryWebhook struct {
	// When it is called, and what its answer decides. rollout when unset or
	// empty.
	// +optional
	Type HookType `json:"type,omitempty"`

	Name string `json:"name"`

	// Address that is called.
	URL string `json:"url"`

	// Send no alerts about this webhook. False when unset.
	// +optional
	MuteAlert bool `json:"muteAlert,omitempty"`

	// Time that every try may take, for example 30s. 10s when unset.
	// +optional
	// +kubebuilder:validation:Pattern=`^[0-9]+(m|s)`
	Timeout string `json:"timeout,omitempty"`

	// Number of repetitions after a lost connection, a 429 or a 5xx other than
	// 501. 0 when unset.
	// +optional
	Retries int32 `json:"retries,omitempty"`

	// Don't verify the server's certificate. False when unset.
	// +optional
	DisableTLS bool `json:"disableTLS,omitempty"`

	// Sent along with every call.
	// +optional
	Metadata map[string]string `json:"metadata,omitempty"`
}

// A HookType says when a webhook is called, and what its answer decides.
//
// +kubebuilder:validation:Enum="";confirm-rollout;pre-rollout;rollout;confirm-promotion;post-rollout;event;rollback;confirm-traffic-increase
type HookType string

// The types of webhook.
const (
	// HookConfirmRollout must agree before the canary starts; until then the
	// release waits.
	HookConfirmRollout HookType = "confirm-rollout"
	// HookPreRollout must agree before the canary gets its first request; a
	// refusal is a failed check.
	HookPreRollout HookType = "pre-rollout"
	// HookRollout is part of every check; a refusal is a failed check.
	HookRollout HookType = "rollout"
	// HookConfirmTrafficIncrease must agree before every step; until then the
	// weight stays.
	HookConfirmTrafficIncrease HookType = "confirm-traffic-increase"
	// HookConfirmPromotion must agree before the promotion; until then the
	// release waits and checks go on.
	HookConfirmPromotion HookType = "confirm-promotion"
	// HookPostRollout is told that the release succeeded or failed.
	HookPostRollout HookType = "post-rollout"
	// HookRollback is asked all the while; agreement rolls the release back.
	HookRollback HookType = "rollback"
	// HookEvent is told every event.
	HookEvent HookType = "event"
)

// SessionAffinity keeps clients that reached the canary on it, by a cookie.
//
// +kubebuilder:validation:XValidation:rule="!has(self.primaryCookieName) || self.primaryCookieName != self.cookieName",message="spec.analysis.sessionAffinity.primaryCookieName must differ from cookieName"
type SessionAffinity struct {
	// Name of the cookie that ties a client to the canary.
	// +kubebuilder:validation:MaxLength=4096
	CookieName string `json:"cookieName"`

	// Name of the cookie that ties a client to the primary for one interval.
	// None when unset.
	// +optional
	// +kubebuilder:validation:MaxLength=4096
	PrimaryCookieName string `json:"primaryCookieName,omitempty"`

	// Host that gets the cookie.
	// +optional
	Domain string `json:"domain,omitempty"`

	// Hide the cookie from scripts. False when unset.
	// +optional
	HTTPOnly bool `json:"httpOnly,omitempty"`

	// Seconds that the cookie lives.
	// +optional
	// +kubebuilder:default=86400
	MaxAge int32 `json:"maxAge,omitempty"`

	// Keep the cookie apart per top-level site. False when unset.
	// +optional
	Partitioned bool `json:"partitioned,omitempty"`

	// Path that a request must have to carry the cookie.
	// +optional
	Path string `json:"path,omitempty"`

	// Which cross-site requests carry the cookie.
	// +optional
	// +kubebuilder:validation:Enum=Strict;Lax;None
	SameSite string `json:"sameSite,omitempty"`

	// Send the cookie over https only. False when unset.
	// +optional
	Secure bool `json:"secure,omitempty"`
}
