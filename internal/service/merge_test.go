// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package service

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/sluice-delivery/sluice/api/v1beta1"
	"github.com/sluice-delivery/sluice/internal/target"
)

func services(mods ...func(*v1beta1.CanaryService)) Services {
	c := &v1beta1.Canary{ObjectMeta: metav1.ObjectMeta{Namespace: "prod", Name: "web"}}
	c.Spec.TargetRef.Name = "web"
	c.Spec.Service = v1beta1.CanaryService{Port: 80, TargetPort: intstr.FromInt32(8080)}
	for _, mod := range mods {
		mod(&c.Spec.Service)
	}
	yes := true
	return Services{
		Canary: c,
		Owner:  metav1.OwnerReference{Kind: "Canary", Name: "web", UID: "2", Controller: &yes},
		Target: target.Observation{Label: "app", Value: "web", PodLabels: map[string]string{"app": "web", "tier": "front"}, Ports: []target.ContainerPort{
			{Container: "web", Port: corev1.ContainerPort{Name: "http", ContainerPort: 8080}},
			{Container: "web", Index: 1, Port: corev1.ContainerPort{ContainerPort: 9090}},
			{Container: "istio-proxy", Port: corev1.ContainerPort{ContainerPort: 15090}},
		}},
	}
}

func TestWant(t *testing.T) {
	s := services(func(c *v1beta1.CanaryService) {
		c.PortDiscovery = true
		c.Canary = &v1beta1.CustomMetadata{Labels: map[string]string{"side": "canary"}, Annotations: map[string]string{"note": "n"}}
	})
	for name, selector := range map[string]string{"web": "web-primary", "web-primary": "web-primary", "web-canary": "web"} {
		if got := s.want(name).Spec.Selector["app"]; got != selector {
			t.Errorf("Service %s selects %s, not %s", name, got, selector)
		}
	}
	got := s.want("web-canary")
	if diff := cmp.Diff(map[string]string{"app": "web-canary", "side": "canary"}, got.Labels); diff != "" {
		t.Errorf("labels (-want +got)\n%s", diff)
	}
	if got.Annotations["kustomize.toolkit.fluxcd.io/reconcile"] != "disabled" || got.Annotations["note"] != "n" {
		t.Errorf("annotations are %v", got.Annotations)
	}
	want := []corev1.ServicePort{
		{Name: "http", Protocol: "TCP", Port: 80, TargetPort: intstr.FromInt32(8080)},
		{Name: "tcp-web-1", Protocol: "TCP", Port: 9090, TargetPort: intstr.FromInt32(9090)},
	}
	if diff := cmp.Diff(want, got.Spec.Ports); diff != "" {
		t.Errorf("its port, and those that it discovers but for the proxy's (-want +got)\n%s", diff)
	}
}

func TestMerge(t *testing.T) {
	yes := true
	theirs := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "web", Labels: map[string]string{"by": "user"}},
		Spec: corev1.ServiceSpec{Type: "NodePort", Selector: map[string]string{"app": "web"}, Ports: []corev1.ServicePort{
			{Name: "web", Protocol: "TCP", Port: 80, TargetPort: intstr.FromInt32(8080), NodePort: 30080},
			{Name: "admin", Protocol: "TCP", Port: 81, TargetPort: intstr.FromInt32(8081)},
		}},
	}
	ours := theirs.DeepCopy()
	ours.OwnerReferences = []metav1.OwnerReference{{Kind: "Canary", Name: "web", UID: "1", Controller: &yes}}
	ours.Annotations = map[string]string{"cloud": "wrote this"}

	s := services()
	got := s.merge(theirs, s.want("web"))
	want := theirs.DeepCopy()
	want.Spec.Selector = map[string]string{"app": "web-primary"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("of a Service that was there before, nothing but the selector changes (-want +got)\n%s", diff)
	}
	got = s.merge(ours, s.want("web"))
	if len(got.Spec.Ports) != 1 || got.Spec.Ports[0].Name != "http" {
		t.Errorf("a Service of ours has the ports of the spec: %v", got.Spec.Ports)
	}
	if got.OwnerReferences[0].UID != "2" || got.Annotations["cloud"] == "" || got.Labels["by"] != "user" || got.Spec.Type != "NodePort" {
		t.Errorf("it belongs to the present Canary and keeps what others wrote: %+v", got.ObjectMeta)
	}
	if !s.fits(got, s.want("web")) {
		t.Error("what was merged must fit")
	}
}

