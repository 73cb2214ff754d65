// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// optOut is the annotation by which the owner of an object keeps it out of
// tracking: any value that starts with "disable".
const optOut = "flagger.app/config-tracking"

// A Tracker knows the content of the objects that pods refer to. It keeps only
// their metadata in memory, and reads one anew when that says it has changed.
// It may be used concurrently.
type Tracker struct {
	cached client.Reader // metadata, from watches
	live   client.Reader // content

	mu      sync.Mutex
	digests map[types.UID]digest
}

type digest struct{ resourceVersion, sum string }

// NewTracker returns a Tracker that reads metadata from cached and content from
// live.
func NewTracker(cached, live client.Reader) *Tracker {
	return &Tracker{cached: cached, live: live, digests: map[types.UID]digest{}}
}

// Digests returns a digest of the data of each tracked object that pod refers
// to, by Key, and the objects that pod needs but that do not exist.
func (t *Tracker) Digests(ctx context.Context, namespace string, pod *corev1.PodSpec) (sums map[string]string, missing []Ref, err error) {
	sums = map[string]string{}
	for _, r := range Refs(pod) {
		sum, err := t.digest(ctx, namespace, r)
		switch {
		case apierrors.IsNotFound(err) && r.Optional:
		case apierrors.IsNotFound(err):
			missing = append(missing, r)
		case err != nil:
			return nil, nil, fmt.Errorf("%s %s/%s: %w", r.Kind, namespace, r.Name, err)
		case sum != "":
			sums[r.Key()] = sum
		}
	}
	return sums, missing, nil
}

// digest returns "" for an object that is not tracked.
func (t *Tracker) digest(ctx context.Context, namespace string, r Ref) (string, error) {
	meta := &metav1.PartialObjectMetadata{}
	meta.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind(kinds[r.Kind]))
	key := types.NamespacedName{Namespace: namespace, Name: r.Name}
	if err := t.cached.Get(ctx, key, meta); err != nil {
		return "", err
	}
	if strings.HasPrefix(meta.Annotations[optOut], "disable") {
		return "", nil
	}
	t.mu.Lock()
	known := t.digests[meta.UID]
	t.mu.Unlock()
	if known.resourceVersion == meta.ResourceVersion {
		return known.sum, nil
	}
	obj, data, err := Read(ctx, t.live, namespace, r)
	if err != nil {
		return "", err
	}
	sum := ""
	if data != nil {
		text, err := json.Marshal(data)
		if err != nil {
			return "", err
		}
		hash := sha256.Sum256(text)
		sum = hex.EncodeToString(hash[:8])
	}
	t.mu.Lock()
	t.digests[obj.GetUID()] = digest{obj.GetResourceVersion(), sum}
	t.mu.Unlock()
	return sum, nil
}

var kinds = map[Kind]string{ConfigMap: "ConfigMap", Secret: "Secret"}

// Read returns the object that r refers to and its data; the data is nil for a
// Secret of a type that the system owns.
func Read(ctx context.Context, c client.Reader, namespace string, r Ref) (client.Object, any, error) {
	key := types.NamespacedName{Namespace: namespace, Name: r.Name}
	if r.Kind == ConfigMap {
		m := &corev1.ConfigMap{}
		if err := c.Get(ctx, key, m); err != nil {
			return nil, nil, err
		}
		if len(m.BinaryData) == 0 {
			return m, nonNil(m.Data), nil // as Flagger hashes it
		}
		return m, []any{m.Data, m.BinaryData}, nil
	}
	s := &corev1.Secret{}
	if err := c.Get(ctx, key, s); err != nil {
		return nil, nil, err
	}
	switch s.Type {
	case corev1.SecretTypeOpaque, corev1.SecretTypeBasicAuth, corev1.SecretTypeSSHAuth, corev1.SecretTypeTLS:
		if s.Data == nil {
			return s, map[string][]byte{}, nil
		}
		return s, s.Data, nil
	}
	return s, nil, nil
}

func nonNil(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}
