package factor_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/factor"
	"keyfob/internal/fault"
	"keyfob/internal/scope"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
	"keyfob/internal/totp"
)

// With the first factor come ten recovery codes, the session goes on, and all others of the user are locked before the
// answer.
func TestS6TheFirstFactorLocksTheOtherSessions(t *testing.T) {
	w := newWorld(t)
	act, other, cookie := w.login(w.user), w.login(w.user), w.loginVia(w.user, audit.ViaDashboard)
	seed := w.begin(act)
	if w.lock(other) != scope.Open {
		t.Fatal("what is only begun is in force")
	}
	e, err := w.factors.Confirm(t.Context(), act, factor.TOTP, w.now(seed))
	w.wants(err, 0, "")
	if len(e.Codes) != 10 || e.Factor != factor.TOTP || e.Renewed() || !w.session(act).Factor || w.lock(act) != scope.Open {
		t.Errorf("%+v", w.session(act))
	}
	if w.lock(other) != scope.Locked || w.lock(cookie) != scope.Locked || w.lock(w.login(w.user)) != scope.Locked {
		t.Error("another session is open")
	}
	_, u, err := (&account.Accounts{Table: w.bolt}).WithUser(t.Context(), w.acc.ID, w.user.ID)
	if err != nil || !u.Factors || u.Behind {
		t.Errorf("%v, %v, %v", u.Factors, u.Behind, err)
	}
	if w.count(audit.FactorEnrolled) != 1 {
		t.Error("no event tells of it")
	}
	w.clock.Advance(time.Minute)
	if _, err := w.factors.EnrolEmail(t.Context(), act); err != nil {
		t.Fatal(err)
	}
	second, err := w.factors.Confirm(t.Context(), act, factor.Email, w.mailed(act))
	if err != nil || second.Codes != nil {
		t.Errorf("the second factor came with %d codes, %v", len(second.Codes), err)
	}
}

func TestS12EnrollingAndRemovingTakeALoginOfFiveMinutes(t *testing.T) {
	w := newWorld(t)
	seed, _ := w.app(w.user)
	act := w.login(w.user)
	_, err := w.unlock(act, factor.TOTP, w.now(seed))
	w.wants(err, 0, "")
	act = w.in(w.session(act), audit.ViaAPI)
	steps := map[string]func(factor.Act) error{
		"enrol totp":     func(a factor.Act) error { _, err := w.factors.EnrolTOTP(t.Context(), a); return err },
		"enrol email":    func(a factor.Act) error { _, err := w.factors.EnrolEmail(t.Context(), a); return err },
		"enrol passkey":  func(a factor.Act) error { _, err := w.factors.EnrolPasskey(t.Context(), a); return err },
		"remove totp":    func(a factor.Act) error { return w.factors.Remove(t.Context(), a, factor.TOTP) },
		"remove email":   func(a factor.Act) error { return w.factors.Remove(t.Context(), a, factor.Email) },
		"remove passkey": func(a factor.Act) error { return w.factors.RemovePasskey(t.Context(), a, "psk_x") },
		"renew codes":    func(a factor.Act) error { _, err := w.factors.RenewCodes(t.Context(), a); return err },
	}
	w.clock.Advance(authority.FreshLogin + time.Second)
	for name, step := range steps {
		if e, _ := errors.AsType[*fault.Error](step(act)); e == nil || e.Code != "fresh_login_required" || e.Kind != fault.Forbidden {
			t.Errorf("%s, a second too late: %v", name, e)
		}
	}
	w.clock.Advance(-time.Second)
	for name, step := range steps {
		if e, _ := errors.AsType[*fault.Error](step(act)); e != nil && e.Kind == fault.Forbidden {
			t.Errorf("%s, in time: %v", name, e)
		}
	}
}

