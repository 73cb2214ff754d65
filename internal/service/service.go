// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

// Package service keeps the three Services of a released application: the one
// that it is known by, which leads to the primary between releases, and one
// for each side.
package service

import (
	"context"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluice-delivery/sluice/api/v1beta1"
	"github.com/sluice-delivery/sluice/internal/target"
)

// Services are those of one Canary.
type Services struct {
	Client client.Client
	Canary *v1beta1.Canary
	Owner  metav1.OwnerReference
	Target target.Observation
}

// An Observation says how far the Services are as they should be.
type Observation struct {
	SidesFit     bool   // those of primary and canary
	ApexFit      bool   // leads to the primary
	ApexReleased bool   // leads to the target, and nothing of ours owns it
	SidesForeign string // who else one of them belongs to, and the mend
	ApexForeign  string
}

// Observe reads the Services from the cache.
func (s Services) Observe(ctx context.Context) (Observation, error) {
	apexName, primary, canary := s.Canary.ServiceNames()
	o := Observation{SidesFit: true}
	for _, name := range []string{primary, canary} {
		found, err := s.get(ctx, name)
		if err != nil {
			return Observation{}, err
		}
		want := s.want(name)
		if found != nil && s.foreign(found, want) {
			o.SidesForeign = fmt.Sprintf("Service %s/%s exists, selects %v and does not belong to this canary; delete or rename it, or set spec.service.name to another name", found.Namespace, name, found.Spec.Selector)
		}
		o.SidesFit = o.SidesFit && found != nil && s.fits(found, want)
	}
	apex, err := s.get(ctx, apexName)
	if err != nil || apex == nil {
		return o, err
	}
	want := s.want(apexName)
	if s.Target.Canary.Exists && s.foreign(apex, want) && !selects(apex, s.Target.PodLabels) {
		o.ApexForeign = fmt.Sprintf("Service %s/%s exists, but its selector %v does not select the pods of the target; mend the selector, or set spec.service.name to another name", apex.Namespace, apexName, apex.Spec.Selector)
	}
	o.ApexFit = s.fits(apex, want)
	o.ApexReleased = maps.Equal(apex.Spec.Selector, s.targetSelector()) && !s.owns(apex)
	return o, nil
}

// EnsureSides creates or mends the Services of primary and canary.
func (s Services) EnsureSides(ctx context.Context) error {
	_, primary, canary := s.Canary.ServiceNames()
	for _, name := range []string{canary, primary} {
		if err := s.ensure(ctx, s.want(name)); err != nil {
			return err
		}
	}
	return nil
}

// EnsureApex makes the application's own Service lead to the primary.
func (s Services) EnsureApex(ctx context.Context) error {
	return s.ensure(ctx, s.want(s.Canary.ServiceName()))
}

// ReleaseApex makes the application's own Service lead to the target, and
// outlive the Canary.
func (s Services) ReleaseApex(ctx context.Context) error {
	found, err := s.get(ctx, s.Canary.ServiceName())
	if err != nil || found == nil {
		return err
	}
	next := found.DeepCopy()
	next.Spec.Selector = s.targetSelector()
	next.OwnerReferences = slices.DeleteFunc(next.OwnerReferences, func(r metav1.OwnerReference) bool { return r.UID == s.Owner.UID })
	if equality.Semantic.DeepEqual(found, next) {
		return nil
	}
	return s.Client.Update(ctx, next)
}

func (s Services) targetSelector() map[string]string {
	return map[string]string{s.Target.Label: s.Target.Value}
}

func (s Services) ensure(ctx context.Context, want *corev1.Service) error {
	found, err := s.get(ctx, want.Name)
	if err != nil {
		return err
	}
	if found == nil {
		want.OwnerReferences = []metav1.OwnerReference{s.Owner}
		return s.Client.Create(ctx, want)
	}
	if next := s.merge(found, want); !equality.Semantic.DeepEqual(found, next) {
		return s.Client.Update(ctx, next) // fenced by resourceVersion
	}
	return nil
}

