// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package canary

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluice-delivery/sluice/api/v1beta1"
	"github.com/sluice-delivery/sluice/internal/check"
	"github.com/sluice-delivery/sluice/internal/hook"
	"github.com/sluice-delivery/sluice/internal/rollout"
)

// byEvent and byWebhook name the ways in which a notice is told.
const (
	byEvent   = "event"
	byWebhook = "webhook/"
	byGlobal  = "global-event-webhook"
)

// component is who the events come from.
const component = "sluice"

// An outbox tells people what was saved. A notice is in the status until it is
// told: it is written there with the state that it speaks of, so that neither
// exists without the other, and told again by the next controller if this one
// dies. It may be used concurrently.
type outbox struct {
	client   client.Writer
	hooks    hook.Caller
	global   string // URL of the webhook for events of canaries that have none
	log      logr.Logger
	patience wait.Backoff
	done     func(types.NamespacedName) // is told that something was delivered

	mu   sync.Mutex
	told map[string]bool // by key and way; true once it is told or given up
}

func newOutbox(c Config, log logr.Logger, done func(types.NamespacedName)) *outbox {
	return &outbox{
		client: c.Live, hooks: c.Hooks, global: c.EventWebhook, log: log, done: done, told: map[string]bool{},
		patience: wait.Backoff{Duration: time.Second, Factor: 2, Jitter: 0.1, Steps: 6, Cap: time.Minute},
	}
}

// post adds notices to the status of c.
func (o *outbox) post(c *v1beta1.Canary, notices []rollout.Notice, at time.Time) {
	for _, n := range notices {
		kind := v1beta1.EventNormal
		if n.Warning {
			kind = v1beta1.EventWarning
		}
		when := metav1.NewMicroTime(at)
		c.Status.Outbox = append(c.Status.Outbox, v1beta1.CanaryNotice{
			Key: noticeKey(c, n, when), Type: kind, Reason: v1beta1.Reason(n.Reason.Code), Message: n.Reason.Message,
			Phase: c.Status.Phase, Time: when, Deliver: o.ways(c, n),
		})
	}
}

// complain posts an action that failed, once per message.
func (o *outbox) complain(c *v1beta1.Canary, err error, at time.Time) {
	why := rollout.Reason{Code: string(v1beta1.ReasonActionFailed), Message: err.Error()}
	if t := c.Status.Told; t != nil && string(t.Reason) == why.Code && t.Message == why.Message {
		return
	}
	c.Status.Told = toldStatus(why)
	o.post(c, []rollout.Notice{{Warning: true, Reason: why}}, at)
}

func (o *outbox) ways(c *v1beta1.Canary, n rollout.Notice) []string {
	ways := []string{byEvent}
	events := false
	for _, h := range c.GetAnalysis().Webhooks {
		if h.Type == v1beta1.HookEvent {
			events = true
		}
		if h.Type == v1beta1.HookEvent || h.Type == v1beta1.HookPostRollout && n.Outcome {
			ways = append(ways, byHook(h))
		}
	}
	if !events && o.global != "" {
		ways = append(ways, byGlobal)
	}
	return ways
}

// byHook names the way to tell h. Hooks of several types may share a name.
func byHook(h v1beta1.CanaryWebhook) string { return byWebhook + string(h.Type) + "/" + h.Name }

// sweep takes out of the status what was told.
func (o *outbox) sweep(c *v1beta1.Canary) {
	o.mu.Lock()
	defer o.mu.Unlock()
	kept := c.Status.Outbox[:0:0]
	for _, n := range c.Status.Outbox {
		n.Deliver = slices.DeleteFunc(slices.Clone(n.Deliver), func(way string) bool { return o.told[n.Key+way] })
		if len(n.Deliver) > 0 {
			kept = append(kept, n)
		}
	}
	if len(kept) == 0 {
		kept = nil
	}
	c.Status.Outbox = kept
}

