// Package lambdahost runs Lambda handlers in this process as the service Lambda runs them.
//
// It promises that an invocation gets a context with the request's id, the function's ARN and the deadline; that
// the deadline is enforced, so that the caller gets the time-out's error at it and what the handler answers later
// is thrown away; that a panic is a function error and nothing more; that invocations run in parallel, up to the
// reserved concurrency; and that payloads over Lambda's limit are refused.
//
// It imitates neither memory limits nor the freezing between invocations, and it retries nothing: who invokes does.
package lambdahost

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
)

// MaxPayload is the number of bytes that Lambda takes and gives in one synchronous invocation.
const MaxPayload = 6<<20 + 100

// A Config describes a function.
type Config struct {
	Name        string
	ARN         string
	Handler     lambda.Handler
	Timeout     time.Duration
	Concurrency int // most invocations at a time; negative for no limit
	Log         *slog.Logger

	// WithTimeout makes the context that ends an invocation; context.WithTimeout where nil.
	WithTimeout func(context.Context, time.Duration) (context.Context, context.CancelFunc)
}

// A FunctionError is an invocation that the function itself failed: an error returned, a panic, a time-out.
type FunctionError struct {
	Type    string // the Go type of the error, or Lambda's own: Sandbox.Timedout
	Message string
	Timeout bool
}

func (e *FunctionError) Error() string { return e.Type + ": " + e.Message }

// Throttled says that the reserved concurrency is used up. The function was not invoked.
type Throttled struct{ Name string }

func (e *Throttled) Error() string { return e.Name + ": Rate Exceeded." }

// TooLarge says that the payload is over MaxPayload. The function was not invoked.
type TooLarge struct{ Size int }

func (e *TooLarge) Error() string {
	return fmt.Sprintf("%d byte payload is too large for the Invoke operation (limit %d bytes)", e.Size, MaxPayload)
}

// Counts are how often things happened to a function since it was made.
type Counts struct {
	Invocations int64 `json:"invocations"` // that reached the handler
	Errors      int64 `json:"errors"`      // of these, ended in a FunctionError, time-outs included
	Timeouts    int64 `json:"timeouts"`
	Throttles   int64 `json:"throttles"` // that did not reach the handler
}
