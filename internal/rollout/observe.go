// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"cmp"
	"time"
)

// steady takes a clock that was set back for one that stood still, so that no
// wait lasts longer than it was meant to.
func steady(s Snapshot) Snapshot {
	run := &s.Status.Run
	if run.CheckedAt.After(s.Now) {
		run.CheckedAt = s.Now
	}
	if run.RoutedAt.After(s.Now) {
		run.RoutedAt = s.Now
	}
	return s
}

// due returns how long it is until the next check.
func due(s Snapshot) time.Duration { return left(s, s.Status.Run.CheckedAt, s.Plan.Interval) }

// drains returns how long requests may still be on their way to the canary.
func drains(s Snapshot) time.Duration { return left(s, s.Status.Run.RoutedAt, s.Plan.Drain) }

func left(s Snapshot, since time.Time, wait time.Duration) time.Duration {
	if since.IsZero() {
		return 0
	}
	return max(0, wait-s.Now.Sub(since))
}

// seen reports whether everything in the world could be observed.
func seen(w World) bool {
	return w.Canary.Known && w.Primary.Known && w.Services.Known && w.Apex.Known && w.Route.Known
}

// gone reports whether the target is known not to exist.
func gone(s Snapshot) bool { return s.World.Canary.Known && !s.World.Canary.Exists }

// changed reports whether the target is known to have another revision than
// the one that is being released.
func changed(s Snapshot) bool {
	c := s.World.Canary
	return c.Exists && c.Revision != "" && c.Revision != s.Status.Run.Revision
}

// isNew reports whether the target has a revision that was neither promoted nor
// rejected.
func isNew(s Snapshot) bool {
	c := s.World.Canary
	return c.Exists && c.Revision != "" && c.Revision != s.Status.Applied && c.Revision != promoted(s)
}

// promoted returns what the primary runs: as seen, else as remembered.
func promoted(s Snapshot) string { return cmp.Or(s.World.Primary.Revision, s.Status.Promoted) }

// taken reports whether the primary has been given the revision of this run.
func taken(s Snapshot) bool {
	return s.World.Primary.Exists && s.World.Primary.Revision == s.Status.Run.Revision
}

// drifted reports whether the route is known to differ from what it should be.
// A plan that makes no sense can't say more than that the weight is too high.
func drifted(s Snapshot) bool {
	r, earned := s.World.Route, s.Status.Run.Earned
	if s.Plan.Invalid {
		return r.Weight > earned
	}
	return r.Known && (!r.Fit || r.Weight != earned)
}