// get returns nil for a Service that does not exist. The result must not be
// changed.
func (s Services) get(ctx context.Context, name string) (*corev1.Service, error) {
	found := &corev1.Service{}
	err := s.Client.Get(ctx, types.NamespacedName{Namespace: s.Canary.Namespace, Name: name}, found)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("service %s/%s: %w", s.Canary.Namespace, name, err)
	}
	return found, nil
}

func (s Services) fits(found, want *corev1.Service) bool {
	return equality.Semantic.DeepEqual(found, s.merge(found, want))
}

// owns reports whether found belongs to the Canary, or to an earlier one of the
// same name.
func (s Services) owns(found *corev1.Service) bool {
	r := metav1.GetControllerOf(found)
	return r != nil && r.Kind == s.Owner.Kind && r.Name == s.Owner.Name
}

// foreign reports whether found is somebody else's: controlled by another
// object, or neither ours nor leading where ours would lead.
func (s Services) foreign(found, want *corev1.Service) bool {
	if s.owns(found) {
		return false
	}
	return metav1.GetControllerOf(found) != nil || !maps.Equal(found.Spec.Selector, want.Spec.Selector)
}

func selects(svc *corev1.Service, labels map[string]string) bool {
	if metav1.GetControllerOf(svc) != nil || len(svc.Spec.Selector) == 0 {
		return false
	}
	for k, v := range svc.Spec.Selector {
		if labels[k] != v {
			return false
		}
	}
	return true
}

// want returns the Service of that name as it is first created.
func (s Services) want(name string) *corev1.Service {
	apex, primary, canary := s.Canary.ServiceNames()
	custom := map[string]*v1beta1.CustomMetadata{apex: s.Canary.Spec.Service.Apex, primary: s.Canary.Spec.Service.Primary, canary: s.Canary.Spec.Service.Canary}[name]
	value := s.Target.PrimaryValue()
	if name == canary {
		value = s.Target.Value
	}
	svc := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{
			Namespace:   s.Canary.Namespace,
			Name:        name,
			Labels:      map[string]string{},
			Annotations: v1beta1.LeftAloneByFlux(),
		},
		Spec: corev1.ServiceSpec{
			Type:     corev1.ServiceTypeClusterIP,
			Selector: map[string]string{s.Target.Label: value},
			Ports:    s.ports(),
		},
	}
	if custom != nil {
		maps.Copy(svc.Labels, custom.Labels)
		maps.Copy(svc.Annotations, custom.Annotations)
	}
	svc.Labels[s.Target.Label] = name
	if s.Canary.Spec.Service.Headless {
		svc.Spec.ClusterIP = corev1.ClusterIPNone
	}
	if d := s.Canary.Spec.Service.TrafficDistribution; d != "" {
		svc.Spec.TrafficDistribution = &d
	}
	return svc
}

// ports returns the port of the spec and, where wanted, those that the target's
// containers name.
func (s Services) ports() []corev1.ServicePort {
	spec := s.Canary.Spec.Service
	first := corev1.ServicePort{Name: spec.PortName, Protocol: corev1.ProtocolTCP, Port: spec.Port, TargetPort: spec.TargetPort}
	if first.Name == "" {
		first.Name = "http"
	}
	if first.TargetPort == (intstr.IntOrString{}) {
		first.TargetPort = intstr.FromInt32(spec.Port)
	}
	if spec.AppProtocol != "" {
		first.AppProtocol = &spec.AppProtocol
	}
	all := []corev1.ServicePort{first}
	if !spec.PortDiscovery {
		return all
	}
	for _, c := range s.Target.Ports {
		if c.Container == "istio-proxy" || c.Container == "envoy" || leadsTo(first.TargetPort, c.Port) {
			continue
		}
		name := c.Port.Name
		if name == "" {
			name = fmt.Sprintf("tcp-%s-%d", c.Container, c.Index)
		}
		all = append(all, corev1.ServicePort{Name: name, Protocol: corev1.ProtocolTCP, Port: c.Port.ContainerPort, TargetPort: intstr.FromInt32(c.Port.ContainerPort)})
	}
	return all
}

func leadsTo(to intstr.IntOrString, p corev1.ContainerPort) bool {
	return to == intstr.FromInt32(p.ContainerPort) || to.Type == intstr.String && to.StrVal == p.Name
}
