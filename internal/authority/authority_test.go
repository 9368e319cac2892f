package authority_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/fault"
	"keyfob/internal/purge"
	"keyfob/internal/scope"
	"keyfob/internal/session"
	"keyfob/internal/table"
	"keyfob/internal/table/bolt"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
)

// clock is a time that moves only when told to.
type clock struct{ ns atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.ns.Store(time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) Now() time.Time          { return time.Unix(0, c.ns.Load()).UTC() }
func (c *clock) Advance(d time.Duration) { c.ns.Add(int64(d)) }

// counted counts the reads that reach a table, and does something before a commit where asked to.
type counted struct {
	table.Table
	gets, queries, commits int
	before                 func()
	fail                   error
}

func (c *counted) Get(ctx context.Context, keys ...table.Key) ([]table.Item, error) {
	c.gets += len(keys)
	if c.fail != nil {
		return nil, c.fail
	}
	return c.Table.Get(ctx, keys...)
}

func (c *counted) Query(ctx context.Context, q table.Query) (table.Page, error) {
	c.queries++
	return c.Table.Query(ctx, q)
}

func (c *counted) Commit(ctx context.Context, ops ...table.Op) error {
	c.commits++
	if before := c.before; before != nil {
		c.before = nil
		before()
	}
	return c.Table.Commit(ctx, ops...)
}

// world is an account with its owner, on a real embedded table.
type world struct {
	*testing.T
	clock *clock
	table *bolt.Table
	form  token.Form
	acc   account.Account
	owner account.User
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, clock: newClock(), form: token.Form{Brand: "kf", Realm: "us"}}
	db, err := bolt.Open(filepath.Join(t.TempDir(), "table"), w.clock.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	w.table = db
	w.acc, w.owner = w.account("owner@example.com")
	return w
}

func (w *world) account(email string) (account.Account, account.User) {
	w.Helper()
	acc := account.Account{ID: token.NewName("acc_"), Name: "Example Ltd", Status: account.Active, Policy: account.DefaultPolicy(), Created: w.clock.Now()}
	u := account.User{ID: token.NewName("usr_"), Account: acc.ID, Email: email, Name: "Olivia", Role: scope.Owner, Status: account.Active, Created: w.clock.Now()}
	if err := w.table.Commit(w.Context(), append(u.Create(), acc.Create())...); err != nil {
		w.Fatal(err)
	}
	return acc, u
}

func (w *world) authority() *authority.Authority {
	return &authority.Authority{Table: w.table, Now: w.clock.Now, Form: w.form}
}

// login starts a session of the user and gives its principal.
func (w *world) login(acc account.Account, u account.User) (authority.Principal, token.Credential) {
	w.Helper()
	sessions := session.Sessions{Table: w.table, Now: w.clock.Now}
	_, c, err := sessions.Start(w.Context(), w.form, session.Basis{Account: acc.ID, User: u.ID, Role: u.Role, Issuers: acc.Policy.Issuers}, audit.ViaAPI, audit.Origin{})
	if err != nil {
		w.Fatal(err)
	}
	return w.verify(c), c
}

func (w *world) verify(c token.Credential) authority.Principal {
	w.Helper()
	p, denial, err := w.authority().Verify(w.Context(), c.Plaintext().Reveal())
	if err != nil || denial != authority.None {
		w.Fatalf("refused: %q, %v", denial, err)
	}
	return p
}

func (w *world) issue(by authority.Principal, r authority.Request) (authority.Token, token.Credential) {
	w.Helper()
	if r.Name == "" {
		r.Name = "deploy"
	}
	made, c, err := w.authority().Issue(w.Context(), by, audit.ViaAPI, audit.Origin{IP: "192.0.2.1"}, r)
	if err != nil {
		w.Fatal(err)
	}
	return made, c
}

func (w *world) denied(c token.Credential, want authority.Denial) {
	w.Helper()
	p, denial, err := w.authority().Verify(w.Context(), c.Plaintext().Reveal())
	if err != nil || denial != want || p.Account != "" {
		w.Errorf("verified as %q, %q, %v; want %q", p.Account, denial, err, want)
	}
}

// events counts the account's audit events of the type.
func (w *world) events(acc string, kind audit.Type) int {
	w.Helper()
	page, err := w.table.Query(w.Context(), table.Query{PK: key.PrefixAudit + acc, Limit: 1000})
	if err != nil {
		w.Fatal(err)
	}
	n := 0
	for _, it := range page.Items {
		if e, err := audit.FromItem(it); err != nil {
			w.Error(err)
		} else if e.Type == kind {
			n++
		}
	}
	return n
}

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
	if _, err := w.authority().Get(t.Context(), p, made.Handle()); !fault.Is(err, fault.NotFound) {
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
		_, err = w.authority().Get(t.Context(), p, made.Handle())
		if hidden := fault.Is(err, fault.NotFound); hidden != (name == "auto purge") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// S9: a session ends by the clock, to the second.
func TestS9ASessionEndsAfterItsAbsoluteLife(t *testing.T) {
	w := newWorld(t)
	_, c := w.login(w.acc, w.owner)
	w.clock.Advance(session.Absolute - time.Second)
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
			if name == "name" || name == "expiresAt" || name == "rights" || name == "issuers" {
				continue
			}
			value := claims[name]
			delete(claims, name)
			if _, err := authority.FromClaims(claims); err == nil {
				t.Errorf("accepted without %s", name)
			}
			claims[name] = value
		}
	}
	if _, err := authority.FromClaims(nil); err == nil {
		t.Error("accepted without an authorizer")
	}
}

