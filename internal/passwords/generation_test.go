package passwords_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/factor"
	"keyfob/internal/fault"
	"keyfob/internal/login"
	"keyfob/internal/session"
	"keyfob/internal/standing"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
)

// cookie starts a session of the user that a browser holds.
func (w *world) cookie(u account.User) (authority.Principal, token.Credential) {
	w.Helper()
	_, c, err := (&session.Sessions{Table: w.table, Now: w.now}).Start(w.Context(), w.form, session.Basis{
		Account: u.Account, User: u.ID, Standing: standing.Of(w.acc, u), Life: account.DefaultSessionLife,
	}, audit.ViaDashboard, audit.Origin{IP: "192.0.2.66"})
	if err != nil {
		w.Fatal(err)
	}
	p, denied := w.verify(c)
	if denied != authority.None {
		w.Fatal(denied)
	}
	p.Via = audit.ViaDashboard
	return p, c
}

func (w *world) verify(c token.Credential) (authority.Principal, authority.Denial) {
	w.Helper()
	p, denied, err := (&authority.Authority{Table: w.table, Now: w.now, Form: w.form}).Verify(context.WithoutCancel(w.Context()), c.Plaintext().Reveal())
	if err != nil {
		w.Fatal(err)
	}
	return p, denied
}

// refuses reports whether the session would be let through, were its credential presented.
func (w *world) refuses(p authority.Principal) bool {
	w.Helper()
	items, err := w.table.Get(w.Context(), p.Record())
	if err != nil {
		w.Fatal(err)
	}
	_, err = p.Still(items[0], w.now())
	return fault.Is(err, fault.Unauthenticated)
}

// listed is a table on which something happens right after a user's sessions were listed.
type listed struct {
	table.Table
	after func()
}

func (l *listed) Query(ctx context.Context, q table.Query) (table.Page, error) {
	page, err := l.Table.Query(ctx, q)
	if after := l.after; after != nil && strings.HasPrefix(q.PK, key.PrefixUserSessions) {
		l.after = nil
		after()
	}
	return page, err
}

// gated proves a password, and then waits to go on.
type gated struct {
	factor.Prover
	proved, goOn chan struct{}
}

func (g gated) Prove(ctx context.Context, by authority.Principal, plain string, from audit.Origin) (int64, error) {
	generation, err := g.Prover.Prove(ctx, by, plain, from)
	close(g.proved)
	<-g.goOn
	return generation, err
}

func (w *world) factors() *factor.Factors {
	logins := &login.Logins{
		Form: w.form, Now: w.now, Accounts: &account.Accounts{Table: w.table}, Sessions: &session.Sessions{Table: w.table, Now: w.now},
		Hasher: w.Hasher, Throttle: w.Throttle,
	}
	return &factor.Factors{Table: w.table, Now: w.now, Form: w.form, Prover: logins}
}

// P1, S8: a step-up with the former password that is under way while the password changes, at whatever point of the change,
// leaves no session behind, under whichever id.
func TestP1AStepUpCannotOutrunAChange(t *testing.T) {
	for name, during := range map[string]func(w *world, step func()) table.Table{
		"before the commit":          func(w *world, step func()) table.Table { return &meddling{Table: w.table, before: step} },
		"after sessions were listed": func(w *world, step func()) table.Table { return &listed{Table: w.table, after: step} },
	} {
		w := newWorld(t)
		victim := w.login(w.user)
		thief, stolen := w.cookie(w.user)
		g := gated{w.factors().Prover, make(chan struct{}), make(chan struct{})}
		f := w.factors()
		f.Prover = g
		var grant factor.Grant
		done := make(chan struct{})
		go func() {
			defer close(done)
			grant, _ = f.StepUp(context.Background(), factor.Act{By: thief, Via: audit.ViaDashboard}, old, nil)
		}()
		<-g.proved
		w.advance(time.Second)
		db := during(w, func() {
			w.advance(time.Second)
			close(g.goOn)
			<-done
		})
		if _, _, err := w.on(db).Change(t.Context(), victim, audit.ViaAPI, audit.Origin{IP: "192.0.2.1"}, old, fresh); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, denied := w.verify(stolen); denied == authority.None {
			t.Errorf("%s: the session is alive", name)
		}
		if grant.Renewed() {
			if _, denied := w.verify(grant.Credential); denied == authority.None {
				t.Errorf("%s: the renewed session is alive", name)
			}
		}
		if w.refuses(victim) || !w.alive(victim) {
			t.Errorf("%s: the session that made the change was ended", name)
		}
	}
}

