// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package router_test

import (
	"encoding/json"
	"testing"

	jsonpatch "github.com/evanphx/json-patch/v5"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-delivery/sluice/internal/router"
)

func TestDiff(t *testing.T) {
	pod := func(change func(*corev1.Pod)) *corev1.Pod {
		p := &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: "a", Labels: map[string]string{"a/b~c": "1"}},
			Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "x"}, {Name: "y"}, {Name: "z"}}},
		}
		if change != nil {
			change(p)
		}
		return p
	}
	cases := map[string]struct {
		reason string
		change func(*corev1.Pod)
		want   string
	}{
		"Nothing": {reason: "What is the same is not written.", want: `null`},
		"Escape":  {reason: "Keys are escaped.", change: func(p *corev1.Pod) { p.Labels["a/b~c"] = "2" }, want: `[{"op":"replace","path":"/metadata/labels/a~1b~0c","value":"2"}]`},
		"Remove":  {reason: "An empty map goes.", change: func(p *corev1.Pod) { p.Labels = nil }, want: `[{"op":"remove","path":"/metadata/labels"}]`},
		"Add":     {reason: "A new map comes whole.", change: func(p *corev1.Pod) { p.Annotations = map[string]string{"k": "v"} }, want: `[{"op":"add","path":"/metadata/annotations","value":{"k":"v"}}]`},
		"Element": {reason: "An element in the middle is changed in place.", change: func(p *corev1.Pod) { p.Spec.Containers[1].Image = "i" }, want: `[{"op":"add","path":"/spec/containers/1/image","value":"i"}]`},
		"First":   {reason: "One that goes leaves its neighbours alone.", change: func(p *corev1.Pod) { p.Spec.Containers = p.Spec.Containers[1:] }, want: `[{"op":"remove","path":"/spec/containers/0"}]`},
		"Last": {reason: "One that comes leaves its neighbours alone.", change: func(p *corev1.Pod) {
			p.Spec.Containers = append(p.Spec.Containers, corev1.Container{Name: "n"})
		}, want: `[{"op":"add","path":"/spec/containers/3","value":{"name":"n","resources":{}}}]`},
		"Fewer": {reason: "Elements are removed from behind, so that places hold.", change: func(p *corev1.Pod) {
			p.Spec.Containers = []corev1.Container{{Name: "n"}}
		}, want: `[{"op":"replace","path":"/spec/containers/0/name","value":"n"},{"op":"remove","path":"/spec/containers/2"},{"op":"remove","path":"/spec/containers/1"}]`},
		"Swap": {reason: "Elements that change places are written over.", change: func(p *corev1.Pod) {
			p.Spec.Containers = []corev1.Container{{Name: "z"}, {Name: "y"}, {Name: "x"}}
		}, want: `[{"op":"replace","path":"/spec/containers/0/name","value":"z"},{"op":"replace","path":"/spec/containers/2/name","value":"x"}]`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			from, to := pod(nil), pod(c.change)
			ops, err := router.Diff(from, to)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, text(t, ops)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.reason, diff)
			}
			if diff := cmp.Diff(text(t, to), applied(t, from, ops)); diff != "" {
				t.Errorf("%s\nThe patch does not lead there (-want +got):\n%s", c.reason, diff)
			}
		})
	}
}

// applied returns obj after ops, in the field order of a Pod.
func applied(t *testing.T, obj *corev1.Pod, ops []router.Operation) string {
	t.Helper()
	if len(ops) == 0 {
		return text(t, obj)
	}
	edit, err := router.Patch(obj, nil, ops)
	if err != nil {
		t.Fatal(err)
	}
	patch, err := jsonpatch.DecodePatch(edit.Patch)
	if err != nil {
		t.Fatal(err)
	}
	out, err := patch.Apply([]byte(text(t, obj)))
	if err != nil {
		t.Fatal(err)
	}
	var next corev1.Pod
	if err := json.Unmarshal(out, &next); err != nil {
		t.Fatal(err)
	}
	return text(t, &next)
}

func text(t *testing.T, v any) string {
	t.Helper()
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