func TestUnmanaged(t *testing.T) {
	s := services(func(c *v1beta1.CanaryService) {
		c.Apex = &v1beta1.CustomMetadata{Labels: map[string]string{"a": "spec", "b": "spec"}}
		c.UnmanagedMetadata = &v1beta1.UnmanagedMetadata{Labels: []string{"a"}}
	})
	found := s.want("web")
	found.OwnerReferences = []metav1.OwnerReference{s.Owner}
	found.Labels["a"], found.Labels["b"] = "others", "others"
	got := s.merge(found, s.want("web"))
	if got.Labels["a"] != "others" || got.Labels["b"] != "spec" {
		t.Errorf("labels are %v; a is left to others, b follows the spec", got.Labels)
	}
}

func TestForeign(t *testing.T) {
	yes := true
	cases := map[string]struct {
		reason  string
		mod     func(*corev1.Service)
		foreign bool
		selects bool
	}{
		"Fitting":    {"A Service that leads where ours would lead can be taken over.", func(*corev1.Service) {}, false, false},
		"Target":     {"The application's own Service selects the target's pods.", func(s *corev1.Service) { s.Spec.Selector = map[string]string{"tier": "front"} }, true, true},
		"Other":      {"A Service of another application is foreign.", func(s *corev1.Service) { s.Spec.Selector = map[string]string{"app": "shop"} }, true, false},
		"Selectless": {"A Service that selects nothing may be filled by hand.", func(s *corev1.Service) { s.Spec.Selector = nil }, true, false},
		"Controlled": {"A Service that another controller keeps would be changed back.", func(s *corev1.Service) {
			s.OwnerReferences = []metav1.OwnerReference{{Kind: "Chart", Name: "web", Controller: &yes}}
		}, true, false},
		"Ours": {"A Service of an earlier Canary of this name is ours.", func(s *corev1.Service) {
			s.OwnerReferences = []metav1.OwnerReference{{Kind: "Canary", Name: "web", UID: "1", Controller: &yes}}
			s.Spec.Selector = map[string]string{"app": "x"}
		}, false, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := services()
			found := s.want("web")
			tc.mod(found)
			if got := s.foreign(found, s.want("web")); got != tc.foreign {
				t.Errorf("%s foreign is %v", tc.reason, got)
			}
			if got := selects(found, s.Target.PodLabels); got != tc.selects {
				t.Errorf("%s selects is %v", tc.reason, got)
			}
		})
	}
}

// TestPortNames takes Services over whose ports have other numbers than ours.
func TestPortNames(t *testing.T) {
	cases := map[string]struct {
		reason string
		found  []corev1.ServicePort
		want   map[string]int32
	}{
		"Same":    {"A port that leads to the same place keeps its name.", []corev1.ServicePort{{Name: "web", Port: 80}}, map[string]int32{"web": 80}},
		"Unnamed": {"One port needs no name.", []corev1.ServicePort{{Port: 80}}, map[string]int32{"": 80}},
		"Added":   {"Several ports have names.", []corev1.ServicePort{{Name: "admin", Port: 9090}}, map[string]int32{"http": 80, "admin": 9090}},
		"Taken":   {"A name that the user's port has stays with it.", []corev1.ServicePort{{Name: "http", Port: 8080}}, map[string]int32{"http-80": 80, "http": 8080}},
		"Late":    {"A port that had no name gets one that is free.", []corev1.ServicePort{{Port: 8080}}, map[string]int32{"http": 80, "http-8080": 8080}},
		"Again":   {"Names that were given stay.", []corev1.ServicePort{{Name: "http-80", Port: 80}, {Name: "http", Port: 8080}}, map[string]int32{"http-80": 80, "http": 8080}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := services()
			found := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "prod", Name: "web"}, Spec: corev1.ServiceSpec{Ports: tc.found}}
			once := s.merge(found, s.want("web"))
			got := map[string]int32{}
			for _, p := range once.Spec.Ports {
				got[p.Name] = p.Port
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\n(-want +got)\n%s", tc.reason, diff)
			}
			if diff := cmp.Diff(once, s.merge(once, s.want("web"))); diff != "" {
				t.Errorf("%s\nA second merge changes nothing (-once +twice)\n%s", tc.reason, diff)
			}
		})
	}
}
