// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package v1beta1

// A StringMatch compares a string in at most one way.
//
// +kubebuilder:validation:XValidation:rule="[has(self.exact), has(self.prefix), has(self.regex)].filter(x, x).size() <= 1",message="a match may have only one of exact, prefix and regex; remove the others"
type StringMatch struct {
	// The string is equal to this.
	// +optional
	Exact string `json:"exact,omitempty"`

	// The string starts with this.
	// +optional
	Prefix string `json:"prefix,omitempty"`

	// The string matches this RE2 expression.
	// +optional
	Regex string `json:"regex,omitempty"`
}

// A HeaderMatch compares the value of a header in exactly one way.
//
// +kubebuilder:validation:XValidation:rule="[has(self.exact), has(self.prefix), has(self.suffix), has(self.regex)].filter(x, x).size() == 1",message="a header match must have exactly one of exact, prefix, suffix and regex"
type HeaderMatch struct {
	// The value is equal to this.
	// +optional
	Exact string `json:"exact,omitempty"`

	// The value starts with this.
	// +optional
	Prefix string `json:"prefix,omitempty"`

	// The value ends with this.
	// +optional
	Suffix string `json:"suffix,omitempty"`

	// The value matches this RE2 expression.
	// +optional
	Regex string `json:"regex,omitempty"`
}

// An OriginMatch compares the origin of a request in exactly one way.
//
// +kubebuilder:validation:XValidation:rule="[has(self.exact), has(self.prefix), has(self.regex)].filter(x, x).size() == 1",message="an origin must have exactly one of exact, prefix and regex"
type OriginMatch struct {
	// The origin is equal to this.
	// +optional
	Exact string `json:"exact,omitempty"`

	// The origin starts with this.
	// +optional
	Prefix string `json:"prefix,omitempty"`

	// The origin matches this RE2 expression.
	// +optional
	Regex string `json:"regex,omitempty"`
}

// An HTTPMatchRequest matches requests. All its parts must match.
type HTTPMatchRequest struct {
	// Name of the match, for logs and statistics.
	// +optional
	Name string `json:"name,omitempty"`

	// Path of the request.
	// +optional
	URI *StringMatch `json:"uri,omitempty"`

	// http or https.
	// +optional
	Scheme *StringMatch `json:"scheme,omitempty"`

	// Method of the request.
	// +optional
	Method *StringMatch `json:"method,omitempty"`

	// Host that the request is for.
	// +optional
	Authority *StringMatch `json:"authority,omitempty"`

	// Headers of the request, by name.
	// +optional
	// +kubebuilder:validation:MaxProperties=64
	Headers map[string]StringMatch `json:"headers,omitempty"`

	// Headers that the request must not have, by name.
	// +optional
	// +kubebuilder:validation:MaxProperties=64
	WithoutHeaders map[string]StringMatch `json:"withoutHeaders,omitempty"`

	// Query parameters of the request, by name.
	// +optional
	// +kubebuilder:validation:MaxProperties=64
	QueryParams map[string]StringMatch `json:"queryParams,omitempty"`

	// Compare the path without regard to case. False when unset.
	// +optional
	IgnoreURICase bool `json:"ignoreUriCase,omitempty"`

	// Port that the request is for. Any when unset.
	// +optional
	Port int32 `json:"port,omitempty"`

	// Labels of the workload that sends the request. Any when unset.
	// +optional
	SourceLabels map[string]string `json:"sourceLabels,omitempty"`

	// Namespace of the workload that sends the request. Any when unset.
	// +optional
	SourceNamespace string `json:"sourceNamespace,omitempty"`

	// Gateways that the match applies to, instead of the service's.
	// +optional
	Gateways []string `json:"gateways,omitempty"`
}

// A CanaryMatch matches the requests that an A/B test sends to the canary. All
// its parts must match.
type CanaryMatch struct {
	// Headers of the request, by name.
	// +optional
	// +kubebuilder:validation:MaxProperties=64
	Headers map[string]HeaderMatch `json:"headers,omitempty"`

	// Query parameters of the request, by name.
	// +optional
	// +kubebuilder:validation:MaxProperties=64
	QueryParams map[string]StringMatch `json:"queryParams,omitempty"`

	// Labels of the workload that sends the request. Used by Istio when
	// service.gateways has mesh.
	// +optional
	SourceLabels map[string]string `json:"sourceLabels,omitempty"`
}
