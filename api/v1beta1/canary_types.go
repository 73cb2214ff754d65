// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package v1beta1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Finalizer keeps a Canary that is being deleted until its target serves again.
const Finalizer = "finalizer.flagger.app"

// A Canary releases new versions of one workload a little at a time. While the
// traffic shifts, metrics judge the new version at every step; it is promoted
// when all of them passed, and rolled back when too many failed.
//
// The workload that spec.targetRef names runs the new version (the canary) and
// rests at zero replicas between releases. A copy of it, named after it with
// the suffix -primary, serves all other traffic.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:path=canaries,singular=canary,scope=Namespaced,categories=all
// +kubebuilder:subresource:status
// +kubebuilder:metadata:annotations="helm.sh/resource-policy=keep"
// +kubebuilder:printcolumn:name="Status",type=string,JSONPath=`.status.phase`
// +kubebuilder:printcolumn:name="Weight",type=string,JSONPath=`.status.canaryWeight`
// +kubebuilder:printcolumn:name="Suspended",type=boolean,priority=1,JSONPath=`.spec.suspend`
// +kubebuilder:printcolumn:name="FailedChecks",type=string,priority=1,JSONPath=`.status.failedChecks`
// +kubebuilder:printcolumn:name="Interval",type=string,priority=1,JSONPath=`.spec.analysis.interval`
// +kubebuilder:printcolumn:name="Mirror",type=boolean,priority=1,JSONPath=`.spec.analysis.mirror`
// +kubebuilder:printcolumn:name="StepWeight",type=string,priority=1,JSONPath=`.spec.analysis.stepWeight`
// +kubebuilder:printcolumn:name="StepWeights",type=string,priority=1,JSONPath=`.spec.analysis.stepWeights`
// +kubebuilder:printcolumn:name="MaxWeight",type=string,priority=1,JSONPath=`.spec.analysis.maxWeight`
// +kubebuilder:printcolumn:name="LastTransitionTime",type=string,JSONPath=`.status.lastTransitionTime`
type Canary struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// What to release, and how.
	Spec CanarySpec `json:"spec"`

	// How far the release is. Written by the controller only.
	// +optional
	Status CanaryStatus `json:"status,omitzero"`
}

// A CanaryList is a list of Canaries.
//
// +kubebuilder:object:root=true
type CanaryList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Canary `json:"items"`
}

// A CanarySpec says what to release, and how.
//
// +kubebuilder:validation:XValidation:rule="!has(self.provider) || (self.provider == 'knative') == (self.targetRef.kind == 'Service' && self.targetRef.apiVersion == 'serving.knative.dev/v1')",message="spec.provider must be knative exactly when spec.targetRef is a Knative Service (apiVersion serving.knative.dev/v1, kind Service); change one of the two"
// +kubebuilder:validation:XValidation:rule="!has(self.autoscalerRef) || self.targetRef.kind != 'Service' || self.targetRef.apiVersion != 'serving.knative.dev/v1'",message="spec.autoscalerRef can't be used with a Knative Service, which scales by itself; remove it"
// +kubebuilder:validation:XValidation:rule="has(self.service) || self.targetRef.kind == 'Service'",message="spec.service is required for a Deployment or DaemonSet; set at least spec.service.port"
// +kubebuilder:validation:XValidation:rule="!has(self.provider) || !self.provider.startsWith('gatewayapi:') || (has(self.service) && has(self.service.gatewayRefs) && size(self.service.gatewayRefs) > 0)",message="spec.service.gatewayRefs is required by the gatewayapi providers; name the Gateway that serves the application"
// +kubebuilder:validation:XValidation:rule="!has(self.provider) || !(self.provider in ['nginx', 'skipper']) || has(self.ingressRef)",message="spec.ingressRef is required by the providers nginx and skipper; name the Ingress that serves the application"
// +kubebuilder:validation:XValidation:rule="!has(self.provider) || self.provider != 'apisix' || has(self.routeRef)",message="spec.routeRef is required by the provider apisix; name the ApisixRoute that serves the application"
// +kubebuilder:validation:XValidation:rule="!has(self.provider) || self.provider != 'istio' || !has(self.service) || !has(self.service.delegation) || !self.service.delegation || ((!has(self.service.hosts) || size(self.service.hosts) == 0) && (!has(self.service.gateways) || size(self.service.gateways) == 0))",message="spec.service.hosts and spec.service.gateways must be empty when spec.service.delegation is true; the VirtualService that delegates has them"
// +kubebuilder:validation:XValidation:rule="(has(self.skipAnalysis) && self.skipAnalysis) || !has(self.analysis.metrics) || self.analysis.metrics.all(m, m.name in ['request-success-rate', 'request-duration'] || has(m.templateRef) || (has(m.query) && size(m.query) > 0))",message="spec.analysis.metrics: a metric other than request-success-rate and request-duration needs a query; set its templateRef"
type CanarySpec struct {
	// What routes the traffic and, for the built-in metrics, what measures it.
	// When unset, the controller's flag -mesh-provider decides.
	// +optional
	// +kubebuilder:validation:Enum=apisix;appmesh;"appmesh:v1beta2";contour;"gatewayapi:v1";"gatewayapi:v1beta1";gloo;istio;knative;kubernetes;kuma;linkerd;nginx;osm;skipper;"smi:v1alpha1";"smi:v1alpha2";"smi:v1alpha3";traefik
	Provider string `json:"provider,omitempty"`

	// Address of the Prometheus that answers the built-in metrics and inline
	// queries, for example http://prometheus.monitoring:9090. When unset, the
	// controller's flag -metrics-server decides. MetricTemplates bring their own.
	// +optional
	MetricsServer string `json:"metricsServer,omitempty"`

	// Seconds that the target, and after promotion the primary, may take to
	// become available before the release is rolled back. 600 when unset.
	// +optional
	ProgressDeadlineSeconds *int32 `json:"progressDeadlineSeconds,omitempty"`

	// The workload to release, in the Canary's namespace. No two Canaries may
	// have the same target.
	TargetRef LocalObjectReference `json:"targetRef"`

	// The scaler of the target. The primary gets a copy of it.
	// +optional
	AutoscalerRef *AutoscalerReference `json:"autoscalerRef,omitempty"`

	// The Ingress to copy for the canary. Used by the providers nginx and
	// skipper, which require it.
	// +optional
	IngressRef *IngressReference `json:"ingressRef,omitempty"`

	// The route to copy for the canary. Used by the provider apisix, which
	// requires it.
	// +optional
	RouteRef *RouteReference `json:"routeRef,omitempty"`

	// The Upstream whose settings the upstreams of primary and canary take over.
	// Used by the provider gloo.
	// +optional
	UpstreamRef *UpstreamReference `json:"upstreamRef,omitempty"`

	// The Services of the application and the route that splits its traffic.
	// Required unless the target is a Service.
	// +optional
	Service CanaryService `json:"service,omitzero"`

	// How a new version is judged. Required, also when skipAnalysis is set.
	Analysis *CanaryAnalysis `json:"analysis"`

	// Promote a new version as soon as it is ready, without any analysis.
	// False when unset.
	// +optional
	SkipAnalysis bool `json:"skipAnalysis,omitempty"`

	// What happens when the Canary is deleted. Unset or true: the target serves
	// again before the primary is removed. Explicit false: the controller does
	// nothing, so Kubernetes removes what the Canary owns, the primary included,
	// while the target stays at zero.
	// +optional
	RevertOnDeletion *bool `json:"revertOnDeletion,omitempty"`

	// Leave everything as it is: no release starts and none goes on, until this
	// is unset again. False when unset.
	// +optional
	Suspend bool `json:"suspend,omitempty"`
}

