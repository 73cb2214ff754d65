// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package router

import (
	"errors"
	"fmt"
)

// Kinds of errors, told by errors.Is.
var (
	// ErrInvalid means that the Canary asks for something that cannot be.
	ErrInvalid = errors.New("invalid route")
	// ErrUnsupported means that the proxy cannot do what the Canary asks for.
	ErrUnsupported = errors.New("not supported by this proxy")
	// ErrConflict means that somebody else has changed the objects since they
	// were read. Nothing is wrong: look again and plan anew.
	ErrConflict = errors.New("changed by somebody else in the meantime")
)

// A SpecError says what the user must change in the Canary. It is ErrInvalid or
// ErrUnsupported.
type SpecError struct {
	Field   string // path, such as spec.service.gatewayRefs
	Message string // goes on from the path: what is wrong; the mend
	kind    error
}

// Invalid returns the SpecError of a field that cannot be as it is.
func Invalid(field, format string, args ...any) *SpecError {
	return &SpecError{Field: field, Message: fmt.Sprintf(format, args...), kind: ErrInvalid}
}

// Unsupported returns the SpecError of a field that the proxy has nothing for.
func Unsupported(field, format string, args ...any) *SpecError {
	return &SpecError{Field: field, Message: fmt.Sprintf(format, args...), kind: ErrUnsupported}
}

// Error is a sentence for the user.
func (e *SpecError) Error() string { return e.Field + " " + e.Message }

// Unwrap returns the kind.
func (e *SpecError) Unwrap() error { return e.kind }
