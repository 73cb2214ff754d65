// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package v1beta1

// A CanaryPhase says where a release stands.
//
// +kubebuilder:validation:Enum="";Initializing;Initialized;Waiting;Progressing;WaitingPromotion;Promoting;Finalising;Succeeded;Failed;Terminating;Terminated
type CanaryPhase string

// The phases.
const (
	// PhaseInitializing sets up the primary, the Services and the route.
	PhaseInitializing CanaryPhase = "Initializing"
	// PhaseInitialized serves from the primary and waits for the first release.
	PhaseInitialized CanaryPhase = "Initialized"
	// PhaseWaiting has a new revision that nobody confirmed yet.
	PhaseWaiting CanaryPhase = "Waiting"
	// PhaseProgressing checks the canary and shifts traffic to it.
	PhaseProgressing CanaryPhase = "Progressing"
	// PhaseWaitingPromotion has passed every check; the promotion is not
	// confirmed yet.
	PhaseWaitingPromotion CanaryPhase = "WaitingPromotion"
	// PhasePromoting makes the primary run the new revision and gives it the
	// traffic back.
	PhasePromoting CanaryPhase = "Promoting"
	// PhaseFinalising stops the canary after its promotion.
	PhaseFinalising CanaryPhase = "Finalising"
	// PhaseSucceeded serves the new revision from the primary.
	PhaseSucceeded CanaryPhase = "Succeeded"
	// PhaseFailed serves the old revision from the primary; the new one was
	// rolled back.
	PhaseFailed CanaryPhase = "Failed"
	// PhaseTerminating gives the target back, since the Canary is being deleted.
	PhaseTerminating CanaryPhase = "Terminating"
	// PhaseTerminated is never written; Flagger declares it.
	PhaseTerminated CanaryPhase = "Terminated"
)

// A ConditionType names something that may be the case with a Canary.
type ConditionType string

// The conditions.
const (
	// ConditionPromoted says that the primary runs the revision that the target
	// has. Its reason is the phase.
	ConditionPromoted ConditionType = "Promoted"
	// ConditionReady says that the application is served as the spec wants it
	// and no release is under way.
	ConditionReady ConditionType = "Ready"
	// ConditionReconciling says that something is under way that will end by
	// itself or by an approval.
	ConditionReconciling ConditionType = "Reconciling"
	// ConditionStalled says that somebody has to mend something first; the
	// message says what.
	ConditionStalled ConditionType = "Stalled"
)

// A Reason says in one word why a condition has its status or why an event
// happened. The reasons of the condition Promoted are the phases.
type Reason string

// Reasons of events: what happened.
const (
	// ReasonInitialized says that the primary serves and releases can start.
	ReasonInitialized Reason = "Initialized"
	// ReasonNewRevision says that the target has a revision to release.
	ReasonNewRevision Reason = "NewRevision"
	// ReasonRestarted says that the target changed in the middle of a release,
	// which starts over with the newer revision.
	ReasonRestarted Reason = "Restarted"
	// ReasonReverted says that the target was set back to what the primary runs,
	// which ends the release.
	ReasonReverted Reason = "Reverted"
	// ReasonWeightAdvanced says that the canary gets more requests.
	ReasonWeightAdvanced Reason = "WeightAdvanced"
	// ReasonWeightLowered says that the spec was edited and no longer allows as
	// many requests as the canary had.
	ReasonWeightLowered Reason = "WeightLowered"
	// ReasonWeightRestored says that the canary gets again what it has earned,
	// after somebody else changed the route or the canary was not ready.
	ReasonWeightRestored Reason = "WeightRestored"
	// ReasonCheckFailed says that a metric is outside of its range or a webhook
	// refused.
	ReasonCheckFailed Reason = "CheckFailed"
	// ReasonCheckErrored says that a check had no answer, which does not count
	// as failed.
	ReasonCheckErrored Reason = "CheckErrored"
	// ReasonCanaryWithdrawn says that the canary loses the requests that it has
	// earned, since it changed or is not ready while the primary takes over.
	ReasonCanaryWithdrawn Reason = "CanaryWithdrawn"
	// ReasonRoutingToPrimary says that the traffic returns to the primary.
	ReasonRoutingToPrimary Reason = "RoutingToPrimary"
	// ReasonRolledBack says that the primary has all requests again and the
	// canary is given up.
	ReasonRolledBack Reason = "RolledBack"
	// ReasonPromotionFailed says that the primary did not become ready with the
	// new revision.
	ReasonPromotionFailed Reason = "PromotionFailed"
	// ReasonSucceeded says that the new revision is promoted.
	ReasonSucceeded Reason = "Succeeded"
	// ReasonReleased says that the target serves as it did before the Canary.
	ReasonReleased Reason = "Released"
	// ReasonActionFailed says that the cluster refused a change, which is tried
	// again.
	ReasonActionFailed Reason = "ActionFailed"
)

