// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

// Package v1beta1 is the API of Sluice: the kinds Canary, MetricTemplate and
// AlertProvider of the group flagger.app. The comments of its types are the
// specification that kubectl explain shows; the markers and CEL rules on them
// are what the API server holds every manifest to.
//
// +kubebuilder:object:generate=true
// +groupName=flagger.app
package v1beta1