// A LocalObjectReference names the workload to release, in the namespace of the
// Canary.
type LocalObjectReference struct {
	// Group and version, for example apps/v1. A Service of
	// serving.knative.dev/v1 is a Knative Service.
	APIVersion string `json:"apiVersion"`

	// +kubebuilder:validation:Enum=DaemonSet;Deployment;Service
	Kind string `json:"kind"`

	// +kubebuilder:validation:MinLength=1
	Name string `json:"name"`
}

// An AutoscalerReference names the scaler of the target.
type AutoscalerReference struct {
	// Group and version: autoscaling/v2 or keda.sh/v1alpha1.
	APIVersion string `json:"apiVersion"`

	// +kubebuilder:validation:Enum=HorizontalPodAutoscaler;ScaledObject
	Kind string `json:"kind"`

	Name string `json:"name"`

	// Queries for the primary's copy of a ScaledObject, by the name of the
	// trigger. A trigger that is not listed keeps its query, with the names of
	// target and canary replaced by that of the primary.
	// +optional
	PrimaryScalerQueries map[string]string `json:"primaryScalerQueries,omitempty"`

	// Bounds for the primary's copy that differ from the target's.
	// +optional
	PrimaryScalerReplicas *ScalerReplicas `json:"primaryScalerReplicas,omitempty"`
}

// ScalerReplicas are bounds of a scaler. A bound that is unset is the target's.
//
// +kubebuilder:validation:XValidation:rule="!has(self.minReplicas) || !has(self.maxReplicas) || self.minReplicas <= self.maxReplicas",message="primaryScalerReplicas.minReplicas must not exceed maxReplicas"
type ScalerReplicas struct {
	// +optional
	// +kubebuilder:validation:Minimum=1
	MinReplicas *int32 `json:"minReplicas,omitempty"`

	// +optional
	// +kubebuilder:validation:Minimum=1
	MaxReplicas *int32 `json:"maxReplicas,omitempty"`
}

// An IngressReference names an Ingress in the namespace of the Canary.
type IngressReference struct {
	// Group and version: networking.k8s.io/v1.
	APIVersion string `json:"apiVersion"`

	// +kubebuilder:validation:Enum=Ingress
	Kind string `json:"kind"`

	Name string `json:"name"`
}

// A RouteReference names an APISIX route in the namespace of the Canary.
type RouteReference struct {
	// Group and version: apisix.apache.org/v2.
	APIVersion string `json:"apiVersion"`

	// +kubebuilder:validation:Enum=ApisixRoute
	Kind string `json:"kind"`

	Name string `json:"name"`
}

// An UpstreamReference names a Gloo Upstream.
type UpstreamReference struct {
	// Group and version: gloo.solo.io/v1.
	APIVersion string `json:"apiVersion"`

	// +kubebuilder:validation:Enum=Upstream
	Kind string `json:"kind"`

	Name string `json:"name"`

	// The Canary's when unset.
	// +optional
	Namespace string `json:"namespace,omitempty"`
}

// A CrossNamespaceReference names a MetricTemplate or an AlertProvider.
type CrossNamespaceReference struct {
	Name string `json:"name"`

	// The Canary's when unset. Another one is refused when the controller runs
	// with -no-cross-namespace-refs.
	// +optional
	Namespace string `json:"namespace,omitempty"`
}
