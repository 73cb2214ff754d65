// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package deployment

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

var now = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

func web(mods ...func(*appsv1.Deployment)) *appsv1.Deployment {
	three := int32(3)
	d := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "prod", Name: "web", Generation: 2,
			Labels:      map[string]string{"app": "web", "team": "a", "kustomize.toolkit.fluxcd.io/name": "x"},
			Annotations: map[string]string{"note": "n", "kubectl.kubernetes.io/last-applied-configuration": "{}"},
		},
		Spec: appsv1.DeploymentSpec{
			Replicas: &three,
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web", "tier": "front"}},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "web", "tier": "front"}, Annotations: map[string]string{"scrape": "true"}},
				Spec: corev1.PodSpec{
					Containers: []corev1.Container{{Name: "web", EnvFrom: []corev1.EnvFromSource{{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "conf"}}}}}},
					TopologySpreadConstraints: []corev1.TopologySpreadConstraint{
						{LabelSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}},
						{LabelSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "other"}}},
					},
				},
			},
		},
		Status: appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 3, UpdatedReplicas: 3, AvailableReplicas: 3},
	}
	for _, mod := range mods {
		mod(d)
	}
	return d
}

func subject() *Deployment {
	return &Deployment{
		Namespace: "prod", Name: "web", Owner: metav1.OwnerReference{Name: "web", UID: "1"},
		Options: Options{SelectorLabels: []string{"name", "app"}, IncludeLabelPrefix: []string{"team"}},
		NewID:   func() string { return "id" },
	}
}

func TestPrimaryOf(t *testing.T) {
	got, err := subject().primaryOf(web(), map[string]string{"configmap/conf": "sum"})
	if err != nil {
		t.Fatal(err)
	}
	if got.Name != "web-primary" || *got.Spec.Replicas != 3 || got.OwnerReferences[0].UID != "1" {
		t.Errorf("the primary is %s with %d replicas, owned by %v", got.Name, *got.Spec.Replicas, got.OwnerReferences)
	}
	for what, pair := range map[string][2]map[string]string{
		"labels: only those that the user lets through, and its own": {{"app": "web-primary", "team": "a"}, got.Labels},
		"annotations: all but those of tools":                        {{"note": "n"}, got.Annotations},
		"selector: one label, its own":                               {{"app": "web-primary"}, got.Spec.Selector.MatchLabels},
		"pod labels: the target's, one changed":                      {{"app": "web-primary", "tier": "front"}, got.Spec.Template.Labels},
		"pod annotations: the target's and an id":                    {{"scrape": "true", "flagger-id": "id"}, got.Spec.Template.Annotations},
		"spread among the primary's own pods":                        {{"app": "web-primary"}, got.Spec.Template.Spec.TopologySpreadConstraints[0].LabelSelector.MatchLabels},
		"spread from others as it was":                               {{"app": "other"}, got.Spec.Template.Spec.TopologySpreadConstraints[1].LabelSelector.MatchLabels},
	} {
		if diff := cmp.Diff(pair[0], pair[1]); diff != "" {
			t.Errorf("%s (-want +got)\n%s", what, diff)
		}
	}
	if name := got.Spec.Template.Spec.Containers[0].EnvFrom[0].ConfigMapRef.Name; name != "conf-primary" {
		t.Errorf("the primary reads %s, not its own copy", name)
	}
	if src := web().Spec.Template.Spec.Containers[0].EnvFrom[0].ConfigMapRef.Name; src != "conf" {
		t.Errorf("the target was changed: it reads %s", src)
	}
}

func TestPrimaryOfTargetAtRest(t *testing.T) {
	got, err := subject().primaryOf(web(func(d *appsv1.Deployment) { *d.Spec.Replicas = 0 }), nil)
	if err != nil || *got.Spec.Replicas != 1 {
		t.Errorf("a target at zero must get a primary that serves: %d replicas, %v", *got.Spec.Replicas, err)
	}
	d := subject()
	d.Options.SelectorLabels = []string{"name"}
	if _, err := d.primaryOf(web(), nil); err == nil {
		t.Error("a target without a usable label must be an error")
	}
}

