package schedules_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"keyfob/internal/local"
	"keyfob/internal/local/bucket"
	"keyfob/internal/local/lambdahost"
	"keyfob/internal/local/schedules"
	"keyfob/internal/template"
)

// function notes when it is invoked, and answers what the test says.
type function struct {
	mu       sync.Mutex
	now      func() time.Time
	begun    time.Time
	at       []string // since the start
	ids      []string
	payloads []string
	answer   func() error
}

func (f *function) Invoke(_ context.Context, id string, payload []byte) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.at = append(f.at, f.now().Sub(f.begun).String())
	f.ids = append(f.ids, id)
	f.payloads = append(f.payloads, string(payload))
	clear(payload) // it is the function's
	if f.answer == nil {
		return nil, nil
	}
	return nil, f.answer()
}

// rig is a timetable of one rule, every minute, in a bubble.
type rig struct {
	*schedules.Timetable
	function  function
	clock     *local.Clock
	discarded []schedules.Discarded
	stop      func()
}

var onPurpose = &lambdahost.FunctionError{Type: "errorString", Message: "on purpose"}

func start(t *testing.T, change func(*schedules.Rule), answer func() error) *rig {
	t.Helper()
	clock := local.NewClock(nil)
	r := &rig{clock: clock, function: function{now: clock.Now, begun: clock.Now(), answer: answer}}
	rule := schedules.Rule{
		ARN: "arn:aws:events:us-east-1:123456789012:rule/r", Every: time.Minute, Function: &r.function, FunctionName: "F", FunctionARN: "arn:f",
		Async: template.Async{Retries: 2, MaxAge: 6 * time.Hour, OnFailure: "${Failures.Arn}"},
	}
	if change != nil {
		change(&rule)
	}
	r.Timetable = schedules.New(schedules.Config{
		Rules: []schedules.Rule{rule}, Region: "us-east-1", AccountID: "123456789012", Now: clock.Now, After: clock.After,
		Log:     slog.New(slog.DiscardHandler),
		Discard: func(_ context.Context, d schedules.Discarded) error { r.discarded = append(r.discarded, d); return nil },
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { r.Run(ctx); close(done) }()
	r.stop = func() { cancel(); <-done }
	synctest.Wait()
	return r
}

// pass lets the bubble's clock move on, and everything happen that is then due.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func (r *rig) want(t *testing.T, at ...string) {
	t.Helper()
	r.function.mu.Lock()
	defer r.function.mu.Unlock()
	if diff := cmp.Diff(at, r.function.at); diff != "" {
		t.Errorf("invoked at (-want +got):\n%s", diff)
	}
}

// givenUp reads a record as the destination gets it.
func givenUp(t *testing.T, d schedules.Discarded) map[string]any {
	t.Helper()
	data, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestAFunctionIsInvokedAtEachTickAndNotAtTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, nil, nil)
		pass(time.Minute - time.Nanosecond)
		r.want(t)
		pass(2*time.Minute + time.Nanosecond)
		r.want(t, "1m0s", "2m0s", "3m0s")
		r.stop()
		pass(time.Hour)
		r.want(t, "1m0s", "2m0s", "3m0s")
		if err := r.Settle(t.Context()); err != nil { // of one that has ended, nothing is waited for
			t.Error(err)
		}
	})
}

func TestTheEventIsEventBridgesOrTheInput(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, nil, nil)
		pass(time.Minute)
		r.stop()
		var got map[string]any
		if err := json.Unmarshal([]byte(r.function.payloads[0]), &got); err != nil {
			t.Fatal(err)
		}
		if id, _ := got["id"].(string); len(id) != 36 {
			t.Errorf("id %q", id)
		}
		delete(got, "id")
		want := map[string]any{
			"version": "0", "detail-type": "Scheduled Event", "source": "aws.events", "account": "123456789012",
			"time": r.function.begun.Add(time.Minute).UTC().Format(time.RFC3339), "region": "us-east-1",
			"resources": []any{"arn:aws:events:us-east-1:123456789012:rule/r"}, "detail": map[string]any{},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		r = start(t, func(r *schedules.Rule) { r.Input = `{"all":true}` }, nil)
		pass(time.Minute)
		r.stop()
		if r.function.payloads[0] != `{"all":true}` {
			t.Errorf("%s", r.function.payloads)
		}
	})
}

