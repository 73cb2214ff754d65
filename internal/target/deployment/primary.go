// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package deployment

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-delivery/sluice/internal/target/config"
)

// idAnnotation makes each promotion a rolling update, even when only the data
// of a Secret changed.
const idAnnotation = "flagger-id"

// toolkit marks labels and annotations by which Flux knows what it applied. A
// copy that carried them would be pruned.
const toolkit = "toolkit.fluxcd.io"

// primaryOf returns the primary that serves what canary runs.
func (d *Deployment) primaryOf(canary *appsv1.Deployment, configs map[string]string) (*appsv1.Deployment, error) {
	label, value, err := d.selector(canary)
	if err != nil {
		return nil, err
	}
	labels := d.Options.included(canary.Labels)
	labels[label] = value + config.Suffix
	n := max(1, replicas(canary))
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{
			Namespace:       canary.Namespace,
			Name:            d.primaryName(),
			Labels:          labels,
			Annotations:     without(canary.Annotations, "kubectl.kubernetes.io/last-applied-configuration", "deployment.kubernetes.io/revision"),
			OwnerReferences: []metav1.OwnerReference{d.Owner},
		},
		Spec: appsv1.DeploymentSpec{
			ProgressDeadlineSeconds: canary.Spec.ProgressDeadlineSeconds,
			MinReadySeconds:         canary.Spec.MinReadySeconds,
			RevisionHistoryLimit:    canary.Spec.RevisionHistoryLimit,
			Strategy:                canary.Spec.Strategy,
			Replicas:                &n,
			Selector:                &metav1.LabelSelector{MatchLabels: map[string]string{label: value + config.Suffix}},
			Template:                d.template(canary, label, value, configs),
		},
	}, nil
}

// promoted returns primary with what canary runs. What it ran before goes into
// an annotation, and annotations of others stay.
func (d *Deployment) promoted(primary, canary *appsv1.Deployment, configs map[string]string) (*appsv1.Deployment, error) {
	label, value, err := d.selector(canary)
	if err != nil {
		return nil, err
	}
	before, err := json.Marshal(previous{primary.Annotations[revisionAnnotation], primary.Spec.Template})
	if err != nil {
		return nil, fmt.Errorf("deployment %s/%s: %w", primary.Namespace, primary.Name, err)
	}
	next := primary.DeepCopy()
	if next.Annotations == nil {
		next.Annotations = map[string]string{}
	}
	maps.Copy(next.Annotations, d.Options.included(canary.Annotations))
	if next.Labels == nil {
		next.Labels = map[string]string{}
	}
	maps.Copy(next.Labels, d.Options.included(canary.Labels))
	next.Labels[label] = value + config.Suffix
	next.Annotations[previousAnnotation] = string(before)
	next.Spec.ProgressDeadlineSeconds = canary.Spec.ProgressDeadlineSeconds
	next.Spec.MinReadySeconds = canary.Spec.MinReadySeconds
	next.Spec.RevisionHistoryLimit = canary.Spec.RevisionHistoryLimit
	next.Spec.Strategy = canary.Spec.Strategy
	if n := replicas(canary); n > 0 {
		next.Spec.Replicas = &n
	}
	next.Spec.Template = d.template(canary, label, value, configs)
	return next, nil
}

// template returns the pods of the primary.
func (d *Deployment) template(canary *appsv1.Deployment, label, value string, configs map[string]string) corev1.PodTemplateSpec {
	t := *canary.Spec.Template.DeepCopy()
	t.Labels = without(t.Labels)
	t.Labels[label] = value + config.Suffix
	t.Annotations = without(t.Annotations, idAnnotation)
	t.Annotations[idAnnotation] = d.NewID()
	config.Rename(&t.Spec, configs)
	d.spread(&t.Spec)
	return t
}

// spread makes the rules by which the target's pods keep apart from each other
// hold among the primary's.
func (d *Deployment) spread(pod *corev1.PodSpec) {
	if a := pod.Affinity; a != nil && a.PodAntiAffinity != nil {
		for i := range a.PodAntiAffinity.RequiredDuringSchedulingIgnoredDuringExecution {
			d.renameIn(a.PodAntiAffinity.RequiredDuringSchedulingIgnoredDuringExecution[i].LabelSelector)
		}
		for i := range a.PodAntiAffinity.PreferredDuringSchedulingIgnoredDuringExecution {
			d.renameIn(a.PodAntiAffinity.PreferredDuringSchedulingIgnoredDuringExecution[i].PodAffinityTerm.LabelSelector)
		}
	}
	for i := range pod.TopologySpreadConstraints {
		d.renameIn(pod.TopologySpreadConstraints[i].LabelSelector)
	}
}

func (d *Deployment) renameIn(s *metav1.LabelSelector) {
	if s == nil {
		return
	}
	for _, l := range d.Options.SelectorLabels {
		if s.MatchLabels[l] == d.Name {
			s.MatchLabels[l] += config.Suffix
		}
		for i := range s.MatchExpressions {
			e := &s.MatchExpressions[i]
			if at := slices.Index(e.Values, d.Name); e.Key == l && at >= 0 {
				e.Values[at] += config.Suffix
			}
		}
	}
}

// included returns the labels or annotations that the user lets the primary
// take over.
func (o Options) included(all map[string]string) map[string]string {
	some := without(all)
	maps.DeleteFunc(some, func(k, _ string) bool {
		return !slices.ContainsFunc(o.IncludeLabelPrefix, func(p string) bool { return p == "*" || strings.HasPrefix(k, p) })
	})
	return some
}

// without returns a copy of all, never nil, without Flux's marks and keys.
func without(all map[string]string, keys ...string) map[string]string {
	some := maps.Clone(all)
	if some == nil {
		some = map[string]string{}
	}
	maps.DeleteFunc(some, func(k, _ string) bool { return strings.Contains(k, toolkit) || slices.Contains(keys, k) })
	return some
}