func TestS7ALockedSessionEnrolsAndRemovesNothing(t *testing.T) {
	w := newWorld(t)
	seed, _ := w.app(w.user)
	act := w.login(w.user)
	for name, step := range map[string]func() error{
		"show":            func() error { _, err := w.factors.Mine(t.Context(), act); return err },
		"enrol email":     func() error { _, err := w.factors.EnrolEmail(t.Context(), act); return err },
		"enrol passkey":   func() error { _, err := w.factors.EnrolPasskey(t.Context(), act); return err },
		"confirm":         func() error { _, err := w.factors.Confirm(t.Context(), act, factor.Email, "123456"); return err },
		"confirm passkey": func() error { _, err := w.factors.ConfirmPasskey(t.Context(), act, "x", []byte("{}")); return err },
		"remove":          func() error { return w.factors.Remove(t.Context(), act, factor.TOTP) },
		"renew codes":     func() error { _, err := w.factors.RenewCodes(t.Context(), act); return err },
		"step up": func() error {
			_, err := w.factors.StepUp(t.Context(), act, password, []factor.Proof{{Factor: factor.TOTP, Password: w.now(seed)}})
			return err
		},
	} {
		if e, _ := errors.AsType[*fault.Error](step()); e == nil || e.Code != string(scope.SessionLocked) {
			t.Errorf("%s: %v", name, e)
		}
	}
}

// What was begun in a session that was open cannot be confirmed there once another has put a factor in force.
func TestS7WhatWasBegunBeforeTheLockIsNotConfirmedAfterIt(t *testing.T) {
	w := newWorld(t)
	act, intruder := w.login(w.user), w.login(w.user)
	theirs := w.begin(intruder)
	mine := w.begin(act)
	_, err := w.factors.Confirm(t.Context(), act, factor.TOTP, w.now(mine))
	w.wants(err, 0, "")
	_, err = w.factors.Confirm(t.Context(), intruder, factor.TOTP, w.now(theirs))
	w.wants(err, fault.Forbidden, string(scope.SessionLocked))
	// Nor at the same instant.
	w = newWorld(t)
	acts := []factor.Act{w.login(w.user), w.login(w.user), w.login(w.user), w.login(w.user)}
	var seeds []totp.Secret
	for _, a := range acts {
		seeds = append(seeds, w.begin(a))
	}
	won := w.race(len(acts), func(i int) error {
		_, err := w.factors.Confirm(t.Context(), acts[i], factor.TOTP, w.now(seeds[i]))
		return err
	}, fault.Forbidden, fault.Unprocessable)
	if won != 1 || w.count(audit.FactorEnrolled) != 1 {
		t.Errorf("%d enrolments at once", won)
	}
	open := 0
	for _, a := range acts {
		if w.lock(a) == scope.Open {
			open++
		}
	}
	if open != 1 {
		t.Errorf("%d sessions are open", open)
	}
}

func TestAnEnrolmentEndsAfterTenMinutesAndFiveWrongCodes(t *testing.T) {
	w := newWorld(t)
	confirm := func(act factor.Act, code string) error {
		_, err := w.factors.Confirm(t.Context(), act, factor.TOTP, code)
		return err
	}
	act := w.login(w.user)
	seed := w.begin(act)
	w.clock.Advance(factor.CodeLife)
	w.wrong(confirm(act, w.now(seed)), "code")

	act = w.login(w.user)
	seed = w.begin(act)
	for range 5 {
		w.wrong(confirm(act, "000000"), "code")
	}
	w.wrong(confirm(act, w.now(seed)), "code")

	seed = w.begin(act)
	replaced := seed
	seed = w.begin(act)
	w.wrong(confirm(act, w.now(replaced)), "code")
	w.clock.Advance(factor.CodeLife - time.Second)
	w.wants(confirm(act, w.now(seed)), 0, "")
	_, err := w.factors.EnrolTOTP(t.Context(), w.unlocked(seed))
	w.wants(err, fault.Conflict, "enrolled")
}

// unlocked gives an act in a session that was unlocked by the app.
func (w *world) unlocked(seed totp.Secret) factor.Act {
	w.Helper()
	w.clock.Advance(totp.Period)
	act := w.login(w.user)
	if _, err := w.unlock(act, factor.TOTP, w.now(seed)); err != nil {
		w.Fatal(err)
	}
	return act
}

