package login_test

import (
	"context"
	"encoding/base64"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/argon2"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/fault"
	"keyfob/internal/login"
	"keyfob/internal/operator"
	"keyfob/internal/password"
	"keyfob/internal/session"
	"keyfob/internal/table"
	"keyfob/internal/table/bolt"
	"keyfob/internal/table/key"
	"keyfob/internal/throttle"
	"keyfob/internal/token"
)

// traced notes the shape of each call that reaches the table, and does something before a commit where asked to.
type traced struct {
	table.Table
	mu            sync.Mutex
	calls         []string
	before        func() // a session is committed
	beforeUpgrade func() // a user is replaced
}

func (d *traced) called(call string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls = append(d.calls, call)
}

func (d *traced) Get(ctx context.Context, keys ...table.Key) ([]table.Item, error) {
	d.called("get" + strings.Repeat(" one", len(keys)))
	return d.Table.Get(ctx, keys...)
}

func (d *traced) Query(ctx context.Context, q table.Query) (table.Page, error) {
	d.called("query " + q.PK[:4])
	return d.Table.Query(ctx, q)
}

func (d *traced) Commit(ctx context.Context, ops ...table.Op) error {
	d.called("commit " + ops[0].Key.PK[:4])
	if before := d.before; before != nil && strings.HasPrefix(ops[0].Key.PK, key.PrefixSession) {
		d.before = nil
		before()
	}
	if before := d.beforeUpgrade; before != nil && strings.HasPrefix(ops[0].Key.PK, key.PrefixAccount) {
		d.beforeUpgrade = nil
		before()
	}
	return d.Table.Commit(ctx, ops...)
}

const secret = "correct horse battery"

type world struct {
	table  *traced
	logins *login.Logins
	owner  operator.Created
	now    *atomic.Int64
}

func newWorld(t *testing.T) *world {
	t.Helper()
	now := &atomic.Int64{}
	now.Store(time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC).UnixNano())
	clock := func() time.Time { return time.Unix(0, now.Load()).UTC() }
	db, err := bolt.Open(filepath.Join(t.TempDir(), "table"), clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	d := &traced{Table: db}
	hasher := password.NewHasher(2)
	w := &world{table: d, now: now, logins: &login.Logins{
		Form: token.Form{Brand: "kf", Realm: "us"}, Now: clock, Accounts: &account.Accounts{Table: d}, Sessions: &session.Sessions{Table: d, Now: clock},
		Hasher: hasher, Throttle: &throttle.Throttle{Table: d, Now: clock},
	}}
	o := operator.Operator{Table: db, Now: clock, Hasher: hasher}
	w.owner, err = o.CreateAccount(t.Context(), operator.NewAccount{Name: "Example Ltd", Email: "Owner@Example.com", Password: secret}, audit.Origin{})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) try(ctx context.Context, name, plain, ip string) (login.Login, error) {
	w.table.calls = nil
	return w.logins.Login(ctx, login.Attempt{Name: name, Password: plain}, audit.ViaAPI, audit.Origin{IP: ip})
}

func TestTheRightPasswordStartsASessionWithItsEvent(t *testing.T) {
	w := newWorld(t)
	w.now.Add(int64(time.Second))
	in, err := w.try(t.Context(), "oWNER@example.COM", secret, "192.0.2.1")
	if err != nil {
		t.Fatal(err)
	}
	if in.User.ID != w.owner.Owner.ID || in.Session.Handle() != in.Credential.Handle() {
		t.Errorf("%+v", in)
	}
	page, err := w.table.Query(t.Context(), table.Query{PK: key.PrefixAudit + in.Account.ID, Limit: 10, Descending: true})
	if err != nil || len(page.Items) != 3 || page.Items[0].String("type") != string(audit.SessionStarted) {
		t.Errorf("%v, %v", page, err)
	}
}

