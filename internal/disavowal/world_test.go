package disavowal_test

import (
	"context"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/disavowal"
	"keyfob/internal/fault"
	"keyfob/internal/scope"
	"keyfob/internal/session"
	"keyfob/internal/standing"
	"keyfob/internal/table"
	"keyfob/internal/table/bolt"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
)

const base = "https://keys.example.com/live"

var from = audit.Origin{IP: "198.51.100.9", UserAgent: "Mozilla/5.0", RequestID: "r-9"}

// world is an account with an owner and an admin, on a real embedded table.
type world struct {
	*testing.T
	*disavowal.Disavowals
	ns    atomic.Int64
	acc   account.Account
	owner account.User
	admin account.User
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t}
	w.ns.Store(time.Date(2030, 1, 2, 3, 4, 5, 600_000_000, time.UTC).UnixNano())
	db, err := bolt.Open(filepath.Join(t.TempDir(), "table"), w.now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	w.Disavowals = &disavowal.Disavowals{Table: db, Now: w.now, Form: token.Form{Brand: "kf", Realm: "us"}, URL: base}
	w.acc = account.Account{ID: token.NewName("acc_"), Name: "Example Ltd", Status: account.Active, Policy: account.DefaultPolicy(), APIManagement: true, Created: w.now(), Version: 1}
	w.commit(w.acc.Create())
	w.owner, w.admin = w.user("Olivia", scope.Owner), w.user("Adam", scope.Admin)
	return w
}

func (w *world) now() time.Time          { return time.Unix(0, w.ns.Load()).UTC() }
func (w *world) advance(d time.Duration) { w.ns.Add(int64(d)) }

func (w *world) user(name string, r scope.Role) account.User {
	w.Helper()
	u := account.User{
		ID: token.NewName("usr_"), Account: w.acc.ID, Email: token.NewName("u") + "@example.com", Name: name, Role: r, Status: account.Active,
		Verified: true, Created: w.now(), Version: 1,
	}
	w.commit(u.Create()...)
	return u
}

func (w *world) commit(ops ...table.Op) {
	w.Helper()
	if err := w.Table.Commit(w.Context(), ops...); err != nil {
		w.Fatal(err)
	}
}

// change puts another user in the place of one.
func (w *world) change(u *account.User, to func(*account.User)) {
	w.Helper()
	to(u)
	w.commit(u.Replace())
	u.Version++
}

func (w *world) authority() *authority.Authority {
	return &authority.Authority{Table: w.Table, Now: w.now, Form: w.Form}
}

// login starts a session.
func (w *world) login(u account.User) (authority.Principal, token.Credential) {
	w.Helper()
	sessions := session.Sessions{Table: w.Table, Now: w.now}
	_, c, err := sessions.Start(w.Context(), w.Form, session.Basis{Account: w.acc.ID, User: u.ID, Life: account.DefaultSessionLife, Standing: standing.Of(w.acc, u)}, audit.ViaAPI, audit.Origin{})
	if err != nil {
		w.Fatal(err)
	}
	p, denial, err := w.authority().Verify(w.Context(), c.Plaintext().Reveal())
	if err != nil || denial != authority.None {
		w.Fatal(denial, err)
	}
	return p, c
}

func (w *world) issue(by authority.Principal, name string) (authority.Token, token.Credential) {
	w.Helper()
	t, c, err := w.authority().Issue(w.Context(), by, audit.ViaAPI, audit.Origin{IP: "203.0.113.7"}, authority.Request{Name: name, Scope: scope.Full()})
	if err != nil {
		w.Fatal(err)
	}
	return t, c
}

func (w *world) rotate(by authority.Principal, t authority.Token, overlap time.Duration) (authority.Token, token.Credential) {
	w.Helper()
	next, c, err := w.authority().Rotate(w.Context(), by, audit.ViaAPI, audit.Origin{}, t.Handle(), authority.Rotation{Overlap: overlap})
	if err != nil {
		w.Fatal(err)
	}
	return next, c
}

// alive reports whether the credential is taken.
func (w *world) alive(c token.Credential) bool {
	w.Helper()
	_, denial, err := w.authority().Verify(w.Context(), c.Plaintext().Reveal())
	if err != nil {
		w.Fatal(err)
	}
	return denial == authority.None
}

// events gives the account's events of the types, oldest first.
func (w *world) events(types ...audit.Type) (all []audit.Event) {
	w.Helper()
	page, err := w.Table.Query(context.Background(), table.Query{PK: key.PrefixAudit + w.acc.ID, Limit: 1000})
	if err != nil {
		w.Fatal(err)
	}
	for _, it := range page.Items {
		e, err := audit.FromItem(it)
		if err != nil {
			w.Fatal(err)
		}
		for _, t := range types {
			if e.Type == t {
				all = append(all, e)
			}
		}
	}
	return all
}

// last gives the last event of the type.
func (w *world) last(t audit.Type) audit.Event {
	w.Helper()
	all := w.events(t)
	if len(all) == 0 {
		w.Fatalf("no %s", t)
	}
	return all[len(all)-1]
}

// about records an event about a user.
func (w *world) about(t audit.Type, u account.User) audit.Event {
	w.Helper()
	e := audit.New(t, w.now(), w.acc.ID, audit.Actor{User: u.ID, Via: audit.ViaAPI}, audit.Origin{IP: "203.0.113.7"}, audit.Subject{Kind: "user", ID: u.ID, Name: u.Name})
	w.commit(e.Ops()...)
	return e
}

// mint gives the text of the link in a mail of the event.
func (w *world) mint(e audit.Event, to account.User) string {
	w.Helper()
	ops, url, until, err := w.Mint(w.Context(), e, to)
	text, ok := strings.CutPrefix(url, base+"/disavow/")
	if err != nil || !ok || until != w.now().Truncate(time.Second).Add(disavowal.Life) {
		w.Fatal(url, until, err)
	}
	w.commit(ops...)
	return text
}

func (w *world) use(text string) disavowal.Found {
	w.Helper()
	f, err := w.Use(w.Context(), text, from)
	if err != nil {
		w.Fatal(err)
	}
	return f
}

// refused fails the test unless the text is refused with the code, found and used.
func (w *world) refused(what, text string, k fault.Kind, code string) {
	w.Helper()
	_, found := w.Find(w.Context(), text)
	_, used := w.Use(w.Context(), text, from)
	for _, err := range []error{found, used} {
		if e, ok := err.(*fault.Error); !ok || e.Kind != k || e.Code != code {
			w.Errorf("%s: %v, want %s", what, err, code)
		}
	}
}
