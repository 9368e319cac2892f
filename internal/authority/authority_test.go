package authority_test

import (
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/fault"
	"keyfob/internal/purge"
	"keyfob/internal/scope"
	"keyfob/internal/token"
)

var full = authority.Request{Scope: scope.Full()}

// P2: a well-formed credential costs one read, a malformed one none.
func TestP2OneReadForAWellFormedCredentialNoneForAnother(t *testing.T) {
	w := newWorld(t)
	p, sess := w.login(w.acc, w.owner)
	_, c := w.issue(p, full)
	good := c.Plaintext().Reveal()
	damaged := good[:20] + string('0'+(good[20]-'0'+1)%10) + good[21:]
	for text, want := range map[string]int{
		good:                      1,
		sess.Plaintext().Reveal(): 1,
		w.form.New(token.API).Plaintext().Reveal(): 1, // unknown
		good[:len(good)-1]:                         0,
		damaged:                                    0,
		"Bearer " + good:                           0,
		"":                                         0,
		token.Form{Brand: "kf", Realm: "eu"}.New(token.API).Plaintext().Reveal(): 0,
	} {
		db := &counted{Table: w.table}
		a := authority.Authority{Table: db, Now: w.clock.Now, Form: w.form}
		if _, _, err := a.Verify(t.Context(), text); err != nil {
			t.Error(err)
		}
		if db.gets != want || db.queries != 0 || db.commits != 0 {
			t.Errorf("%d reads, %d queries, %d commits; want %d reads", db.gets, db.queries, db.commits, want)
		}
	}
}

// P1: once a revocation is acknowledged, no instance accepts the token.
func TestP1RevocationIsImmediateOnEveryInstance(t *testing.T) {
	w := newWorld(t)
	p, sess := w.login(w.acc, w.owner)
	made, c := w.issue(p, full)
	other := w.authority()
	if _, d, err := other.Verify(t.Context(), c.Plaintext().Reveal()); err != nil || d != authority.None {
		t.Fatalf("refused before its revocation: %q, %v", d, err)
	}
	if err := w.authority().Revoke(t.Context(), p, audit.ViaAPI, audit.Origin{}, made.Handle()); err != nil {
		t.Fatal(err)
	}
	w.denied(c, authority.Revoked)
	if err := w.authority().RevokePresented(t.Context(), sess.Plaintext().Reveal(), audit.ViaAPI, audit.Origin{}); err != nil {
		t.Fatal(err)
	}
	w.denied(sess, authority.Unknown)
}

// S18: revoking twice is no error, makes one event, and of a stranger's token does nothing.
func TestS18RevokingIsIdempotentAndStrangersSeeNothing(t *testing.T) {
	w := newWorld(t)
	p, _ := w.login(w.acc, w.owner)
	stranger, _ := w.login(w.account("stranger@example.com"))
	made, c := w.issue(p, full)
	absent := w.form.New(token.API)
	foreign := w.authority().Revoke(t.Context(), stranger, audit.ViaAPI, audit.Origin{}, made.Handle())
	missing := w.authority().Revoke(t.Context(), stranger, audit.ViaAPI, audit.Origin{}, absent.Handle())
	if !fault.Is(foreign, fault.NotFound) || foreign.Error() != missing.Error() {
		t.Errorf("a stranger's token: %v; an absent one: %v", foreign, missing)
	}
	w.verify(c)
	for range 2 {
		if err := w.authority().Revoke(t.Context(), p, audit.ViaAPI, audit.Origin{}, made.Handle()); err != nil {
			t.Error(err)
		}
		if err := w.authority().RevokePresented(t.Context(), c.Plaintext().Reveal(), audit.ViaAPI, audit.Origin{}); err != nil {
			t.Error(err)
		}
	}
	if n := w.events(w.acc.ID, audit.TokenRevoked); n != 1 {
		t.Errorf("%d revocations recorded, want 1", n)
	}
	if _, err := w.authority().Get(t.Context(), p, audit.ViaAPI, audit.Origin{}, made.Handle()); !fault.Is(err, fault.NotFound) {
		t.Errorf("a revoked token is still to be seen: %v", err)
	}
	page, err := w.authority().List(t.Context(), p, authority.ListRequest{Limit: 10})
	if err != nil || len(page.Tokens) != 0 {
		t.Errorf("a revoked token is still listed: %v, %v", page, err)
	}
}

