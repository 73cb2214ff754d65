// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

// Package hook calls the webhooks of a canary. Caller is the port; HTTP is the
// one adapter.
package hook

import (
	"context"
	"errors"
	"time"
)

// ErrRefused says that the webhook was reached and answered with something
// else than success. Any other error of a Caller says that there is no answer.
var ErrRefused = errors.New("refused")

// DefaultTimeout is the timeout of an attempt if unset.
const DefaultTimeout = 10 * time.Second

// A Caller calls webhooks. It is safe for concurrent use.
type Caller interface {
	// Call returns nil if the webhook says yes. Errors name neither path nor
	// parameters of the URL, as these may be secret. Call returns soon after
	// ctx ends.
	Call(ctx context.Context, c Call) error
}

// CallerFunc makes a function a Caller.
type CallerFunc func(ctx context.Context, c Call) error

// Call implements Caller.
func (f CallerFunc) Call(ctx context.Context, c Call) error { return f(ctx, c) }

// A Call is one webhook to be called.
type Call struct {
	URL        string
	Timeout    time.Duration // of each attempt; DefaultTimeout if zero
	Retries    int           // attempts beyond the first
	DisableTLS bool          // accept any certificate
	// IdempotencyKey is the same for calls that mean the same, so that the
	// receiver can drop doubles. It is not sent if empty.
	IdempotencyKey string
	Payload        Payload
}

// A Payload is what the webhook gets to read, as JSON.
type Payload struct {
	Name      string            `json:"name"`
	Namespace string            `json:"namespace"`
	Phase     string            `json:"phase"`
	Checksum  string            `json:"checksum"`
	Metadata  map[string]string `json:"metadata,omitempty"`
}
