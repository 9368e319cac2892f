package factor_test

import (
	"errors"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/factor"
	"keyfob/internal/fault"
	"keyfob/internal/scope"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
	"keyfob/internal/totp"
)

func TestS7ACodeUnlocksTheSession(t *testing.T) {
	w := newWorld(t)
	seed, _ := w.app(w.user)
	act := w.login(w.user)
	if w.lock(act) != scope.Locked {
		t.Fatalf("the lock is %q", w.lock(act))
	}
	w.clock.Advance(time.Minute)
	g, err := w.unlock(act, factor.TOTP, w.now(seed))
	w.wants(err, 0, "")
	s := w.session(act)
	if g.Renewed() || s.Lock() != scope.Open || !s.Factor || !s.Proven.Equal(w.clock.Now()) || g.Session.ID != s.ID || g.Session.Version != s.Version {
		t.Errorf("%+v", s)
	}
	if w.count(audit.SessionUnlocked) != 1 {
		t.Error("no event tells of it")
	}
	_, err = w.unlock(act, factor.TOTP, w.now(seed))
	w.wants(err, fault.Conflict, "not_locked")
}

// A browser's session comes back under another id, with another credential; the old one is gone in the same commit.
func TestS9UnlockingACookieGivesAnotherSession(t *testing.T) {
	w := newWorld(t)
	seed, _ := w.app(w.user)
	for _, test := range []struct{ started, shown string }{{audit.ViaDashboard, audit.ViaDashboard}, {audit.ViaDashboard, audit.ViaAPI}, {audit.ViaAPI, audit.ViaDashboard}} {
		act := w.loginVia(w.user, test.started)
		act.By.Via, act.Via = test.shown, test.shown
		before := w.session(act)
		g, err := w.unlock(act, factor.TOTP, w.now(seed))
		w.wants(err, 0, "")
		if !w.session(act).ID.IsZero() {
			t.Error("the old session is still there")
		}
		after := w.session(w.in(g.Session, test.shown))
		d := g.Credential.Digest()
		if !g.Renewed() || after.ID == before.ID || !d.Equal(&after.Digest) || after.Lock() != scope.Open || !after.Expires.Equal(before.Expires) || after.User != before.User {
			t.Errorf("%+v", after)
		}
		w.clock.Advance(totp.Period)
	}
}

func TestS6EachCodeOnceWhateverTheClockDoes(t *testing.T) {
	w := newWorld(t)
	seed, _ := w.app(w.user)
	code := w.now(seed)
	_, err := w.unlock(w.login(w.user), factor.TOTP, code)
	w.wants(err, 0, "")
	for _, d := range []time.Duration{0, -30 * time.Second, 30 * time.Second, -time.Hour} {
		w.clock.Advance(d)
		_, err := w.unlock(w.login(w.user), factor.TOTP, code)
		w.wrong(err, "factors[0].password")
		if d == -time.Hour {
			_, err = w.unlock(w.login(w.user), factor.TOTP, w.now(seed)) // of a step long before the one that was taken
			w.wrong(err, "factors[0].password")
		}
		w.clock.Advance(-d)
	}
}

// The code that confirmed the app has been used by that.
func TestS6TheCodeThatEnrolledUnlocksNothing(t *testing.T) {
	w := newWorld(t)
	act := w.login(w.user)
	seed := w.begin(act)
	_, err := w.factors.Confirm(t.Context(), act, factor.TOTP, w.now(seed))
	w.wants(err, 0, "")
	_, err = w.unlock(w.login(w.user), factor.TOTP, w.now(seed))
	w.wrong(err, "factors[0].password")
}

