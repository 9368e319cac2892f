package lambdahost_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"keyfob/internal/local/lambdahost"
)

type handler func(ctx context.Context, payload []byte) ([]byte, error)

func (h handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) { return h(ctx, payload) }

func function(h lambda.Handler) *lambdahost.Function {
	return lambdahost.New(lambdahost.Config{
		Name: "F", ARN: "arn:aws:lambda:us-east-1:123456789012:function:F", Handler: h, Timeout: 3 * time.Second, Concurrency: -1,
	})
}

func TestTheHandlerSeesItsRequestAndItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := function(handler(func(ctx context.Context, payload []byte) ([]byte, error) {
			lc, ok := lambdacontext.FromContext(ctx)
			if !ok || lc.AwsRequestID != "r-1" || lc.InvokedFunctionArn != "arn:aws:lambda:us-east-1:123456789012:function:F" {
				t.Errorf("lambda context = %+v", lc)
			}
			if d, ok := ctx.Deadline(); !ok || time.Until(d) != 3*time.Second {
				t.Errorf("deadline in %v", time.Until(d))
			}
			return append([]byte("got "), payload...), nil
		}))
		got, err := f.Invoke(t.Context(), "r-1", []byte("it"))
		if string(got) != "got it" || err != nil {
			t.Errorf("Invoke = %q, %v", got, err)
		}
		if err := f.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestATimeOutIsReportedAtTheDeadlineAndTheLateAnswerIsThrownAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		finish := make(chan struct{})
		f := function(handler(func(context.Context, []byte) ([]byte, error) {
			<-finish // takes no notice of its deadline
			return []byte("late"), nil
		}))
		begun := time.Now()
		got, err := f.Invoke(t.Context(), "r", nil)
		if took := time.Since(begun); took != 3*time.Second {
			t.Errorf("it took %v", took)
		}
		fe, ok := errors.AsType[*lambdahost.FunctionError](err)
		if !ok || !fe.Timeout || fe.Message != "RequestId: r Error: Task timed out after 3.00 seconds" || got != nil {
			t.Errorf("Invoke = %q, %v", got, err)
		}
		close(finish)
		synctest.Wait()
		if c := f.Counts(); c.Timeouts != 1 || c.Errors != 1 || c.Invocations != 1 {
			t.Errorf("counts = %+v", c)
		}
		if err := f.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestAPanicIsAFunctionErrorAndTheNextInvocationWorks(t *testing.T) {
	f := function(handler(func(_ context.Context, payload []byte) ([]byte, error) {
		if string(payload) == "panic" {
			panic(errors.New("on purpose"))
		}
		return payload, nil
	}))
	_, err := f.Invoke(t.Context(), "r", []byte("panic"))
	if fe, ok := errors.AsType[*lambdahost.FunctionError](err); !ok || fe.Message != "on purpose" || fe.Type != "errorString" || fe.Timeout {
		t.Errorf("err = %v", err)
	}
	if got, err := f.Invoke(t.Context(), "r", []byte("fine")); string(got) != "fine" || err != nil {
		t.Errorf("Invoke = %q, %v", got, err)
	}
}

func TestAHandlerThatEndsItsGoroutineIsAFunctionError(t *testing.T) {
	f := function(handler(func(context.Context, []byte) ([]byte, error) {
		runtime.Goexit()
		return nil, nil
	}))
	for range 2 {
		_, err := f.Invoke(t.Context(), "r", nil)
		if fe, ok := errors.AsType[*lambdahost.FunctionError](err); !ok || fe.Type != "Runtime.ExitError" {
			t.Errorf("err = %v", err)
		}
	}
}

func TestInvocationsRunInParallelUpToTheReservedConcurrency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		finish := make(chan struct{})
		f := lambdahost.New(lambdahost.Config{Name: "F", Timeout: time.Minute, Concurrency: 2,
			Handler: handler(func(context.Context, []byte) ([]byte, error) { <-finish; return nil, nil })})
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				if _, err := f.Invoke(t.Context(), "r", nil); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		if _, err := f.Invoke(t.Context(), "r", nil); !errors.As(err, new(*lambdahost.Throttled)) {
			t.Errorf("the third invocation: %v", err)
		}
		close(finish)
		wg.Wait()
		if _, err := f.Invoke(t.Context(), "r", nil); err != nil {
			t.Errorf("after the others: %v", err)
		}
		if c := f.Counts(); c.Throttles != 1 || c.Invocations != 3 {
			t.Errorf("counts = %+v", c)
		}
		_ = f.Close(t.Context())
	})
}

func TestATimedOutInvocationGivesItsConcurrencyBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		finish := make(chan struct{})
		f := lambdahost.New(lambdahost.Config{Name: "F", Timeout: time.Second, Concurrency: 1,
			Handler: handler(func(_ context.Context, p []byte) ([]byte, error) {
				if len(p) > 0 {
					<-finish
				}
				return nil, nil
			})})
		if _, err := f.Invoke(t.Context(), "r", []byte("hang")); err == nil {
			t.Error("it did not time out")
		}
		if _, err := f.Invoke(t.Context(), "r", nil); err != nil {
			t.Error(err)
		}
		close(finish)
		_ = f.Close(t.Context())
	})
}

func TestACallerThatGoesAwayLeavesTheHandlerRunning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ended bool
		f := function(handler(func(ctx context.Context, _ []byte) ([]byte, error) {
			time.Sleep(2 * time.Second) // of the bubble's own clock
			ended = ctx.Err() == nil
			return nil, nil
		}))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := f.Invoke(ctx, "r", nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("err = %v", err)
		}
		if err := f.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if !ended {
			t.Error("the handler was cut short")
		}
	})
}

func TestPayloadsOverLambdasLimitAreRefused(t *testing.T) {
	f := function(handler(func(_ context.Context, p []byte) ([]byte, error) { return make([]byte, lambdahost.MaxPayload+1), nil }))
	if _, err := f.Invoke(t.Context(), "r", make([]byte, lambdahost.MaxPayload+1)); !errors.As(err, new(*lambdahost.TooLarge)) {
		t.Errorf("err = %v", err)
	}
	_, err := f.Invoke(t.Context(), "r", nil)
	if fe, ok := errors.AsType[*lambdahost.FunctionError](err); !ok || !strings.HasPrefix(fe.Type, "Function.ResponseSize") {
		t.Errorf("err = %v", err)
	}
}

func BenchmarkInvoke(b *testing.B) {
	f := function(handler(func(_ context.Context, p []byte) ([]byte, error) { return p, nil }))
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := f.Invoke(context.Background(), "r", nil); err != nil {
				b.Fatal(err)
			}
		}
	})
}
