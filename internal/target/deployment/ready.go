// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package deployment

import (
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/sluice-delivery/sluice/internal/target"
)

// readiness returns the state of a Deployment of which threshold percent must
// be available, within deadline.
func readiness(d *appsv1.Deployment, threshold int, deadline time.Duration, now time.Time) target.State {
	s := target.State{
		Exists:     true,
		Generation: d.Generation,
		Replicas:   int(replicas(d)),
		Available:  int(d.Status.AvailableReplicas),
	}
	s.Why = notReady(d, threshold)
	s.Ready = s.Why == ""
	s.Stuck = !s.Ready && s.Replicas > 0 && d.Status.ObservedGeneration >= d.Generation && stuck(d, deadline, now)
	return s
}

// notReady says why d is not ready; "" means that it is.
func notReady(d *appsv1.Deployment, threshold int) string {
	wanted, st := replicas(d), d.Status
	switch {
	case st.ObservedGeneration < d.Generation:
		return "its change has not been taken up yet"
	case wanted == 0:
		return "it has no replicas"
	case st.UpdatedReplicas < wanted:
		return fmt.Sprintf("%d of %d pods are updated", st.UpdatedReplicas, wanted)
	case st.Replicas > st.UpdatedReplicas:
		return fmt.Sprintf("%d of its old pods still run", st.Replicas-st.UpdatedReplicas)
	case st.AvailableReplicas < st.UpdatedReplicas*int32(threshold)/100 || st.AvailableReplicas == 0:
		return fmt.Sprintf("%d of %d pods are available", st.AvailableReplicas, st.UpdatedReplicas)
	}
	return ""
}

// stuck reports whether d has had its time to become available.
func stuck(d *appsv1.Deployment, deadline time.Duration, now time.Time) bool {
	for _, c := range d.Status.Conditions {
		switch {
		case c.Type == appsv1.DeploymentProgressing && c.Reason == "ProgressDeadlineExceeded":
			return true
		case c.Type == appsv1.DeploymentAvailable && c.Status == "False" && c.Reason == "MinimumReplicasUnavailable" &&
			now.Sub(c.LastUpdateTime.Time) > deadline:
			return true
		}
	}
	return false
}

func replicas(d *appsv1.Deployment) int32 {
	if d.Spec.Replicas == nil {
		return 1
	}
	return *d.Spec.Replicas
}