// S15: a token is refused from the very second it is due, whether its record is still there or not.
func TestS15ExpiryIsDecidedByTheClock(t *testing.T) {
	w := newWorld(t)
	p, _ := w.login(w.acc, w.owner)
	for name, life := range map[string]func() (purge.Life, error){
		"auto purge": func() (purge.Life, error) { return purge.Auto("1h", w.clock.Now()) },
		"expiry":     func() (purge.Life, error) { return purge.Until(w.clock.Now().Add(time.Hour), w.clock.Now()) },
	} {
		l, err := life()
		if err != nil {
			t.Fatal(err)
		}
		made, c := w.issue(p, authority.Request{Scope: scope.Full(), Life: &l})
		w.clock.Advance(time.Hour - time.Millisecond)
		w.verify(c)
		w.clock.Advance(time.Millisecond)
		w.denied(c, authority.Expired)
		p, _ = w.login(w.acc, w.owner)
		_, err = w.authority().Get(t.Context(), p, audit.ViaAPI, audit.Origin{}, made.Handle())
		if hidden := fault.Is(err, fault.NotFound); hidden != (name == "auto purge") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// S9: a session ends by the clock, to the second.
func TestS9ASessionEndsAfterItsAbsoluteLife(t *testing.T) {
	w := newWorld(t)
	_, c := w.login(w.acc, w.owner)
	w.clock.Advance(account.DefaultSessionLife - time.Second)
	w.verify(c)
	w.clock.Advance(time.Second)
	w.denied(c, authority.Expired)
}

// S14: the right id with another secret is refused like an unknown one.
func TestS14AnotherSecretIsNobody(t *testing.T) {
	w := newWorld(t)
	p, _ := w.login(w.acc, w.owner)
	_, c := w.issue(p, full)
	forged := w.form.Format(token.API, c.ID(), "0000000000000000000000000000000000000000000")
	w.denied(forged, authority.Mismatch)
}

// P7: what cannot be decided is an error, never a yes.
func TestP7AFailingTableDecidesNothing(t *testing.T) {
	w := newWorld(t)
	p, _ := w.login(w.acc, w.owner)
	_, c := w.issue(p, full)
	a := authority.Authority{Table: &counted{Table: w.table, fail: fault.Retry(errors.New("down"))}, Now: w.clock.Now, Form: w.form}
	got, denial, err := a.Verify(t.Context(), c.Plaintext().Reveal())
	if !fault.Is(err, fault.Unavailable) || denial != authority.None || got.Account != "" {
		t.Errorf("%+v, %q, %v", got, denial, err)
	}
}

// P1, S23: a session that ends while it asks for a token gets none.
func TestP1ASessionThatEndsWhileIssuingIssuesNothing(t *testing.T) {
	w := newWorld(t)
	p, sess := w.login(w.acc, w.owner)
	db := &counted{Table: w.table, before: func() {
		if err := w.authority().RevokePresented(t.Context(), sess.Plaintext().Reveal(), audit.ViaAPI, audit.Origin{}); err != nil {
			t.Error(err)
		}
	}}
	a := authority.Authority{Table: db, Now: w.clock.Now, Form: w.form}
	_, _, err := a.Issue(t.Context(), p, audit.ViaAPI, audit.Origin{}, authority.Request{Name: "late", Scope: scope.Full()})
	if !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("issued, or refused otherwise: %v", err)
	}
	if n := w.events(w.acc.ID, audit.TokenCreated); n != 0 {
		t.Errorf("%d tokens recorded", n)
	}
}

// P5: a change and its event are one commit.
func TestP5AChangeCommitsWithItsEvent(t *testing.T) {
	w := newWorld(t)
	p, _ := w.login(w.acc, w.owner)
	db := &counted{Table: w.table}
	a := authority.Authority{Table: db, Now: w.clock.Now, Form: w.form}
	made, _, err := a.Issue(t.Context(), p, audit.ViaAPI, audit.Origin{}, authority.Request{Name: "x", Scope: scope.Full()})
	if err != nil || db.commits != 1 {
		t.Errorf("issued in %d commits: %v", db.commits, err)
	}
	db.commits = 0
	if err := a.Revoke(t.Context(), p, audit.ViaAPI, audit.Origin{}, made.Handle()); err != nil || db.commits != 1 {
		t.Errorf("revoked in %d commits: %v", db.commits, err)
	}
	if c, r := w.events(w.acc.ID, audit.TokenCreated), w.events(w.acc.ID, audit.TokenRevoked); c != 1 || r != 1 {
		t.Errorf("%d creations and %d revocations recorded", c, r)
	}
}

// A list costs two round trips however many tokens there are, newest first, and pages without loss.
func TestListsPageNewestFirst(t *testing.T) {
	w := newWorld(t)
	p, _ := w.login(w.acc, w.owner)
	const n = 23
	for range n {
		w.issue(p, full)
		w.clock.Advance(time.Second)
	}
	var seen []string
	for after := ""; ; {
		db := &counted{Table: w.table}
		a := authority.Authority{Table: db, Now: w.clock.Now, Form: w.form}
		page, err := a.List(t.Context(), p, authority.ListRequest{Limit: 10, After: after})
		if err != nil || db.queries != 1 || db.gets > 10 {
			t.Fatalf("%d queries, %d gets: %v", db.queries, db.gets, err)
		}
		for i, found := range page.Tokens {
			if i > 0 && found.Created.After(page.Tokens[i-1].Created) {
				t.Error("not newest first")
			}
			seen = append(seen, found.Handle())
		}
		if after = page.Next; after == "" {
			break
		}
	}
	if len(seen) != n {
		t.Errorf("%d tokens listed, want %d", len(seen), n)
	}
}

// The claims that the authorizer hands on hold the whole decision, and nothing of the secret.
func TestClaimsHoldThePrincipal(t *testing.T) {
	w := newWorld(t)
	p, sess := w.login(w.acc, w.owner)
	w.register("exports/orders")
	orders, err := scope.Custom(scope.Grant{Category: scope.Exports, ID: "orders", Actions: scope.Read})
	if err != nil {
		t.Fatal(err)
	}
	_, c := w.issue(p, authority.Request{Scope: orders})
	for _, credential := range []token.Credential{sess, c} {
		want := w.verify(credential)
		claims := map[string]string{}
		for _, c := range want.Claims() {
			claims[c.Name] = c.Value
			if strings.Contains(credential.Plaintext().Reveal(), c.Value) && len(c.Value) > token.IDLen {
				t.Error("a secret is among the claims")
			}
		}
		got, err := authority.FromClaims(claims)
		if err != nil || got.Handle() != want.Handle() || got.Holder.Scope.String() != want.Holder.Scope.String() || got.Holder.Role != want.Holder.Role || !got.Expires.Equal(want.Expires.Truncate(time.Second)) {
			t.Errorf("%+v, want %+v: %v", got, want, err)
		}
		for name := range claims {
			if name == "name" || name == "expiresAt" || name == "rights" || name == "issuers" || name == "loginAt" {
				continue
			}
			value := claims[name]
			delete(claims, name)
			if _, err := authority.FromClaims(claims); err == nil {
				t.Errorf("accepted without %s", name)
			}
			claims[name] = value
		}
		if _, err := authority.FromClaims(with(claims, "lock", "ajar")); err == nil {
			t.Error("accepted with a lock that nobody knows")
		}
		for _, lock := range []scope.Lock{scope.Locked, scope.Enrol} {
			if p, err := authority.FromClaims(with(claims, "lock", string(lock))); err != nil || p.Holder.Lock != lock {
				t.Errorf("%s: %+v, %v", lock, p.Holder, err)
			}
		}
	}
	if _, err := authority.FromClaims(nil); err == nil {
		t.Error("accepted without an authorizer")
	}
}

// with gives the claims with one more.
func with(claims map[string]string, name, value string) map[string]string {
	claims = maps.Clone(claims)
	claims[name] = value
	return claims
}
