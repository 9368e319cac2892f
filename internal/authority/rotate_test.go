package authority_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/fault"
	"keyfob/internal/scope"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
)

func (w *world) rotate(by authority.Principal, handle string, r authority.Rotation) (authority.Token, token.Credential, error) {
	w.Helper()
	return w.authority().Rotate(w.Context(), by, audit.ViaAPI, audit.Origin{}, handle, r)
}

// S17, P1: a rotation ends the old token and makes the new one at the same moment; with an overlap, the old one ends to
// the second when that is over.
func TestS17RotationEndsTheOldTokenWhenItSays(t *testing.T) {
	for _, overlap := range []time.Duration{0, time.Hour} {
		w := newWorld(t)
		p, _ := w.login(w.acc, w.owner)
		w.register("exports/orders")
		s, err := scope.Custom(scope.Grant{Category: scope.Exports, ID: "orders", Actions: scope.Read})
		if err != nil {
			t.Fatal(err)
		}
		old, before := w.issue(p, authority.Request{Name: "nightly", Description: "d", Scope: s, Life: w.auto("1d")})
		w.clock.Advance(time.Hour)
		next, after, err := w.rotate(p, old.Handle(), authority.Rotation{Overlap: overlap})
		if err != nil {
			t.Fatal(err)
		}
		if next.Name != old.Name || next.Description != "d" || next.Scope.String() != s.String() || next.Life.Auto != "1d" ||
			!next.Life.PurgeAt.Equal(w.clock.Now().Add(24*time.Hour)) || next.Predecessor != old.ID || next.User != old.User {
			t.Errorf("the successor is %+v", next)
		}
		w.verify(after)
		if overlap > 0 {
			if got := w.verify(before); !got.Expires.Equal(w.clock.Now().Add(overlap)) {
				t.Errorf("the old token says it ends at %v", got.Expires)
			}
			w.clock.Advance(overlap - time.Second)
			w.verify(before)
			w.clock.Advance(time.Second)
		}
		w.denied(before, authority.Rotated)
		w.verify(after)
		page, err := w.authority().List(t.Context(), p, authority.ListRequest{Limit: 10})
		if err != nil || len(page.Tokens) != 2 || page.Tokens[1].Successor != next.ID || page.Tokens[1].Status(w.clock.Now()) != "rotated" {
			t.Errorf("the list: %+v, %v", page, err)
		}
		if n := w.events(w.acc.ID, audit.TokenRotated); n != 1 {
			t.Errorf("%d events", n)
		}
		if _, _, err := w.rotate(p, old.Handle(), authority.Rotation{}); !fault.Is(err, fault.Conflict) {
			t.Errorf("rotated twice: %v", err)
		}
	}
}

func TestWhatCannotBeRotatedIsRefused(t *testing.T) {
	w := newWorld(t)
	p, _ := w.login(w.acc, w.owner)
	made, c := w.issue(p, full)
	_, _, err := w.rotate(p, made.Handle(), authority.Rotation{Overlap: w.acc.Policy.MaxOverlap + time.Second})
	w.refused(err, fault.Unprocessable, "overlapSeconds")
	_, _, err = w.rotate(p, made.Handle(), authority.Rotation{Overlap: -1})
	w.refused(err, fault.Unprocessable, "overlapSeconds")
	_, _, err = w.rotate(p, made.Handle(), authority.Rotation{Match: []int64{9}})
	w.refused(err, fault.Precondition, "If-Match")
	w.verify(c)
	if err := w.authority().Revoke(t.Context(), p, audit.ViaAPI, audit.Origin{}, made.Handle()); err != nil {
		t.Fatal(err)
	}
	_, _, err = w.rotate(p, made.Handle(), authority.Rotation{Overlap: time.Minute})
	w.refused(err, fault.Conflict, "overlapSeconds")
	short, _ := w.issue(p, authority.Request{Scope: scope.Full(), Life: w.auto("never")})
	_, _, err = w.rotate(p, short.Handle(), authority.Rotation{})
	if err != nil {
		t.Errorf("one without an end: %v", err)
	}
	instant := w.in(time.Hour)
	instant.For = 0
	until, _ := w.issue(p, authority.Request{Scope: scope.Full(), Life: instant})
	w.clock.Advance(2 * time.Hour)
	p, _ = w.login(w.acc, w.owner)
	_, _, err = w.rotate(p, until.Handle(), authority.Rotation{Overlap: time.Minute})
	w.refused(err, fault.Conflict, "overlapSeconds")
	_, _, err = w.rotate(p, until.Handle(), authority.Rotation{})
	w.refused(err, fault.Unprocessable, "expiresAt")
	if _, _, err = w.rotate(p, until.Handle(), authority.Rotation{Life: w.in(time.Hour)}); err != nil {
		t.Errorf("an expired token with a new life: %v", err)
	}
	other, user := w.account("other@example.com")
	stranger, _ := w.login(other, user)
	_, _, err = w.rotate(stranger, until.Handle(), authority.Rotation{})
	w.refused(err, fault.NotFound, "not_found")
}

