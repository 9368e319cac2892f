package dynamo_test

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"keyfob/internal/fault"
	"keyfob/internal/table"
	"keyfob/internal/table/dynamo"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

func TestPassingTroubleIsTriedAgainWithinTheBudgetAndThenUnavailable(t *testing.T) {
	for _, trouble := range []string{
		"ThrottlingException", "ProvisionedThroughputExceededException", "RequestLimitExceeded",
		"TransactionInProgressException", "TransactionConflictException",
	} {
		for name, call := range calls {
			t.Run(trouble+"/"+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					f := failing(apiError(trouble, ""))
					start := time.Now()
					wantUnavailable(t, call(t.Context(), on(f)))
					if n, took := f.requests(), time.Since(start); n < 5 || n > 20 || took > dynamo.DefaultBudget {
						t.Errorf("%d requests in %v, want several and no more than the budget", n, took)
					}
				})
			})
		}
	}
}

func TestTroubleThatStaysIsNotTriedAgain(t *testing.T) {
	for _, code := range []string{"AccessDeniedException", "ResourceNotFoundException", "UnrecognizedClientException", "SomethingNew"} {
		for name, call := range calls {
			t.Run(code+"/"+name, func(t *testing.T) {
				f := failing(apiError(code, ""))
				wantUnavailable(t, call(t.Context(), on(f)))
				if n := f.requests(); n != 1 {
					t.Errorf("%d requests, want 1", n)
				}
			})
		}
	}
}

func TestACertificateThatIsNotTrustedIsNotAskedForAgain(t *testing.T) {
	srv := httptest.NewUnstartedServer(http.NotFoundHandler())
	var connections atomic.Int64
	srv.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.StartTLS()
	defer srv.Close()
	client := dynamodb.New(dynamodb.Options{Region: "us-east-1", BaseEndpoint: &srv.URL, Credentials: aws.AnonymousCredentials{}})
	err := calls["Get"](t.Context(), on(client))
	wantUnavailable(t, err)
	if n := connections.Load(); n != 1 || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("%d connections, want 1: %v", n, err)
	}
}

func TestARequestThatDynamoDBFindsMalformedIsAMisuse(t *testing.T) {
	for name, call := range calls {
		f := failing(apiError("ValidationException", ""))
		err := call(t.Context(), on(f))
		if _, ok := errors.AsType[*table.Misuse](err); !ok || f.requests() != 1 {
			t.Errorf("%s: %v after %d requests, want a *table.Misuse after 1", name, err, f.requests())
		}
	}
}

func TestTheSDKDoesNotRepeatOnItsOwn(t *testing.T) {
	var requests atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte(`{"__type":"x#AccessDeniedException","message":"no"}`))
	}))
	defer srv.Close()
	client := dynamodb.New(dynamodb.Options{
		Region:       "us-east-1",
		BaseEndpoint: &srv.URL,
		Credentials:  aws.AnonymousCredentials{},
		Retryer:      eager{},
	})
	wantUnavailable(t, calls["Get"](t.Context(), on(client)))
	if n := requests.Load(); n != 1 {
		t.Errorf("%d requests, want 1: the client's own retryer was asked", n)
	}
}

// eager is a retryer that repeats whatever failed.
type eager struct{ aws.NopRetryer }

func (eager) IsErrorRetryable(error) bool                  { return true }
func (eager) MaxAttempts() int                             { return 5 }
func (eager) RetryDelay(int, error) (time.Duration, error) { return 0, nil }
func (eager) GetRetryToken(context.Context, error) (func(error) error, error) {
	return func(error) error { return nil }, nil
}

func TestAHungRequestIsGivenUpAndRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		f.commit = func(ctx context.Context, _ *dynamodb.TransactWriteItemsInput) error {
			if len(f.commits) == 1 {
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		}
		start := time.Now()
		if err := calls["Commit"](t.Context(), on(f)); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took < dynamo.DefaultAttempt || took > dynamo.DefaultBudget {
			t.Errorf("answered after %v", took)
		}
	})
}

func TestTheBudgetEndsACallAsUnavailableAndTheCallersDeadlineAsItsOwn(t *testing.T) {
	hang := func(ctx context.Context, _ *dynamodb.TransactWriteItemsInput) error {
		<-ctx.Done()
		return ctx.Err()
	}
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		err := calls["Commit"](t.Context(), on(&fake{commit: hang}))
		wantUnavailable(t, err)
		if took := time.Since(start); took != dynamo.DefaultBudget {
			t.Errorf("gave up after %v, want the budget of %v", took, dynamo.DefaultBudget)
		}

		const mine = time.Second
		ctx, cancel := context.WithTimeout(t.Context(), mine)
		defer cancel()
		start = time.Now()
		err = calls["Commit"](ctx, on(&fake{commit: hang}))
		if !errors.Is(err, context.DeadlineExceeded) || fault.Is(err, fault.Unavailable) {
			t.Errorf("got %v, want the context's own error", err)
		}
		if took := time.Since(start); took != mine {
			t.Errorf("gave up after %v, want the caller's %v", took, mine)
		}

		throttled := failing(apiError("ThrottlingException", ""))
		ctx, cancel = context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		if err := calls["Query"](ctx, on(throttled)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the deadline came in a pause: %v", err)
		}
	})
}

func TestErrorsTellTheOperationAndNothingOfTheItem(t *testing.T) {
	const canary = "canary-of-an-item"
	for _, code := range []string{
		"ValidationException", "SerializationException", "ThrottlingException", "InvalidSignatureException",
		"ConditionalCheckFailedException", "InternalServerError", "Unknown",
	} {
		for name, call := range calls {
			synctest.Test(t, func(t *testing.T) {
				err := call(t.Context(), on(failing(apiError(code, canary))))
				if err == nil || strings.Contains(err.Error(), canary) || !strings.Contains(err.Error(), code) {
					t.Errorf("%s, %s: %v", name, code, err)
				}
			})
		}
	}
	denied := on(failing(apiError("AccessDeniedException", "not authorized to perform: dynamodb:GetItem")))
	if err := calls["Get"](t.Context(), denied); !strings.Contains(err.Error(), "dynamodb:GetItem") {
		t.Errorf("the operator does not learn what is not allowed: %v", err)
	}
}
