package trail_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/scope"
	"keyfob/internal/table"
	"keyfob/internal/table/bolt"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
	"keyfob/internal/trail"
)

// Who and what the events are about.
const (
	accountID = "acc_0000000000000001"
	foreignID = "acc_0000000000000002"
	olivia    = "usr_000000000000000o"
	maxine    = "usr_000000000000000m"
	deploy    = "tok_00000000000000d1"
	nightly   = "tok_00000000000000n1"
	session   = "ses_00000000000000s1"
)

var start = time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)

// world is a table in which things have happened. It counts what is read of it.
type world struct {
	testing.TB
	table.Table
	now            atomic.Int64
	trails         *trail.Trails
	queries, items atomic.Int64
	fail           error
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{TB: t}
	w.now.Store(start.UnixNano())
	db, err := bolt.Open(filepath.Join(t.TempDir(), "table"), w.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	w.Table = db
	w.trails = &trail.Trails{Table: w, Now: w.Now}
	return w
}

func (w *world) Now() time.Time { return time.Unix(0, w.now.Load()).UTC() }

func (w *world) Get(ctx context.Context, keys ...table.Key) ([]table.Item, error) {
	w.items.Add(int64(len(keys)))
	if w.fail != nil {
		return nil, w.fail
	}
	return w.Table.Get(ctx, keys...)
}

func (w *world) Query(ctx context.Context, q table.Query) (table.Page, error) {
	w.queries.Add(1)
	if w.fail != nil {
		return table.Page{}, w.fail
	}
	page, err := w.Table.Query(ctx, q)
	w.items.Add(int64(len(page.Items)))
	return page, err
}

// event makes one that is not committed yet.
func event(typ audit.Type, at time.Time, user, credential, subject string) audit.Event {
	return audit.New(typ, at, accountID, audit.Actor{User: user, Credential: credential, Via: audit.ViaAPI},
		audit.Origin{IP: "192.0.2.1"}, audit.Subject{Kind: "token", ID: subject, Name: "deploy"})
}

// happened commits the events.
func (w *world) happened(events ...audit.Event) {
	w.Helper()
	var ops []table.Op
	for i, e := range events {
		if ops = append(ops, e.Ops()...); len(ops) > table.MaxCommit-4 || i == len(events)-1 {
			if err := w.Commit(w.Context(), ops...); err != nil {
				w.Fatal(err)
			}
			ops = nil
		}
	}
}

// series makes n events of the token a second apart, oldest first, and commits them.
func (w *world) series(n int, typ audit.Type, subject string) []audit.Event {
	w.Helper()
	events := make([]audit.Event, n)
	for i := range events {
		events[i] = event(typ, start.Add(time.Duration(i)*time.Second), olivia, session, subject)
	}
	w.happened(events...)
	return events
}

// record puts the record of a token, as far as the trail reads it.
func (w *world) record(handle, account, user string, purgeAt time.Time) {
	w.Helper()
	k := key.Token(handle[len("tok_"):]).Key()
	it := table.Item{table.AttrPK: table.S(k.PK), table.AttrSK: table.S(k.SK), "account": table.S(account), "user": table.S(user)}
	if !purgeAt.IsZero() {
		it[table.AttrPurgeAt] = table.N(purgeAt.Unix())
	}
	if err := w.Commit(w.Context(), table.Create(it)); err != nil {
		w.Fatal(err)
	}
}

// by is somebody of the account with a session.
func by(user string, role scope.Role, issuers scope.Issuers) authority.Principal {
	return authority.Principal{
		Kind: token.Session, Account: accountID, User: user, Via: audit.ViaAPI,
		Holder: scope.Holder{Session: true, Scope: scope.Full(), Role: role, Issuers: issuers},
	}
}

var owner = by(olivia, scope.Owner, scope.IssuersAdmins)

// read is one of the two ways to a page.
type read func(f trail.Filter, limit int, after string) (trail.Page, error)

func (w *world) account(p authority.Principal) read {
	return func(f trail.Filter, limit int, after string) (trail.Page, error) {
		return w.trails.Account(w.Context(), p, f, limit, after)
	}
}

func (w *world) token(p authority.Principal, handle string) read {
	return func(f trail.Filter, limit int, after string) (trail.Page, error) {
		return w.trails.Token(w.Context(), p, handle, f, limit, after)
	}
}

// all reads page after page to the end, and gives the events' ids and how many pages there were.
func (w *world) all(r read, f trail.Filter, limit int) (ids []string, pages int) {
	w.Helper()
	for after := ""; ; {
		page, err := r(f, limit, after)
		if err != nil {
			w.Fatal(err)
		}
		if len(page.Events) > limit {
			w.Errorf("a page of %d where %d were asked for", len(page.Events), limit)
		}
		for _, e := range page.Events {
			ids = append(ids, e.ID)
		}
		if pages++; page.Next == "" {
			return ids, pages
		}
		if page.Next == after {
			w.Fatalf("the page after %s goes on from there", after)
		}
		after = page.Next
	}
}

func newestFirst(events []audit.Event) []string {
	ids := make([]string, len(events))
	for i, e := range events {
		ids[len(events)-1-i] = e.ID
	}
	return ids
}

// ptr is a time as a filter takes it.
func ptr(t time.Time) *time.Time { return &t }

func unknown(n int) string { return fmt.Sprintf("tok_%016d", n) }
