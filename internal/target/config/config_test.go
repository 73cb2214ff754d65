// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
)

func pod() *corev1.PodSpec {
	yes := true
	name := func(n string) corev1.LocalObjectReference { return corev1.LocalObjectReference{Name: n} }
	return &corev1.PodSpec{
		ImagePullSecrets: []corev1.LocalObjectReference{name("pull")},
		Volumes: []corev1.Volume{
			{Name: "a", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: name("files")}}},
			{Name: "b", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "tls", Optional: &yes}}},
			{Name: "c", VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{
				{ConfigMap: &corev1.ConfigMapProjection{LocalObjectReference: name("projected")}},
				{Secret: &corev1.SecretProjection{LocalObjectReference: name("projected")}},
			}}}},
		},
		InitContainers: []corev1.Container{{EnvFrom: []corev1.EnvFromSource{{SecretRef: &corev1.SecretEnvSource{LocalObjectReference: name("tls")}}}}},
		Containers: []corev1.Container{{
			EnvFrom: []corev1.EnvFromSource{{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: name("env"), Optional: &yes}}},
			Env: []corev1.EnvVar{
				{Name: "PLAIN", Value: "x"},
				{Name: "A", ValueFrom: &corev1.EnvVarSource{ConfigMapKeyRef: &corev1.ConfigMapKeySelector{LocalObjectReference: name("key")}}},
				{Name: "B", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: name("key")}}},
			},
		}},
	}
}

func TestRefs(t *testing.T) {
	want := []Ref{
		{ConfigMap, "env", true},
		{ConfigMap, "files", false},
		{ConfigMap, "key", false},
		{ConfigMap, "projected", false},
		{Secret, "key", false},
		{Secret, "projected", false},
		{Secret, "tls", false}, // optional for the volume, but not for the init container
	}
	if diff := cmp.Diff(want, Refs(pod())); diff != "" {
		t.Errorf("what a pod mounts or reads, but not what it is pulled with (-want +got)\n%s", diff)
	}
}

func TestRename(t *testing.T) {
	p := pod()
	Rename(p, map[string]string{"configmap/key": "", "secret/tls": ""})
	got := []string{}
	for _, r := range Refs(p) {
		got = append(got, r.Key())
	}
	want := []string{"configmap/env", "configmap/files", "configmap/key-primary", "configmap/projected", "secret/key", "secret/projected", "secret/tls-primary"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("only what is tracked is renamed, of its own kind (-want +got)\n%s", diff)
	}
}
