package operator_test

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/fault"
	"keyfob/internal/operator"
	"keyfob/internal/scope"
	"keyfob/internal/session"
	"keyfob/internal/standing"
	"keyfob/internal/table"
	"keyfob/internal/table/bolt"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
)

// tenancy is an account with people who have tokens and sessions.
type tenancy struct {
	*testing.T
	table       *bolt.Table
	form        token.Form
	acc         account.Account
	users       []account.User
	credentials map[string]token.Kind // what opens something, by the text that is presented
}

var noon = time.Date(2030, 1, 2, 12, 0, 0, 0, time.UTC)

func now() time.Time { return noon }

func newTenancy(t *testing.T, users, tokens, sessions int) *tenancy {
	t.Helper()
	db, err := bolt.Open(filepath.Join(t.TempDir(), "table"), now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	w := &tenancy{T: t, table: db, form: token.Form{Brand: "kf", Realm: "us"}, credentials: map[string]token.Kind{}}
	w.acc = account.Account{ID: token.NewName("acc_"), Name: "Example Ltd", Status: account.Active, Policy: account.DefaultPolicy(), APIManagement: true, Created: noon, Version: 1}
	w.commit(w.acc.Create())
	for range users {
		u := account.User{ID: token.NewName("usr_"), Account: w.acc.ID, Email: token.NewName("u") + "@example.com", Name: "Ute", Role: scope.Owner, Status: account.Active, Created: noon, Version: 1}
		w.commit(u.Create()...)
		w.users = append(w.users, u)
	}
	for i := range sessions {
		c, err := w.login(w.users[i%users])
		if err != nil {
			t.Fatal(err)
		}
		w.credentials[c.Plaintext().Reveal()] = token.Session
	}
	var ops []table.Op
	for i := range tokens {
		ops = append(ops, w.token(w.users[i%users], noon.Add(time.Duration(i)*time.Millisecond))...)
		if len(ops)+3 > table.MaxCommit || i == tokens-1 {
			w.commit(ops...)
			ops = nil
		}
	}
	return w
}

func (w *tenancy) commit(ops ...table.Op) {
	w.Helper()
	if err := w.table.Commit(w.Context(), ops...); err != nil {
		w.Fatal(err)
	}
}

// login starts a session as a login does: on condition that account and user are as they were read.
func (w *tenancy) login(u account.User) (token.Credential, error) {
	acc, u, err := (&account.Accounts{Table: w.table}).WithUser(w.Context(), u.Account, u.ID)
	if err != nil {
		return token.Credential{}, err
	}
	if acc.Status != account.Active || u.Status != account.Active {
		return token.Credential{}, fault.New(fault.Unauthenticated, "", "Unauthenticated.")
	}
	s := session.Sessions{Table: w.table, Now: now}
	_, c, err := s.Start(w.Context(), w.form, session.Basis{
		Account: acc.ID, User: u.ID, Life: account.DefaultSessionLife, Standing: standing.Of(acc, u),
		Checks: []table.Op{table.Check(acc.Key(), table.VersionIs(acc.Version)), table.Check(u.Key(), table.VersionIs(u.Version))},
	}, audit.ViaAPI, audit.Origin{})
	return c, err
}

// token gives the operations that make a token as it is after having been issued.
func (w *tenancy) token(u account.User, at time.Time) (ops []table.Op) {
	c := w.form.New(token.API)
	digest := c.Digest()
	it := table.Item{
		"account": table.S(w.acc.ID), "user": table.S(u.ID), "name": table.S("deploy"), "digest": table.B(digest.Bytes()), "scope": table.S("*"),
		"created": table.N(at.UnixMilli()), "edition": table.N(1),
	}
	standing.Of(w.acc, u).Put(it)
	for k, item := range map[table.Key]table.Item{
		key.Token(c.ID().String()).Key():                                            it,
		key.AccountToken{Account: w.acc.ID, Created: at, ID: c.ID().String()}.Key(): {},
		key.UserToken{User: u.ID, Created: at, ID: c.ID().String()}.Key():           {},
	} {
		item[table.AttrPK], item[table.AttrSK] = table.S(k.PK), table.S(k.SK)
		ops = append(ops, table.Create(item))
	}
	w.credentials[c.Plaintext().Reveal()] = token.API
	return ops
}

// open counts the credentials that open something.
func (w *tenancy) open() map[token.Kind]int {
	w.Helper()
	open := map[token.Kind]int{}
	a := &authority.Authority{Table: w.table, Now: now, Form: w.form}
	for text, kind := range w.credentials {
		_, denial, err := a.Verify(w.Context(), text)
		if err != nil {
			w.Fatal(err)
		}
		if denial == authority.None {
			open[kind]++
		}
	}
	return open
}

func (w *tenancy) operator(db table.Table) *operator.Operator {
	return &operator.Operator{Table: db, Now: now}
}

// happened counts the account's events of the type.
func (w *tenancy) happened(kind audit.Type) int {
	w.Helper()
	page, err := w.table.Query(w.Context(), table.Query{PK: key.PrefixAudit + w.acc.ID, Limit: 10_000})
	if err != nil {
		w.Fatal(err)
	}
	n := 0
	for _, it := range page.Items {
		if it.String("type") == string(kind) {
			n++
		}
	}
	return n
}

// mortal is a table whose commits fail after so many, as where the process ends there.
type mortal struct {
	table.Table
	left atomic.Int64
}

func (m *mortal) Commit(ctx context.Context, ops ...table.Op) error {
	if m.left.Add(-1) < 0 {
		return fault.Retry(errors.New("the process ended here"))
	}
	return m.Table.Commit(ctx, ops...)
}

// P1: once a suspension is acknowledged no token and no session of the account opens anything; when the account is resumed
// the tokens do again, and of the sessions none.
func TestP1ASuspendedAccountOpensNothing(t *testing.T) {
	w := newTenancy(t, 5, 2000, 50)
	o := w.operator(w.table)
	start := time.Now()
	acc, err := o.Suspend(t.Context(), w.acc.ID, audit.Origin{RequestID: "r-1"})
	t.Logf("suspended 2,000 tokens and 50 sessions in %s", time.Since(start))
	if err != nil || acc.Status != account.Suspended || acc.Behind {
		t.Errorf("%+v, %v", acc, err)
	}
	if open := w.open(); len(open) != 0 {
		t.Errorf("open: %v", open)
	}
	if _, err := w.login(w.users[0]); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("a login: %v", err)
	}
	if again, err := o.Suspend(t.Context(), w.acc.ID, audit.Origin{}); err != nil || again != acc || w.happened(audit.AccountSuspended) != 1 {
		t.Errorf("again: %+v, %v, %d events", again, err, w.happened(audit.AccountSuspended))
	}
	if n := w.happened(audit.SessionEnded); n != 50 {
		t.Errorf("%d sessions were ended", n)
	}
	start = time.Now()
	for range 2 {
		acc, err = o.Resume(t.Context(), w.acc.ID, audit.Origin{})
		if err != nil || acc.Status != account.Active || acc.Behind {
			t.Errorf("%+v, %v", acc, err)
		}
	}
	t.Logf("resumed in %s", time.Since(start))
	if open := w.open(); open[token.API] != 2000 || open[token.Session] != 0 {
		t.Errorf("open: %v", open)
	}
	if n := w.happened(audit.AccountResumed); n != 1 {
		t.Errorf("%d events", n)
	}
	if _, err := w.login(w.users[0]); err != nil {
		t.Errorf("a login: %v", err)
	}
}

