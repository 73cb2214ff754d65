// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

// decideTerminating lets go of the workload.
func decideTerminating(s Snapshot) Decision {
	d := do(hold(s, 0, "Terminating", "Letting go"), Forget{})
	if s.Plan.Revert && s.Status.Phase != "" && !gone(s) {
		d = giveBack(s, d)
	}
	d.Next.Phase = Terminating
	return d
}

// giveBack makes the target serve again, and lets go only then, since that takes
// everything away that was made for the release.
func giveBack(s Snapshot, letGo Decision) Decision {
	w := s.World
	switch {
	case !w.Canary.Known || !w.Apex.Known:
		return blind(s, "The cluster has not been read yet")
	case w.Route.Weight != 0 && !w.Canary.Ready:
		return unroute(s, hold(s, s.Plan.Interval, "Terminating", "Taking requests from the target until it serves again"))
	case !w.Canary.Running():
		return do(hold(s, s.Plan.Interval, "Terminating", "Starting the target, so that it can serve again"), StartCanary{})
	case w.Canary.Stuck:
		return stall(hold(s, 0, "TargetNotReady", "The target does not become ready, so the primary goes on serving: %s. Mend the target, or set spec.revertOnDeletion to false", w.Canary.Why))
	case !w.Canary.Ready:
		return hold(s, 0, "Terminating", "Waiting for the target to serve again: %s", w.Canary.Why)
	case !w.Apex.Released && w.Apex.Foreign == "":
		d := do(hold(s, s.Plan.Interval, "Terminating", "Leading the application's Service to the target"), ReleaseApex{})
		d.Next.Run.RoutedAt = s.Now
		return tell(d, "Released", "The target serves again and gets all requests")
	case drains(s) > 0:
		return hold(s, drains(s), "Terminating", "Waiting until no request is on its way to the primary")
	}
	return letGo
}
