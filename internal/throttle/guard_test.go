package throttle

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"keyfob/internal/fault"
	"keyfob/internal/table"
)

func TestACleanLoginCostsOneGetAndNoWrite(t *testing.T) {
	w := newWorld(t)
	k, _ := w.try(t, victim, home)
	if err := w.Succeeded(t.Context(), k); err != nil {
		t.Fatal(err)
	}
	if len(w.gets) != 1 || len(w.gets[0]) != 3 || w.commits != 0 {
		t.Errorf("%d gets %v, %d commits; want one of three keys, and none", len(w.gets), w.gets, w.commits)
	}
	w.failOnce(t, victim, home)
	if len(w.gets) != 2 || w.commits != 3 {
		t.Errorf("%d gets and %d commits after a failure, want 2 and 3", len(w.gets), w.commits)
	}
}

func TestOnceAttemptsMustWaitNoTwoGoAtOnce(t *testing.T) {
	w := newWorld(t)
	for range 5 {
		w.failOnce(t, victim, attacker)
	}
	w.pass(time.Second)
	var wg sync.WaitGroup
	allowed := make(chan Ticket, 100)
	for range 100 {
		wg.Go(func() {
			k, err := w.Allow(t.Context(), victim, attacker)
			if err == nil {
				allowed <- k
			} else if !fault.Is(err, fault.TooMany) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if len(allowed) != 1 {
		t.Fatalf("%d of 100 attempts at once went, want 1", len(allowed))
	}
	w.mustWait(t, victim, attacker, 2*time.Second) // counted, though nobody has said how it ended
	if err := w.Failed(t.Context(), <-allowed); err != nil {
		t.Fatal(err)
	}
	w.mustWait(t, victim, attacker, 2*time.Second) // and only once
}

func TestABurstOfFreeAttemptsIsCountedAndRememberedLonger(t *testing.T) {
	w := newWorld(t)
	tickets := make([]Ticket, 32)
	for i := range tickets {
		tickets[i], _ = w.try(t, victim, attacker)
	}
	var wg sync.WaitGroup
	for _, k := range tickets {
		wg.Go(func() {
			if err := w.Failed(t.Context(), k); err != nil && !fault.Is(err, fault.TooMany) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	k, wait := w.try(t, victim, attacker)
	if wait < 8*time.Second { // at least as many are counted as one has tries
		t.Errorf("after 32 failures at once the wait is %v", wait)
	}
	w.pass(wait)
	if k, _ = w.try(t, victim, attacker); !k.pair.beforehand {
		t.Error("the next burst is free again")
	}
}

func TestACounterThatCannotBeChangedRefuses(t *testing.T) {
	w := newWorld(t)
	k, _ := w.try(t, victim, attacker)
	w.fail = func() error { return &table.Conflict{} }
	w.commits = 0
	if err := w.Failed(t.Context(), k); !fault.Is(err, fault.TooMany) || w.commits != tries {
		t.Errorf("Failed: %v after %d commits, want a refusal after %d", err, w.commits, tries)
	}
	w.fail = nil
	for range 5 {
		w.failOnce(t, victim, attacker)
	}
	w.pass(time.Second)
	w.fail, w.commits = func() error { return &table.Conflict{} }, 0
	w.mustWait(t, victim, attacker, time.Second)
	if w.commits != tries {
		t.Errorf("Allow made %d commits, want %d", w.commits, tries)
	}
}

func TestATableThatFailsLetsNobodyThrough(t *testing.T) {
	w := newWorld(t)
	k, _ := w.try(t, victim, attacker)
	w.fail = func() error { return fault.Retry(errors.New("no answer")) }
	if err := w.Failed(t.Context(), k); !fault.Is(err, fault.Unavailable) {
		t.Errorf("Failed: %v", err)
	}
	w.fail = nil
	for range 5 {
		w.failOnce(t, victim, attacker)
	}
	w.pass(time.Second)
	w.fail = func() error { return fault.Retry(errors.New("no answer")) }
	if _, err := w.Allow(t.Context(), victim, attacker); !fault.Is(err, fault.Unavailable) {
		t.Errorf("Allow, when it must count: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.Allow(ctx, victim, home); err == nil {
		t.Error("Allow let somebody through without having read")
	}
}

func TestNeitherNamesNorAddressesAreStored(t *testing.T) {
	w := newWorld(t)
	for range 6 {
		k, wait := w.try(t, victim, attacker)
		w.pass(wait)
		if wait == 0 {
			if err := w.Failed(t.Context(), k); err != nil {
				t.Fatal(err)
			}
		}
	}
	records, err := w.feed.Changes(t.Context(), "", 1000)
	if err != nil || len(records) == 0 {
		t.Fatal(len(records), err)
	}
	all, err := json.Marshal(records)
	if err != nil {
		t.Fatal(err)
	}
	for _, banned := range []string{"olivia", "example", "203.0.113"} {
		if strings.Contains(string(all), banned) {
			t.Errorf("the table holds %q", banned)
		}
	}
	for _, r := range records {
		it := r.Change.NewImage
		if !strings.HasPrefix(it.String("pk"), "thr#") || it.String("sk") != "thr" {
			t.Errorf("stored under %v", it.Key())
		}
		if it.PurgeAt() <= w.clock().Unix() {
			t.Errorf("purged at %d, now is %d", it.PurgeAt(), w.clock().Unix())
		}
	}
}
