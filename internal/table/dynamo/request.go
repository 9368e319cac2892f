package dynamo

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"time"

	"keyfob/internal/fault"
	"keyfob/internal/table"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/smithy-go"
)

// The bounds of trying again. The pauses are random up to a ceiling that doubles, so that those who collided once
// do not collide again; all of them together last about two seconds. So many attempts are needed for 32 transactions
// that contend for one item to get through one after the other.
const (
	maxAttempts = 16
	firstPause  = 10 * time.Millisecond
	longPause   = 400 * time.Millisecond
)

// errBudget is the cause with which a call's context ends when it is the adapter that ends it.
var errBudget = errors.New("dynamo: the call's budget is spent")

// bound gives a call of the role its budget.
func (t *Table) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, t.budget, errBudget)
}

// once switches off the SDK's own retries: request knows better when to try again, and two layers would multiply.
func once(o *dynamodb.Options) { o.Retryer = aws.NopRetryer{} }

// request sends one request, again where that may help, and turns what then still fails into the role's errors.
// The context is one that bound gave.
func (t *Table) request(ctx context.Context, op string, send func(context.Context) error) error {
	for n := 1; ; n++ {
		timedOut, err := t.send(ctx, send)
		if err == nil || decided(err) {
			return err
		}
		var crowd *contended
		again := timedOut || errors.As(err, &crowd) || transient(err)
		if again && n < maxAttempts && pause(ctx, n) == nil {
			continue
		}
		if crowd != nil && crowd.conflict != nil {
			return crowd.conflict
		}
		return failure(ctx, op, err, n)
	}
}

// send sends once and tells whether it was the request's own time that ran out.
func (t *Table) send(ctx context.Context, send func(context.Context) error) (timedOut bool, err error) {
	attempt, cancel := context.WithTimeout(ctx, t.attempt)
	defer cancel()
	err = send(attempt)
	return attempt.Err() != nil && ctx.Err() == nil, err
}

// decided reports whether an error is already one of the role's.
func decided(err error) bool {
	var (
		conflict *table.Conflict
		misuse   *table.Misuse
	)
	return errors.As(err, &conflict) || errors.As(err, &misuse)
}

// pause waits before another attempt after the nth one failed, or until the context ends, which is its error.
func pause(ctx context.Context, n int) error {
	ceiling := min(firstPause<<min(n-1, 16), longPause)
	timer := time.NewTimer(rand.N(ceiling) + 1) //#nosec G404 -- a pause is no secret
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// transient reports whether an error is one that DynamoDB or the way to it may not give a second time.
func transient(err error) bool {
	var (
		api  smithy.APIError
		cert *tls.CertificateVerificationError
	)
	if errors.As(err, &cert) {
		return false // the SDK counts it as a lost connection
	}
	if errors.As(err, &api) {
		switch api.ErrorCode() {
		case "TransactionConflictException", "ReplicatedWriteConflictException", "TransactionCanceledException":
			return true
		}
	}
	return retry.IsErrorRetryables(retry.DefaultRetryables).IsErrorRetryable(err) == aws.TrueTernary
}

// failure describes what the SDK could not do. The context's own error rules where it was the caller's that ended.
func failure(ctx context.Context, op string, err error, attempts int) error {
	if ctx.Err() != nil && context.Cause(ctx) != errBudget {
		return ctx.Err()
	}
	var api smithy.APIError
	if errors.As(err, &api) {
		switch api.ErrorCode() {
		case "ValidationException", "SerializationException", "IdempotentParameterMismatchException":
			return &table.Misuse{Reason: fmt.Sprintf("DynamoDB refuses %s: %s", op, describe(err))}
		}
	}
	return fault.Retry(fmt.Errorf("dynamo: %s: %s (attempt %d)", op, describe(err), attempts))
}

// describe says for logs what is wrong. The SDK's error itself is not passed on: DynamoDB's messages may quote keys
// and values, and those about signatures quote the request's headers.
func describe(err error) string {
	var (
		crowd *contended
		api   smithy.APIError
		resp  *awshttp.ResponseError
		sent  *url.Error
	)
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return "no answer in time"
	case errors.As(err, &crowd):
		return crowd.reason
	case errors.As(err, &api):
		what := api.ErrorCode()
		if errors.As(err, &resp) {
			what = fmt.Sprintf("%s, status %d, request %s", what, resp.HTTPStatusCode(), resp.ServiceRequestID())
		}
		switch api.ErrorCode() {
		case "AccessDeniedException", "ResourceNotFoundException":
			what += ": " + api.ErrorMessage() // names the role, the action and the table, which is what helps
		}
		return what
	case errors.As(err, &sent):
		return sent.Error()
	}
	return fmt.Sprintf("%T", err)
}
