// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/sluice-delivery/sluice/api/v1beta1"
)

// ProvePromoted returns an error unless the cluster's own objects say that
// version was promoted.
func (d *Demo) ProvePromoted(ctx context.Context, r Release, version string) error {
	if r.Phase != v1beta1.PhaseSucceeded {
		return fmt.Errorf("the good release ended as %s, not as %s: %s", r.Phase, v1beta1.PhaseSucceeded, r.lastWarning())
	}
	if r.MostWeight == 0 {
		return fmt.Errorf("the good release was promoted without any request to the canary")
	}
	return d.proveServing(ctx, version)
}

// ProveRolledBack returns an error unless the cluster's own objects say that a
// bad version was rolled back and version still serves.
func (d *Demo) ProveRolledBack(ctx context.Context, r Release, version string) error {
	if r.Phase != v1beta1.PhaseFailed {
		return fmt.Errorf("the bad release ended as %s, not as %s", r.Phase, v1beta1.PhaseFailed)
	}
	if r.FirstBad.IsZero() {
		return fmt.Errorf("the bad release was rolled back without a failed check: %s", r.lastWarning())
	}
	e, ok := r.Event(v1beta1.ReasonRolledBack)
	if !ok || !strings.Contains(e.Message, "must be") {
		return fmt.Errorf("no event says which metric broke which limit; the last warning is: %s", r.lastWarning())
	}
	return d.proveServing(ctx, version)
}

// proveServing returns an error unless the primary runs version and the route
// gives it all requests.
func (d *Demo) proveServing(ctx context.Context, version string) error {
	primary, err := d.deployment(ctx, d.target.Name+v1beta1.PrimarySuffix)
	if err != nil {
		return err
	}
	if got := envOf(&primary.Spec.Template.Spec, "VERSION"); got != version {
		return fmt.Errorf("the primary runs version %s, not %s", got, version)
	}
	if primary.Status.AvailableReplicas < 1 {
		return fmt.Errorf("the primary has no available replica")
	}
	route := &gatewayv1.HTTPRoute{}
	if err := d.client.Get(ctx, types.NamespacedName{Namespace: d.target.Namespace, Name: d.app}, route); err != nil {
		return err
	}
	if w := canaryWeight(route, d.app); w != 0 {
		return fmt.Errorf("the route gives the canary weight %d, not 0", w)
	}
	return nil
}

// ControllerMemory returns the resident memory of the controller, in bytes, from
// its own series.
func (d *Demo) ControllerMemory(ctx context.Context) (float64, error) {
	pods := &corev1.PodList{}
	if err := d.client.List(ctx, pods, client.InNamespace("sluice-system"), client.MatchingLabels{"app": "sluice-controller"}); err != nil {
		return 0, err
	}
	if len(pods.Items) != 1 {
		return 0, fmt.Errorf("there are %d pods of the controller, not 1", len(pods.Items))
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+pods.Items[0].Status.PodIP+":8080/metrics", nil)
	if err != nil {
		return 0, err
	}
	res, err := (&http.Client{Timeout: 5 * time.Second}).Do(req)
	if err != nil {
		return 0, err
	}
	defer func() { _ = res.Body.Close() }()
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), "process_resident_memory_bytes "); ok {
			return strconv.ParseFloat(value, 64)
		}
	}
	return 0, fmt.Errorf("the controller exports no process_resident_memory_bytes")
}

func (r *Release) lastWarning() string {
	for i := len(r.Events) - 1; i >= 0; i-- {
		if r.Events[i].Type == "Warning" {
			return r.Events[i].Reason + ": " + r.Events[i].Message
		}
	}
	return "no warning was told"
}