// A code that was mailed to unlock confirms nothing, and one that was mailed to enrol unlocks nothing.
func TestS7CodesOfAnotherPurposeAreWrong(t *testing.T) {
	w := newWorld(t)
	seed, _ := w.app(w.user)
	act := w.unlocked(seed)
	_, err := w.factors.EnrolEmail(t.Context(), act)
	w.wants(err, 0, "")
	_, err = w.factors.StepUp(t.Context(), act, password, []factor.Proof{{Factor: factor.Email, Password: w.mailed(act)}})
	w.wrong(err, "factors[0].password")
	e, err := w.factors.Confirm(t.Context(), act, factor.Email, w.mailed(act))
	if err != nil || e.Codes != nil {
		t.Fatalf("%v", err)
	}
	w.clock.Advance(time.Minute)
	_, err = w.factors.Challenge(t.Context(), act, factor.Email)
	w.wants(err, 0, "")
	code := w.mailed(act)
	w.wants(w.factors.Remove(t.Context(), act, factor.Email), 0, "")
	_, err = w.factors.Confirm(t.Context(), act, factor.Email, code)
	w.wrong(err, "code")
}

func TestSkippedStepsLeadNowhere(t *testing.T) {
	w := newWorld(t)
	act := w.login(w.user)
	for _, kind := range []factor.Name{factor.TOTP, factor.Email} {
		_, err := w.factors.Confirm(t.Context(), act, kind, "123456")
		w.wrong(err, "code")
	}
	_, err := w.factors.ConfirmPasskey(t.Context(), act, "Laptop", []byte(`{"id":"x"}`))
	w.wrong(err, "credential")
	w.wants(w.factors.Remove(t.Context(), act, factor.TOTP), fault.NotFound, "not_found")
	w.wants(w.factors.RemovePasskey(t.Context(), act, "psk_none"), fault.NotFound, "not_found")
	_, err = w.factors.RenewCodes(t.Context(), act)
	w.wants(err, fault.Conflict, "no_factor")
	_, err = w.unlock(act, factor.TOTP, "123456")
	w.wants(err, fault.Conflict, "not_locked")
}

// Where the account asks for a factor, a login without one can enrol and do nothing else; having enrolled, it is open, and
// where a browser holds it, under another id.
func TestAnAccountThatAsksForAFactorLetsItBeEnrolled(t *testing.T) {
	for _, via := range []string{audit.ViaAPI, audit.ViaDashboard} {
		w := newWorld(t)
		w.policy(true)
		act := w.loginVia(w.user, via)
		if w.lock(act) != scope.Enrol {
			t.Fatalf("the lock is %q", w.lock(act))
		}
		_, err := w.unlock(act, factor.TOTP, "123456")
		w.wants(err, fault.Forbidden, string(scope.NeedsFactor))
		_, err = w.factors.StepUp(t.Context(), act, password, nil)
		w.wants(err, fault.Forbidden, string(scope.NeedsFactor))
		w.wants(w.factors.Remove(t.Context(), act, factor.TOTP), fault.Forbidden, string(scope.NeedsFactor))
		mine, err := w.factors.Mine(t.Context(), act)
		if err != nil || !mine.Required {
			t.Errorf("%+v, %v", mine, err)
		}
		seed := w.begin(act)
		e, err := w.factors.Confirm(t.Context(), act, factor.TOTP, w.now(seed))
		w.wants(err, 0, "")
		if e.Renewed() != (via == audit.ViaDashboard) || w.lock(w.in(e.Session, via)) != scope.Open || e.Renewed() && !w.session(act).ID.IsZero() {
			t.Errorf("%s: renewed %v, lock %q", via, e.Renewed(), w.lock(w.in(e.Session, via)))
		}
		w.wants(w.factors.Remove(t.Context(), w.in(e.Session, via), factor.TOTP), fault.Conflict, "factor_required")
	}
}

