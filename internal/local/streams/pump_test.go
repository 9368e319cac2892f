package streams_test

import (
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"keyfob/internal/local/lambdahost"
	"keyfob/internal/local/streams"
	"keyfob/internal/table"
	"keyfob/internal/template"
)

func discardLog() *slog.Logger { return slog.New(slog.DiscardHandler) }

func inBubble(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, test)
}

func want(t *testing.T, r *rig, batches ...string) {
	t.Helper()
	if diff := cmp.Diff(batches, r.consumer.got()); diff != "" {
		t.Errorf("batches (-want +got):\n%s", diff)
	}
}

func TestRecordsComeInOrderAndInBatchesOfTheSize(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		f := newFeed()
		f.add("a", "b", "c", "d", "e", "f", "g")
		r := start(t, mapping(), f, nil)
		want(t, r, "a,b,c@0s", "d,e,f@0s", "g@0s")
		r.stop()
	})
}

func TestABatchIsWaitedForUntilItsWindowCloses(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		m := mapping()
		m.Window = 5 * time.Second
		r := start(t, m, newFeed(), nil)
		r.add("a")
		synctest.Wait()
		pass(4 * time.Second)
		r.add("b")
		synctest.Wait()
		want(t, r)
		pass(time.Second)
		want(t, r, "a,b@0s")
		r.add("c", "d", "e") // full: nothing to wait for
		synctest.Wait()
		want(t, r, "a,b@0s", "c,d,e@0s")
		r.stop()
	})
}

func TestRecordsThatMatchNoFilterArePassedOver(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		m := mapping()
		m.Filters = []string{`{"dynamodb":{"Keys":{"pk":{"S":["p#b"]}}}}`, `{"dynamodb":{"Keys":{"pk":{"S":[{"prefix":"p#d"}]}}}}`}
		f := newFeed()
		f.add("a", "b", "c", "d", "e")
		r := start(t, m, f, nil)
		want(t, r, "b,d@0s")
		r.stop()
		if got := f.marks["M"]; got != f.records[3].Change.SequenceNumber && got != f.records[4].Change.SequenceNumber {
			t.Errorf("the bookmark is %s", got)
		}
	})
}

func TestAFailedBatchComesAgainAfterGrowingPausesAndIsThenGivenUpWithItsPayload(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		m := mapping()
		m.Retries = 2
		f := newFeed()
		f.add("a", "b", "c", "d")
		r := start(t, m, f, func(names []string) ([]byte, error) {
			if names[0] == "a" {
				return nil, &lambdahost.FunctionError{Type: "errorString", Message: "on purpose"}
			}
			return nil, nil
		})
		pass(time.Minute)
		want(t, r, "a,b,c@0s", "a,b,c@1s", "a,b,c@3s", "d@3s")
		if len(r.discarded) != 1 {
			t.Fatalf("%d batches were given up", len(r.discarded))
		}
		got, err := json.Marshal(r.discarded[0])
		if err != nil {
			t.Fatal(err)
		}
		var d struct {
			RequestContext struct {
				FunctionARN, Condition string
				ApproximateInvokeCount int
			}
			ResponseContext    struct{ FunctionError string }
			DDBStreamBatchInfo struct {
				StartSequenceNumber, EndSequenceNumber string
				BatchSize                              int
			}
			Payload table.StreamEvent
		}
		if err := json.Unmarshal(got, &d); err != nil {
			t.Fatal(err)
		}
		if d.RequestContext.Condition != "RetryAttemptsExhausted" || d.RequestContext.ApproximateInvokeCount != 3 ||
			d.RequestContext.FunctionARN != "arn:f" || d.ResponseContext.FunctionError != "Unhandled" ||
			d.DDBStreamBatchInfo.BatchSize != 3 || d.DDBStreamBatchInfo.StartSequenceNumber != f.records[0].Change.SequenceNumber ||
			d.DDBStreamBatchInfo.EndSequenceNumber != f.records[2].Change.SequenceNumber ||
			len(d.Payload.Records) != 3 || d.Payload.Records[2].Change.NewImage.String("name") != "c" {
			t.Errorf("given up: %s", got)
		}
		r.stop()
	})
}

