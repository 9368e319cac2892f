package passwords_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/fault"
	"keyfob/internal/link"
	"keyfob/internal/session"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
)

// C16: a change ends all other sessions and keeps the one it is made in; links under way end too.
func TestC16AChangeEndsAllOtherSessions(t *testing.T) {
	w := newWorld(t)
	here, there, elsewhere := w.login(w.user), w.login(w.user), w.login(w.user)
	text := w.link(w.user, link.Reset)
	if err := w.change(here, old, fresh); err != nil {
		t.Fatal(err)
	}
	if !w.alive(here) || w.alive(there) || w.alive(elsewhere) || !w.opens(w.user, fresh) || w.opens(w.user, old) {
		t.Error("not all is as it should be after the change")
	}
	w.refused("the link that was under way", w.set(text, old), "link", "link_ended")
	events := w.events(w.user, audit.PasswordChanged)
	if len(events) != 1 || events[0].Actor.Credential != here.Handle() || events[0].Subject.ID != w.user.ID {
		t.Fatalf("%+v", events)
	}
	if err := w.Finish(t.Context(), events[0]); err != nil || !w.alive(here) {
		t.Errorf("what comes after ended the session that made the change: %v", err)
	}
}

// C16: without the password there is no change, and trying for it slows down, as a login does, on a counter of its own.
func TestC16AChangeNeedsThePasswordAndGuessingIsSlow(t *testing.T) {
	w := newWorld(t)
	here := w.login(w.user)
	for range 5 {
		w.refused("a wrong password", w.change(here, "seven lanterns over a quiet rivet", fresh), "current", "wrong_password")
	}
	if err := w.change(here, old, fresh); !fault.Is(err, fault.TooMany) {
		t.Errorf("the sixth: %v", err)
	}
	if _, err := w.Throttle.Allow(t.Context(), w.user.Email, "192.0.2.1"); err != nil {
		t.Errorf("a login: %v", err)
	}
	w.advance(time.Minute)
	if err := w.change(here, old, fresh); err != nil || !w.opens(w.user, fresh) {
		t.Errorf("after the wait: %v", err)
	}
	w.refused("one that may not be chosen", w.change(here, fresh, "passwordpassword"), "password", "common")
	if w.opens(w.user, "passwordpassword") || len(w.events(w.user, audit.PasswordChanged)) != 1 {
		t.Error("a refused password was set")
	}
}

func TestOnlyAnOpenSessionOfSomebodyWhoMayActChangesAPassword(t *testing.T) {
	w := newWorld(t)
	here := w.login(w.user)
	byToken := here
	byToken.Kind = token.API
	if err := w.change(byToken, old, fresh); !fault.Is(err, fault.Forbidden) {
		t.Errorf("by a token: %v", err)
	}
	if err := (&session.Sessions{Table: w.table, Now: w.now}).End(t.Context(), here.ID, audit.Actor{}, audit.Origin{}); err != nil {
		t.Fatal(err)
	}
	if err := w.change(here, old, fresh); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("by a session that has ended: %v", err)
	}
	here = w.login(w.user)
	w.user.Status = account.Disabled
	w.commit(w.user.Replace())
	if err := w.change(here, old, fresh); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("by a disabled user: %v", err)
	}
	if !w.opens(w.user, old) || len(w.events(w.user, audit.PasswordChanged)) != 0 {
		t.Error("the password was changed")
	}
}

// Of fifty changes at once from the same password one succeeds: what the others knew is no longer the password.
func TestOfChangesAtOnceOneSucceeds(t *testing.T) {
	w := newWorld(t)
	var all sync.WaitGroup
	var won atomic.Int64
	here := w.login(w.user)
	for i := range 50 {
		all.Go(func() {
			err := w.change(here, old, fresh+" "+string(rune('A'+i)))
			switch {
			case err == nil:
				won.Add(1)
			case fault.Is(err, fault.TooMany): // so many failed before it
			default:
				w.refused("a change that came too late", err, "current", "wrong_password")
			}
		})
	}
	all.Wait()
	if won.Load() != 1 || len(w.events(w.user, audit.PasswordChanged)) != 1 {
		t.Errorf("%d succeeded, %d events", won.Load(), len(w.events(w.user, audit.PasswordChanged)))
	}
}

// A change that is under way when the session ends, as by a reset, does not come after it.
func TestS8AChangeCannotOutrunAReset(t *testing.T) {
	w := newWorld(t)
	here := w.login(w.user)
	text := w.link(w.user, link.Reset)
	db := &meddling{Table: w.table}
	db.before = func() {
		if err := w.set(text, "eleven kites above a green hill"); err != nil {
			t.Error(err)
		}
	}
	_, _, err := w.on(db).Change(t.Context(), here, audit.ViaAPI, audit.Origin{}, old, fresh)
	if err == nil || !w.opens(w.user, "eleven kites above a green hill") {
		t.Errorf("%v", err)
	}
}

// meddling is a table on which something happens before the commit that changes a password.
type meddling struct {
	table.Table
	before func()
}

func (m *meddling) Commit(ctx context.Context, ops ...table.Op) error {
	for _, op := range ops {
		if op.Item.String("type") == string(audit.PasswordChanged) && m.before != nil {
			before := m.before
			m.before = nil
			before()
		}
	}
	return m.Table.Commit(ctx, ops...)
}

// An upgrade of the hash at a login, in the middle of a change, is no reason to refuse the password that is right.
func TestAnUpgradeDuringAChangeDoesNotStopIt(t *testing.T) {
	w := newWorld(t)
	here := w.login(w.user)
	db := &meddling{Table: w.table}
	db.before = func() {
		hash, err := w.Hasher.Hash(t.Context(), old)
		if err == nil {
			_, err = (&account.Accounts{Table: w.table}).UpgradePassword(t.Context(), w.stored(w.user), hash)
		}
		if err != nil {
			t.Error(err)
		}
	}
	if _, _, err := w.on(db).Change(t.Context(), here, audit.ViaAPI, audit.Origin{}, old, fresh); err != nil || !w.opens(w.user, fresh) {
		t.Error(err)
	}
}

// A session that ended between the look at it and the commit changes nothing.
func TestP1ASessionThatEndsDuringAChangeChangesNothing(t *testing.T) {
	w := newWorld(t)
	here := w.login(w.user)
	db := &meddling{Table: w.table}
	db.before = func() { w.commit(table.Delete(key.Session(here.ID.String()).Key(), table.Present())) }
	if _, _, err := w.on(db).Change(t.Context(), here, audit.ViaAPI, audit.Origin{}, old, fresh); !fault.Is(err, fault.Unauthenticated) || !w.opens(w.user, old) {
		t.Error(err)
	}
}
