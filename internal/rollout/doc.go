// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

// Package rollout decides what to do next about a release. It is the core of
// the controller and it is pure: Decide takes everything that is known as a
// value and returns everything that should happen as a value. It reads no
// clock, no cluster and no log, so the same snapshot always gives the same
// decision, whether the controller, a dry run or a test asks.
//
//	Initializing ──► Initialized ──┐ new revision
//	                  Succeeded  ──┼──► Waiting ──► Progressing ◄──► WaitingPromotion
//	                  Failed     ──┘      │             │                   │
//	                    ▲  ▲              │             ├───────────────────┤
//	                    │  └── reverted ──┘   rolled back          passed and approved
//	                    │                               │                   │
//	                    └───────────────────────────────┘                   ▼
//	                    └── Succeeded ◄── Finalising ◄────────────────── Promoting
//
// # Duties of the caller
//
//  1. Observe. What can't be seen stays at its zero value; that is a fact, not
//     an error.
//  2. Decide.
//  3. If the Decision asks, start finding the answers without waiting for them,
//     and decide again when one arrives. Everything else in the Decision holds.
//  4. Do the actions in order and stop at the first error. All are idempotent.
//  5. Save Next, or Memo if an action failed.
//  6. Tell the notices, at least once each.
//  7. Decide again after After, or when anything that was observed changes.
//
// The process may stop between any two steps. Actions follow from what is
// observed, so doing them again changes nothing, and Next is saved after them,
// so nothing is recorded that did not happen.
//
// # Promises
//
// They hold whatever happens to the caller and to the cluster; the model test
// holds Decide to them.
//
//  1. A canary that is not ready gets no traffic, and none is added to it.
//  2. The weight never exceeds what the passed checks have earned; drift by
//     others is repaired both ways.
//  3. A promotion follows a passed check of that revision at the last step, and
//     leave where the plan asks for it.
//  4. The threshold rolls back in the decision that reaches it, and needs no
//     fact but the count.
//  5. The canary is not stopped while it may still have traffic.
//  6. No check is asked before its time.
//  7. A revision that never passes leaves the primary untouched.
//  8. A revision that was rejected gets nothing until the target changes.
//  9. A plan that makes no sense moves no traffic towards the canary.
//  10. When disturbances stop, every release ends, and an ended one is quiet: it
//     asks nothing, does nothing, tells nothing and sets no timer.
package rollout