// Of two factors one may go, whichever is asked first; both at once may not.
func TestTheLastFactorStaysWhereTheAccountAsksForOne(t *testing.T) {
	w := newWorld(t)
	seed, _ := w.app(w.user)
	act := w.unlocked(seed)
	_, err := w.factors.EnrolEmail(t.Context(), act)
	w.wants(err, 0, "")
	_, err = w.factors.Confirm(t.Context(), act, factor.Email, w.mailed(act))
	w.wants(err, 0, "")
	w.policy(true)
	kinds := []factor.Name{factor.TOTP, factor.Email}
	if won := w.race(50, func(i int) error { return w.factors.Remove(t.Context(), act, kinds[i%2]) }, fault.Conflict, fault.NotFound); won != 1 {
		t.Errorf("%d were removed", won)
	}
	if r, _ := w.factors.Of(t.Context(), w.user.ID); len(r.Names(w.user)) != 2 { // one, and the recovery codes
		t.Errorf("left: %v", r.Names(w.user))
	}
}

// Without a policy the last may go; the codes go with it, and sessions that were locked by it are open.
func TestRemovingTheLastFactorUnlocksAllSessions(t *testing.T) {
	w := newWorld(t)
	seed, codes := w.app(w.user)
	act, other := w.unlocked(seed), w.login(w.user)
	w.wants(w.factors.Remove(t.Context(), act, factor.TOTP), 0, "")
	if w.lock(other) != scope.Open || w.count(audit.FactorRemoved) != 1 {
		t.Errorf("lock %q, %d events", w.lock(other), w.count(audit.FactorRemoved))
	}
	items, err := w.bolt.Get(t.Context(), key.Factors(w.user.ID).Key())
	if err != nil || items[0] != nil {
		t.Error("the record is still there")
	}
	fresh, more := w.app(w.user)
	w.wrong(func() error { _, err := w.unlock(w.login(w.user), factor.Recovery, codes[0]); return err }(), "factors[0].password")
	_, err = w.unlock(w.login(w.user), factor.Recovery, more[0])
	w.wants(err, 0, "")
	_, err = w.unlock(w.login(w.user), factor.TOTP, w.now(seed))
	w.wrong(err, "factors[0].password")
	_, err = w.unlock(w.login(w.user), factor.TOTP, w.now(fresh))
	w.wants(err, 0, "")
}

// A factor that is removed while it is being shown unlocks nothing.
func TestAFactorThatIsRemovedMeanwhileUnlocksNothing(t *testing.T) {
	w := newWorld(t)
	seed, _ := w.app(w.user)
	owner := w.unlocked(seed)
	w.clock.Advance(totp.Period)
	_, err := w.factors.EnrolEmail(t.Context(), owner)
	w.wants(err, 0, "")
	_, err = w.factors.Confirm(t.Context(), owner, factor.Email, w.mailed(owner))
	w.wants(err, 0, "")
	w.clock.Advance(time.Minute)
	act := w.login(w.user)
	_, err = w.factors.Challenge(t.Context(), act, factor.Email)
	w.wants(err, 0, "")
	code := w.mailed(act)
	w.table.before = func(ops ...table.Op) error {
		for _, op := range ops {
			if op.Key == (key.Challenge{Session: act.By.ID.String(), Factor: "email"}.Key()) {
				w.table.before = nil
				w.wants(w.factors.Remove(t.Context(), owner, factor.Email), 0, "")
			}
		}
		return nil
	}
	_, err = w.unlock(act, factor.Email, code)
	w.wrong(err, "factors[0].password")
}

// What was confirmed once is not confirmed again, when the factor has been removed since.
func TestAnEnrolmentIsConfirmedOnce(t *testing.T) {
	w := newWorld(t)
	act := w.login(w.user)
	seed := w.begin(act)
	_, err := w.factors.EnrolEmail(t.Context(), act)
	w.wants(err, 0, "")
	codes := map[factor.Name]string{factor.TOTP: w.now(seed), factor.Email: w.mailed(act)}
	for kind, code := range codes {
		_, err := w.factors.Confirm(t.Context(), act, kind, code)
		w.wants(err, 0, "")
	}
	for kind, code := range codes {
		w.wants(w.factors.Remove(t.Context(), act, kind), 0, "")
		_, err := w.factors.Confirm(t.Context(), act, kind, code)
		w.wrong(err, "code")
	}
}