// member adds a member to the account, and the policy under which members issue tokens.
func (w *world) member(issuers scope.Issuers) (account.Account, account.User) {
	w.Helper()
	u := account.User{ID: token.NewName("usr_"), Account: w.acc.ID, Email: token.NewName("m") + "@example.com", Name: "Max", Role: scope.Member, Status: account.Active, Created: w.clock.Now()}
	if err := w.table.Commit(w.Context(), u.Create()...); err != nil {
		w.Fatal(err)
	}
	w.set(w.acc.Key(), "issuers", string(issuers))
	acc := w.acc
	acc.Policy.Issuers = issuers
	return acc, u
}

// set replaces an attribute of a record, as whoever changes a role, a status or a policy would.
func (w *world) set(k table.Key, name, value string) {
	w.Helper()
	items, err := w.table.Get(w.Context(), k)
	if err != nil {
		w.Fatal(err)
	}
	items[0][name] = table.S(value)
	if err := w.table.Commit(w.Context(), table.Replace(items[0], items[0].Version())); err != nil {
		w.Fatal(err)
	}
}

// C4, S22: a member sees and revokes tokens of their own, and nobody else's.
func TestC4AMemberTouchesOnlyTokensOfTheirOwn(t *testing.T) {
	w := newWorld(t)
	owner, _ := w.login(w.acc, w.owner)
	theirs, _ := w.issue(owner, full)
	member, _ := w.login(w.member(scope.IssuersEveryone))
	mine, _ := w.issue(member, full)
	a := w.authority()
	page, err := a.List(t.Context(), member, authority.ListRequest{Limit: 10})
	if err != nil || len(page.Tokens) != 1 || page.Tokens[0].Handle() != mine.Handle() {
		t.Errorf("a member's list: %+v, %v", page, err)
	}
	_, absent := a.Get(t.Context(), member, w.form.New(token.API).Handle())
	if _, err := a.Get(t.Context(), member, theirs.Handle()); !fault.Is(err, fault.NotFound) || err.Error() != absent.Error() {
		t.Errorf("a member reads the owner's token: %v", err)
	}
	if err := a.Revoke(t.Context(), member, audit.ViaAPI, audit.Origin{}, theirs.Handle()); !fault.Is(err, fault.NotFound) {
		t.Errorf("a member revokes the owner's token: %v", err)
	}
	if page, err := a.List(t.Context(), owner, authority.ListRequest{Limit: 10}); err != nil || len(page.Tokens) != 2 {
		t.Errorf("the owner's list: %+v, %v", page, err)
	}
	if err := a.Revoke(t.Context(), member, audit.ViaAPI, audit.Origin{}, mine.Handle()); err != nil {
		t.Errorf("a member's own token: %v", err)
	}
}

// C4, S23: who may not issue does not, also when the role or the status is taken away while the token is being made.
func TestS23NobodyIssuesWithoutTheRightToNow(t *testing.T) {
	ask := authority.Request{Name: "x", Scope: scope.Full()}
	for name, c := range map[string]struct {
		issuers scope.Issuers
		change  func(w *world, u account.User) // while the token is being made
		want    fault.Kind
	}{
		"a member where only admins may": {scope.IssuersAdmins, nil, fault.Forbidden},
		"the policy changes":             {scope.IssuersEveryone, func(w *world, _ account.User) { w.set(w.acc.Key(), "issuers", "admins") }, fault.Forbidden},
		"the user is disabled":           {scope.IssuersEveryone, func(w *world, u account.User) { w.set(u.Key(), "status", "disabled") }, fault.Unauthenticated},
		"the account is suspended":       {scope.IssuersEveryone, func(w *world, _ account.User) { w.set(w.acc.Key(), "status", "suspended") }, fault.Unauthenticated},
	} {
		w := newWorld(t)
		acc, u := w.member(c.issuers)
		p, _ := w.login(acc, u)
		db := &counted{Table: w.table}
		if c.change != nil {
			db.before = func() { c.change(w, u) }
		}
		a := authority.Authority{Table: db, Now: w.clock.Now, Form: w.form}
		if _, _, err := a.Issue(t.Context(), p, audit.ViaAPI, audit.Origin{}, ask); !fault.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if n := w.events(w.acc.ID, audit.TokenCreated); n != 0 {
			t.Errorf("%s: %d tokens made", name, n)
		}
	}
	w := newWorld(t)
	p, _ := w.login(w.acc, w.owner)
	hour, err := purge.Auto("1h", w.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	_, c := w.issue(p, authority.Request{Scope: scope.Full(), Life: &hour})
	short := w.verify(c)
	w.clock.Advance(time.Hour)
	if _, _, err := w.authority().Issue(t.Context(), short, audit.ViaAPI, audit.Origin{}, ask); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("a token that has expired since it was verified: %v", err)
	}
}