func TestAClockMovedOverSeveralTicksIsOneInvocationForTheLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, nil, nil)
		r.clock.Advance(5*time.Minute + 30*time.Second)
		if err := r.Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.want(t, "5m30s")
		pass(30 * time.Second) // the ticks stay where they were
		r.want(t, "5m30s", "6m0s")
		r.stop()
		var e struct{ Time time.Time }
		if err := json.Unmarshal([]byte(r.function.payloads[0]), &e); err != nil || !e.Time.Equal(r.function.begun.Add(5*time.Minute)) {
			t.Errorf("%v, %v", e.Time, err)
		}
	})
}

func TestAFailedEventIsTriedAgainAfterOneMinuteAndTwoAndIsThenGivenUpWithItsPayload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, func(r *schedules.Rule) { r.Every = time.Hour }, func() error { return onPurpose })
		pass(time.Hour + 30*time.Minute)
		r.stop()
		r.want(t, "1h0m0s", "1h1m0s", "1h3m0s")
		for i, id := range r.function.ids {
			if id != r.function.ids[0] || r.function.payloads[i] != r.function.payloads[0] {
				t.Errorf("try %d is another event: %s %s", i, id, r.function.payloads[i])
			}
		}
		if len(r.discarded) != 1 {
			t.Fatalf("%d events were given up", len(r.discarded))
		}
		var payload any
		if err := json.Unmarshal([]byte(r.function.payloads[0]), &payload); err != nil {
			t.Fatal(err)
		}
		want := map[string]any{
			"version": "1.0", "timestamp": r.function.begun.Add(time.Hour + 3*time.Minute).UTC().Format("2006-01-02T15:04:05.000Z"),
			"requestContext": map[string]any{
				"requestId": r.function.ids[0], "functionArn": "arn:f:$LATEST", "condition": "RetriesExhausted", "approximateInvokeCount": 3.0,
			},
			"requestPayload":  payload,
			"responseContext": map[string]any{"statusCode": 200.0, "executedVersion": "$LATEST", "functionError": "Unhandled"},
			"responsePayload": map[string]any{"errorMessage": "on purpose", "errorType": "errorString"},
		}
		if diff := cmp.Diff(want, givenUp(t, r.discarded[0])); diff != "" {
			t.Error(diff)
		}
	})
}

func TestTheRetriesAreThoseOfTheFunction(t *testing.T) {
	for retries, at := range [][]string{{"1h0m0s"}, {"1h0m0s", "1h1m0s"}} {
		synctest.Test(t, func(t *testing.T) {
			r := start(t, func(r *schedules.Rule) { r.Every, r.Async.Retries = time.Hour, retries }, func() error { return errors.New("on purpose") })
			pass(time.Hour + 30*time.Minute)
			r.stop()
			r.want(t, at...)
			if len(r.discarded) != 1 {
				t.Errorf("%d events were given up", len(r.discarded))
			}
		})
	}
}

func TestAnEventThatSucceedsAtARetryIsDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failing := true
		r := start(t, func(r *schedules.Rule) { r.Every = time.Hour }, func() error {
			if failing {
				failing = false
				return onPurpose
			}
			return nil
		})
		pass(time.Hour + 30*time.Minute)
		r.stop()
		r.want(t, "1h0m0s", "1h1m0s")
		if len(r.discarded) != 0 {
			t.Error("it was given up")
		}
	})
}

func TestAnEventThatIsTooOldIsGivenUpUntried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, func(r *schedules.Rule) { r.Every, r.Async.MaxAge = time.Hour, 2*time.Minute }, func() error { return onPurpose })
		pass(time.Hour + 30*time.Minute)
		r.stop()
		r.want(t, "1h0m0s", "1h1m0s") // the third would be three minutes after the first
		if len(r.discarded) != 1 || r.discarded[0].RequestContext.Condition != "EventAgeExceeded" || r.discarded[0].RequestContext.ApproximateInvokeCount != 2 {
			t.Errorf("given up: %+v", r.discarded)
		}
	})
}

