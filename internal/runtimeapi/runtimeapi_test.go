package runtimeapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"keyfob/internal/runtimeapi"
)

// sample is the compiled function that all tests start.
var sample string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "runtimeapi")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		if sample, err = runtimeapi.Build(context.Background(), "./testdata/sample", dir); err != nil {
			panic(err)
		}
		return m.Run()
	}())
}

func start(t *testing.T, binary string, env ...string) *runtimeapi.Function {
	t.Helper()
	f, err := runtimeapi.Start(t.Context(), binary, env)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

type answer struct {
	Text, RequestID, ARN, Trace string
	Deadline                    time.Time
}

func do(t *testing.T, f *runtimeapi.Function, what, text string) (runtimeapi.Result, answer) {
	t.Helper()
	event, err := json.Marshal(map[string]string{"Do": what, "Text": text})
	if err != nil {
		t.Fatal(err)
	}
	res, err := f.Invoke(t.Context(), event)
	if err != nil {
		t.Fatal(err)
	}
	var a answer
	if res.FunctionError == "" {
		if err := json.Unmarshal(res.Payload, &a); err != nil {
			t.Fatal(err)
		}
	}
	return res, a
}

func TestAnEventReachesTheFunctionWithItsContext(t *testing.T) {
	f := start(t, sample)
	seen := map[string]bool{}
	for _, text := range []string{"one", "two", "a \"quoted\" é"} {
		before := time.Now()
		res, a := do(t, f, "", text)
		if a.Text != text || a.RequestID != res.RequestID || seen[res.RequestID] || a.ARN != runtimeapi.FunctionARN {
			t.Errorf("%q: %+v, %+v", text, res, a)
		}
		seen[res.RequestID] = true
		if !strings.HasPrefix(a.Trace, "Root=1-") {
			t.Errorf("trace id %q", a.Trace)
		}
		if left := a.Deadline.Sub(before); left <= runtimeapi.DefaultTimeout-time.Minute || left > runtimeapi.DefaultTimeout+time.Minute {
			t.Errorf("%v until the deadline", left)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	want, _ := ctx.Deadline()
	res, err := f.Invoke(ctx, []byte(`{}`))
	var a answer
	if err != nil || json.Unmarshal(res.Payload, &a) != nil || a.Deadline.UnixMilli() != want.UnixMilli() {
		t.Errorf("the deadline is %v, want the context's %v (%v)", a.Deadline, want, err)
	}
}

func TestTheFunctionSeesLambdasVariablesAndTheGivenOnesOnly(t *testing.T) {
	t.Setenv("OF_THE_TEST", "canary")
	f := start(t, sample, "TABLE_NAME=mine", "AWS_REGION=eu-west-1")
	for name, want := range map[string]string{
		"OF_THE_TEST": "", "HOME": "", "TABLE_NAME": "mine", "AWS_REGION": "eu-west-1",
		"AWS_LAMBDA_FUNCTION_NAME": runtimeapi.FunctionName, "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
	} {
		if _, a := do(t, f, "getenv", name); a.Text != want {
			t.Errorf("%s=%q, want %q", name, a.Text, want)
		}
	}
}

func TestAnErrorIsAnAnswerAndTheFunctionLivesOn(t *testing.T) {
	f := start(t, sample)
	res, _ := do(t, f, "fail", "no such thing")
	if res.FunctionError != "errorString" || !strings.Contains(string(res.Payload), `"no such thing"`) {
		t.Errorf("%+v", res)
	}
	if _, a := do(t, f, "", "again"); a.Text != "again" {
		t.Errorf("%+v", a)
	}
}

func TestAPanicIsAnAnswerAndEndsTheFunction(t *testing.T) {
	f := start(t, sample)
	res, _ := do(t, f, "panic", "oh")
	if res.FunctionError != "string" || !strings.Contains(string(res.Payload), "oh") {
		t.Errorf("%s, %s", res.FunctionError, res.Payload)
	}
	if _, err := f.Invoke(t.Context(), []byte(`{}`)); !errors.Is(err, runtimeapi.ErrEnded) {
		t.Errorf("got %v, want ErrEnded", err)
	}
}

func TestAnExitIsAnErrorOfTheRuntime(t *testing.T) {
	res, _ := do(t, start(t, sample), "exit", "")
	if res.FunctionError != "Runtime.ExitError" || !strings.Contains(string(res.Payload), "exit status 3") {
		t.Errorf("%s, %s", res.FunctionError, res.Payload)
	}
}

func TestAnAnswerOverLambdasBoundIsAnError(t *testing.T) {
	if res, _ := do(t, start(t, sample), "large", ""); res.FunctionError != "Function.ResponseSizeTooLarge" {
		t.Errorf("%s", res.FunctionError)
	}
}

func TestAFunctionThatOutlastsTheContextIsKilled(t *testing.T) {
	f := start(t, sample)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := f.Invoke(ctx, []byte(`{"Do":"hang"}`)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the context's error", err)
	}
	if _, err := f.Invoke(t.Context(), []byte(`{}`)); !errors.Is(err, runtimeapi.ErrEnded) {
		t.Errorf("got %v, want ErrEnded", err)
	}
}

func TestAProcessThatDoesNotGetReadyIsAnInitErrorWithItsOutput(t *testing.T) {
	_, err := runtimeapi.Start(t.Context(), sample, []string{"DIE_WITH=a setting is missing"})
	e, ok := errors.AsType[*runtimeapi.InitError](err)
	if !ok || !strings.Contains(e.Output, "a setting is missing") {
		t.Errorf("got %v, want an *InitError", err)
	}
}

func TestWhatIsWrittenIsKept(t *testing.T) {
	f := start(t, sample)
	do(t, f, "print", "to both")
	if out := f.Output(); !strings.Contains(out, "to both\n") || !strings.Contains(out, "TO BOTH\n") {
		t.Errorf("%q", out)
	}
}

func TestProcessorTimeIsCountedWhileItRunsAndAfterwards(t *testing.T) {
	f := start(t, sample)
	before, err := f.CPU()
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip("the processor time of a running process is read on Linux only")
	}
	if err != nil {
		t.Fatal(err)
	}
	do(t, f, "burn", "")
	after, err := f.CPU()
	if err != nil || before <= 0 || after <= before {
		t.Errorf("%v before, %v after it worked (%v)", before, after, err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if total, err := f.CPU(); err != nil || total < after-10*time.Millisecond {
		t.Errorf("%v in all, %v while it ran (%v)", total, after, err)
	}
}

func TestEventsComeOneAtATime(t *testing.T) {
	f := start(t, sample)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if res, err := f.Invoke(t.Context(), []byte(`{"Text":"x"}`)); err != nil || !strings.Contains(string(res.Payload), res.RequestID) {
				t.Errorf("%s, %v", res.Payload, err)
			}
		})
	}
	all.Wait()
}

func TestAnAnswerToAnotherEventIsRefused(t *testing.T) {
	f := start(t, sample)
	for _, path := range []string{"8476a536-e9f4-11e8-9739-2dfe598c3fcd/response", "x/error"} {
		if _, a := do(t, f, "answer", path); a.Text != "400 Bad Request" {
			t.Errorf("%s: %q", path, a.Text)
		}
	}
}