func TestS6FiftyUsesOfOneCodeAreOneSuccess(t *testing.T) {
	w := newWorld(t)
	seed, codes := w.app(w.user)
	acts := make([]factor.Act, 50)
	for i := range acts {
		acts[i] = w.login(w.user)
		acts[i].From.IP = "10.0." + strconv.Itoa(i) + ".1"
	}
	code := w.now(seed)
	if won := w.race(50, func(i int) error { _, err := w.unlock(acts[i], factor.TOTP, code); return err }, fault.Unprocessable, fault.TooMany); won != 1 {
		t.Errorf("%d sessions were unlocked by one code", won)
	}
	w.clock.Advance(time.Hour)
	if won := w.race(50, func(i int) error { _, err := w.unlock(w.login(w.user), factor.Recovery, codes[0]); return err }, fault.Unprocessable, fault.TooMany); won != 1 {
		t.Errorf("%d sessions were unlocked by one recovery code", won)
	}
	if n := w.count(audit.CodeUsed); n != 1 {
		t.Errorf("%d events of one recovery code", n)
	}
	if n := w.count(audit.SessionUnlocked); n != 2 {
		t.Errorf("%d sessions were unlocked", n)
	}
}

// In one session, too, and by whichever way it travels: the winner is one.
func TestS6FiftyUsesInOneSessionAreOneSuccess(t *testing.T) {
	for _, via := range []string{audit.ViaAPI, audit.ViaDashboard} {
		w := newWorld(t)
		w.mailFactor(w.user)
		act := w.loginVia(w.user, via)
		_, err := w.factors.Challenge(t.Context(), act, factor.Email)
		w.wants(err, 0, "")
		code := w.mailed(act)
		won := w.race(50, func(int) error { _, err := w.unlock(act, factor.Email, code); return err }, fault.Conflict, fault.Unauthenticated, fault.TooMany, fault.Unprocessable)
		if won != 1 || w.count(audit.SessionUnlocked) != 1 {
			t.Errorf("%s: %d successes, %d events", via, won, w.count(audit.SessionUnlocked))
		}
	}
}

func TestS7FiveWrongOnesEndTheSession(t *testing.T) {
	w := newWorld(t)
	seed, _ := w.app(w.user)
	act := w.login(w.user)
	for range 5 {
		_, err := w.unlock(act, factor.TOTP, "000000")
		w.wrong(err, "factors[0].password")
	}
	if !w.session(act).ID.IsZero() || w.count(audit.FactorRefused) != 1 {
		t.Error("the session is still there, or no event tells of its end")
	}
	if _, err := w.unlock(act, factor.TOTP, w.now(seed)); !fault.Is(err, fault.Unauthenticated) {
		t.Fatal(err)
	}
}

// However many arrive at the same time: a session takes five tries and no more.
func TestS7AHundredGuessesAtOnceAreFive(t *testing.T) {
	w := newWorld(t)
	w.app(w.user)
	act := w.login(w.user)
	var judged atomic.Int64
	w.race(100, func(i int) error {
		act := act
		act.From.IP = "10.0." + strconv.Itoa(i) + ".1" // each from another network, so that only the session counts
		_, err := w.unlock(act, factor.Recovery, "0000-0000-0000-0000")
		if fault.Is(err, fault.Unprocessable) {
			judged.Add(1)
		}
		return err
	}, fault.Unprocessable, fault.Unauthenticated)
	if n := judged.Load(); n != 5 || !w.session(act).ID.IsZero() || w.count(audit.FactorRefused) != 1 {
		t.Errorf("%d guesses were judged, %d events", n, w.count(audit.FactorRefused))
	}
}

// A right one among many wrong ones at the same instant is judged in its turn, not beside them.
func TestS7ARightGuessAfterFiveWrongOnesIsTooLate(t *testing.T) {
	w := newWorld(t)
	_, codes := w.app(w.user)
	act := w.login(w.user)
	fired := false
	w.table.before = func(ops ...table.Op) error {
		for _, op := range ops {
			if op.Key == key.Factors(w.user.ID).Key() && op.Kind == table.KindPut && !fired { // the right one is about to be committed
				fired = true
				w.table.before = nil
				for range 5 {
					_, err := w.unlock(act, factor.Recovery, "0000-0000-0000-0000")
					w.wrong(err, "factors[0].password")
				}
			}
		}
		return nil
	}
	if _, err := w.unlock(act, factor.Recovery, codes[0]); !fault.Is(err, fault.Unauthenticated) || !fired {
		t.Fatalf("%v, %v", err, fired)
	}
	if _, err := w.unlock(w.login(w.user), factor.Recovery, codes[0]); err != nil && !fault.Is(err, fault.TooMany) {
		t.Errorf("the code was used up: %v", err)
	}
}