// S5: whatever is wrong, the error and the work are the same.
func TestS5EveryRefusalIsTheSameErrorAndTheSameWork(t *testing.T) {
	w := newWorld(t)
	for _, status := range []account.Status{account.Disabled, account.Removed, account.Invited} {
		w.user(t, string(status)+"@example.com", w.owner.Account, status, w.owner.Owner.PasswordHash)
	}
	w.user(t, "none@example.com", w.owner.Account, account.Active, "")
	suspended := w.account(t, account.Suspended, "")
	w.user(t, "suspended@example.com", suspended, account.Active, w.owner.Owner.PasswordHash)
	far := w.account(t, account.Active, "198.51.100.0/24")
	w.user(t, "far@example.com", far, account.Active, w.owner.Owner.PasswordHash)
	if _, err := w.logins.Login(t.Context(), login.Attempt{Name: "far@example.com", Password: secret}, audit.ViaAPI, audit.Origin{IP: "203.0.113.1"}); !fault.Is(err, fault.Unauthenticated) {
		t.Fatal(err) // and told of already, which is a commit more
	}
	var errs, work []string
	for _, a := range []login.Attempt{
		{Name: "far@example.com", Password: secret},
		{Name: "far@example.com", Password: "wrong horse battery"},
		{Name: "owner@example.com", Password: "wrong horse battery"},
		{Name: "nobody@example.com", Password: secret},
		{Name: "disabled@example.com", Password: secret},
		{Name: "removed@example.com", Password: secret},
		{Name: "invited@example.com", Password: secret},
		{Name: "none@example.com", Password: secret},
		{Name: "suspended@example.com", Password: secret},
		{Name: "owner@example.com", Password: secret, Tenant: suspended.ID},
		{Name: "owner@example.com", Password: secret, Tenant: "acc_other"},
		{Name: "owner@example.com", Password: secret, Tenant: w.owner.Account.ID[:10]}, // names no account, though one begins like it
		{Name: "owner@example.com", Password: secret, Tenant: strings.Repeat("x", 5000)},
		{Name: "owner@example.com", Password: secret, Tenant: "\xff"},
		{Name: "not an address", Password: secret},
		{Name: "owner@example.com ", Password: strings.Repeat("x", 5000)},
	} {
		w.table.calls = nil
		w.now.Add(int64(10 * time.Minute)) // so that none has to wait
		_, err := w.logins.Login(t.Context(), a, audit.ViaAPI, audit.Origin{IP: "203.0.113.1"})
		if !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("%.20s: %v", a.Name, err)
			continue
		}
		errs, work = append(errs, err.Error()), append(work, strings.Join(w.table.calls, ", "))
	}
	for i := range errs {
		if errs[i] != errs[0] || work[i] != work[0] {
			t.Errorf("%d: %q after %s; elsewhere %q after %s", i, errs[i], work[i], errs[0], work[0])
		}
	}
}

// account adds an account with people who log in from the prefixes, empty for any.
func (w *world) account(t *testing.T, status account.Status, from account.List) account.Account {
	t.Helper()
	acc := w.owner.Account
	acc.ID, acc.Status, acc.Policy.LoginNetworks = token.NewName("acc_"), status, from
	if err := w.table.Table.Commit(t.Context(), acc.Create()); err != nil {
		t.Fatal(err)
	}
	acc.Version = 1
	return acc
}

// user adds a user to an account.
func (w *world) user(t *testing.T, email string, acc account.Account, status account.Status, hash string) account.User {
	t.Helper()
	u := w.owner.Owner
	u.ID, u.Account, u.Email, u.Status, u.PasswordHash = token.NewName("usr_"), acc.ID, email, status, hash
	if status == account.Removed {
		u.Gone = time.Unix(0, w.now.Load()).Add(time.Hour)
	}
	if err := w.table.Table.Commit(t.Context(), u.Create()...); err != nil {
		t.Fatal(err)
	}
	u.Version = 1
	return u
}

// from makes an attempt without a tenant from the address.
func (w *world) from(t *testing.T, ip, tenant string) (login.Login, error) {
	t.Helper()
	return w.logins.Login(t.Context(), login.Attempt{Name: "owner@example.com", Password: secret, Tenant: tenant}, audit.ViaAPI, audit.Origin{IP: ip})
}

