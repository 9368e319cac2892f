package session_test

import (
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/scope"
	"keyfob/internal/session"
	"keyfob/internal/standing"
	"keyfob/internal/table"
	"keyfob/internal/table/bolt"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
)

// world is an account with its owner and their sessions, on a real embedded table and a clock that only the test moves.
type world struct {
	testing.TB
	session.Sessions
	form token.Form
	acc  account.Account
	user account.User
	ns   atomic.Int64
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{TB: t, form: token.Form{Brand: "kf", Realm: "us"}}
	w.ns.Store(time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC).UnixNano())
	db, err := bolt.Open(filepath.Join(t.TempDir(), "table"), w.now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	w.Sessions = session.Sessions{Table: db, Now: w.now}
	w.acc = account.Account{ID: token.NewName("acc_"), Name: "Example Ltd", Status: account.Active, Policy: account.DefaultPolicy(), Created: w.now(), Version: 1}
	w.user = account.User{ID: token.NewName("usr_"), Account: w.acc.ID, Email: "owner@example.com", Role: scope.Owner, Status: account.Active, Created: w.now(), Version: 1}
	if err := db.Commit(t.Context(), append(w.user.Create(), w.acc.Create())...); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) now() time.Time       { return time.Unix(0, w.ns.Load()).UTC() }
func (w *world) pass(d time.Duration) { w.ns.Add(int64(d)) }

// start starts a session of the user that ends in a day, or when it was not used for an hour.
func (w *world) start(user string) (session.Session, token.Credential) {
	w.Helper()
	s, c, err := w.Start(w.Context(), w.form, session.Basis{
		Account: w.acc.ID, User: user, Life: 24 * time.Hour, Idle: time.Hour, Standing: standing.Of(w.acc, w.user),
	}, audit.ViaDashboard, audit.Origin{IP: "192.0.2.1", UserAgent: "curl/8.5.0"})
	if err != nil {
		w.Fatal(err)
	}
	return s, c
}

// list gives all of the user's sessions, in pages of so many.
func (w *world) list(user string, limit int) (all []session.Session) {
	w.Helper()
	for after := ""; ; {
		page, err := w.List(w.Context(), user, after, limit)
		if err != nil || len(page.Sessions) > limit {
			w.Fatalf("a page of %d: %v", len(page.Sessions), err)
		}
		all = append(all, page.Sessions...)
		if after = page.Next; after == "" {
			return all
		}
	}
}

// record gives the session's record; nil where there is none.
func (w *world) record(id token.ID) table.Item {
	w.Helper()
	items, err := w.Table.Get(w.Context(), key.Session(id.String()).Key())
	if err != nil {
		w.Fatal(err)
	}
	return items[0]
}

// events counts the account's events of the type.
func (w *world) events(t audit.Type) (n int) {
	w.Helper()
	page, err := w.Table.Query(w.Context(), table.Query{PK: key.PrefixAudit + w.acc.ID, Limit: 1000})
	if err != nil {
		w.Fatal(err)
	}
	for _, it := range page.Items {
		if it.String("type") == string(t) {
			n++
		}
	}
	return n
}

func (w *world) by(s session.Session) audit.Actor {
	return audit.Actor{User: s.User, Credential: s.Handle(), Via: audit.ViaDashboard}
}
