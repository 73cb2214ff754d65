// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package v1beta1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// An AlertProvider is a chat tool that Canaries tell their news to.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:path=alertproviders,singular=alertprovider,scope=Namespaced,categories=all
// +kubebuilder:subresource:status
// +kubebuilder:metadata:annotations="helm.sh/resource-policy=keep"
// +kubebuilder:printcolumn:name="Type",type=string,JSONPath=`.spec.type`
type AlertProvider struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Which chat tool, and where in it.
	Spec AlertProviderSpec `json:"spec"`
}

// An AlertProviderList is a list of AlertProviders.
//
// +kubebuilder:object:root=true
type AlertProviderList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []AlertProvider `json:"items"`
}

// An AlertProviderSpec says which chat tool is told, and where in it.
//
// +kubebuilder:validation:XValidation:rule="has(self.address) != has(self.secretRef)",message="spec must have exactly one of address and secretRef; an address that is secret belongs into the Secret, under the key address"
type AlertProviderSpec struct {
	Type AlertProviderType `json:"type"`

	// The channel. general when unset.
	// +optional
	Channel string `json:"channel,omitempty"`

	// The name under which messages appear. flagger when unset.
	// +optional
	Username string `json:"username,omitempty"`

	// Address of the chat tool's incoming webhook.
	// +optional
	Address string `json:"address,omitempty"`

	// Address of the HTTP proxy to reach it through. None when unset.
	// +optional
	Proxy string `json:"proxy,omitempty"`

	// The Secret with the keys address and, for Slack's API, token.
	// +optional
	SecretRef *SecretReference `json:"secretRef,omitempty"`
}

// An AlertProviderType names a chat tool.
//
// +kubebuilder:validation:Enum=slack;msteams;discord;rocket;gchat
type AlertProviderType string

// The chat tools.
const (
	AlertProviderSlack      AlertProviderType = "slack"
	AlertProviderMSTeams    AlertProviderType = "msteams"
	AlertProviderDiscord    AlertProviderType = "discord"
	AlertProviderRocket     AlertProviderType = "rocket"
	AlertProviderGoogleChat AlertProviderType = "gchat"
)
