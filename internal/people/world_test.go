package people_test

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
	"keyfob/internal/people"
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

func (c *clock) Now() time.Time          { return time.Unix(0, c.ns.Load()).UTC() }
func (c *clock) Advance(d time.Duration) { c.ns.Add(int64(d)) }

// world is an account with one owner, on a real embedded table.
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
	w := &world{T: t, clock: &clock{}, form: token.Form{Brand: "kf", Realm: "us"}}
	w.clock.ns.Store(time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC).UnixNano())
	db, err := bolt.Open(filepath.Join(t.TempDir(), "table"), w.clock.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	w.table = db
	w.acc, w.owner = w.account()
	return w
}

func (w *world) account() (account.Account, account.User) {
	w.Helper()
	acc := account.Account{ID: token.NewName("acc_"), Name: "Example Ltd", Status: account.Active, Policy: account.DefaultPolicy(), APIManagement: true, Created: w.clock.Now(), Version: 1}
	w.commit(acc.Create())
	return acc, w.user(acc, scope.Owner)
}

func (w *world) user(acc account.Account, role scope.Role) account.User {
	w.Helper()
	u := account.User{ID: token.NewName("usr_"), Account: acc.ID, Email: token.NewName("u") + "@example.com", Name: "Ute", Role: role, Status: account.Active, Created: w.clock.Now(), Version: 1}
	w.commit(u.Create()...)
	return u
}

func (w *world) commit(ops ...table.Op) {
	w.Helper()
	if err := w.table.Commit(w.Context(), ops...); err != nil {
		w.Fatal(err)
	}
}

func (w *world) people() *people.People { return w.on(w.table) }

func (w *world) on(db table.Table) *people.People {
	return &people.People{Table: db, Now: w.clock.Now}
}

// login starts a session of the user.
func (w *world) login(u account.User) (authority.Principal, token.Credential) {
	w.Helper()
	c, err := w.sessionOf(u)
	if err != nil {
		w.Fatal(err)
	}
	p, denial := w.verify(c)
	if denial != authority.None {
		w.Fatal(denial)
	}
	return p, c
}

// sessionOf starts a session of the user, which may be locked.
func (w *world) sessionOf(u account.User) (token.Credential, error) {
	w.Helper()
	acc, u := w.records(u)
	s := session.Sessions{Table: w.table, Now: w.clock.Now}
	_, c, err := s.Start(w.Context(), w.form, session.Basis{Account: u.Account, User: u.ID, Life: account.DefaultSessionLife, Standing: standing.Of(acc, u)}, audit.ViaAPI, audit.Origin{})
	return c, err
}

// as is an act of the principal.
func as(p authority.Principal) people.Act { return people.Act{By: p, Via: audit.ViaAPI} }

// act logs the user in and gives an act of theirs.
func (w *world) act(u account.User) people.Act {
	w.Helper()
	p, _ := w.login(u)
	return as(p)
}

func (w *world) authority() *authority.Authority {
	return &authority.Authority{Table: w.table, Now: w.clock.Now, Form: w.form}
}

func (w *world) verify(c token.Credential) (authority.Principal, authority.Denial) {
	w.Helper()
	p, denial, err := w.authority().Verify(w.Context(), c.Plaintext().Reveal())
	if err != nil {
		w.Fatal(err)
	}
	return p, denial
}

// issue makes a token of the principal.
func (w *world) issue(p authority.Principal) (authority.Token, token.Credential) {
	w.Helper()
	made, c, err := w.authority().Issue(w.Context(), p, audit.ViaAPI, audit.Origin{}, authority.Request{Name: "deploy", Scope: scope.Full()})
	if err != nil {
		w.Fatal(err)
	}
	return made, c
}

// records gives the user and the account as they are.
func (w *world) records(u account.User) (account.Account, account.User) {
	w.Helper()
	acc, u, err := (&account.Accounts{Table: w.table}).WithUser(context.WithoutCancel(w.Context()), u.Account, u.ID)
	if err != nil {
		w.Fatal(err)
	}
	return acc, u
}

// change is a change that has to succeed.
func (w *world) change(act people.Act, u account.User, c people.UserChange) account.User {
	w.Helper()
	w.clock.Advance(time.Millisecond) // so that events have an order
	changed, err := w.people().Change(w.Context(), act, u.ID, c)
	if err != nil {
		w.Fatal(err)
	}
	return changed
}

func role(r scope.Role) people.UserChange       { return people.UserChange{Role: &r} }
func status(s account.Status) people.UserChange { return people.UserChange{Status: &s} }

// events gives the account's audit events of the type, oldest first.
func (w *world) events(kind audit.Type) []audit.Event {
	w.Helper()
	page, err := w.table.Query(w.Context(), table.Query{PK: key.PrefixAudit + w.acc.ID, Limit: 1000})
	if err != nil {
		w.Fatal(err)
	}
	var all []audit.Event
	for _, it := range page.Items {
		e, err := audit.FromItem(it)
		if err != nil {
			w.Fatal(err)
		}
		if e.Type == kind {
			all = append(all, e)
		}
	}
	return all
}

// refused fails the test unless the error is of the kind and the code.
func (w *world) refused(name string, err error, kind fault.Kind, code string) {
	w.Helper()
	e, ok := errors.AsType[*fault.Error](err)
	if !ok || e.Kind != kind || e.Code != code {
		w.Errorf("%s: %v, want kind %d, code %s", name, err, kind, code)
	}
}

// before is a table on which something happens before the first commit.
type before struct {
	table.Table
	do func()
}

func (b *before) Commit(ctx context.Context, ops ...table.Op) error {
	if do := b.do; do != nil {
		b.do = nil
		do()
	}
	return b.Table.Commit(ctx, ops...)
}

// failing is a table whose commits fail after so many, as where the process ends there.
type failing struct {
	table.Table
	left int
}

func (f *failing) Commit(ctx context.Context, ops ...table.Op) error {
	if f.left--; f.left < 0 {
		return fault.Retry(errors.New("the process ended here"))
	}
	return f.Table.Commit(ctx, ops...)
}

// withoutAudit is a table that takes no audit event.
type withoutAudit struct{ table.Table }

func (b *withoutAudit) Commit(ctx context.Context, ops ...table.Op) error {
	for _, op := range ops {
		if strings.HasPrefix(op.Key.PK, key.PrefixAudit) {
			return fault.Retry(errors.New("no event can be written"))
		}
	}
	return b.Table.Commit(ctx, ops...)
}
