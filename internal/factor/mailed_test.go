package factor_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/factor"
	"keyfob/internal/fault"
	"keyfob/internal/scope"
)

// stored gives the user as the table has it.
func (w *world) stored() account.User {
	w.Helper()
	_, u, err := (&account.Accounts{Table: w.bolt}).WithUser(w.Context(), w.user.Account, w.user.ID)
	if err != nil {
		w.Fatal(err)
	}
	return u
}

// mailReset marks the user as one whose password was set by a mailed link, as package passwords does.
func (w *world) mailReset() {
	w.Helper()
	u := w.stored()
	u.Mailed = true
	w.commit(u.Replace())
}

// notEnough asserts that a code by mail was refused as one that proves nothing, at the field.
func (w *world) notEnough(err error, field string) {
	w.Helper()
	w.wants(err, fault.Unprocessable, "mail_not_enough")
	if e, _ := errors.AsType[*fault.Error](err); len(e.Fields) != 1 || e.Fields[0].Name != field {
		w.Fatalf("the field is %v, want %s", e.Fields, field)
	}
}

// S8: whoever has the mailbox, and set a password with it, is not let in by a code that comes to the same mailbox: neither by
// one that is asked for, nor by one that was mailed before.
func TestS8TheMailboxAloneOpensNoSession(t *testing.T) {
	w := newWorld(t)
	w.mailFactor(w.user)
	act := w.login(w.user)
	_, err := w.factors.Challenge(t.Context(), act, factor.Email)
	w.wants(err, 0, "")
	code := w.mailed(act)
	w.mailReset()
	w.clock.Advance(time.Minute)

	_, err = w.factors.Challenge(t.Context(), act, factor.Email)
	w.notEnough(err, "factor")
	for range 6 { // which is no guess, and ends nothing
		_, err = w.unlock(act, factor.Email, code)
		w.notEnough(err, "factors[0].factor")
	}
	_, err = w.factors.Unlock(t.Context(), act, []factor.Proof{{Factor: factor.Recovery, Password: "x"}, {Factor: factor.Email, Password: code}})
	w.notEnough(err, "factors[1].factor")
	if w.lock(act) != scope.Locked || w.session(act).Tries != 0 || len(w.requests(act)) != 1 {
		t.Errorf("the lock is %q, %d codes were asked for", w.lock(act), len(w.requests(act)))
	}
	r, _ := w.factors.Of(t.Context(), w.user.ID)
	if names := fmt.Sprint(r.Names(w.stored())); names != "[recovery]" {
		t.Errorf("offered: %s", names)
	}
	if ops := r.Ask(w.session(act), w.stored(), audit.Actor{}, audit.Origin{}, w.clock.Now()); len(ops) != 0 {
		t.Error("a login is to be mailed a code")
	}
}

// What is shown besides the mailbox ends it, for the user's other sessions too.
func TestAnotherFactorLetsCodesByMailCountAgain(t *testing.T) {
	for _, kind := range []factor.Name{factor.TOTP, factor.Passkey, factor.Recovery} {
		w := newWorld(t)
		codes := w.mailFactor(w.user)
		inside := w.login(w.user)
		_, err := w.unlock(inside, factor.Recovery, codes[0])
		w.wants(err, 0, "")
		seed := w.begin(inside)
		_, err = w.factors.Confirm(t.Context(), inside, factor.TOTP, w.now(seed))
		w.wants(err, 0, "")
		d, _ := w.passkeyIn(inside)
		w.mailReset()
		w.clock.Advance(time.Minute)

		act := w.login(w.user)
		proofs := []factor.Proof{{Factor: kind, Password: w.now(seed)}}
		switch kind {
		case factor.Recovery:
			proofs[0].Password = codes[1]
		case factor.Passkey:
			proofs = w.show(act, d)
		}
		_, err = w.factors.Unlock(t.Context(), act, []factor.Proof{{Factor: factor.TOTP, Password: "000000"}})
		w.wrong(err, "factors[0].password")
		if !w.stored().Mailed {
			t.Fatalf("%s: a wrong one ended it", kind)
		}
		_, err = w.factors.Unlock(t.Context(), act, proofs)
		w.wants(err, 0, "")
		if w.stored().Mailed {
			t.Errorf("%s: codes by mail still count for nothing", kind)
		}
		other := w.login(w.user)
		_, err = w.factors.Challenge(t.Context(), other, factor.Email)
		w.wants(err, 0, "")
		_, err = w.unlock(other, factor.Email, w.mailed(other))
		w.wants(err, 0, "")
	}
}

