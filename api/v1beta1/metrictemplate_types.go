// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package v1beta1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// A MetricTemplate is a query that Canaries measure with.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:path=metrictemplates,singular=metrictemplate,scope=Namespaced,categories=all
// +kubebuilder:subresource:status
// +kubebuilder:metadata:annotations="helm.sh/resource-policy=keep"
// +kubebuilder:printcolumn:name="Provider",type=string,JSONPath=`.spec.provider.type`
type MetricTemplate struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// What is asked, and who.
	Spec MetricTemplateSpec `json:"spec"`
}

// A MetricTemplateList is a list of MetricTemplates.
//
// +kubebuilder:object:root=true
type MetricTemplateList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []MetricTemplate `json:"items"`
}

// A MetricTemplateSpec says what is asked, and who.
type MetricTemplateSpec struct {
	// The metric system that answers.
	Provider MetricTemplateProvider `json:"provider"`

	// The question, in the metric system's language, as a Go template with the
	// functions name and namespace (of the Canary), target, service, ingress,
	// route, interval and variables. It must have one number for an answer.
	// +kubebuilder:validation:MinLength=1
	Query string `json:"query"`
}

// A MetricTemplateProvider says where the metric system is and how to ask it.
//
// +kubebuilder:validation:XValidation:rule="!(self.type in ['prometheus', 'graphite', 'influxdb', 'dynatrace', 'splunk']) || (has(self.address) && size(self.address) > 0)",message="spec.provider.address is required by this type of provider; set it, for example to http://prometheus.monitoring:9090"
// +kubebuilder:validation:XValidation:rule="self.type != 'cloudwatch' || (has(self.region) && size(self.region) > 0)",message="spec.provider.region is required by the provider cloudwatch; set it, for example to eu-west-1"
type MetricTemplateProvider struct {
	Type MetricProviderType `json:"type"`

	// Address of the metric system. Required by prometheus, graphite, influxdb,
	// dynatrace and splunk; the others have a default.
	// +optional
	Address string `json:"address,omitempty"`

	// Headers that are sent along, by name. Used by prometheus.
	// +optional
	Headers map[string][]string `json:"headers,omitempty"`

	// The Secret with the credentials, in the namespace of the MetricTemplate.
	// +optional
	SecretRef *SecretReference `json:"secretRef,omitempty"`

	// Region of the metric system. Required by cloudwatch.
	// +optional
	Region string `json:"region,omitempty"`

	// Don't verify the server's certificate. False when unset.
	// +optional
	InsecureSkipVerify bool `json:"insecureSkipVerify,omitempty"`
}

// A MetricProviderType names a metric system.
//
// +kubebuilder:validation:Enum=prometheus;influxdb;datadog;externalmetrics;stackdriver;cloudwatch;newrelic;graphite;dynatrace;keptn;splunk
type MetricProviderType string

// The metric systems.
const (
	MetricProviderPrometheus      MetricProviderType = "prometheus"
	MetricProviderInfluxDB        MetricProviderType = "influxdb"
	MetricProviderDatadog         MetricProviderType = "datadog"
	MetricProviderExternalMetrics MetricProviderType = "externalmetrics"
	MetricProviderStackdriver     MetricProviderType = "stackdriver"
	MetricProviderCloudWatch      MetricProviderType = "cloudwatch"
	MetricProviderNewRelic        MetricProviderType = "newrelic"
	MetricProviderGraphite        MetricProviderType = "graphite"
	MetricProviderDynatrace       MetricProviderType = "dynatrace"
	MetricProviderKeptn           MetricProviderType = "keptn"
	MetricProviderSplunk          MetricProviderType = "splunk"
)

// A SecretReference names a Secret in the namespace of the object that has it.
type SecretReference struct {
	Name string `json:"name"`
}