// S12: what a password proved is committed only while it is the password, also in a session that lives on.
func TestS12AStepUpNeedsThePasswordThatIsTheUsersWhenItCommits(t *testing.T) {
	w := newWorld(t)
	here := w.login(w.user)
	g := gated{w.factors().Prover, make(chan struct{}), make(chan struct{})}
	f := w.factors()
	f.Prover = g
	failed := make(chan error)
	go func() {
		_, err := f.StepUp(context.Background(), factor.Act{By: here, Via: audit.ViaAPI}, old, nil)
		failed <- err
	}()
	<-g.proved
	if err := w.change(here, old, fresh); err != nil {
		t.Fatal(err)
	}
	close(g.goOn)
	w.refused("a step-up with the former password", <-failed, "password", "wrong_password")
}

// C16: of a session that a browser holds, a copy of the cookie is worth nothing after the change; its user goes on with
// the new one. A program keeps the token that it has.
func TestC16TheSessionOfAChangeGoesOnUnderAnotherCookie(t *testing.T) {
	w := newWorld(t)
	here, cookie := w.cookie(w.user)
	s, renewed, err := w.Change(t.Context(), here, audit.ViaDashboard, audit.Origin{}, old, fresh)
	if err != nil || renewed.ID().IsZero() || s.ID != renewed.ID() {
		t.Fatal(s.ID, err)
	}
	if _, denied := w.verify(cookie); denied == authority.None {
		t.Error("a copy of the cookie works")
	}
	if p, denied := w.verify(renewed); denied != authority.None || p.ID != s.ID || !p.Expires.Equal(here.Expires) {
		t.Errorf("%+v, %q", p, denied)
	}
	program := w.login(w.stored(w.user))
	if s, none, err := w.Change(t.Context(), program, audit.ViaAPI, audit.Origin{}, fresh, old); err != nil || !none.ID().IsZero() || s.ID != program.ID || w.refuses(program) {
		t.Errorf("a program's: %v", err)
	}
	for _, e := range w.events(w.user, audit.PasswordChanged) {
		if err := w.Finish(t.Context(), e); err != nil || w.refuses(program) {
			t.Errorf("what comes after: %v", err)
		}
	}
}

// P1, S8: a session that was unlocked after the change was committed, and before it was carried, is ended all the same.
func TestP1WhatIsUnlockedBetweenAChangeAndItsEndIsFinished(t *testing.T) {
	w := newWorld(t)
	victim, thief := w.login(w.user), w.login(w.user)
	f := &failing{Table: w.table}
	for n := int64(1); w.opens(w.user, old); n++ {
		f.left.Store(n) // until the change itself is the last commit that succeeds
		if _, _, err := w.on(f).Change(t.Context(), victim, audit.ViaAPI, audit.Origin{IP: "192.0.2.1"}, old, fresh); err == nil {
			t.Fatal("acknowledged, and not done")
		}
	}
	if !w.alive(thief) || w.refuses(thief) {
		t.Fatal("it was carried")
	}
	w.advance(time.Minute)
	page, err := (&session.Sessions{Table: w.table, Now: w.now}).List(t.Context(), w.user.ID, "", 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range page.Sessions {
		if s.ID == thief.ID {
			s.Proven, s.Factor = w.now(), true
			w.commit(s.Replace())
		}
	}
	later := w.login(w.stored(w.user))
	if err := w.Finish(t.Context(), w.events(w.user, audit.PasswordChanged)[0]); err != nil {
		t.Fatal(err)
	}
	if w.alive(thief) || !w.alive(later) || w.refuses(later) || w.refuses(victim) {
		t.Errorf("thief's alive %t, later's %t refused %t, victim's refused %t", w.alive(thief), w.alive(later), w.refuses(later), w.refuses(victim))
	}
}

// A session is of the generation it was begun under, and of no other; a hash that only became a better one is none.
func TestS8ASessionOfAnotherGenerationIsRefusedByItself(t *testing.T) {
	w := newWorld(t)
	here, cookie := w.cookie(w.user)
	u := w.stored(w.user)
	if _, err := (&account.Accounts{Table: w.table}).UpgradePassword(t.Context(), u, u.PasswordHash); err != nil || w.refuses(here) {
		t.Errorf("after an upgrade: %v", err)
	}
	u = w.stored(w.user)
	u.Generation, u.Behind = u.Generation+1, true
	w.commit(u.Replace())
	if err := (&standing.Carrier{Table: w.table, Accounts: &account.Accounts{Table: w.table}}).User(t.Context(), u.Account, u.ID); err != nil {
		t.Fatal(err)
	}
	if _, denied := w.verify(cookie); denied != authority.Ended || !w.alive(here) || !w.refuses(here) {
		t.Errorf("%q", denied)
	}
	if _, err := w.factors().StepUp(t.Context(), factor.Act{By: here, Via: audit.ViaDashboard}, old, nil); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("a step-up: %v", err)
	}
	page, err := (&session.Sessions{Table: w.table, Now: w.now}).List(t.Context(), u.ID, "", 100)
	if err != nil || len(page.Sessions) != 0 {
		t.Errorf("%d sessions listed, %v", len(page.Sessions), err)
	}
}