// P1: a suspension that was cut short anywhere is finished by asking again; and what was not is refused once it is resumed.
func TestP1ASuspensionThatWasInterruptedIsFinished(t *testing.T) {
	for commits := range int64(9) {
		w := newTenancy(t, 2, 150, 6)
		db := &mortal{Table: w.table}
		db.left.Store(commits)
		_, err := w.operator(db).Suspend(t.Context(), w.acc.ID, audit.Origin{})
		if commits%2 == 1 { // the operator gives up, and resumes it
			if _, err := w.operator(w.table).Resume(t.Context(), w.acc.ID, audit.Origin{}); err != nil {
				t.Error(err)
			}
			if open := w.open(); open[token.API] != 150 || commits > 0 && open[token.Session] != 0 {
				t.Errorf("after %d commits, resumed: %v", commits, open)
			}
			continue
		}
		if _, again := w.operator(w.table).Suspend(t.Context(), w.acc.ID, audit.Origin{}); again != nil {
			t.Errorf("after %d commits: %v, then %v", commits, err, again)
		}
		if open := w.open(); len(open) != 0 || w.happened(audit.AccountSuspended) != 1 || w.happened(audit.SessionEnded) != 6 {
			t.Errorf("after %d commits: %v open, %d events, %d sessions ended", commits, open, w.happened(audit.AccountSuspended), w.happened(audit.SessionEnded))
		}
	}
}

