// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluice-delivery/sluice/api/v1beta1"
	"github.com/sluice-delivery/sluice/internal/check"
	"github.com/sluice-delivery/sluice/internal/metric"
	"github.com/sluice-delivery/sluice/internal/metric/prometheus"
)

// sources has the constructor of each metric system. secret is nil if the
// provider refers to none.
var sources = map[v1beta1.MetricProviderType]func(p v1beta1.MetricTemplateProvider, secret map[string][]byte) (metric.Source, error){
	v1beta1.MetricProviderPrometheus: func(p v1beta1.MetricTemplateProvider, secret map[string][]byte) (metric.Source, error) {
		return prometheus.New(prometheus.Config{
			Address:            p.Address,
			Username:           string(secret["username"]),
			Password:           string(secret["password"]),
			Token:              string(secret["token"]),
			Headers:            p.Headers,
			InsecureSkipVerify: p.InsecureSkipVerify,
		})
	},
}

// mostSources bounds how many metric systems are remembered; past it, all are
// made anew.
const mostSources = 256

// Sources gives access to metric systems, and shares one client among all that
// ask the same system with the same credentials.
type Sources struct {
	Secrets client.Reader

	mu    sync.Mutex
	known map[string]metric.Source
}

var _ check.Sources = (*Sources)(nil)

// Source implements check.Sources.
func (s *Sources) Source(ctx context.Context, p check.Provider) (metric.Source, error) {
	construct, ok := sources[p.Spec.Type]
	if !ok {
		return nil, fmt.Errorf("spec.provider.type %q is not known; known are %s", p.Spec.Type, names(sources))
	}
	secret, version, err := s.secret(ctx, p)
	if err != nil {
		return nil, err
	}
	key, err := json.Marshal([]any{p, version})
	if err != nil {
		return nil, fmt.Errorf("metric provider: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if source, ok := s.known[string(key)]; ok {
		return source, nil
	}
	source, err := construct(p.Spec, secret)
	if err != nil {
		return nil, err
	}
	if s.known == nil || len(s.known) >= mostSources {
		s.known = map[string]metric.Source{}
	}
	s.known[string(key)] = metric.Limit(source, metric.Limits{})
	return s.known[string(key)], nil
}

// secret returns the credentials of p and a name for this version of them.
func (s *Sources) secret(ctx context.Context, p check.Provider) (map[string][]byte, string, error) {
	if p.Spec.SecretRef == nil {
		return nil, "", nil
	}
	found := &corev1.Secret{}
	if err := s.Secrets.Get(ctx, types.NamespacedName{Namespace: p.Namespace, Name: p.Spec.SecretRef.Name}, found); err != nil {
		return nil, "", fmt.Errorf("spec.provider.secretRef: %w", err)
	}
	return found.Data, string(found.UID) + "/" + found.ResourceVersion, nil
}

// names lists the keys of m for people.
func names[K ~string, V any](m map[K]V) string {
	all := []string{}
	for _, k := range slices.Sorted(maps.Keys(m)) {
		all = append(all, string(k))
	}
	return strings.Join(all, ", ")
}
