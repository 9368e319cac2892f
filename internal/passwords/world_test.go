package passwords_test

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
	"keyfob/internal/link"
	"keyfob/internal/password"
	"keyfob/internal/passwords"
	"keyfob/internal/scope"
	"keyfob/internal/session"
	"keyfob/internal/standing"
	"keyfob/internal/table"
	"keyfob/internal/table/bolt"
	"keyfob/internal/table/key"
	"keyfob/internal/throttle"
	"keyfob/internal/token"
)

const (
	old   = "seven lanterns over a quiet river"
	fresh = "nine bridges under a loud moon"
)

// world is an account with one active user, on a real embedded table.
type world struct {
	*testing.T
	*passwords.Passwords
	table *bolt.Table
	form  token.Form
	ns    atomic.Int64
	acc   account.Account
	user  account.User
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, form: token.Form{Brand: "kf", Realm: "us"}}
	w.ns.Store(time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC).UnixNano())
	db, err := bolt.Open(filepath.Join(t.TempDir(), "table"), w.now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	w.table, w.Passwords = db, w.on(db)
	w.acc, w.user = w.account("olivia@example.com")
	return w
}

// on makes the decisions on a table, which may be one that fails.
func (w *world) on(db table.Table) *passwords.Passwords {
	return &passwords.Passwords{
		Table: db, Now: w.now, Links: &link.Links{Table: db, Now: w.now, Form: w.form, URL: "https://keys.example.com"},
		Hasher: password.NewHasher(2), Throttle: &throttle.Throttle{Table: db, Now: w.now},
	}
}

func (w *world) now() time.Time          { return time.Unix(0, w.ns.Load()).UTC() }
func (w *world) advance(d time.Duration) { w.ns.Add(int64(d)) }

// account makes an account with an active owner, whose password is the old one.
func (w *world) account(email string) (account.Account, account.User) {
	w.Helper()
	acc := account.Account{ID: token.NewName("acc_"), Name: "Example Ltd", Status: account.Active, Policy: account.DefaultPolicy(), Created: w.now(), Version: 1}
	w.commit(acc.Create())
	return acc, w.person(acc, email, account.Active)
}

func (w *world) person(acc account.Account, email string, s account.Status) account.User {
	w.Helper()
	u := account.User{ID: token.NewName("usr_"), Account: acc.ID, Email: email, Name: "Olivia", Role: scope.Owner, Status: s, Created: w.now(), Version: 1}
	if s != account.Invited {
		var err error
		if u.PasswordHash, err = passwords.Chosen(w.Context(), &account.Accounts{Table: w.table}, w.Hasher, old, acc, u); err != nil {
			w.Fatal(err)
		}
		u.Verified = true
	}
	w.commit(u.Create()...)
	return u
}

func (w *world) commit(ops ...table.Op) {
	w.Helper()
	if err := w.table.Commit(w.Context(), ops...); err != nil {
		w.Fatal(err)
	}
}

// stored gives a user as the table has it.
func (w *world) stored(u account.User) account.User {
	w.Helper()
	_, is, err := (&account.Accounts{Table: w.table}).WithUser(context.WithoutCancel(w.Context()), u.Account, u.ID)
	if err != nil {
		w.Fatal(err)
	}
	return is
}

// opens reports whether the password is the user's.
func (w *world) opens(u account.User, plain string) bool {
	w.Helper()
	match, err := password.Match([]string{w.stored(u).PasswordHash}, plain)
	if err != nil {
		w.Fatal(err)
	}
	return match[0]
}

// link issues a link to the user and gives it as the mail would have it.
func (w *world) link(u account.User, p link.Purpose) string {
	w.Helper()
	op, err := w.Links.Issue(w.Context(), u.Account, u.ID, p, w.now())
	if err != nil {
		w.Fatal(err)
	}
	op, enclosed, err := w.Links.Minted(op)
	if err != nil {
		w.Fatal(err)
	}
	w.commit(op)
	_, text, _ := strings.Cut(enclosed.Link, "#")
	return text
}

// login starts a session of the user.
func (w *world) login(u account.User) authority.Principal {
	w.Helper()
	s, c, err := (&session.Sessions{Table: w.table, Now: w.now}).Start(w.Context(), w.form, session.Basis{
		Account: u.Account, User: u.ID, Standing: standing.Of(w.acc, u), Life: account.DefaultSessionLife,
	}, audit.ViaAPI, audit.Origin{IP: "192.0.2.1"})
	if err != nil {
		w.Fatal(err)
	}
	p, denied, err := (&authority.Authority{Table: w.table, Now: w.now, Form: w.form}).Verify(w.Context(), c.Plaintext().Reveal())
	if err != nil || denied != authority.None || p.ID != s.ID {
		w.Fatal(p, denied, err)
	}
	return p
}

// alive reports whether the session is there.
func (w *world) alive(p authority.Principal) bool {
	w.Helper()
	items, err := w.table.Get(w.Context(), key.Session(p.ID.String()).Key())
	if err != nil {
		w.Fatal(err)
	}
	return items[0] != nil
}

func (w *world) change(by authority.Principal, current, plain string) error {
	_, _, err := w.Change(w.Context(), by, audit.ViaAPI, audit.Origin{IP: "192.0.2.1"}, current, plain)
	return err
}

func (w *world) set(text, plain string) error {
	_, err := w.SetByLink(w.Context(), text, plain, audit.ViaAPI, audit.Origin{IP: "192.0.2.1"})
	return err
}

// refused fails the test unless the error is a refusal of the field with the code.
func (w *world) refused(name string, err error, field, code string) {
	w.Helper()
	e, ok := errors.AsType[*fault.Error](err)
	if !ok || e.Kind != fault.Unprocessable || e.Code != code || len(e.Fields) != 1 || e.Fields[0].Name != field {
		w.Errorf("%s: %v", name, err)
	}
}

// events gives the events of the type in the user's account.
func (w *world) events(u account.User, kind audit.Type) []audit.Event {
	w.Helper()
	page, err := w.table.Query(w.Context(), table.Query{PK: key.PrefixAudit + u.Account, Limit: 1000})
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

// failing is a table whose commits fail after so many, as where the process ends there.
type failing struct {
	table.Table
	left atomic.Int64
}

var errDied = fault.Retry(errors.New("the process ended here"))

func (f *failing) Commit(ctx context.Context, ops ...table.Op) error {
	if f.left.Add(-1) < 0 {
		return errDied
	}
	return f.Table.Commit(ctx, ops...)
}
