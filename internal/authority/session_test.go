package authority_test

import (
	"testing"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/scope"
	"keyfob/internal/session"
	"keyfob/internal/standing"
	"keyfob/internal/token"
)

// idle starts a session that ends an hour after its last use, and half a day after its start.
func (w *world) idle(acc account.Account, u account.User) token.Credential {
	w.Helper()
	sessions := session.Sessions{Table: w.table, Now: w.clock.Now}
	_, c, err := sessions.Start(w.Context(), w.form, session.Basis{
		Account: acc.ID, User: u.ID, Life: 12 * time.Hour, Idle: time.Hour, Standing: standing.Of(acc, u),
	}, audit.ViaAPI, audit.Origin{})
	if err != nil {
		w.Fatal(err)
	}
	return c
}

// present presents the credential from the address, as a request does.
func (w *world) present(c token.Credential, ip string) authority.Sighting {
	w.Helper()
	a := w.authority()
	s, err := a.Sight(w.Context(), authority.Presentation{Text: c.Plaintext().Reveal(), From: audit.Origin{IP: ip}})
	if err == nil {
		err = a.Note(w.Context(), s)
	}
	if err != nil {
		w.Fatal(err)
	}
	return s
}

// S9: a session ends to the second when it was not used for so long, and when its time is over however much it was.
func TestS9ASessionLivesForAsLongAsItIsUsedAndNoLonger(t *testing.T) {
	w := newWorld(t)
	c := w.idle(w.acc, w.owner)
	for range 3 {
		w.clock.Advance(time.Hour - time.Second)
		if s := w.present(c, "192.0.2.1"); s.Denial != authority.None {
			t.Fatalf("a second before it is idle: %s", s.Denial)
		}
	}
	w.clock.Advance(time.Hour)
	if s := w.present(c, "192.0.2.1"); s.Denial != authority.Expired {
		t.Errorf("idle for an hour: %q", s.Denial)
	}
	w.clock.Advance(-time.Second)
	if s := w.present(c, "192.0.2.1"); s.Denial != authority.None {
		t.Errorf("the refusal has changed something: %s", s.Denial)
	}

	c = w.idle(w.acc, w.owner)
	for range 47 { // used every quarter of an hour
		w.clock.Advance(15 * time.Minute)
		if s := w.present(c, "192.0.2.1"); s.Denial != authority.None {
			t.Fatal(s.Denial)
		}
	}
	w.clock.Advance(15*time.Minute - time.Second)
	if s := w.present(c, "192.0.2.1"); s.Denial != authority.None {
		t.Errorf("a second before its end: %s", s.Denial)
	}
	w.clock.Advance(time.Second)
	if s := w.present(c, "192.0.2.1"); s.Denial != authority.Expired {
		t.Errorf("at its end: %q", s.Denial)
	}
}

// A use is written down once a second at the most: the rest costs nothing but its read.
func TestASessionsUseIsNotedOnceASecond(t *testing.T) {
	w := newWorld(t)
	tb := &counted{Table: w.table}
	c := w.idle(w.acc, w.owner)
	w.table = tb
	for range 20 {
		w.clock.Advance(100 * time.Millisecond)
		w.present(c, "192.0.2.1")
	}
	if tb.commits != 2 || tb.gets != 20 || tb.queries != 0 {
		t.Errorf("20 uses in 2 s: %d notes, %d reads, %d queries", tb.commits, tb.gets, tb.queries)
	}
}

// Who may not use a session or a token from where they are does not keep it alive by trying, and leaves no trace of use.
func TestAUseFromOutsideKeepsNothingAlive(t *testing.T) {
	w := newWorld(t)
	w.policy(func(a *account.Account) {
		a.Policy.LoginNetworks, a.Policy.TokenNetworks = account.ListOf("192.0.2.0/24", "2001:db8::/32"), account.ListOf("198.51.100.0/24")
	})
	c := w.idle(w.acc, w.owner)
	for ip, outside := range map[string]bool{
		"192.0.2.77": false, "::ffff:192.0.2.77": false, "2001:db8::1": false, "198.51.100.1": true, "203.0.113.1": true, "": true,
	} {
		s := w.present(c, ip)
		if s.Denial != authority.None || s.Principal.Holder.Outside != outside {
			t.Errorf("a session from %q: %q, outside %t", ip, s.Denial, s.Principal.Holder.Outside)
		}
	}
	w.clock.Advance(time.Hour - time.Second)
	w.present(c, "203.0.113.1")
	w.clock.Advance(time.Second)
	if s := w.present(c, "192.0.2.77"); s.Denial != authority.Expired {
		t.Errorf("it was kept alive from outside: %q", s.Denial)
	}

	by, _ := w.login(w.acc, w.owner)
	_, secret := w.issue(by, authority.Request{Scope: scope.Full()})
	if s := w.present(secret, "192.0.2.77"); s.Denial != authority.None || !s.Principal.Holder.Outside {
		t.Errorf("a token is held to the login's networks, not to its own: %q", s.Denial)
	}
	page, err := w.authority().List(t.Context(), by, authority.ListRequest{Limit: 1})
	if err != nil || !page.Tokens[0].LastUsed.IsZero() || w.events(w.acc.ID, audit.TokenAccessed) != 0 {
		t.Errorf("a use from outside was noted: %+v, %v", page.Tokens, err)
	}
	if s := w.present(secret, "198.51.100.9"); s.Principal.Holder.Outside || w.events(w.acc.ID, audit.TokenAccessed) != 1 {
		t.Error("a token within its networks is outside, or its use is not noted")
	}
}