func TestWithoutALimitABatchIsRetriedUntilItsRecordsAreTooOld(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		m := mapping()
		m.Retries, m.MaxAge = -1, 10*time.Minute
		f := newFeed()
		f.add("a")
		var failing atomic.Bool
		failing.Store(true)
		r := start(t, m, f, func([]string) ([]byte, error) {
			if failing.Load() {
				return nil, errors.New("on purpose")
			}
			return nil, nil
		})
		pass(5 * time.Minute)
		f.add("b")
		pass(6 * time.Minute)
		failing.Store(false)
		pass(2 * time.Minute)
		if len(r.discarded) != 1 || r.discarded[0].RequestContext.Condition != "RecordAgeExceeded" || r.discarded[0].Batch.BatchSize != 1 {
			t.Errorf("given up: %+v", r.discarded)
		}
		if got := r.consumer.got(); len(got) < 10 || !strings.HasPrefix(got[len(got)-1], "b@") {
			t.Errorf("batches %q", got)
		}
		r.stop()
	})
}

// The rules of ReportBatchItemFailures: what counts as success, what as a failure of the whole batch.
func TestPartialFailures(t *testing.T) {
	seq := func(f *feed, i int) string { return f.records[i].Change.SequenceNumber }
	for _, test := range []struct {
		name, answer string // $1 is b's sequence number, $2 c's
		again        string // the second batch; empty where there is none
	}{
		{"no answer is success", ``, ""},
		{"null is success", `null`, ""},
		{"an empty object is success", `{}`, ""},
		{"an empty list is success", `{"batchItemFailures":[]}`, ""},
		{"a null list is success", `{"batchItemFailures":null}`, ""},
		{"the failed record and those after it come again", `{"batchItemFailures":[{"itemIdentifier":"$1"}]}`, "b,c"},
		{"the lowest of several is where it starts again", `{"batchItemFailures":[{"itemIdentifier":"$2"},{"itemIdentifier":"$1"}]}`, "b,c"},
		{"wherever it stands", `{"batchItemFailures":[{"itemIdentifier":"$1"},{"itemIdentifier":"$2"}]}`, "b,c"},
		{"an empty identifier fails all", `{"batchItemFailures":[{"itemIdentifier":""}]}`, "a,b,c"},
		{"a null identifier fails all", `{"batchItemFailures":[{"itemIdentifier":null}]}`, "a,b,c"},
		{"an identifier under a wrong name fails all", `{"batchItemFailures":[{"id":"$1"}]}`, "a,b,c"},
		{"an unknown identifier fails all", `{"batchItemFailures":[{"itemIdentifier":"$1"},{"itemIdentifier":"5"}]}`, "a,b,c"},
		{"what is not JSON fails all", `ok`, "a,b,c"},
		{"what is not an object fails all", `"ok"`, "a,b,c"},
		{"what is not a list fails all", `{"batchItemFailures":"$1"}`, "a,b,c"},
	} {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				f := newFeed()
				f.add("a", "b", "c")
				first := true
				r := start(t, mapping(), f, func([]string) ([]byte, error) {
					if !first {
						return nil, nil
					}
					first = false
					return []byte(strings.NewReplacer("$1", seq(f, 1), "$2", seq(f, 2)).Replace(test.answer)), nil
				})
				pass(time.Minute)
				if test.again == "" {
					want(t, r, "a,b,c@0s")
				} else {
					want(t, r, "a,b,c@0s", test.again+"@1s")
				}
				r.stop()
				if f.marks["M"] != seq(f, 2) {
					t.Errorf("the bookmark is %q", f.marks["M"])
				}
			})
		})
	}
}

func TestReportedFailuresMeanNothingWhereTheMappingDoesNotAskForThem(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		m := mapping()
		m.ReportFailures = false
		f := newFeed()
		f.add("a")
		r := start(t, m, f, func([]string) ([]byte, error) { return []byte(`{"batchItemFailures":[{"itemIdentifier":""}]}`), nil })
		pass(time.Minute)
		want(t, r, "a@0s")
		r.stop()
	})
}

func TestBisectFindsThePoisonAndDeliversItsNeighboursInOrder(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		m := mapping()
		m.BatchSize, m.Bisect, m.Retries = 4, true, 1
		f := newFeed()
		f.add("a", "b", "poison", "d", "e")
		r := start(t, m, f, func(names []string) ([]byte, error) {
			for _, n := range names {
				if n == "poison" {
					return nil, errors.New("on purpose")
				}
			}
			return nil, nil
		})
		pass(time.Minute)
		want(t, r, "a,b,poison,d@0s", "a,b@0s", "poison,d@0s", "poison@0s", "poison@1s", "d@1s", "e@1s")
		if len(r.discarded) != 1 || r.discarded[0].Batch.BatchSize != 1 || !strings.Contains(string(r.discarded[0].Payload), "poison") {
			t.Errorf("given up: %+v", r.discarded)
		}
		r.stop()
	})
}

