package streams_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// failsAt fails where one of the names is in the batch.
func failsAt(names ...string) func([]string) ([]byte, error) {
	return func(batch []string) ([]byte, error) {
		if slices.ContainsFunc(batch, func(n string) bool { return slices.Contains(names, n) }) {
			return nil, errors.New("on purpose")
		}
		return nil, nil
	}
}

// gaveUp holds what was given up: "b" or "b,c" by how many records there are, and why.
func gaveUp(t *testing.T, r *rig, want ...string) {
	t.Helper()
	var got []string
	for _, d := range r.discarded {
		got = append(got, fmt.Sprintf("%d %s", d.Batch.BatchSize, d.RequestContext.Condition))
	}
	if !slices.Equal(got, want) {
		t.Errorf("given up %q, want %q", got, want)
	}
}

// "Splitting batches doesn't consume the retry quota": without any retry the neighbours of each poisoned record are delivered.
func TestSplittingIsNotARetry(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		m := mapping()
		m.BatchSize, m.Bisect, m.Retries = 4, true, 0
		f := newFeed()
		f.add("poison1", "b", "poison2", "d", "e")
		r := start(t, m, f, failsAt("poison1", "poison2"))
		pass(time.Minute)
		want(t, r, "poison1,b,poison2,d@0s", "poison1,b@0s", "poison1@0s", "b@0s", "poison2,d@0s", "poison2@0s", "d@0s", "e@0s")
		gaveUp(t, r, "1 RetryAttemptsExhausted", "1 RetryAttemptsExhausted")
		r.stop()
	})
}

// Each part of a split batch has all its retries, and the order stays: nothing is delivered before what was ahead of it.
func TestEachPartHasItsRetriesAndTheOrderStays(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		m := mapping()
		m.BatchSize, m.Bisect, m.Retries = 3, true, 1
		f := newFeed()
		f.add("poison1", "poison2", "c")
		r := start(t, m, f, failsAt("poison1", "poison2"))
		pass(time.Minute)
		want(t, r, "poison1,poison2,c@0s", "poison1@0s", "poison1@1s", "poison2,c@1s", "poison2@1s", "poison2@2s", "c@2s")
		gaveUp(t, r, "1 RetryAttemptsExhausted", "1 RetryAttemptsExhausted")
		r.stop()
	})
}

// Where failures are reported, a batch is split at the first of them, not in two halves; a function error still halves it.
// https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
func TestReportedFailuresSplitABatchWhereTheyAreAndErrorsHalveIt(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		m := mapping()
		m.BatchSize, m.Bisect, m.Retries = 4, true, 2
		f := newFeed()
		f.add("a", "b", "c", "d", "e")
		crashes := 1
		r := start(t, m, f, func(names []string) ([]byte, error) {
			i := slices.Index(names, "c")
			if i < 0 {
				return nil, nil
			}
			if len(names) == 2 && crashes > 0 {
				crashes--
				return nil, errors.New("on purpose")
			}
			return fmt.Appendf(nil, `{"batchItemFailures":[{"itemIdentifier":%q}]}`, f.records[2].Change.SequenceNumber), nil
		})
		pass(time.Minute)
		want(t, r, "a,b,c,d@0s", "c,d@1s", "c@1s", "c@3s", "d@3s", "e@3s")
		gaveUp(t, r, "1 RetryAttemptsExhausted")
		r.stop()
	})
}

// A batch whose first record is reported again and again is given up as a whole: what is behind it comes again with each
// retry, and the consumer sees it through then.
func TestAReportedFailureIsGivenUpWithWhatIsBehindIt(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		m := mapping()
		m.BatchSize, m.Bisect, m.Retries = 4, true, 2
		f := newFeed()
		f.add("a", "poison", "c", "d", "e")
		r := start(t, m, f, func(names []string) ([]byte, error) {
			if slices.Contains(names, "poison") {
				return fmt.Appendf(nil, `{"batchItemFailures":[{"itemIdentifier":%q}]}`, f.records[1].Change.SequenceNumber), nil
			}
			return nil, nil
		})
		pass(time.Minute)
		want(t, r, "a,poison,c,d@0s", "poison,c,d@1s", "poison,c,d@3s", "e@3s")
		gaveUp(t, r, "3 RetryAttemptsExhausted")
		if p := string(r.discarded[0].Payload); strings.Contains(p, `"p#a"`) || !strings.Contains(p, `"p#d"`) {
			t.Errorf("payload %s", p)
		}
		r.stop()
	})
}

// Of a batch, only the records that are too old are given up; the younger ones behind them are tried on.
func TestOnlyTheRecordsThatAreTooOldAreGivenUp(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		m := mapping()
		m.Retries, m.MaxAge, m.Window = -1, 10*time.Minute, 5*time.Minute
		f := newFeed()
		var failing atomic.Bool
		failing.Store(true)
		r := start(t, m, f, func([]string) ([]byte, error) {
			if failing.Load() {
				return nil, errors.New("on purpose")
			}
			return nil, nil
		})
		r.add("a", "b")
		pass(4 * time.Minute)
		r.add("c")
		pass(7 * time.Minute) // a and b are eleven minutes old, c is seven
		failing.Store(false)
		pass(time.Minute)
		gaveUp(t, r, "2 RecordAgeExceeded")
		if got := r.consumer.got(); !strings.HasPrefix(got[0], "a,b,c@") || !strings.HasPrefix(got[len(got)-1], "c@") {
			t.Errorf("batches %q", got)
		}
		r.stop()
	})
}

// After a restart a batch that was being split is whole again, but for what is through.
func TestARestartWhileABatchIsSplitLosesNothing(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		m := mapping()
		m.BatchSize, m.Bisect, m.Retries = 4, true, 5
		f := newFeed()
		f.add("a", "b", "poison", "d")
		r := start(t, m, f, failsAt("poison"))
		want(t, r, "a,b,poison,d@0s", "a,b@0s", "poison,d@0s", "poison@0s")
		r.stop() // while it waits for the retry
		again := start(t, m, f, nil)
		want(t, again, "poison,d@0s")
		again.stop()
	})
}