// saved forgets what the status no longer holds.
func (o *outbox) saved(before, after *v1beta1.Canary) {
	o.mu.Lock()
	defer o.mu.Unlock()
	held := map[string]bool{}
	for _, n := range after.Status.Outbox {
		for _, way := range n.Deliver {
			held[n.Key+way] = true
		}
	}
	for _, n := range before.Status.Outbox {
		for _, way := range n.Deliver {
			if !held[n.Key+way] {
				delete(o.told, n.Key+way)
			}
		}
	}
}

// deliver tells in the background what is in the status of c and not told yet.
func (o *outbox) deliver(c *v1beta1.Canary) {
	c = c.DeepCopy()
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, n := range c.Status.Outbox {
		for _, way := range n.Deliver {
			if _, under := o.told[n.Key+way]; under {
				continue
			}
			o.told[n.Key+way] = false
			go o.try(c, n, way)
		}
	}
}

// try tells one notice in one way, with patience, and gives up in the end.
func (o *outbox) try(c *v1beta1.Canary, n v1beta1.CanaryNotice, way string) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	var last error
	err := wait.ExponentialBackoffWithContext(ctx, o.patience, func(ctx context.Context) (bool, error) {
		last = o.tell(ctx, c, n, way)
		return last == nil, nil
	})
	if err != nil {
		o.log.Error(last, "gave up telling", "canary", client.ObjectKeyFromObject(c), "reason", n.Reason, "to", way)
	}
	o.mu.Lock()
	o.told[n.Key+way] = true
	o.mu.Unlock()
	o.done(client.ObjectKeyFromObject(c))
}

func (o *outbox) tell(ctx context.Context, c *v1beta1.Canary, n v1beta1.CanaryNotice, way string) error {
	switch {
	case way == byEvent:
		return client.IgnoreAlreadyExists(o.client.Create(ctx, eventOf(c, n)))
	case way == byGlobal:
		return o.hooks.Call(ctx, eventCall(v1beta1.CanaryWebhook{Name: "event", URL: o.global}, c, n))
	}
	for _, h := range c.GetAnalysis().Webhooks {
		if byHook(h) != way {
			continue
		}
		if h.Type == v1beta1.HookEvent {
			return o.hooks.Call(ctx, eventCall(h, c, n))
		}
		return o.hooks.Call(ctx, check.CallOf(h, payloadOf(c, n.Phase), n.Key))
	}
	return nil // the user has taken the webhook away
}

// eventCall returns the call that tells a webhook an event. What the user sends
// along gives way to what the event says.
func eventCall(h v1beta1.CanaryWebhook, c *v1beta1.Canary, n v1beta1.CanaryNotice) hook.Call {
	call := check.CallOf(h, payloadOf(c, n.Phase), n.Key)
	metadata := map[string]string{}
	for k, v := range h.Metadata {
		metadata[k] = v
	}
	metadata["eventMessage"] = n.Message
	metadata["eventType"] = string(n.Type)
	metadata["timestamp"] = strconv.FormatInt(n.Time.UnixMilli(), 10)
	call.Payload.Metadata = metadata
	return call
}

// eventOf returns the event for n. Its name follows from the notice, so that
// creating it twice makes one.
func eventOf(c *v1beta1.Canary, n v1beta1.CanaryNotice) *corev1.Event {
	at := metav1.NewTime(n.Time.Time)
	name := c.Name
	if most := 253 - len(n.Key) - 1; len(name) > most {
		name = strings.TrimRight(name[:most], ".-")
	}
	return &corev1.Event{
		ObjectMeta: metav1.ObjectMeta{Namespace: c.Namespace, Name: fmt.Sprintf("%s.%s", name, n.Key)},
		InvolvedObject: corev1.ObjectReference{
			APIVersion: v1beta1.GroupVersion.String(), Kind: "Canary",
			Namespace: c.Namespace, Name: c.Name, UID: c.UID, ResourceVersion: c.ResourceVersion,
		},
		Type: string(n.Type), Reason: string(n.Reason), Message: n.Message,
		Source:         corev1.EventSource{Component: component},
		FirstTimestamp: at, LastTimestamp: at, Count: 1,
	}
}
