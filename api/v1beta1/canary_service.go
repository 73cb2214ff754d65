// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package v1beta1

import (
	"k8s.io/apimachinery/pkg/util/intstr"
)

// A CanaryService describes the Services of the application and the route that
// splits its traffic. Three Services are kept: one with the name of the
// application that leads to the primary, and two with the suffixes -primary and
// -canary that always lead to that side.
type CanaryService struct {
	// Name of the application's Service, and base of the other two and of the
	// route. The target's name when unset.
	// +optional
	Name string `json:"name,omitempty"`

	// Port of the three Services.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port"`

	// Name of that port. http when unset.
	// +optional
	PortName string `json:"portName,omitempty"`

	// Application protocol of that port. With Istio, tcp routes connections
	// instead of requests. None when unset.
	// +optional
	AppProtocol string `json:"appProtocol,omitempty"`

	// Preference for near endpoints, set when a Service is created. None when
	// unset.
	// +optional
	// +kubebuilder:validation:Enum=PreferClose;PreferSameZone;PreferSameNode
	TrafficDistribution string `json:"trafficDistribution,omitempty"`

	// Container port that the Services lead to, as a number or a name. The same
	// as port when unset or 0.
	// +optional
	// +kubebuilder:validation:XValidation:rule="type(self) != int || (self >= 0 && self <= 65535)",message="spec.service.targetPort must be between 1 and 65535, or the name of a container port"
	TargetPort intstr.IntOrString `json:"targetPort,omitzero"`

	// Expose the other ports of the target's containers too. False when unset.
	// +optional
	PortDiscovery bool `json:"portDiscovery,omitempty"`

	// Create the Services without a cluster IP. Has no effect on those that
	// exist. False when unset.
	// +optional
	Headless bool `json:"headless,omitempty"`

	// Time that a request may take, for example 15s. Used by Istio, Gateway API,
	// Contour and App Mesh; the proxy's default when unset.
	// +optional
	Timeout string `json:"timeout,omitempty"`

	// Time that one try of a request may take. Used by gatewayapi:v1; the
	// proxy's default when unset.
	// +optional
	BackendTimeout string `json:"backendTimeout,omitempty"`

	// Name of the App Mesh.
	// +optional
	MeshName string `json:"meshName,omitempty"`

	// Names of the services that the application may call through App Mesh.
	// +optional
	Backends []string `json:"backends,omitempty"`

	// Host names that the route answers to. Used by Istio, Gateway API, SMI
	// (the first one) and App Mesh. Every host of the gateway when unset.
	// +optional
	Hosts []string `json:"hosts,omitempty"`

	// Istio gateways of the VirtualService. mesh when unset.
	// +optional
	Gateways []string `json:"gateways,omitempty"`

	// Gateways that the HTTPRoute attaches to. The Gateway API providers require
	// at least one.
	// +optional
	// +kubebuilder:validation:MaxItems=32
	GatewayRefs []GatewayReference `json:"gatewayRefs,omitempty"`

	// Create a VirtualService that another one delegates to, without hosts and
	// gateways of its own. Used by Istio. False when unset.
	// +optional
	Delegation bool `json:"delegation,omitempty"`

	// Requests that the route applies to; one entry must match in all its parts.
	// All requests when unset. Istio uses every part; Gateway API uri, method,
	// headers and queryParams; Contour and App Mesh only the first entry's
	// uri.prefix.
	// +optional
	// +kubebuilder:validation:MaxItems=128
	Match []HTTPMatchRequest `json:"match,omitempty"`

	// Change of the path or host before a request is passed on. Used by Istio
	// and Gateway API.
	// +optional
	Rewrite *HTTPRewrite `json:"rewrite,omitempty"`

	// Repetition of failed requests. Used by Istio, Contour and App Mesh.
	// +optional
	Retries *HTTPRetry `json:"retries,omitempty"`

	// Change of headers on the way. Used by Istio and Gateway API.
	// +optional
	Headers *Headers `json:"headers,omitempty"`

	// Services that get a copy of every request, always. Used by Gateway API.
	// +optional
	Mirror []HTTPRequestMirror `json:"mirror,omitempty"`

	// Cross-origin requests that browsers may make. Used by Istio and
	// gatewayapi:v1.
	// +optional
	CorsPolicy *CorsPolicy `json:"corsPolicy,omitempty"`

	// Connections to the endpoints. Used by Istio.
	// +optional
	TrafficPolicy *TrafficPolicy `json:"trafficPolicy,omitempty"`

	// Labels and annotations of the application's Service and of the route.
	// +optional
	Apex *CustomMetadata `json:"apex,omitempty"`

	// Labels and annotations of the primary's Service.
	// +optional
	Primary *CustomMetadata `json:"primary,omitempty"`

	// Labels and annotations of the canary's Service.
	// +optional
	Canary *CustomMetadata `json:"canary,omitempty"`

	// Labels and annotations of the Services that others manage, by key.
	// +optional
	UnmanagedMetadata *UnmanagedMetadata `json:"unmanagedMetadata,omitempty"`
}

// A GatewayReference names what an HTTPRoute attaches to.
type GatewayReference struct {
	// +optional
	// +kubebuilder:default=gateway.networking.k8s.io
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^$|^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	Group *string `json:"group,omitempty"`

	// +optional
	// +kubebuilder:default=Gateway
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$`
	Kind string `json:"kind,omitempty"`

	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`

	// The Canary's when unset.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Namespace string `json:"namespace,omitempty"`

	// Listener of the Gateway. All of them when unset.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	SectionName string `json:"sectionName,omitempty"`

	// Port of the Gateway. All of them when unset.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port,omitempty"`
}

// An HTTPRequestMirror names a Service that gets a copy of every request.
type HTTPRequestMirror struct {
	BackendRef BackendReference `json:"backendRef"`
}

// A BackendReference names where requests are sent.
//
// +kubebuilder:validation:XValidation:rule="size(self.group) > 0 || self.kind != 'Service' || has(self.port)",message="spec.service.mirror[].backendRef.port is required for a Service; set it"
type BackendReference struct {
	// +optional
	// +kubebuilder:default=""
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^$|^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	Group string `json:"group"`

	// +optional
	// +kubebuilder:default=Service
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$`
	Kind string `json:"kind,omitempty"`

	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`

	// The Canary's when unset.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Namespace string `json:"namespace,omitempty"`

	// Required for a Service.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port,omitempty"`
}

// CustomMetadata is put on generated objects.
type CustomMetadata struct {
	// +optional
	Labels map[string]string `json:"labels,omitempty"`

	// +optional
	Annotations map[string]string `json:"annotations,omitempty"`
}

// UnmanagedMetadata lists keys that are left alone on generated Services.
type UnmanagedMetadata struct {
	// +optional
	Annotations []string `json:"annotations,omitempty"`

	// +optional
	Labels []string `json:"labels,omitempty"`
}