// Reasons of conditions: what is under way.
const (
	// ReasonObserving says that something has not been seen in the cluster yet.
	ReasonObserving Reason = "Observing"
	// ReasonRepairing says that an object is being put right.
	ReasonRepairing Reason = "Repairing"
	// ReasonPrimaryStarting says that the primary is not ready for the first
	// time yet.
	ReasonPrimaryStarting Reason = "PrimaryStarting"
	// ReasonPreRollout says that pre-rollout webhooks have not agreed yet.
	ReasonPreRollout Reason = "PreRollout"
	// ReasonChecking says that the next check is due or its answer is awaited.
	ReasonChecking Reason = "Checking"
	// ReasonRouting says that the weight is being changed.
	ReasonRouting Reason = "Routing"
	// ReasonWaitingForApproval says that a webhook has to agree first.
	ReasonWaitingForApproval Reason = "WaitingForApproval"
	// ReasonCanaryStopped says that somebody else took the canary's replicas
	// away.
	ReasonCanaryStopped Reason = "CanaryStopped"
	// ReasonCanaryNotReady says that the canary's replicas are not available.
	ReasonCanaryNotReady Reason = "CanaryNotReady"
	// ReasonPrimaryNotReady says that the primary's replicas are not available.
	ReasonPrimaryNotReady Reason = "PrimaryNotReady"
	// ReasonRouteNotAccepted says that the proxy has not taken up the route.
	ReasonRouteNotAccepted Reason = "RouteNotAccepted"
	// ReasonSuspended says that spec.suspend is true.
	ReasonSuspended Reason = "Suspended"
)

// Reasons for which a release is rolled back.
const (
	// ReasonThresholdReached says that too many checks failed.
	ReasonThresholdReached Reason = "ThresholdReached"
	// ReasonErrorLimitReached says that too many checks in a row had no answer.
	ReasonErrorLimitReached Reason = "ErrorLimitReached"
	// ReasonRollbackRequested says that a rollback webhook agreed.
	ReasonRollbackRequested Reason = "RollbackRequested"
	// ReasonProgressDeadlineExceeded says that replicas did not become available
	// within progressDeadlineSeconds.
	ReasonProgressDeadlineExceeded Reason = "ProgressDeadlineExceeded"
)

// Reasons for which somebody has to mend something.
const (
	// ReasonInvalidSpec says that a field of the Canary makes no sense.
	ReasonInvalidSpec Reason = "InvalidSpec"
	// ReasonNoSteps says that the analysis has no weight to go to.
	ReasonNoSteps Reason = "NoSteps"
	// ReasonUnsupported says that the provider, or this version, can't do
	// what the spec asks for.
	ReasonUnsupported Reason = "Unsupported"
	// ReasonUnknownProvider says that the controller has no such provider.
	ReasonUnknownProvider Reason = "UnknownProvider"
	// ReasonTargetNotFound says that spec.targetRef names nothing.
	ReasonTargetNotFound Reason = "TargetNotFound"
	// ReasonTargetShared says that another Canary has the same target.
	ReasonTargetShared Reason = "TargetShared"
	// ReasonTargetNotReady says that the target does not become ready, so it
	// can't be given back.
	ReasonTargetNotReady Reason = "TargetNotReady"
	// ReasonSelectorLabelMissing says that the target's selector has none of the
	// labels of the flag -selector-labels.
	ReasonSelectorLabelMissing Reason = "SelectorLabelMissing"
	// ReasonPrimaryNotFound says that the primary is gone, and the target does
	// not have the revision to make it from.
	ReasonPrimaryNotFound Reason = "PrimaryNotFound"
	// ReasonUnknownPhase says that status.phase is not one of the phases.
	ReasonUnknownPhase Reason = "UnknownPhase"
	// ReasonServiceConflict says that a Service that the release needs belongs
	// to somebody else.
	ReasonServiceConflict Reason = "ServiceConflict"
	// ReasonTemplateNotFound says that a metric's templateRef names nothing.
	ReasonTemplateNotFound Reason = "TemplateNotFound"
	// ReasonTemplateInvalid says that a query is not a valid template.
	ReasonTemplateInvalid Reason = "TemplateInvalid"
	// ReasonConfigNotFound says that the target refers to a ConfigMap or Secret
	// that does not exist.
	ReasonConfigNotFound Reason = "ConfigNotFound"
	// ReasonCrossNamespaceRef says that a reference leads to another namespace,
	// which the flag -no-cross-namespace-refs forbids.
	ReasonCrossNamespaceRef Reason = "CrossNamespaceRef"
	// ReasonMetricsUnreachable says that a metric system did not answer.
	ReasonMetricsUnreachable Reason = "MetricsUnreachable"
	// ReasonQueryRejected says that a metric system refused a query.
	ReasonQueryRejected Reason = "QueryRejected"
)