// S17: where the commit fails there is neither a successor nor an end.
func TestS17AFailedRotationChangesNothing(t *testing.T) {
	w := newWorld(t)
	p, _ := w.login(w.acc, w.owner)
	made, c := w.issue(p, full)
	a := authority.Authority{Table: failing{w.table}, Now: w.clock.Now, Form: w.form}
	if _, _, err := a.Rotate(t.Context(), p, audit.ViaAPI, audit.Origin{}, made.Handle(), authority.Rotation{}); err == nil {
		t.Fatal("rotated")
	}
	w.verify(c)
	page, err := w.authority().List(t.Context(), p, authority.ListRequest{Limit: 10})
	if err != nil || len(page.Tokens) != 1 || w.events(w.acc.ID, audit.TokenRotated) != 0 {
		t.Errorf("%+v, %v", page, err)
	}
}

// failing is a table that takes no commits.
type failing struct{ table.Table }

func (failing) Commit(context.Context, ...table.Op) error { return fault.Retry(errors.New("injected")) }

// A token may rotate itself, and is refused from then on.
func TestATokenRotatesItself(t *testing.T) {
	w := newWorld(t)
	p, _ := w.login(w.acc, w.owner)
	made, c := w.issue(p, full)
	if _, _, err := w.rotate(w.verify(c), made.Handle(), authority.Rotation{}); err != nil {
		t.Fatal(err)
	}
	w.denied(c, authority.Rotated)
}

// A record that came from elsewhere stays when it has ended, and is not purged by itself: the same list, imported again,
// would bring it to life.
func TestK4TheRecordOfAnImportedTokenStays(t *testing.T) {
	w := newWorld(t)
	p, _ := w.login(w.acc, w.owner)
	for _, end := range []func(handle string) error{
		func(handle string) error {
			return w.authority().Revoke(t.Context(), p, audit.ViaAPI, audit.Origin{}, handle)
		},
		func(handle string) error { _, _, err := w.rotate(p, handle, authority.Rotation{}); return err },
	} {
		made, _ := w.issue(p, full)
		w.set(key.Token(made.ID.String()).Key(), "foreign", "1")
		_, err := w.edit(p, made.Handle(), authority.Edit{Life: w.choose("4h")})
		w.refused(err, fault.Unprocessable, "autoPurge")
		if err := end(made.Handle()); err != nil {
			t.Fatal(err)
		}
		items, err := w.table.Get(t.Context(), key.Token(made.ID.String()).Key())
		if err != nil || items[0].PurgeAt() != 0 {
			t.Errorf("%v, %v", items[0], err)
		}
	}
}

// P1: that a token was rotated without an overlap is a fact: an instance whose clock is behind refuses it too.
func TestP1ARotationWithoutOverlapNeedsNoClock(t *testing.T) {
	w := newWorld(t)
	p, _ := w.login(w.acc, w.owner)
	made, c := w.issue(p, full)
	if _, _, err := w.rotate(p, made.Handle(), authority.Rotation{}); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(-5 * time.Minute)
	w.denied(c, authority.Rotated)
}

// S27: a token that has ended itself could not repeat the request, so it keeps an overlap to do so; and a repetition is
// answered also when the old token's record is gone.
func TestS27ATokenThatRotatesItselfCanRepeatIt(t *testing.T) {
	w := newWorld(t)
	p, session := w.login(w.acc, w.owner)
	made, c := w.issue(p, full)
	self := w.verify(c)
	_, _, err := w.rotate(self, made.Handle(), authority.Rotation{Once: once(c, "k", "b")})
	w.refused(err, fault.Unprocessable, "overlapSeconds")
	r := authority.Rotation{Overlap: time.Minute, Once: once(c, "k", "b")}
	next, _, err := w.rotate(self, made.Handle(), r)
	if err != nil {
		t.Fatal(err)
	}
	if again, _, err := w.rotate(self, made.Handle(), r); err != nil || again.ID != next.ID {
		t.Errorf("%v", err)
	}
	short, _ := w.issue(p, authority.Request{Scope: scope.Full(), Life: w.auto("1h")})
	r = authority.Rotation{Once: once(session, "k2", "b")}
	next, _, err = w.rotate(p, short.Handle(), r)
	if err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(2 * time.Hour)
	if _, err := w.embedded.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	if again, _, err := w.rotate(p, short.Handle(), r); err != nil || again.ID != next.ID {
		t.Errorf("%v", err)
	}
	// A credential that is not the caller's own derives nothing.
	for _, presented := range []string{"", "x", c.Plaintext().Reveal()} {
		o := once(session, "k3", "b")
		o.Presented = presented
		if _, err := w.ask(p, authority.Request{Scope: scope.Full(), Once: o}); err == nil {
			t.Error("issued by a credential of another's")
		}
	}
}

// A token whose pointers the store has deleted, and whose record it has not, is listed again when it is given a longer
// life: what is in no list would not follow its creator.
func TestAProlongedTokenIsInTheLists(t *testing.T) {
	w := newWorld(t)
	p, _ := w.login(w.acc, w.owner)
	made, _ := w.issue(p, authority.Request{Scope: scope.Full(), Life: w.auto("1h")})
	for _, k := range []table.Key{
		key.AccountToken{Account: made.Account, Created: made.Created, ID: made.ID.String()}.Key(), key.UserToken{User: made.User, Created: made.Created, ID: made.ID.String()}.Key(),
	} {
		if err := w.table.Commit(t.Context(), table.Delete(k, table.Present())); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.edit(p, made.Handle(), authority.Edit{Life: w.choose("never")}); err != nil {
		t.Fatal(err)
	}
	for _, own := range []bool{true, false} {
		if page, err := w.authority().List(t.Context(), p, authority.ListRequest{Own: own, Limit: 10}); err != nil || len(page.Tokens) != 1 {
			t.Errorf("%+v, %v", page, err)
		}
	}
}