func TestS7TriesAreForgottenWhenOneIsRight(t *testing.T) {
	w := newWorld(t)
	seed, _ := w.app(w.user)
	act := w.login(w.user)
	for range 4 {
		_, err := w.unlock(act, factor.TOTP, "000000")
		w.wrong(err, "factors[0].password")
	}
	if n := w.session(act).Tries; n != 4 {
		t.Fatalf("%d tries", n)
	}
	_, err := w.unlock(act, factor.TOTP, w.now(seed))
	w.wants(err, 0, "")
	if n := w.session(act).Tries; n != 0 {
		t.Errorf("%d tries are left", n)
	}
}

// What was asked for in one session unlocks no other: not the same user's, and nobody else's.
func TestS7ACodeOfAnotherSessionUnlocksNothing(t *testing.T) {
	w := newWorld(t)
	w.mailFactor(w.user)
	mine, other := w.login(w.user), w.login(w.user)
	for _, act := range []factor.Act{mine, other} {
		_, err := w.factors.Challenge(t.Context(), act, factor.Email)
		w.wants(err, 0, "")
		w.clock.Advance(time.Minute)
	}
	code, otherCode := w.mailed(mine), w.mailed(other)
	if code == otherCode {
		t.Skip("one in a million")
	}
	_, err := w.unlock(mine, factor.Email, otherCode)
	w.wrong(err, "factors[0].password")
	_, err = w.unlock(mine, factor.Email, code)
	w.wants(err, 0, "")
}

func TestS7AnotherTenantsFactorsUnlockNothing(t *testing.T) {
	w := newWorld(t)
	mySeed, myCodes := w.app(w.user)
	_, stranger := w.account("olivia@example.com") // the same person, in another account
	seed, codes := w.app(stranger)
	act := w.login(w.user)
	for kind, code := range map[factor.Name]string{factor.TOTP: w.now(seed), factor.Recovery: codes[0]} {
		_, err := w.unlock(act, kind, code)
		w.wrong(err, "factors[0].password")
	}
	// A session that is told to be another user's is nobody's.
	mixed := act
	mixed.By.User, mixed.By.Account = stranger.ID, stranger.Account
	if _, err := w.unlock(mixed, factor.TOTP, w.now(seed)); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("%v", err)
	}
	_, err := w.unlock(act, factor.TOTP, w.now(mySeed))
	w.wants(err, 0, "")
	_, err = w.unlock(w.login(w.user), factor.Recovery, myCodes[0])
	w.wants(err, 0, "")
}

func TestS7AMailedCodeIsGoodForTenMinutes(t *testing.T) {
	for _, late := range []time.Duration{0, time.Second} {
		w := newWorld(t)
		w.mailFactor(w.user)
		act := w.login(w.user)
		q, err := w.factors.Challenge(t.Context(), act, factor.Email)
		w.wants(err, 0, "")
		code := w.mailed(act)
		w.clock.Advance(q.Until.Sub(w.clock.Now()) - time.Second + late)
		_, err = w.unlock(act, factor.Email, code)
		if late == 0 {
			w.wants(err, 0, "")
		} else {
			w.wrong(err, "factors[0].password")
		}
	}
}

func TestS7ACodeIsMailedAtMostOnceAMinute(t *testing.T) {
	w := newWorld(t)
	w.mailFactor(w.user)
	act := w.login(w.user)
	ask := func() error { _, err := w.factors.Challenge(t.Context(), act, factor.Email); return err }
	w.wants(ask(), 0, "")
	first := w.mailed(act)
	w.clock.Advance(time.Minute - time.Second)
	if err := ask(); !fault.Is(err, fault.TooMany) {
		t.Fatalf("%v", err)
	} else if e, _ := errors.AsType[*fault.Error](err); e.RetryAfter != time.Second {
		t.Errorf("to wait: %v", e.RetryAfter)
	}
	w.clock.Advance(time.Second)
	w.wants(ask(), 0, "")
	if n := len(w.requests(act)); n != 2 {
		t.Errorf("%d mails are owed", n)
	}
	// The first mail, coming late, is not sent any more; and its code has been replaced.
	if _, _, owed, err := w.factors.Enclose(t.Context(), w.requests(act)[1]); owed || err != nil {
		t.Errorf("the former mail is still owed: %v", err)
	}
	if second := w.mailed(act); first != second {
		_, err := w.unlock(act, factor.Email, first)
		w.wrong(err, "factors[0].password")
	}
	if won := w.race(50, func(int) error { w.clock.Advance(0); return ask() }, fault.TooMany); won != 0 {
		t.Errorf("%d more codes at once", won)
	}
	w.clock.Advance(time.Minute)
	if won := w.race(50, func(int) error { return ask() }, fault.TooMany); won != 1 {
		t.Errorf("%d codes at once", won)
	}
}