// P1: a login that races a suspension starts nothing that outlives it.
func TestP1NoLoginOutrunsASuspension(t *testing.T) {
	w := newTenancy(t, 3, 5, 3)
	var all sync.WaitGroup
	var mu sync.Mutex
	stop := make(chan struct{})
	for _, u := range w.users {
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if c, err := w.login(u); err == nil {
					mu.Lock()
					w.credentials[c.Plaintext().Reveal()] = token.Session
					mu.Unlock()
				}
			}
		})
	}
	_, err := w.operator(w.table).Suspend(t.Context(), w.acc.ID, audit.Origin{})
	if err != nil {
		t.Error(err)
	}
	mu.Lock()
	open := w.open()
	mu.Unlock()
	close(stop)
	all.Wait()
	if len(open) != 0 || len(w.open()) != 0 {
		t.Errorf("open: %v, then %v", open, w.open())
	}
}

// The operator names an account by its id, and nothing else.
func TestOnlyAnAccountIsSuspended(t *testing.T) {
	w := newTenancy(t, 1, 1, 1)
	for id, kind := range map[string]fault.Kind{"": fault.Invalid, "acc_0000000000000000": fault.Unprocessable, "acc": fault.Unprocessable, w.users[0].ID: fault.Unprocessable} {
		for name, turn := range map[string]func(context.Context, string, audit.Origin) (account.Account, error){"suspend": w.operator(w.table).Suspend, "resume": w.operator(w.table).Resume} {
			if _, err := turn(t.Context(), id, audit.Origin{}); !fault.Is(err, kind) {
				t.Errorf("%s %q: %v", name, id, err)
			}
		}
	}
	if open := w.open(); open[token.API] != 1 || open[token.Session] != 1 {
		t.Errorf("open: %v", open)
	}
}

// R2: the operator takes the factors of somebody whom nobody of the account can help; the sessions end with them.
func TestR2TheOperatorTakesFactors(t *testing.T) {
	w := newTenancy(t, 1, 1, 2)
	u := w.users[0]
	u.Factors, u.Mailed, u.Behind = true, true, true
	k := key.Factors(u.ID).Key()
	w.commit(u.Replace(), table.Create(table.Item{table.AttrPK: table.S(k.PK), table.AttrSK: table.S(k.SK)}))
	if err := (&standing.Carrier{Table: w.table, Accounts: &account.Accounts{Table: w.table}}).User(t.Context(), w.acc.ID, u.ID); err != nil {
		t.Fatal(err)
	}
	stands := func() bool {
		for text := range w.credentials {
			c, err := w.form.Present(text)
			if err != nil || c.Kind() != token.API {
				continue
			}
			items, err := w.table.Get(t.Context(), key.Token(c.ID().String()).Key())
			if err != nil {
				t.Fatal(err)
			}
			return standing.From(items[0]).Factors
		}
		return false
	}
	if !stands() {
		t.Error("the factor was not carried")
	}
	for range 2 {
		got, err := w.operator(w.table).ResetFactors(t.Context(), w.acc.ID, u.ID, audit.Origin{})
		if err != nil || got.Factors || got.Mailed || got.Behind || got.ID != u.ID {
			t.Errorf("%+v, %v", got, err)
		}
	}
	items, err := w.table.Get(t.Context(), k)
	if open := w.open(); err != nil || items[0] != nil || open[token.Session] != 0 || open[token.API] != 1 || w.happened(audit.FactorRemoved) != 1 || stands() {
		t.Errorf("left: %v, %v; open: %v, %d events", items, err, open, w.happened(audit.FactorRemoved))
	}
	for user, kind := range map[string]fault.Kind{"": fault.Invalid, "usr_0000000000000000": fault.Unprocessable, w.acc.ID: fault.Unprocessable} {
		if _, err := w.operator(w.table).ResetFactors(t.Context(), w.acc.ID, user, audit.Origin{}); !fault.Is(err, kind) {
			t.Errorf("%q: %v", user, err)
		}
	}
}
