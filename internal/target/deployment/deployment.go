// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

// Package deployment releases Deployments: the target runs the canary, and a
// copy with the suffix -primary serves between releases.
package deployment

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluice-delivery/sluice/internal/target"
	"github.com/sluice-delivery/sluice/internal/target/config"
)

// Annotations on the primary.
const (
	revisionAnnotation = "sluice.dev/revision" // that it runs
	previousAnnotation = "sluice.dev/previous" // what it ran before, as a previous
)

// Options are what the user set for the controller as a whole.
type Options struct {
	SelectorLabels     []string // candidates for the label that tells the sides apart, in order
	IncludeLabelPrefix []string // of labels and annotations that the primary takes over; "*" is all
}

// A Deployment is a target.Target.
type Deployment struct {
	Client    client.Client // reads come from a cache
	Live      client.Client // neither reads nor writes touch a cache
	Configs   *config.Tracker
	Options   Options
	Owner     metav1.OwnerReference // the Canary
	Namespace string
	Name      string

	CanaryThreshold, PrimaryThreshold int           // percent of pods that must be available
	Deadline                          time.Duration // for becoming available
	Now                               func() time.Time
	NewID                             func() string // a fresh UUID
}

var _ target.Target = (*Deployment)(nil)

// Observe implements target.Target.
func (d *Deployment) Observe(ctx context.Context) (target.Observation, error) {
	var o target.Observation
	canary, err := d.get(ctx, d.Name)
	if err != nil {
		return o, err
	}
	primary, err := d.get(ctx, d.primaryName())
	if err != nil {
		return o, err
	}
	if primary != nil && !d.orphaned(primary) {
		o.Primary = readiness(primary, d.PrimaryThreshold, d.Deadline, d.Now())
		o.Primary.Revision = primary.Annotations[revisionAnnotation]
	}
	if canary == nil {
		return o, nil
	}
	o.Canary = readiness(canary, d.CanaryThreshold, d.Deadline, d.Now())
	o.PodLabels = canary.Spec.Template.Labels
	o.Ports = ports(&canary.Spec.Template.Spec)
	if d.Configs != nil {
		for _, r := range config.Refs(&canary.Spec.Template.Spec) {
			o.Refs = append(o.Refs, r.Key())
		}
	}
	if o.Label, o.Value, err = d.selector(canary); err != nil {
		o.Problem = &target.Problem{Code: "SelectorLabelMissing", Message: err.Error()}
	}
	o.Canary.Revision, o.Configs, err = d.revision(ctx, canary, &o)
	return o, err
}

// revision names what canary runs: its template and the data it refers to.
func (d *Deployment) revision(ctx context.Context, canary *appsv1.Deployment, o *target.Observation) (string, map[string]string, error) {
	configs, missing, err := d.digests(ctx, canary)
	if err != nil {
		return "", nil, err
	}
	if len(missing) > 0 && o.Problem == nil {
		o.Problem = &target.Problem{Code: "ConfigNotFound", Message: fmt.Sprintf("Deployment %s/%s refers to the %s %s, which does not exist; create it or mark the reference optional", d.Namespace, d.Name, missing[0].Kind, missing[0].Name)}
	}
	content := []any{canary.Spec.Template}
	if len(configs) > 0 {
		content = append(content, configs)
	}
	revision, err := target.Fingerprint(content)
	return revision, configs, err
}

func (d *Deployment) digests(ctx context.Context, canary *appsv1.Deployment) (map[string]string, []config.Ref, error) {
	if d.Configs == nil {
		return nil, nil, nil
	}
	return d.Configs.Digests(ctx, d.Namespace, &canary.Spec.Template.Spec)
}

// CreatePrimary implements target.Target.
func (d *Deployment) CreatePrimary(ctx context.Context) error {
	canary, revision, configs, err := d.read(ctx)
	if err != nil {
		return err
	}
	if err := d.copyConfigs(ctx, configs); err != nil {
		return err
	}
	primary, err := d.primaryOf(canary, configs)
	if err != nil {
		return err
	}
	primary.Annotations[revisionAnnotation] = revision
	if err := d.Client.Create(ctx, primary); !apierrors.IsAlreadyExists(err) {
		return err
	}
	return d.adopt(ctx)
}

// orphaned reports whether primary belongs to a Canary that is gone: it serves,
// but Kubernetes is about to delete it.
func (d *Deployment) orphaned(primary *appsv1.Deployment) bool {
	r := metav1.GetControllerOf(primary)
	return r != nil && r.Kind == d.Owner.Kind && r.UID != d.Owner.UID
}

// adopt takes over a primary that an earlier Canary left behind.
func (d *Deployment) adopt(ctx context.Context) error {
	primary, err := d.get(ctx, d.primaryName())
	if err != nil || primary == nil || !d.orphaned(primary) {
		return err
	}
	next := primary.DeepCopy()
	for i, r := range next.OwnerReferences {
		if r.Controller != nil && *r.Controller {
			next.OwnerReferences[i] = d.Owner
		}
	}
	return d.Client.Update(ctx, next) // fenced by resourceVersion
}

