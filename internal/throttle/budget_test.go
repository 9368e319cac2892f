package throttle

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"keyfob/internal/fault"
)

// spend spends from the budgets, and gives the wait where that may not be.
func (w *world) spend(t *testing.T, from ...Budget) time.Duration {
	t.Helper()
	err := w.Spend(t.Context(), from...)
	if f, ok := errors.AsType[*fault.Error](err); ok && f.Kind == fault.TooMany {
		return f.RetryAfter
	}
	if err != nil {
		t.Fatal(err)
	}
	return 0
}

// within counts how often somebody who never gives up spends of the budget in the time.
func (w *world) within(t *testing.T, d time.Duration, b func() Budget) (n int) {
	t.Helper()
	for end := w.clock().Add(d); w.clock().Before(end); {
		if wait := w.spend(t, b()); wait > 0 {
			w.pass(wait)
			continue
		}
		n++
	}
	return n
}

func TestABudgetGivesSomeFreelyAndThenALittleForGood(t *testing.T) {
	for what, c := range map[string]struct {
		budget      func() Budget
		free        int
		first, hour int // in the first hour, and in every other one
	}{
		"invitations by an account":  {func() Budget { return InvitationsBy("acc_1") }, 200, 270, 61},
		"invitations to an address":  {func() Budget { return InvitationsTo("mia@example.com") }, 5, 19, 7},
		"links to reset a password":  {func() Budget { return ResetsOf("usr_1") }, 5, 17, 13},
		"codes by mail for one user": {func() Budget { return CodesOf("usr_1") }, 1, 19, 11},
	} {
		w := newWorld(t)
		for i := range c.free {
			if wait := w.spend(t, c.budget()); wait != 0 {
				t.Errorf("%s: number %d waits %v", what, i+1, wait)
			}
		}
		if wait := w.spend(t, c.budget()); wait == 0 {
			t.Errorf("%s: number %d is free", what, c.free+1)
		}
		if n := c.free + w.within(t, time.Hour, c.budget); n > c.first {
			t.Errorf("%s: %d in the first hour", what, n)
		}
		if n := w.within(t, time.Hour, c.budget); n > c.hour || n == 0 {
			t.Errorf("%s: %d in another hour", what, n)
		}
		w.pass(24 * time.Hour)
		for i := range c.free {
			if wait := w.spend(t, c.budget()); wait != 0 {
				t.Errorf("%s: a day later, number %d waits %v", what, i+1, wait)
			}
		}
	}
}

func TestACodeIsMailedEveryMinuteAtMost(t *testing.T) {
	w := newWorld(t)
	w.spend(t, CodesOf("usr_1"))
	if wait := w.spend(t, CodesOf("usr_1")); wait != time.Minute {
		t.Errorf("the second waits %v", wait)
	}
	if wait := w.spend(t, CodesOf("usr_2")); wait != 0 {
		t.Errorf("another user waits %v", wait)
	}
	w.pass(time.Minute - time.Second)
	if wait := w.spend(t, CodesOf("usr_1")); wait != time.Second {
		t.Errorf("a second before the minute is over it waits %v", wait)
	}
	w.pass(time.Second)
	if wait := w.spend(t, CodesOf("usr_1")); wait != 0 {
		t.Errorf("after a minute it waits %v", wait)
	}
}

// What one budget refuses is taken of no other.
func TestARefusalSpendsNothing(t *testing.T) {
	w := newWorld(t)
	for i := range 5 {
		w.spend(t, InvitationsTo("mia@example.com"), InvitationsBy(fmt.Sprint("acc_", i)))
	}
	commits := w.commits
	for range 300 {
		if w.spend(t, InvitationsTo("mia@example.com"), InvitationsBy("acc_9")) == 0 {
			t.Fatal("the address is not spared")
		}
	}
	if w.commits != commits {
		t.Errorf("%d commits", w.commits-commits)
	}
	if wait := w.spend(t, InvitationsTo("zoe@example.com"), InvitationsBy("acc_9")); wait != 0 {
		t.Errorf("the account waits %v", wait)
	}
}

func TestOfManyAtOnceNoMoreSpendThanThereIs(t *testing.T) {
	w := newWorld(t)
	var all sync.WaitGroup
	var spent atomic.Int32
	for range 50 {
		all.Go(func() {
			if err := w.Spend(t.Context(), InvitationsTo("mia@example.com")); err == nil {
				spent.Add(1)
			} else if !fault.Is(err, fault.TooMany) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if spent.Load() != 5 {
		t.Errorf("%d of 50", spent.Load())
	}
}
