package standing_test

import (
	"context"
	"errors"
	"path/filepath"
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

// world is an account with an owner and an admin, on a real embedded table.
type world struct {
	testing.TB
	table *bolt.Table
	acc   account.Account
	admin account.User
	form  token.Form
}

func now() time.Time { return time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC) }

func newWorld(t testing.TB) *world {
	t.Helper()
	db, err := bolt.Open(filepath.Join(t.TempDir(), "table"), now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	w := &world{TB: t, table: db, form: token.Form{Brand: "kf", Realm: "us"}}
	w.acc = account.Account{ID: token.NewName("acc_"), Name: "Example Ltd", Status: account.Active, Policy: account.DefaultPolicy(), APIManagement: true, Created: now(), Version: 1}
	w.commit(w.acc.Create())
	w.user(scope.Owner)
	w.admin = w.user(scope.Admin)
	return w
}

func (w *world) commit(ops ...table.Op) {
	w.Helper()
	if err := w.table.Commit(w.Context(), ops...); err != nil {
		w.Fatal(err)
	}
}

func (w *world) user(role scope.Role) account.User {
	w.Helper()
	u := account.User{ID: token.NewName("usr_"), Account: w.acc.ID, Email: token.NewName("u") + "@example.com", Name: "Ute", Role: role, Status: account.Active, Created: now(), Version: 1}
	w.commit(u.Create()...)
	return u
}

func (w *world) carrier(db table.Table) *standing.Carrier {
	return &standing.Carrier{Table: db, Accounts: &account.Accounts{Table: db}}
}

// records gives the account and the user as they are.
func (w *world) records(user string) (account.Account, account.User) {
	w.Helper()
	acc, u, err := (&account.Accounts{Table: w.table}).WithUser(context.WithoutCancel(w.Context()), w.acc.ID, user)
	if err != nil {
		w.Fatal(err)
	}
	return acc, u
}

// decide changes the user's record as a decision does: at once, with the mark, and nothing else.
func (w *world) decide(user string, change func(*account.User)) {
	w.Helper()
	for {
		_, u := w.records(user)
		change(&u)
		u.Behind = true
		err := w.table.Commit(w.Context(), u.Replace())
		if _, moved := errors.AsType[*table.Conflict](err); moved {
			continue
		}
		if err != nil {
			w.Fatal(err)
		}
		return
	}
}

func (w *world) decideAccount(change func(*account.Account)) {
	w.Helper()
	acc, _ := w.records(w.admin.ID)
	change(&acc)
	acc.Behind = true
	w.commit(acc.Replace())
}

// session starts a session of the user.
func (w *world) session(user string) token.Credential {
	w.Helper()
	acc, u := w.records(user)
	s := session.Sessions{Table: w.table, Now: now}
	_, c, err := s.Start(w.Context(), w.form, session.Basis{Account: acc.ID, User: u.ID, Life: account.DefaultSessionLife, Standing: standing.Of(acc, u)}, audit.ViaAPI, audit.Origin{})
	if err != nil {
		w.Fatal(err)
	}
	return c
}

// plant makes n tokens of the user at once, as they are after having been issued, each with room taken by size bytes.
func (w *world) plant(user string, n, size int) {
	w.Helper()
	acc, u := w.records(user)
	var ops []table.Op
	for i := range n {
		c := w.form.New(token.API)
		digest, at := c.Digest(), now().Add(time.Duration(i)*time.Millisecond)
		it := table.Item{
			"account": table.S(acc.ID), "user": table.S(u.ID), "name": table.S("deploy"), "digest": table.B(digest.Bytes()), "scope": table.S("*"),
			"created": table.N(at.UnixMilli()), "edition": table.N(1), "sealed": table.B(make([]byte, size)),
		}
		standing.Of(acc, u).Put(it)
		for k, item := range map[table.Key]table.Item{
			key.Token(c.ID().String()).Key():                                          it,
			key.AccountToken{Account: acc.ID, Created: at, ID: c.ID().String()}.Key(): {},
			key.UserToken{User: u.ID, Created: at, ID: c.ID().String()}.Key():         {},
		} {
			item[table.AttrPK], item[table.AttrSK] = table.S(k.PK), table.S(k.SK)
			ops = append(ops, table.Create(item))
		}
		if len(ops) > table.MaxCommit-3 || i == n-1 || len(ops)*size > table.MaxCommitSize {
			w.commit(ops...)
			ops = nil
		}
	}
}

// standings counts the credentials of the user by their standing.
func (w *world) standings(user string) map[standing.Standing]int {
	w.Helper()
	found := map[standing.Standing]int{}
	for _, l := range []struct {
		pk  string
		key func(string) table.Key
	}{
		{key.PrefixUserTokens + user, func(sk string) table.Key { return key.Token(sk[len(sk)-token.IDLen:]).Key() }},
		{key.PrefixUserSessions + user, func(sk string) table.Key { return key.Session(sk).Key() }},
	} {
		page, err := w.table.Query(context.WithoutCancel(w.Context()), table.Query{PK: l.pk, Limit: 10_000})
		if err != nil {
			w.Fatal(err)
		}
		for _, pointer := range page.Items {
			items, err := w.table.Get(context.WithoutCancel(w.Context()), l.key(pointer.String(table.AttrSK)))
			if err != nil || items[0] == nil {
				w.Fatal(items, err)
			}
			found[standing.From(items[0])]++
		}
	}
	return found
}

// even fails the test unless the user's n credentials stand as the records say, and nothing is left to carry.
func (w *world) even(user string, n int) {
	w.Helper()
	acc, u := w.records(user)
	found := w.standings(user)
	if len(found) != 1 || found[standing.Of(acc, u)] != n || u.Behind || acc.Behind {
		w.Errorf("of %d credentials that should be %+v there are %+v; behind: %t, %t", n, standing.Of(acc, u), found, u.Behind, acc.Behind)
	}
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

// meddling is a table on which something happens before some commits.
type meddling struct {
	table.Table
	commits, queries int
	before           func(commit int)
}

func (m *meddling) Query(ctx context.Context, q table.Query) (table.Page, error) {
	m.queries++
	return m.Table.Query(ctx, q)
}

func (m *meddling) Commit(ctx context.Context, ops ...table.Op) error {
	m.commits++
	m.before(m.commits)
	return m.Table.Commit(ctx, ops...)
}

func (w *world) authority() *authority.Authority {
	return &authority.Authority{Table: w.table, Now: now, Form: w.form}
}