func TestPromoted(t *testing.T) {
	primary := web(func(d *appsv1.Deployment) {
		d.Name = "web-primary"
		d.Annotations = map[string]string{revisionAnnotation: "v1", "by-others": "kept"}
		*d.Spec.Replicas = 5
	})
	canary := web(func(d *appsv1.Deployment) {
		*d.Spec.Replicas = 2
		d.Spec.MinReadySeconds = 9
		d.Spec.Template.Spec.Containers[0].Image = "v2"
	})
	got, err := subject().promoted(primary, canary, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got.Spec.Template.Spec.Containers[0].Image != "v2" || got.Spec.MinReadySeconds != 9 || *got.Spec.Replicas != 2 {
		t.Errorf("the primary runs %+v", got.Spec)
	}
	if got.Annotations["by-others"] != "kept" || got.Annotations[previousAnnotation] == "" {
		t.Errorf("annotations are %v; those of others stay, and what it ran before is kept", got.Annotations)
	}
	if diff := cmp.Diff(primary.Spec.Selector, got.Spec.Selector); diff != "" {
		t.Errorf("a selector can't change (-want +got)\n%s", diff)
	}
}

func TestReadiness(t *testing.T) {
	unavailable := func(since time.Duration) func(*appsv1.Deployment) {
		return func(d *appsv1.Deployment) {
			d.Status.AvailableReplicas = 1
			d.Status.Conditions = []appsv1.DeploymentCondition{{Type: appsv1.DeploymentAvailable, Status: "False", Reason: "MinimumReplicasUnavailable", LastUpdateTime: metav1.NewTime(now.Add(-since))}}
		}
	}
	cases := map[string]struct {
		reason    string
		mod       func(*appsv1.Deployment)
		threshold int
		ready     bool
		stuck     bool
		why       string
	}{
		"Ready":       {"All pods serve.", func(*appsv1.Deployment) {}, 100, true, false, ""},
		"NotTakenUp":  {"An old status says nothing about a new spec.", func(d *appsv1.Deployment) { d.Generation = 3 }, 100, false, false, "its change has not been taken up yet"},
		"Zero":        {"A workload without pods does not serve.", func(d *appsv1.Deployment) { *d.Spec.Replicas = 0 }, 100, false, false, "it has no replicas"},
		"Updating":    {"Pods of the old template do not count.", func(d *appsv1.Deployment) { d.Status.UpdatedReplicas = 2 }, 100, false, false, "2 of 3 pods are updated"},
		"OldOnes":     {"Old pods may still answer.", func(d *appsv1.Deployment) { d.Status.Replicas = 4 }, 100, false, false, "1 of its old pods still run"},
		"Unavailable": {"All pods must serve.", unavailable(time.Minute), 100, false, false, "1 of 3 pods are available"},
		"Threshold":   {"The user may do with fewer.", unavailable(time.Minute), 33, true, false, ""},
		"NoneServes":  {"No threshold makes a workload ready that serves nobody.", func(d *appsv1.Deployment) { d.Status.AvailableReplicas = 0 }, 0, false, false, "0 of 3 pods are available"},
		"Stuck":       {"Pods that had their time are stuck.", unavailable(11 * time.Minute), 100, false, true, "1 of 3 pods are available"},
		"Exceeded": {"The Deployment's own deadline counts too.", func(d *appsv1.Deployment) {
			d.Status.AvailableReplicas = 2
			d.Status.Conditions = []appsv1.DeploymentCondition{{Type: appsv1.DeploymentProgressing, Reason: "ProgressDeadlineExceeded"}}
		}, 100, false, true, "2 of 3 pods are available"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := readiness(web(tc.mod), tc.threshold, 10*time.Minute, now)
			if got.Ready != tc.ready || got.Stuck != tc.stuck || got.Why != tc.why {
				t.Errorf("%s\ngot ready %v, stuck %v, %q", tc.reason, got.Ready, got.Stuck, got.Why)
			}
		})
	}
}
