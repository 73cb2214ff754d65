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
//  5. Save Next, or Memo if an action failed. Who finds that somebody else has
//     saved since the status was read saves nothing.
//  6. If Next was saved, tell the notices, at least once each.
//  7. Decide again after After, or when anything that was observed changes.
//
// The process may stop between any two steps. Actions follow from what is
// observed, so doing them again changes nothing, and Next is saved after them,
// so nothing is recorded that did not happen. Writes are fenced by the versions
// that were observed, so that a caller with old news, or a second one, is
// refused.
//
// # Promises
//
// They hold whatever happens to the caller and to the cluster; the model test
// holds Decide to them. Decide knows only the snapshot, so they speak of what it
// shows: what is not ready, for example, loses its requests in the decision that
// sees it. Only a suspended release is left as it is.
//
//  1. A canary that is seen not to be ready gets no requests, and none are added
//     to one that is not seen to be ready.
//  2. The weight never exceeds what passed checks of that revision have earned,
//     nor the end of the plan. What others changed is put back both ways.
//  3. A promotion follows a passed check of that revision at the last step of
//     the plan as it is then, and leave where the plan asks for it. Only a plan
//     without analysis, or a primary that has the revision already, needs none.
//  4. The threshold rolls back in the decision that reaches it. Once the count
//     is saved, that needs no other fact.
//  5. The canary is not stopped before the proxy has taken up a route that gives
//     it nothing, the application's Service leads to the primary, and the drain
//     has passed since the last time it was recorded to lose requests.
//  6. No check is asked for before its time, nor at a weight that the proxy has
//     not taken up, nor is an answer used for another revision or weight.
//  7. Once taken over, a revision that never passes does not get into the
//     primary.
//  8. A revision that was rejected gets nothing until the target changes, and is
//     taken from the primary if it got there.
//  9. A plan that makes no sense moves no requests towards the canary, and
//     promotes nothing.
//  10. When disturbances stop and people have mended what they were told to,
//     every release ends, and an ended one is quiet: it asks nothing, does
//     nothing, tells nothing and sets no timer.
//
// And every change of phase or earned weight is told, except that a release
// waits for leave, which is told when leave is refused; what people must mend or
// approve is told once.
package rollout