func TestOtherRecoveryCodesEndTheOldOnes(t *testing.T) {
	w := newWorld(t)
	seed, old := w.app(w.user)
	codes, err := w.factors.RenewCodes(t.Context(), w.unlocked(seed))
	if err != nil || len(codes) != 10 || w.count(audit.CodesRenewed) != 1 {
		t.Fatalf("%d codes, %v", len(codes), err)
	}
	_, err = w.unlock(w.login(w.user), factor.Recovery, old[0])
	w.wrong(err, "factors[0].password")
	_, err = w.unlock(w.login(w.user), factor.Recovery, codes[9])
	w.wants(err, 0, "")
}

func TestS12AStepUpMakesTheLoginFresh(t *testing.T) {
	w := newWorld(t)
	plain := w.login(w.user)
	w.clock.Advance(time.Hour)
	g, err := w.factors.StepUp(t.Context(), plain, password, nil)
	w.wants(err, 0, "")
	if s := w.session(plain); !s.Proven.Equal(w.clock.Now()) || s.Factor || g.Renewed() || w.count(audit.SessionProven) != 1 {
		t.Errorf("%+v", s)
	}
	_, err = w.factors.StepUp(t.Context(), plain, "wrong", nil)
	w.wants(err, fault.Unprocessable, "wrong_password")

	seed, _ := w.app(w.user)
	act := w.unlocked(seed)
	w.clock.Advance(time.Hour)
	_, err = w.factors.StepUp(t.Context(), act, password, nil)
	w.wants(err, fault.Invalid, "required")
	_, err = w.factors.StepUp(t.Context(), act, "wrong", []factor.Proof{{Factor: factor.TOTP, Password: w.now(seed)}})
	w.wants(err, fault.Unprocessable, "wrong_password")
	_, err = w.factors.StepUp(t.Context(), act, password, []factor.Proof{{Factor: factor.TOTP, Password: "000000"}})
	w.wrong(err, "factors[0].password")
	_, err = w.factors.StepUp(t.Context(), act, password, []factor.Proof{{Factor: factor.TOTP, Password: w.now(seed)}})
	w.wants(err, 0, "")
	if s := w.session(act); !s.Proven.Equal(w.clock.Now()) || s.Tries != 0 {
		t.Errorf("%+v", s)
	}
	w.clock.Advance(totp.Period)
	cookie := w.loginVia(w.user, audit.ViaDashboard)
	g, err = w.unlock(cookie, factor.TOTP, w.now(seed))
	w.wants(err, 0, "")
	w.clock.Advance(totp.Period)
	g, err = w.factors.StepUp(t.Context(), w.in(g.Session, audit.ViaDashboard), password, []factor.Proof{{Factor: factor.TOTP, Password: w.now(seed)}})
	if err != nil || !g.Renewed() {
		t.Errorf("a cookie's session was not renewed: %v", err)
	}
}

// A code by mail is asked for with the login itself where it is all there is.
func TestALoginThatOnlyAMailedCodeUnlocksAsksForIt(t *testing.T) {
	w := newWorld(t)
	ask := func() []table.Op {
		r, err := w.factors.Of(t.Context(), w.user.ID)
		if err != nil {
			t.Fatal(err)
		}
		return r.Ask(w.session(w.login(w.user)), w.user, audit.Actor{User: w.user.ID}, audit.Origin{}, w.clock.Now())
	}
	if ask() != nil {
		t.Error("without a factor")
	}
	w.mailFactor(w.user)
	act := w.login(w.user)
	r, err := w.factors.Of(t.Context(), w.user.ID)
	w.wants(err, 0, "")
	w.commit(r.Ask(w.session(act), w.user, audit.Actor{User: w.user.ID}, audit.Origin{}, w.clock.Now())...)
	_, err = w.unlock(act, factor.Email, w.mailed(act))
	w.wants(err, 0, "")
	w.clock.Advance(2 * time.Minute)
	seed := w.begin(act)
	_, err = w.factors.Confirm(t.Context(), act, factor.TOTP, w.now(seed))
	w.wants(err, 0, "")
	if ask() != nil {
		t.Error("with an app besides")
	}
}

