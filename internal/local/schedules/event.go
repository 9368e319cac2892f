package schedules

import (
	"bytes"
	"context"
	"errors"
	"time"

	"keyfob/internal/local/lambdahost"
)

// An event is one asynchronous invocation, with all its tries.
type event struct {
	rule    *Rule
	id      string // the request's, the same for every try
	payload []byte
	queued  time.Time // since when it waits, which its age goes by
	due     time.Time // when it is tried next

	failures  int // invocations, all of which the function failed at
	throttles int // in a row
	last      *lambdahost.FunctionError
}

// retryAfter is how long a failed event waits for the next try: a minute after the first, two after the second.
// https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
func retryAfter(failures int) time.Duration { return time.Duration(failures) * time.Minute }

// throttledFor is how long an event waits that found no room: a second, doubled each time, up to five minutes.
func throttledFor(throttles int) time.Duration {
	return min(time.Second<<min(throttles-1, 9), 5*time.Minute)
}

// try invokes the function once, unless the event is too old. It reports whether the event has to be tried again, and
// when is noted in it.
func (t *Timetable) try(ctx context.Context, e *event) (again bool) {
	if t.config.Now().Sub(e.queued) > e.rule.Async.MaxAge {
		t.discard(ctx, e, "EventAgeExceeded")
		return false
	}
	// The payload belongs to the handler, and a next try needs it as it was.
	_, err := e.rule.Function.Invoke(context.WithoutCancel(ctx), e.id, bytes.Clone(e.payload))
	if err == nil {
		return false
	}
	if errors.As(err, new(*lambdahost.Throttled)) { // which is not a try
		e.throttles++
		e.due = t.config.Now().Add(throttledFor(e.throttles))
		return true
	}
	failure, ok := errors.AsType[*lambdahost.FunctionError](err)
	if !ok {
		failure = &lambdahost.FunctionError{Message: err.Error()}
	}
	e.failures, e.throttles, e.last = e.failures+1, 0, failure
	t.config.Log.Warn("a scheduled event failed", "rule", e.rule.ARN, "error", err)
	if e.failures > e.rule.Async.Retries {
		t.discard(ctx, e, "RetriesExhausted")
		return false
	}
	e.due = t.config.Now().Add(retryAfter(e.failures))
	return true
}
