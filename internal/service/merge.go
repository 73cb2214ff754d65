// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package service

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/sluice-delivery/sluice/api/v1beta1"
)

// merge returns found as it should be. A Service that we made follows the spec
// in everything; one that was there before keeps its metadata, its other ports
// and the names of its ports, which proxies may know them by.
func (s Services) merge(found, want *corev1.Service) *corev1.Service {
	next := found.DeepCopy()
	next.Spec.Selector = want.Spec.Selector
	ours := s.owns(found)
	next.Spec.Ports = mergePorts(found.Spec.Ports, want.Spec.Ports, ours)
	if !ours {
		return next
	}
	var unmanaged v1beta1.UnmanagedMetadata
	if u := s.Canary.Spec.Service.UnmanagedMetadata; u != nil {
		unmanaged = *u
	}
	next.Labels = mergeMetadata(found.Labels, want.Labels, unmanaged.Labels)
	next.Annotations = mergeMetadata(found.Annotations, want.Annotations, unmanaged.Annotations)
	for i, r := range next.OwnerReferences {
		if r.Controller != nil && *r.Controller {
			next.OwnerReferences[i] = s.Owner // an earlier Canary of the same name may have made it
		}
	}
	return next
}

// mergeMetadata returns found with what is wanted, the unmanaged keys apart.
// What others added stays: a cloud keeps notes of its own on a Service.
func mergeMetadata(found, want map[string]string, unmanaged []string) map[string]string {
	next := maps.Clone(found)
	if next == nil {
		next = map[string]string{}
	}
	for k, v := range want {
		if !slices.Contains(unmanaged, k) {
			next[k] = v
		}
	}
	return next
}

// mergePorts returns want with the node ports of found. If the Service is not
// ours, a port of found that leads to the same place stays as it is, and so
// does every other one.
func mergePorts(found, want []corev1.ServicePort, ours bool) []corev1.ServicePort {
	next := make([]corev1.ServicePort, 0, len(want))
	for _, w := range want {
		at := slices.IndexFunc(found, func(f corev1.ServicePort) bool {
			if ours {
				return f.Name == w.Name
			}
			return f.Port == w.Port && protocol(f) == w.Protocol
		})
		if at >= 0 {
			w.NodePort = found[at].NodePort
			if !ours {
				w.Name, w.AppProtocol = found[at].Name, found[at].AppProtocol
			}
		}
		next = append(next, w)
	}
	if ours {
		return next
	}
	for _, f := range found {
		if !slices.ContainsFunc(next, func(n corev1.ServicePort) bool { return n.Port == f.Port && n.Protocol == protocol(f) }) {
			next = append(next, f)
		}
	}
	return nameAll(next, found)
}

// nameAll gives every port a name of its own if there are several, as the API
// demands. Those of found keep theirs.
func nameAll(ports, found []corev1.ServicePort) []corev1.ServicePort {
	if len(ports) < 2 {
		return ports
	}
	taken := map[string]bool{}
	for _, f := range found {
		taken[f.Name] = true
	}
	for i := range ports {
		p := &ports[i]
		if p.Name != "" && slices.ContainsFunc(found, func(f corev1.ServicePort) bool { return f.Port == p.Port && protocol(f) == protocol(*p) }) {
			continue
		}
		p.Name = cmp.Or(p.Name, "http")
		if taken[p.Name] {
			p.Name = fmt.Sprintf("%s-%d", p.Name, p.Port)
		}
		taken[p.Name] = true
	}
	return ports
}

func protocol(p corev1.ServicePort) corev1.Protocol {
	if p.Protocol == "" {
		return corev1.ProtocolTCP
	}
	return p.Protocol
}
