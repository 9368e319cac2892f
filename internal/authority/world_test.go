package authority_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/fault"
	"keyfob/internal/scope"
	"keyfob/internal/session"
	"keyfob/internal/standing"
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
	gets, trips, queries, commits int // gets counts keys, trips calls of Get
	before                        func()
	fail                          error
}

func (c *counted) Get(ctx context.Context, keys ...table.Key) ([]table.Item, error) {
	c.gets += len(keys)
	c.trips++
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
	testing.TB
	clock    *clock
	table    table.Table
	embedded *bolt.Table // the same, for what only it can; nil where it is another
	form     token.Form
	acc      account.Account
	owner    account.User
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{TB: t, clock: newClock()}
	db, err := bolt.Open(filepath.Join(t.TempDir(), "table"), w.clock.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	w.embedded = db
	return w.on(db)
}

// newWorldOn is newWorld on another table.
func newWorldOn(t testing.TB, db table.Table) *world {
	t.Helper()
	return (&world{TB: t, clock: newClock()}).on(db)
}

func (w *world) on(db table.Table) *world {
	w.Helper()
	w.table, w.form = db, token.Form{Brand: "kf", Realm: "us"}
	w.acc, w.owner = w.account("owner@example.com")
	return w
}

func (w *world) account(email string) (account.Account, account.User) {
	w.Helper()
	acc := account.Account{ID: token.NewName("acc_"), Name: "Example Ltd", Status: account.Active, Policy: account.DefaultPolicy(), APIManagement: true, Created: w.clock.Now()}
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
	_, c, err := sessions.Start(w.Context(), w.form, session.Basis{Account: acc.ID, User: u.ID, Life: account.DefaultSessionLife, Standing: standing.Of(acc, u)}, audit.ViaAPI, audit.Origin{})
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

// register puts resources, as category/id, into the account's catalogue.
func (w *world) register(things ...string) {
	w.Helper()
	for _, thing := range things {
		category, id, _ := strings.Cut(thing, "/")
		k := key.Resource{Account: w.acc.ID, Category: category, ID: id}.Key()
		if err := w.table.Commit(w.Context(), table.Create(table.Item{table.AttrPK: table.S(k.PK), table.AttrSK: table.S(k.SK)})); err != nil {
			w.Fatal(err)
		}
	}
}

// policy changes the account's policy.
func (w *world) policy(change func(*account.Account)) {
	w.Helper()
	acc, err := (&account.Accounts{Table: w.table}).Get(w.Context(), w.acc.ID)
	if err != nil {
		w.Fatal(err)
	}
	change(&acc)
	if err := w.table.Commit(w.Context(), acc.Replace()); err != nil {
		w.Fatal(err)
	}
	w.acc = acc
}

// user adds an active user of the role to the account.
func (w *world) user(role scope.Role) account.User {
	w.Helper()
	u := account.User{ID: token.NewName("usr_"), Account: w.acc.ID, Email: token.NewName("u") + "@example.com", Name: "Uma", Role: role, Status: account.Active, Created: w.clock.Now()}
	if err := w.table.Commit(w.Context(), u.Create()...); err != nil {
		w.Fatal(err)
	}
	return u
}

// refused holds an error to a kind and to the field, or where that is empty the code, that it names.
func (w *world) refused(err error, k fault.Kind, name string) {
	w.Helper()
	e, ok := errors.AsType[*fault.Error](err)
	if !ok || e.Kind != k || e.Code != name && !slices.ContainsFunc(e.Fields, func(f fault.Field) bool { return f.Name == name }) {
		w.Errorf("refused with %v (kind %d), want kind %d for %s", err, fault.KindOf(err), k, name)
	}
}