func TestAThrottledFunctionIsNotATry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		left := 12
		r := start(t, func(r *schedules.Rule) { r.Every, r.Async.Retries = time.Hour, 0 }, func() error {
			if left--; left >= 0 {
				return &lambdahost.Throttled{Name: "F"}
			}
			return nil
		})
		pass(time.Hour + 59*time.Minute)
		r.stop()
		r.want(t, "1h0m0s", "1h0m1s", "1h0m3s", "1h0m7s", "1h0m15s", "1h0m31s", "1h1m3s", "1h2m7s", "1h4m15s", "1h8m31s", "1h13m31s", "1h18m31s", "1h23m31s")
		if len(r.discarded) != 0 {
			t.Error("it was given up")
		}
	})
}

func TestAnEventThatNeverFindsRoomIsGivenUpByItsAgeWithoutAnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, func(r *schedules.Rule) { r.Every, r.Async.MaxAge = time.Hour, time.Minute }, func() error { return &lambdahost.Throttled{Name: "F"} })
		pass(time.Hour + 30*time.Minute)
		r.stop()
		if len(r.discarded) != 1 {
			t.Fatalf("%d events were given up", len(r.discarded))
		}
		d := givenUp(t, r.discarded[0])
		c, _ := d["requestContext"].(map[string]any)
		if c["condition"] != "EventAgeExceeded" || c["approximateInvokeCount"] != 0.0 || d["responseContext"] != nil || d["responsePayload"] != nil || d["requestPayload"] == nil {
			t.Errorf("%v", d)
		}
	})
}

func TestWithoutADestinationNothingIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, func(r *schedules.Rule) { r.Every, r.Async.OnFailure = time.Hour, "" }, func() error { return onPurpose })
		pass(time.Hour + 30*time.Minute)
		r.stop()
		if len(r.discarded) != 0 {
			t.Error("it was kept")
		}
	})
}

// While it is held nothing is invoked, whatever is due; what is due then happens before Settle returns.
func TestWhatIsDueWaitsWhileTheTimetableIsHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, nil, nil)
		release, err := r.Hold(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		r.clock.Advance(time.Minute)
		synctest.Wait()
		r.want(t)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := r.Settle(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("settled while held: %v", err)
		}
		if _, err := r.Hold(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("held twice: %v", err)
		}
		release()
		if err := r.Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.want(t, "1m1s")
		r.stop()
	})
}

// An invocation under way is waited for by whoever settles, and ended by none.
func TestSettleWaitsForTheInvocationThatIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, nil, func() error { <-time.After(10 * time.Second); return nil })
		pass(time.Minute)
		begun := time.Now()
		if err := r.Settle(t.Context()); err != nil || time.Since(begun) != 10*time.Second {
			t.Errorf("after %v: %v", time.Since(begun), err)
		}
		r.stop()
	})
}

func TestWithoutRulesItOnlyEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		empty := schedules.New(schedules.Config{Now: time.Now, After: time.After})
		if err := empty.Settle(ctx); err != nil {
			t.Error(err)
		}
		done := make(chan struct{})
		go func() { empty.Run(ctx); close(done) }()
		synctest.Wait()
		cancel()
		<-done
	})
}

func TestAGivenUpEventIsAFileUnderLambdasKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, func(r *schedules.Rule) { r.Every, r.Async.Retries = time.Hour, 0 }, func() error { return onPurpose })
		pass(time.Hour)
		r.stop()
		dir := filepath.Join(t.TempDir(), "failures")
		if err := schedules.Folder(dir)(t.Context(), r.discarded[0]); err != nil {
			t.Fatal(err)
		}
		key := bucket.Key("async/F", r.function.begun.Add(time.Hour), r.function.ids[0])
		data, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(key)))
		if err != nil || !strings.Contains(string(data), `"Scheduled Event"`) {
			t.Errorf("%s, %v", data, err)
		}
	})
}

// A later event overtakes one that waits to be tried again, and neither is lost.
func TestEventsThatWaitHoldUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		r := start(t, func(r *schedules.Rule) { r.Every = 90 * time.Second }, func() error {
			if n++; n <= 2 {
				return fmt.Errorf("on purpose: %w", onPurpose)
			}
			return nil
		})
		pass(5 * time.Minute)
		r.stop()
		r.want(t, "1m30s", "2m30s", "3m0s", "4m30s", "4m30s")
		if a, b := r.function.ids[0], r.function.ids[2]; a == b || r.function.ids[1] != a || len(r.discarded) != 0 {
			t.Errorf("ids %q, given up %d", r.function.ids, len(r.discarded))
		}
	})
}