// Scale implements target.Target.
func (d *Deployment) Scale(ctx context.Context, up bool) error {
	canary, err := d.get(ctx, d.Name)
	if err != nil || canary == nil {
		return err
	}
	replicas := int32(0)
	if up {
		if replicas, err = d.wanted(ctx, canary); err != nil {
			return err
		}
	}
	if canary.Spec.Replicas != nil && *canary.Spec.Replicas == replicas {
		return nil
	}
	patch := fmt.Appendf(nil, `{"metadata":{"resourceVersion":%q},"spec":{"replicas":%d}}`, canary.ResourceVersion, replicas)
	return d.Client.Patch(ctx, canary, client.RawPatch(types.MergePatchType, patch))
}

// wanted returns how many replicas the target needs to be analysed: those it
// has, else those of the primary.
func (d *Deployment) wanted(ctx context.Context, canary *appsv1.Deployment) (int32, error) {
	if canary.Spec.Replicas == nil || *canary.Spec.Replicas > 0 {
		return replicas(canary), nil
	}
	primary, err := d.get(ctx, d.primaryName())
	if err != nil || primary == nil {
		return 1, err
	}
	return max(1, replicas(primary)), nil
}

// Promote implements target.Target.
func (d *Deployment) Promote(ctx context.Context, revision string) error {
	canary, has, configs, err := d.read(ctx)
	if err != nil {
		return err
	}
	if has != revision {
		return target.ErrMoved
	}
	primary, err := d.get(ctx, d.primaryName())
	if err != nil {
		return err
	}
	if primary == nil {
		return d.CreatePrimary(ctx)
	}
	if primary.Annotations[revisionAnnotation] == revision {
		return nil
	}
	if err := d.copyConfigs(ctx, configs); err != nil {
		return err
	}
	next, err := d.promoted(primary, canary, configs)
	if err != nil {
		return err
	}
	next.Annotations[revisionAnnotation] = revision
	return d.Client.Update(ctx, next) // fenced by resourceVersion
}

// previous is what a primary ran before its last promotion.
type previous struct {
	Revision string                 `json:"revision"`
	Template corev1.PodTemplateSpec `json:"template"`
}

// Demote implements target.Target.
func (d *Deployment) Demote(ctx context.Context, revision string) error {
	primary, err := d.get(ctx, d.primaryName())
	if err != nil || primary == nil || primary.Annotations[revisionAnnotation] != revision {
		return err
	}
	var before previous
	text, ok := primary.Annotations[previousAnnotation]
	if !ok {
		return fmt.Errorf("deployment %s/%s has no annotation %s to go back to; change the target, or set the primary's template by hand", d.Namespace, primary.Name, previousAnnotation)
	}
	if err := json.Unmarshal([]byte(text), &before); err != nil {
		return fmt.Errorf("annotation %s of deployment %s/%s: %w", previousAnnotation, d.Namespace, primary.Name, err)
	}
	next := primary.DeepCopy()
	next.Spec.Template = before.Template
	next.Annotations[revisionAnnotation] = before.Revision
	delete(next.Annotations, previousAnnotation)
	return d.Client.Update(ctx, next)
}

// read returns the target with its revision and what it refers to.
func (d *Deployment) read(ctx context.Context) (*appsv1.Deployment, string, map[string]string, error) {
	canary, err := d.get(ctx, d.Name)
	if err != nil {
		return nil, "", nil, err
	}
	if canary == nil {
		return nil, "", nil, fmt.Errorf("deployment %s/%s does not exist", d.Namespace, d.Name)
	}
	revision, configs, err := d.revision(ctx, canary, &target.Observation{})
	return canary, revision, configs, err
}

func (d *Deployment) copyConfigs(ctx context.Context, configs map[string]string) error {
	return config.CopyTo(ctx, d.Live, d.Namespace, configs, d.Owner, func(l map[string]string) map[string]string {
		return d.Options.included(l)
	})
}

// get returns nil for a Deployment that does not exist. The result must not be
// changed.
func (d *Deployment) get(ctx context.Context, name string) (*appsv1.Deployment, error) {
	found := &appsv1.Deployment{}
	err := d.Client.Get(ctx, types.NamespacedName{Namespace: d.Namespace, Name: name}, found)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("deployment %s/%s: %w", d.Namespace, name, err)
	}
	return found, nil
}

func (d *Deployment) primaryName() string { return d.Name + config.Suffix }

// selector returns the label that tells the sides apart, and its value.
func (d *Deployment) selector(canary *appsv1.Deployment) (label, value string, err error) {
	for _, l := range d.Options.SelectorLabels {
		if v, ok := canary.Spec.Selector.MatchLabels[l]; ok {
			return l, v, nil
		}
	}
	return "", "", fmt.Errorf("deployment %s/%s: spec.selector.matchLabels has none of the labels %s; add one of them to its selector and pods, or name one that it has in the controller's flag -selector-labels",
		d.Namespace, d.Name, strings.Join(d.Options.SelectorLabels, ", "))
}

func ports(pod *corev1.PodSpec) []target.ContainerPort {
	var all []target.ContainerPort
	for _, c := range pod.Containers {
		for i, p := range c.Ports {
			all = append(all, target.ContainerPort{Container: c.Name, Index: i, Port: p})
		}
	}
	return all
}
