package kms

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	awskms "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/smithy-go"

	"keyfob/internal/fault"
	"keyfob/internal/keyring"
)

// The bounds of trying again. The pauses are random up to a ceiling that doubles.
const (
	maxAttempts = 5
	firstPause  = 25 * time.Millisecond
	longPause   = 200 * time.Millisecond
)

// once switches off the SDK's own retries: request knows better when to try again, and two layers would multiply.
func once(o *awskms.Options) { o.Retryer = aws.NopRetryer{} }

// request sends one request, again where that may help, and turns what then still fails into the role's errors.
func (r *Ring) request(ctx context.Context, op string, send func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, r.budget)
	defer cancel()
	for n := 1; ; n++ {
		late, err := r.send(ctx, send)
		if err == nil || errors.Is(err, keyring.ErrSealed) {
			return err
		}
		if again := late || transient(err); again && n < maxAttempts && pause(ctx, n) == nil {
			continue
		}
		if ended := ctx.Err(); ended != nil {
			return fault.Retry(fmt.Errorf("kms: %s: %w (attempt %d)", op, ended, n))
		}
		return fault.Retry(fmt.Errorf("kms: %s: %s (attempt %d)", op, describe(err), n))
	}
}

// send sends once and tells whether it was the request's own time that ran out.
func (r *Ring) send(ctx context.Context, send func(context.Context) error) (late bool, err error) {
	attempt, cancel := context.WithTimeout(ctx, r.attempt)
	defer cancel()
	err = send(attempt)
	return attempt.Err() != nil && ctx.Err() == nil, err
}

// pause waits before another attempt after the nth one failed, or until the context ends, which is its error.
func pause(ctx context.Context, n int) error {
	timer := time.NewTimer(rand.N(min(firstPause<<min(n-1, 16), longPause)) + 1) //#nosec G404 -- a pause is no secret
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// transient reports whether an error is one that KMS or the way to it may not give a second time.
func transient(err error) bool {
	var cert *tls.CertificateVerificationError
	if errors.As(err, &cert) {
		return false // the SDK counts it as a lost connection
	}
	return retry.IsErrorRetryables(retry.DefaultRetryables).IsErrorRetryable(err) == aws.TrueTernary
}

// describe says for logs what is wrong. The SDK's error itself is not passed on: it may quote what was sent.
func describe(err error) string {
	var (
		api  smithy.APIError
		resp *awshttp.ResponseError
		sent *url.Error
	)
	switch {
	case errors.Is(err, errEmpty):
		return err.Error()
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	case errors.As(err, &api):
		what := api.ErrorCode()
		if errors.As(err, &resp) {
			what = fmt.Sprintf("%s, status %d, request %s", what, resp.HTTPStatusCode(), resp.ServiceRequestID())
		}
		switch api.ErrorCode() {
		case "AccessDeniedException", "DisabledException", "KMSInvalidStateException", "NotFoundException":
			what += ": " + api.ErrorMessage() // names the role, the action and the key, which is what helps
		}
		return what
	case errors.As(err, &sent):
		return sent.Error()
	}
	return fmt.Sprintf("%T", err)
}
