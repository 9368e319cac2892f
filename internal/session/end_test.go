package session_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"keyfob/internal/audit"
	"keyfob/internal/fault"
	"keyfob/internal/session"
	"keyfob/internal/table"
	"keyfob/internal/token"
)

// S9: all others means all, however many, and not the one that asks.
func TestS9EndingAllOthersLeavesNone(t *testing.T) {
	w := newWorld(t)
	mine, _ := w.start(w.user.ID)
	others, _ := w.start("usr_other")
	for range 230 {
		w.start(w.user.ID)
	}
	w.pass(30 * time.Minute)
	idle := w.list(w.user.ID, 100)[0]
	if idle.ID == mine.ID {
		idle = w.list(w.user.ID, 100)[1]
	}
	w.used(mine.ID)
	w.pass(29 * time.Minute) // all can be used still
	n, err := w.EndOthers(t.Context(), w.user.ID, mine.ID, w.by(mine), audit.Origin{})
	if err != nil || n != 230 || w.events(audit.SessionEnded) != 230 {
		t.Errorf("%d ended, with %d events: %v", n, w.events(audit.SessionEnded), err)
	}
	if left := w.list(w.user.ID, 100); len(left) != 1 || left[0].ID != mine.ID || w.record(others.ID) == nil || w.record(idle.ID) != nil {
		t.Errorf("left: %+v", left)
	}
	w.start(w.user.ID)
	w.pass(time.Hour - time.Second)
	w.used(mine.ID)
	w.pass(time.Second)
	if n, err := w.EndOthers(t.Context(), w.user.ID, mine.ID, w.by(mine), audit.Origin{}); n != 0 || err != nil {
		t.Errorf("%d were ended that had ended by themselves: %v", n, err)
	}
	if err := w.EndAll(t.Context(), w.user.ID, w.by(mine), audit.Origin{}); err != nil || w.record(mine.ID) != nil {
		t.Errorf("after the end of all: %v", err)
	}
}

// used notes a use of the session, as the authorizer does.
func (w *world) used(id token.ID) {
	w.Helper()
	it := w.record(id)
	s, err := session.FromItem(it)
	if err != nil {
		w.Fatal(err)
	}
	if s.Used(it, w.now()) {
		if err := w.Table.Commit(w.Context(), table.Replace(it, s.Version)); err != nil {
			w.Fatal(err)
		}
	}
}

// Another's session, one that has ended by itself or otherwise and one that never was are the same to whoever asks.
func TestOneEndsSessionsOfOnesOwnOnly(t *testing.T) {
	w := newWorld(t)
	mine, _ := w.start(w.user.ID)
	second, _ := w.start(w.user.ID)
	others, _ := w.start("usr_other")
	idle, _ := w.start(w.user.ID)
	w.pass(30 * time.Minute)
	for _, s := range []session.Session{mine, second, others} {
		w.used(s.ID)
	}
	w.pass(30 * time.Minute)
	var first error
	for name, id := range map[string]token.ID{"another's": others.ID, "idle": idle.ID, "none": w.form.New(token.Session).ID()} {
		err := w.EndOne(t.Context(), w.user.ID, id, w.by(mine), audit.Origin{})
		if first == nil {
			first = err
		}
		if !fault.Is(err, fault.NotFound) || err.Error() != first.Error() {
			t.Errorf("%s: %v", name, err)
		}
	}
	if w.record(others.ID) == nil || w.events(audit.SessionEnded) != 0 {
		t.Error("another's session was ended")
	}
	for i, want := range []bool{true, false} {
		if err := w.EndOne(t.Context(), w.user.ID, second.ID, w.by(mine), audit.Origin{}); (err == nil) != want {
			t.Errorf("time %d: %v", i+1, err)
		}
	}
	if err := w.EndOne(t.Context(), "", others.ID, w.by(mine), audit.Origin{}); !fault.Is(err, fault.NotFound) {
		t.Errorf("by nobody: %v", err)
	}
	if w.events(audit.SessionEnded) != 1 {
		t.Errorf("%d events", w.events(audit.SessionEnded))
	}
}

// Of many who end one at once, one does.
func TestOfManyEndingsOneIsRecorded(t *testing.T) {
	w := newWorld(t)
	mine, _ := w.start(w.user.ID)
	var wg sync.WaitGroup
	errs := make(chan error, 50)
	for range 50 {
		wg.Go(func() { errs <- w.EndOne(t.Context(), w.user.ID, mine.ID, w.by(mine), audit.Origin{}) })
	}
	wg.Wait()
	close(errs)
	ended := 0
	for err := range errs {
		if err == nil {
			ended++
		} else if !fault.Is(err, fault.NotFound) {
			t.Error(err)
		}
	}
	if ended != 1 || w.events(audit.SessionEnded) != 1 {
		t.Errorf("%d ended it, %d events", ended, w.events(audit.SessionEnded))
	}
}

// meddled is a table where something happens before the first commit.
type meddled struct {
	table.Table
	before func()
	fail   error
}

func (m *meddled) Commit(ctx context.Context, ops ...table.Op) error {
	if before := m.before; before != nil {
		m.before = nil
		before()
	}
	if m.fail != nil {
		return m.fail
	}
	return m.Table.Commit(ctx, ops...)
}

// P1: a use that is noted while a session is being ended neither keeps it nor brings it back; one that goes on under
// another id meanwhile is ended too.
func TestP1NothingSavesASessionThatIsEnded(t *testing.T) {
	w := newWorld(t)
	mine, _ := w.start(w.user.ID)
	victim, _ := w.start(w.user.ID)
	db := w.Table
	w.pass(time.Minute)
	w.Table = &meddled{Table: db, before: func() { w.used(victim.ID) }}
	if n, err := w.EndOthers(t.Context(), w.user.ID, mine.ID, w.by(mine), audit.Origin{}); n != 1 || err != nil || w.record(victim.ID) != nil {
		t.Errorf("used meanwhile: %d, %v", n, err)
	}
	for range 20 { // whichever way the ids are ordered
		w.Table = db
		victim, _ := w.start(w.user.ID)
		var renewed session.Session
		w.Table = &meddled{Table: db, before: func() {
			s, _, ops := victim.Renewed(w.form)
			if err := db.Commit(t.Context(), ops...); err != nil {
				t.Error(err)
			}
			renewed = s
		}}
		if _, err := w.EndOthers(t.Context(), w.user.ID, mine.ID, w.by(mine), audit.Origin{}); err != nil || w.record(renewed.ID) != nil || w.record(victim.ID) != nil {
			t.Fatalf("renewed meanwhile: %v", err)
		}
	}
}

// P7: an end that the table did not take is no end, and says so.
func TestP7AnEndThatFailsSaysSo(t *testing.T) {
	w := newWorld(t)
	mine, _ := w.start(w.user.ID)
	w.Table = &meddled{Table: w.Table, fail: fault.Retry(errors.New("down"))}
	for name, end := range map[string]func() error{
		"one": func() error { return w.EndOne(t.Context(), w.user.ID, mine.ID, w.by(mine), audit.Origin{}) },
		"all": func() error { return w.EndAll(t.Context(), w.user.ID, w.by(mine), audit.Origin{}) },
		"it":  func() error { return w.End(t.Context(), mine.ID, w.by(mine), audit.Origin{}) },
	} {
		if err := end(); !fault.Is(err, fault.Unavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