func TestAThrottledFunctionIsNotATry(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		m := mapping()
		m.Retries = 0
		f := newFeed()
		f.add("a")
		left := 3
		r := start(t, m, f, func([]string) ([]byte, error) {
			if left--; left >= 0 {
				return nil, &lambdahost.Throttled{Name: "F"}
			}
			return nil, nil
		})
		pass(time.Minute)
		want(t, r, "a@0s", "a@1s", "a@3s", "a@7s")
		if len(r.discarded) != 0 {
			t.Error("it was given up")
		}
		r.stop()
	})
}

func TestNothingGoesOnBeforeAGivenUpBatchIsKept(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		m := mapping()
		m.Retries = 0
		f := newFeed()
		f.add("a", "b", "c", "d")
		answer := func(names []string) ([]byte, error) {
			if names[0] == "a" {
				return nil, errors.New("on purpose")
			}
			return nil, nil
		}
		refuseTwice := func(r *rig) { r.refuse = 2 }
		r := start(t, m, f, answer, refuseTwice)
		r.stop() // while the batch cannot be kept
		if mark, _ := f.Bookmark("M"); mark != "" {
			t.Errorf("the pump went past a batch that was not kept, to %s", mark)
		}
		r = start(t, m, f, answer, refuseTwice)
		want(t, r, "a,b,c@0s")
		pass(3 * time.Second) // two refusals, 1 s and 2 s
		want(t, r, "a,b,c@0s", "d@3s")
		if len(r.discarded) != 1 {
			t.Errorf("%d batches were kept", len(r.discarded))
		}
		r.stop()
	})
}

func TestAfterARestartNothingIsLeftOutAndNothingAcceptedComesAgain(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		f := newFeed()
		f.add("a", "b", "c", "d", "e")
		r := start(t, mapping(), f, func(names []string) ([]byte, error) {
			if names[0] == "d" {
				return nil, errors.New("on purpose")
			}
			return nil, nil
		})
		want(t, r, "a,b,c@0s", "d,e@0s")
		r.stop() // while it waits for the retry
		r = start(t, mapping(), f, nil)
		want(t, r, "d,e@0s")
		r.stop()
		r = start(t, mapping(), f, nil)
		want(t, r)
		r.stop()
	})
}

func TestLatestBeginsAtTheEndAndTrimHorizonAtTheBeginning(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		m := mapping()
		m.Latest = true
		f := newFeed()
		f.add("a", "b")
		r := start(t, m, f, nil)
		f.add("c")
		synctest.Wait()
		want(t, r, "c@0s")
		r.stop()
	})
}

func TestAFeedThatFailsIsAskedAgain(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		f := newFeed()
		f.add("a")
		f.fail(errors.New("on purpose"))
		r := start(t, mapping(), f, nil)
		f.fail(nil)
		pass(time.Second)
		want(t, r, "a@0s")
		r.stop()
	})
}

func TestSettleWaitsForWhatIsThereAndForNoMore(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		m := mapping()
		m.Window = time.Minute
		r := start(t, m, newFeed(), nil)
		r.add("a", "b")
		if err := r.pump.Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
		want(t, r, "a,b@0s")
		r.stop()
		if err := r.pump.Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

func TestAFilterThatIsNotUnderstoodStopsTheStart(t *testing.T) {
	for _, bad := range []string{`[]`, `{`, `{}`, `{"a":[]}`, `{"a":1}`, `{"a":[{"wildcard":"*"}]}`, `{"a":[{"exists":"yes"}]}`, `{"a":[{"numeric":["~",1]}]}`, `{"a":[{"prefix":1}]}`, `{"$or":[]}`, `{"a":{}}`, `{"a":[["b"]]}`, `{"a":["b"]} x`} {
		_, err := streams.New(streams.Config{Mapping: template.Stream{Filters: []string{bad}, Place: "Here"}})
		if err == nil || !strings.HasPrefix(err.Error(), "Here.FilterCriteria.Filters[0].Pattern: ") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
