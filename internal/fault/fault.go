// Package fault names the kinds of failure a decision can end in.
//
// It promises that every error which carries a Kind says, in words meant for the caller, what was wrong
// with the request, and that nothing else about the error reaches the caller: the one translator, in
// package gateway, turns a Kind into a status and anything without a Kind into a bare 500.
//
// It does not know HTTP, and it never carries a secret.
package fault

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// A Kind says what sort of failure an error is. The zero Kind is Internal.
type Kind uint8

// The kinds.
const (
	Internal         Kind = iota // a defect or an unknown failure; nothing of it is told to the caller
	Invalid                      // the request's form is wrong; Fields says where
	Unprocessable                // each field is well formed but they contradict each other, or a rule forbids the value
	Unauthenticated              // no valid credential
	Forbidden                    // a valid credential that may not do this
	NotFound                     // absent, or not the caller's to know of
	Conflict                     // the state changed, or forbids the change
	Gone                         // it was there, and is over: a link that was used
	Precondition                 // the caller's condition on the state (If-Match) does not hold
	Unlicensed                   // the account has no licence for it
	TooLarge                     // a body over the bound
	UnsupportedMedia             // a body that is not JSON
	TooMany                      // slow down; RetryAfter says for how long
	Unavailable                  // could not be decided; try again after RetryAfter
)

// A Field is one thing wrong with one field of a request.
type Field struct {
	Name    string // the field's path as the caller wrote it: "name", "grants.exports[0].id"
	Code    string // for programs: "required", "too_long", "unknown_field"
	Message string // for people, one sentence
}

// An Error is a failure with a Kind. Its texts are meant for the caller; the wrapped cause is not.
type Error struct {
	Kind       Kind
	Code       string // for programs; may be empty
	Message    string // one sentence
	Fields     []Field
	RetryAfter time.Duration // for TooMany and Unavailable
	cause      error
}

// Error gives the message, the fields and the cause, for logs.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Message)
	for _, f := range e.Fields {
		fmt.Fprintf(&b, "; %s: %s", f.Name, f.Message)
	}
	if e.cause != nil {
		fmt.Fprintf(&b, ": %v", e.cause)
	}
	return b.String()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.cause }

// New makes an error of the kind with a message for the caller.
func New(k Kind, code, message string) *Error {
	return &Error{Kind: k, Code: code, Message: message}
}

// Because notes the cause, for logs, and returns e.
func (e *Error) Because(cause error) *Error {
	e.cause = cause
	return e
}

// Bad makes an Invalid error about one field.
func Bad(field, code, message string) *Error {
	return &Error{Kind: Invalid, Code: code, Message: message, Fields: []Field{{field, code, message}}}
}

// Refused makes an Unprocessable error about one field.
func Refused(field, code, message string) *Error {
	return &Error{Kind: Unprocessable, Code: code, Message: message, Fields: []Field{{field, code, message}}}
}

// Retry makes an Unavailable error around a dependency's failure. The caller is told to come back in a second.
func Retry(cause error) *Error {
	return &Error{Kind: Unavailable, Code: "unavailable", Message: "The service cannot answer just now. Try again.", RetryAfter: time.Second, cause: cause}
}

// Slow makes a TooMany error.
func Slow(after time.Duration) *Error {
	return &Error{Kind: TooMany, Code: "too_many_requests", Message: "Too many requests. Try again later.", RetryAfter: after}
}

// KindOf tells the kind of err; Internal where it has none.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}

// Is reports whether err is of kind k. A nil error is of no kind.
func Is(err error, k Kind) bool { return err != nil && KindOf(err) == k }