// Mails may be sent twice where a sender dies; of one request the last three codes work, and each ends them all.
func TestAMailSentTwiceHasTwoCodesThatWork(t *testing.T) {
	w := newWorld(t)
	w.mailFactor(w.user)
	act := w.login(w.user)
	_, err := w.factors.Challenge(t.Context(), act, factor.Email)
	w.wants(err, 0, "")
	codes := []string{w.mailed(act), w.mailed(act), w.mailed(act), w.mailed(act)}
	_, err = w.unlock(act, factor.Email, codes[0])
	w.wrong(err, "factors[0].password")
	_, err = w.unlock(act, factor.Email, codes[1][:3]+" "+codes[1][3:])
	w.wants(err, 0, "")
	if _, _, owed, err := w.factors.Enclose(t.Context(), w.requests(act)[0]); owed || err != nil {
		t.Errorf("a code is mailed for what is done: %v, %v", owed, err)
	}
}

func TestACodeThatComesTooLateIsNotMailed(t *testing.T) {
	w := newWorld(t)
	w.mailFactor(w.user)
	act := w.login(w.user)
	_, err := w.factors.Challenge(t.Context(), act, factor.Email)
	w.wants(err, 0, "")
	e := w.requests(act)[0]
	w.clock.Advance(factor.CodeLife)
	if _, _, owed, err := w.factors.Enclose(t.Context(), e); owed || err != nil {
		t.Errorf("after its time: %v, %v", owed, err)
	}
	forged := e
	forged.Subject.ID = token.NewName("usr_")
	w.clock.Advance(-time.Minute)
	if _, _, owed, _ := w.factors.Enclose(t.Context(), forged); owed {
		t.Error("for another user")
	}
	w.commit(w.session(act).Delete()...)
	if _, _, owed, _ := w.factors.Enclose(t.Context(), e); owed {
		t.Error("for a session that has ended")
	}
}

func TestRecoveryCodesAreReadAsPeopleTypeThem(t *testing.T) {
	w := newWorld(t)
	_, codes := w.app(w.user)
	if len(codes) != 10 {
		t.Fatalf("%d codes", len(codes))
	}
	for i, typed := range []string{codes[0], strings.ToLower(codes[1]), strings.ReplaceAll(codes[2], "-", ""), strings.ReplaceAll(codes[3], "-", " "), strings.ReplaceAll(codes[4], "0", "O"), strings.ReplaceAll(codes[5], "1", "l")} {
		_, err := w.unlock(w.login(w.user), factor.Recovery, typed)
		if err != nil {
			t.Errorf("code %d: %v", i, err)
		}
		_, err = w.unlock(w.login(w.user), factor.Recovery, typed)
		w.wrong(err, "factors[0].password")
	}
	r, err := w.factors.Of(t.Context(), w.user.ID)
	if err != nil || r.RecoveryCodes() != 4 {
		t.Errorf("%d are left, %v", r.RecoveryCodes(), err)
	}
	seen := map[string]bool{}
	for _, c := range codes {
		if seen[c] || len(strings.ReplaceAll(c, "-", "")) != 16 { // of 5 bits each
			t.Errorf("%d characters", len(c))
		}
		seen[c] = true
	}
}

