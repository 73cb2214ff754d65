// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build envtest

package envtest

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gw "sigs.k8s.io/gateway-api/apis/v1"
)

// A gateway accepts every HTTPRoute at once.
type gateway struct {
	ctx    context.Context //nolint:containedctx // of the whole run
	routes watch.Interface
}

func startGateway(ctx context.Context) (*gateway, error) {
	routes, err := lab.client.Watch(ctx, &gw.HTTPRouteList{})
	return &gateway{ctx, routes}, err
}

func (g *gateway) run() {
	for e := range g.routes.ResultChan() {
		route, ok := e.Object.(*gw.HTTPRoute)
		if !ok || e.Type == watch.Deleted {
			continue
		}
		if err := g.accept(route); err != nil && !apierrors.IsConflict(err) && !apierrors.IsNotFound(err) && g.ctx.Err() == nil {
			fmt.Fprintln(os.Stderr, "envtest: accept route:", err)
		}
	}
}

func (g *gateway) accept(route *gw.HTTPRoute) error {
	next := route.DeepCopy()
	next.Status.Parents = nil
	for _, ref := range route.Spec.ParentRefs {
		p := gw.RouteParentStatus{ParentRef: ref, ControllerName: "envtest.sluice.dev/gateway"}
		for _, before := range route.Status.Parents {
			if before.ParentRef.Name == ref.Name {
				p.Conditions = slices.Clone(before.Conditions) // of the route, which is compared with
			}
		}
		changed := meta.SetStatusCondition(&p.Conditions, metav1.Condition{
			Type: string(gw.RouteConditionAccepted), Status: metav1.ConditionTrue, Reason: string(gw.RouteReasonAccepted), ObservedGeneration: route.Generation,
		})
		if !changed {
			return nil
		}
		next.Status.Parents = append(next.Status.Parents, p)
	}
	return lab.client.Status().Patch(g.ctx, next, client.MergeFrom(route))
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}

// answers waits until url does.
func answers(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		if resp, err := http.DefaultClient.Do(req); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer: %w", url, ctx.Err())
		}
	}
}