// events gives the account's events of the type, the oldest first.
func (w *world) events(t *testing.T, acc string, kind audit.Type) (found []audit.Event) {
	t.Helper()
	page, err := w.table.Table.Query(t.Context(), table.Query{PK: key.PrefixAudit + acc, Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for _, it := range page.Items {
		if e, err := audit.FromItem(it); err != nil {
			t.Error(err)
		} else if e.Type == kind {
			found = append(found, e)
		}
	}
	return found
}

// S4: an attacker's failures slow the attacker down, and the victim logs in from elsewhere at once.
func TestS4TheVictimIsNotLockedOut(t *testing.T) {
	w := newWorld(t)
	var slowed int
	for range 200 {
		if _, err := w.try(t.Context(), "owner@example.com", "wrong horse battery", "203.0.113.9"); fault.Is(err, fault.TooMany) {
			slowed++
		}
		w.now.Add(int64(time.Second))
	}
	if slowed < 150 {
		t.Errorf("only %d of 200 attempts were slowed down", slowed)
	}
	if _, err := w.try(t.Context(), "owner@example.com", secret, "192.0.2.1"); err != nil {
		t.Errorf("the victim: %v", err)
	}
}

// S3: parallel logins are hashed a few at a time, and all are answered.
func TestS3ParallelLoginsAreAllAnswered(t *testing.T) {
	w := newWorld(t)
	logins := *w.logins
	logins.Accounts = &account.Accounts{Table: w.table.Table}
	logins.Sessions = &session.Sessions{Table: w.table.Table, Now: w.logins.Sessions.Now}
	logins.Throttle = &throttle.Throttle{Table: w.table.Table, Now: w.logins.Throttle.Now}
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			if _, err := logins.Login(t.Context(), login.Attempt{Name: "owner@example.com", Password: secret}, audit.ViaAPI, audit.Origin{IP: "192.0.2.1"}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// A user who is changed between the check of the password and the session gets none.
func TestAChangeOfTheUserDuringALoginStartsNothing(t *testing.T) {
	w := newWorld(t)
	w.table.before = func() {
		if _, err := w.logins.Accounts.UpgradePassword(t.Context(), w.owner.Owner, "changed"); err != nil {
			t.Error(err)
		}
	}
	if _, err := w.try(t.Context(), "owner@example.com", secret, "192.0.2.1"); !fault.Is(err, fault.Unavailable) {
		t.Errorf("%v", err)
	}
}

// S3: a hash with older parameters is replaced at the next login.
func TestS3AnOlderHashIsUpgradedAtLogin(t *testing.T) {
	w := newWorld(t)
	u := w.owner.Owner
	salt := []byte("somesaltsomesalt")
	b64 := base64.RawStdEncoding
	hash := "$argon2id$v=19$m=8192,t=1,p=1$" + b64.EncodeToString(salt) + "$" + b64.EncodeToString(argon2.IDKey([]byte(secret), salt, 1, 8192, 1, 32))
	if _, err := w.logins.Accounts.UpgradePassword(t.Context(), u, hash); err != nil {
		t.Fatal(err)
	}
	in, err := w.try(t.Context(), "owner@example.com", secret, "192.0.2.1")
	if err != nil {
		t.Fatal(err)
	}
	if password.NeedsUpgrade(in.User.PasswordHash) || in.User.PasswordHash == hash {
		t.Errorf("stored: %s", in.User.PasswordHash)
	}
	if _, err := w.try(t.Context(), "owner@example.com", secret, "192.0.2.1"); err != nil {
		t.Errorf("after the upgrade: %v", err)
	}
}

// set replaces an attribute of a record, as whoever disables or suspends would.
func (w *world) set(t *testing.T, k table.Key, name, value string) {
	t.Helper()
	items, err := w.table.Table.Get(t.Context(), k)
	if err != nil {
		t.Fatal(err)
	}
	items[0][name] = table.S(value)
	if err := w.table.Table.Commit(t.Context(), table.Replace(items[0], items[0].Version())); err != nil {
		t.Fatal(err)
	}
}

// P1, S9: a disabled user and a suspended account get no session, whenever in a login they become so.
func TestP1ASuspensionDuringALoginStartsNothing(t *testing.T) {
	for name, change := range map[string]func(*testing.T, *world){
		"user":    func(t *testing.T, w *world) { w.set(t, w.owner.Owner.Key(), "status", string(account.Disabled)) },
		"account": func(t *testing.T, w *world) { w.set(t, w.owner.Account.Key(), "status", string(account.Suspended)) },
	} {
		w := newWorld(t)
		w.table.before = func() { change(t, w) }
		if _, err := w.try(t.Context(), "owner@example.com", secret, "192.0.2.1"); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("%s, during: %v", name, err)
		}
		if _, err := w.try(t.Context(), "owner@example.com", secret, "192.0.2.1"); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("%s, after: %v", name, err)
		}
	}
}

// What a change during a login leaves as it was for the login does not stop it; the session has what was changed.
func TestAChangeThatIsNoneOfTheLoginsDoesNotStopIt(t *testing.T) {
	for name, k := range map[string]table.Key{"user": {}, "account": {}} {
		w := newWorld(t)
		if k = w.owner.Owner.Key(); name == "account" {
			k = w.owner.Account.Key()
		}
		w.table.before = func() { w.set(t, k, "name", "Another name") }
		in, err := w.try(t.Context(), "owner@example.com", secret, "192.0.2.1")
		if err != nil || name == "user" && in.User.Name != "Another name" || name == "account" && in.Account.Name != "Another name" {
			t.Errorf("%s: %+v, %v", name, in.User, err)
		}
	}
}

// S3, P1: a user who is changed while a hash is upgraded is not let in by what was judged before.
func TestS3AnUpgradeThatLosesARaceLetsNobodyIn(t *testing.T) {
	w := newWorld(t)
	hash := "$argon2id$v=19$m=8192,t=1,p=1$" + base64.RawStdEncoding.EncodeToString([]byte("somesaltsomesalt")) + "$" +
		base64.RawStdEncoding.EncodeToString(argon2.IDKey([]byte(secret), []byte("somesaltsomesalt"), 1, 8192, 1, 32))
	w.set(t, w.owner.Owner.Key(), "password", hash)
	w.table.beforeUpgrade = func() { w.set(t, w.owner.Owner.Key(), "status", string(account.Disabled)) }
	if _, err := w.try(t.Context(), "owner@example.com", secret, "192.0.2.1"); !fault.Is(err, fault.Unavailable) {
		t.Errorf("%v", err)
	}
}

func TestMissingFieldsAreNamed(t *testing.T) {
	w := newWorld(t)
	for name, plain := range map[string]string{"": secret, "owner@example.com": "", strings.Repeat("x", 255): secret, "\xff": secret} {
		if _, err := w.try(t.Context(), name, plain, "192.0.2.1"); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", name, err)
		}
	}
}