func TestR2WhatIsNoListOfFactorsIsRefusedByField(t *testing.T) {
	w := newWorld(t)
	seed, codes := w.app(w.user)
	act := w.login(w.user)
	totpNow := func() factor.Proof { return factor.Proof{Factor: factor.TOTP, Password: w.now(seed)} }
	for _, test := range []struct {
		name        string
		shown       []factor.Proof
		field, code string
	}{
		{"none", nil, "factors", "required"},
		{"five", []factor.Proof{totpNow(), {Factor: factor.Email, Password: "1"}, {Factor: factor.Recovery, Password: "1"}, {Factor: factor.Passkey, Credential: []byte("{}")}, totpNow()}, "factors", "too_many"},
		{"unknown", []factor.Proof{{Factor: "sms", Password: "1"}}, "factors[0].factor", "unknown_value"},
		{"no name", []factor.Proof{{Password: "1"}}, "factors[0].factor", "required"},
		{"twice", []factor.Proof{totpNow(), totpNow()}, "factors[1].factor", "duplicate"},
		{"no code", []factor.Proof{{Factor: factor.TOTP}}, "factors[0].password", "required"},
		{"a passkey without an answer", []factor.Proof{{Factor: factor.Passkey}}, "factors[0].credential", "required"},
		{"a passkey with a code", []factor.Proof{{Factor: factor.Passkey, Password: "1", Credential: []byte("{}")}}, "factors[0].password", "unknown_field"},
		{"a code with an answer", []factor.Proof{{Factor: factor.TOTP, Password: "1", Credential: []byte("{}")}}, "factors[0].credential", "unknown_field"},
		{"far too long", []factor.Proof{{Factor: factor.TOTP, Password: strings.Repeat("1", 101)}}, "factors[0].password", "too_long"},
	} {
		_, err := w.factors.Unlock(t.Context(), act, test.shown)
		e, ok := errors.AsType[*fault.Error](err)
		if !ok || e.Kind != fault.Invalid || e.Fields[0].Name != test.field || e.Fields[0].Code != test.code {
			t.Errorf("%s: %v", test.name, err)
		}
	}
	if n := w.session(act).Tries; n != 0 {
		t.Errorf("%d tries were counted", n)
	}
	// A wrong one among several refuses them all, and uses none up.
	_, err := w.factors.Unlock(t.Context(), act, []factor.Proof{totpNow(), {Factor: factor.Recovery, Password: "0000"}})
	w.wrong(err, "factors[1].password")
	_, err = w.factors.Unlock(t.Context(), act, []factor.Proof{{Factor: factor.Recovery, Password: codes[0]}, {Factor: factor.Email, Password: "123456"}})
	w.wrong(err, "factors[1].password")
	_, err = w.factors.Unlock(t.Context(), act, []factor.Proof{{Factor: factor.Recovery, Password: codes[0]}, totpNow()})
	w.wants(err, 0, "")
}

func TestR2ATokenHasNothingToUnlock(t *testing.T) {
	w := newWorld(t)
	act := w.login(w.user)
	act.By.Kind = token.API
	_, err := w.unlock(act, factor.TOTP, "123456")
	w.wants(err, fault.Forbidden, string(scope.NeedsASession))
	_, err = w.factors.Challenge(t.Context(), act, factor.Email)
	w.wants(err, fault.Forbidden, string(scope.NeedsASession))
}

func TestAChallengeIsForWhatIsEnrolled(t *testing.T) {
	w := newWorld(t)
	w.app(w.user)
	act := w.login(w.user)
	for _, kind := range []factor.Name{factor.Email, factor.Passkey} {
		_, err := w.factors.Challenge(t.Context(), act, kind)
		w.wants(err, fault.Unprocessable, "not_enrolled")
	}
	for _, kind := range []factor.Name{factor.TOTP, factor.Recovery, "sms"} {
		_, err := w.factors.Challenge(t.Context(), act, kind)
		w.wants(err, fault.Invalid, "unknown_value")
	}
	_, err := w.factors.Challenge(t.Context(), act, "")
	w.wants(err, fault.Invalid, "required")
}