// A password that comes by mail while a code is being checked is one that the code proves nothing beside.
func TestS8AResetDuringAnUnlockCounts(t *testing.T) {
	w := newWorld(t)
	w.mailFactor(w.user)
	act := w.login(w.user)
	_, err := w.factors.Challenge(t.Context(), act, factor.Email)
	w.wants(err, 0, "")
	code := w.mailed(act)
	w.before(w.mailReset)
	_, err = w.unlock(act, factor.Email, code)
	w.notEnough(err, "factors[0].factor")
}

// Codes by mail are no first factor after a reset, and not by a code that was mailed before it either.
func TestS8CodesByMailAreNoFirstFactorAfterAReset(t *testing.T) {
	w := newWorld(t)
	w.policy(true)
	act := w.login(w.user)
	if w.lock(act) != scope.Enrol {
		t.Fatalf("the lock is %q", w.lock(act))
	}
	_, err := w.factors.EnrolEmail(t.Context(), act)
	w.wants(err, 0, "")
	code := w.mailed(act)
	w.mailReset()
	w.clock.Advance(time.Minute)
	_, err = w.factors.EnrolEmail(t.Context(), act)
	w.notEnough(err, "factor")
	_, err = w.factors.Confirm(t.Context(), act, factor.Email, code)
	w.notEnough(err, "factor")
	seed := w.begin(act)
	_, err = w.factors.Confirm(t.Context(), act, factor.TOTP, w.now(seed))
	w.wants(err, 0, "")
	// Beside another they may be enrolled.
	_, err = w.factors.EnrolEmail(t.Context(), act)
	w.wants(err, 0, "")
}

// S6: guesses that stay below what ends a session are told of all the same, at every tenth.
func TestS6GuessesInManySessionsAreToldOf(t *testing.T) {
	w := newWorld(t)
	w.app(w.user)
	for i := range 6 {
		act := w.login(w.user)
		act.From.IP = fmt.Sprintf("10.0.%d.1", i)
		w.clock.Advance(time.Millisecond) // so that events have an order
		for range 4 {
			_, err := w.unlock(act, factor.TOTP, "000000")
			w.wrong(err, "factors[0].password")
		}
	}
	var notes []string
	for _, e := range w.events() {
		if e.Type == audit.FactorRefused {
			notes = append(notes, e.Note)
			if e.Subject.ID != w.user.ID || len(e.Also) != 1 {
				t.Errorf("%+v", e)
			}
		}
	}
	if fmt.Sprint(notes) != "[10 codes in all sessions were wrong of late. 20 codes in all sessions were wrong of late.]" {
		t.Errorf("%q", notes)
	}
}

// A user's mailbox gets a code a minute at the most, and ten in an hour, in however many sessions they are asked for.
func TestS4CodesByMailAreBoundedForAUserAsAWhole(t *testing.T) {
	w := newWorld(t)
	w.mailFactor(w.user)
	w.clock.Advance(2 * time.Hour)
	ask := func() error {
		_, err := w.factors.Challenge(t.Context(), w.login(w.user), factor.Email)
		return err
	}
	sent := 0
	for range 60 {
		if won := w.race(5, func(int) error { return ask() }, fault.TooMany); won > 1 {
			t.Errorf("%d codes in one minute", won)
		} else {
			sent += won
		}
		w.clock.Advance(time.Minute)
	}
	if sent < 10 || sent > 20 {
		t.Errorf("%d codes in an hour", sent)
	}
	if err := ask(); err != nil {
		if e, _ := errors.AsType[*fault.Error](err); e.Kind != fault.TooMany || e.RetryAfter == 0 {
			t.Error(err)
		}
	}
}