func TestForgettingFactorsLeavesNothing(t *testing.T) {
	w := newWorld(t)
	w.app(w.user)
	_, u, err := (&account.Accounts{Table: w.bolt}).WithUser(t.Context(), w.acc.ID, w.user.ID)
	w.wants(err, 0, "")
	u, op := factor.Forget(u)
	w.commit(op, u.Replace())
	if r, err := w.factors.Of(t.Context(), w.user.ID); err != nil || len(r.Names(w.user)) != 0 || u.Factors || !u.Behind {
		t.Errorf("%v, %v", r.Names(w.user), err)
	}
}

// Of a seed, a code or a recovery code nothing is stored by which anybody could use it, not even for a moment, and no event
// or error tells of one.
func TestS14NothingStoredUnlocksAnything(t *testing.T) {
	w := newWorld(t)
	act := w.login(w.user)
	seed := w.begin(act)
	used := w.now(seed)
	e, err := w.factors.Confirm(t.Context(), act, factor.TOTP, used)
	w.wants(err, 0, "")
	canaries := append([]string{seed.Text(), string(seed)}, e.Codes...)
	for _, c := range e.Codes {
		canaries = append(canaries, strings.ReplaceAll(c, "-", ""))
	}
	w.clock.Advance(time.Minute)
	_, err = w.factors.EnrolEmail(t.Context(), act)
	w.wants(err, 0, "")
	mailed := w.mailed(act)
	_, err = w.factors.Confirm(t.Context(), act, factor.Email, mailed)
	w.wants(err, 0, "")
	more, err := w.factors.RenewCodes(t.Context(), act)
	w.wants(err, 0, "")
	canaries = append(canaries, more...)
	locked := w.login(w.user)
	_, err = w.unlock(locked, factor.Recovery, more[0])
	w.wants(err, 0, "")
	var errs []string
	for _, c := range canaries[:3] {
		_, err := w.unlock(w.login(w.user), factor.Recovery, c+"x")
		errs = append(errs, fmt.Sprintf("%v %+v", err, err))
	}
	stored := w.dump() + strings.Join(errs, "\n")
	if !strings.Contains(stored, w.user.ID) {
		t.Fatal("the dump is empty")
	}
	for i, c := range canaries {
		if strings.Contains(stored, c) {
			t.Errorf("canary %d is in the table, in an event or in an error", i)
		}
	}
	for _, line := range bytes.Split([]byte(stored), []byte("\n")) {
		if s := string(line); s == mailed || s == used {
			t.Error("a code is stored as it is")
		}
	}
}

// An error between the decision and its carrying leaves the factor in force, and what is left to be carried marked.
func TestP1AnInterruptedEnrolmentIsFinishedByTheNextRun(t *testing.T) {
	w := newWorld(t)
	act, other := w.login(w.user), w.login(w.user)
	seed := w.begin(act)
	w.table.before = func(ops ...table.Op) error {
		for _, op := range ops {
			if op.Key == key.Session(other.By.ID.String()).Key() {
				return fault.Retry(errors.New("the table is gone"))
			}
		}
		return nil
	}
	if _, err := w.factors.Confirm(t.Context(), act, factor.TOTP, w.now(seed)); !fault.Is(err, fault.Unavailable) {
		t.Fatal(err)
	}
	_, u, err := (&account.Accounts{Table: w.bolt}).WithUser(t.Context(), w.acc.ID, w.user.ID)
	if err != nil || !u.Factors || !u.Behind {
		t.Errorf("factors %v, behind %v", u.Factors, u.Behind)
	}
}