// A key service that cannot be asked decides nothing: the try is not counted, the session stays.
func TestS25WithoutTheKeyServiceNothingIsDecided(t *testing.T) {
	w := newWorld(t)
	seed, _ := w.app(w.user)
	act := w.login(w.user)
	w.keys.fail = fault.Retry(errors.New("no key service"))
	for range 20 {
		if _, err := w.unlock(act, factor.TOTP, w.now(seed)); !fault.Is(err, fault.Unavailable) {
			t.Fatal(err)
		}
	}
	w.keys.fail = nil
	if n := w.session(act).Tries; n != 0 {
		t.Errorf("%d tries", n)
	}
	_, err := w.unlock(act, factor.TOTP, w.now(seed))
	w.wants(err, 0, "")
}

// A seed that was put into another user's record does not open there.
func TestS30ASeedOfAnotherUserDoesNotOpen(t *testing.T) {
	w := newWorld(t)
	other := w.person(w.acc, "otto@example.com")
	seed, codes := w.app(w.user)
	w.app(other)
	items, err := w.bolt.Get(t.Context(), key.Factors(w.user.ID).Key(), key.Factors(other.ID).Key())
	w.wants(err, 0, "")
	moved := items[1]
	moved["totp"], moved["codes"] = items[0]["totp"], items[0]["codes"]
	w.commit(table.Replace(moved, moved.Version()))
	if _, err := w.unlock(w.login(other), factor.TOTP, w.now(seed)); err == nil || fault.Is(err, fault.Unprocessable) {
		t.Errorf("%v", err)
	}
	_, err = w.unlock(w.login(other), factor.Recovery, codes[0])
	w.wrong(err, "factors[0].password")
}

// Guessing a code is slowed down over all networks; but who has a recovery code or a passkey is never held out by that.
func TestS4GuessingIsSlowedDownForAUserAndNobodyIsHeldOut(t *testing.T) {
	w := newWorld(t)
	seed, codes := w.app(w.user)
	refused, slowed := 0, 0
	for i := range 130 {
		act := w.login(w.user)
		act.From.IP = "10.0." + strconv.Itoa(i) + ".1" // each from another network
		_, err := w.unlock(act, factor.TOTP, "000000")
		switch {
		case fault.Is(err, fault.Unprocessable):
			refused++
		case fault.Is(err, fault.TooMany):
			slowed++
		default:
			t.Fatal(err)
		}
	}
	if refused < 100 || refused > 101 || slowed < 29 {
		t.Errorf("%d refused, %d slowed down", refused, slowed)
	}
	if _, err := w.unlock(w.login(w.user), factor.TOTP, w.now(seed)); !fault.Is(err, fault.TooMany) {
		t.Errorf("a code: %v", err)
	} else if e, _ := errors.AsType[*fault.Error](err); e.RetryAfter > time.Minute {
		t.Errorf("to wait: %v", e.RetryAfter)
	}
	_, err := w.unlock(w.login(w.user), factor.Recovery, codes[0])
	w.wants(err, 0, "")
	w.clock.Advance(time.Minute)
	_, err = w.unlock(w.login(w.user), factor.TOTP, w.now(seed))
	w.wants(err, 0, "")
}

// A user who was disabled while the code was on its way is not unlocked; nor one of an account that was suspended.
func TestP1WhoMayNotActAnyMoreIsNotUnlocked(t *testing.T) {
	for name, change := range map[string]func(*world){
		"user": func(w *world) {
			_, u, _ := (&account.Accounts{Table: w.bolt}).WithUser(w.Context(), w.acc.ID, w.user.ID)
			u.Status = account.Disabled
			w.commit(u.Replace())
		},
		"account": func(w *world) {
			acc, _ := (&account.Accounts{Table: w.bolt}).Get(w.Context(), w.acc.ID)
			acc.Status = account.Suspended
			w.commit(acc.Replace())
		},
	} {
		w := newWorld(t)
		_, codes := w.app(w.user)
		act := w.login(w.user)
		w.table.before = func(ops ...table.Op) error {
			for _, op := range ops {
				if op.Key == key.Factors(w.user.ID).Key() && op.Kind == table.KindPut {
					w.table.before = nil
					change(w)
				}
			}
			return nil
		}
		if _, err := w.unlock(act, factor.Recovery, codes[0]); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("%s: %v", name, err)
		}
		if w.session(act).Factor {
			t.Errorf("%s: the session counts as unlocked", name)
		}
	}
}
