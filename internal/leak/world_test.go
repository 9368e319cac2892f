package leak_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/leak"
	"keyfob/internal/purge"
	"keyfob/internal/scope"
	"keyfob/internal/session"
	"keyfob/internal/standing"
	"keyfob/internal/table"
	"keyfob/internal/table/bolt"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
)

// signer is somebody who signs alerts.
type signer struct {
	id      string
	private *ecdsa.PrivateKey
}

func newSigner(t *testing.T, id string) signer {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return signer{id, private}
}

// published gives the public key as GitHub does.
func (s signer) published(t *testing.T) leak.PublicKey {
	t.Helper()
	return leak.PublicKey{Identifier: s.id, PEM: encoded(t, &s.private.PublicKey)}
}

func encoded(t *testing.T, public any) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// delivery signs a body.
func (s signer) delivery(t *testing.T, body string) leak.Delivery {
	t.Helper()
	sum := sha256.Sum256([]byte(body))
	signature, err := ecdsa.SignASN1(rand.Reader, s.private, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return leak.Delivery{
		Key: s.id, Signature: base64.StdEncoding.EncodeToString(signature), Body: []byte(body), From: audit.Origin{IP: "192.0.2.33", RequestID: "r-1"},
	}
}

const found = "https://github.com/octocat/Hello-World/blob/main/.env"

// alert is the body that says of each text that it was found.
func alert(t *testing.T, texts ...string) string {
	t.Helper()
	list := make([]map[string]string, len(texts))
	for i, text := range texts {
		list[i] = map[string]string{"token": text, "type": "keyfob_credential", "url": found, "source": "content"}
	}
	body, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// faulty is a table that counts, and fails where it is told to.
type faulty struct {
	table.Table
	gets atomic.Int64
	deaf atomic.Bool // does not hear that its callers' time is up
	lock sync.Mutex
	fail func(ops []table.Op) error
}

func (f *faulty) Get(ctx context.Context, keys ...table.Key) ([]table.Item, error) {
	f.gets.Add(int64(len(keys)))
	if f.deaf.Load() {
		ctx = context.WithoutCancel(ctx)
	}
	return f.Table.Get(ctx, keys...)
}

func (f *faulty) Commit(ctx context.Context, ops ...table.Op) error {
	if f.deaf.Load() {
		ctx = context.WithoutCancel(ctx)
	}
	f.lock.Lock()
	fail := f.fail
	f.lock.Unlock()
	if fail != nil {
		if err := fail(ops); err != nil {
			return err
		}
	}
	return f.Table.Commit(ctx, ops...)
}

func (f *faulty) failing(fail func(ops []table.Op) error) {
	f.lock.Lock()
	defer f.lock.Unlock()
	f.fail = fail
}

// world is an account with its owner on a real embedded table, and GitHub's key.
type world struct {
	*testing.T
	clock  atomic.Int64
	table  *faulty
	form   token.Form
	acc    account.Account
	user   account.User
	owner  authority.Principal
	github signer
}

func (w *world) now() time.Time { return time.Unix(w.clock.Load(), 0).UTC() }

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, form: token.Form{Brand: "kf", Realm: "us"}, github: newSigner(t, "k1")}
	w.clock.Store(time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC).Unix())
	db, err := bolt.Open(filepath.Join(t.TempDir(), "table"), w.now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	w.table = &faulty{Table: db}
	w.acc = account.Account{ID: token.NewName("acc_"), Name: "Example Ltd", Status: account.Active, Policy: account.DefaultPolicy(), APIManagement: true, Created: w.now()}
	w.user = account.User{ID: token.NewName("usr_"), Account: w.acc.ID, Email: "owner@example.com", Name: "Olivia", Role: scope.Owner, Status: account.Active, Created: w.now()}
	if err := db.Commit(t.Context(), append(w.user.Create(), w.acc.Create())...); err != nil {
		t.Fatal(err)
	}
	p, denial, err := w.authority().Verify(t.Context(), w.session())
	if err != nil || denial != authority.None {
		t.Fatal(denial, err)
	}
	w.owner = p
	if _, err := w.leaks().Configure(t.Context(), []leak.PublicKey{w.github.published(t)}, audit.Origin{}); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) authority() *authority.Authority {
	return &authority.Authority{Table: w.table, Now: w.now, Form: w.form}
}

func (w *world) leaks() *leak.Leaks {
	return &leak.Leaks{Table: w.table, Now: w.now, Authority: w.authority()}
}

// session logs the owner in.
func (w *world) session() string {
	w.Helper()
	sessions := session.Sessions{Table: w.table, Now: w.now}
	basis := session.Basis{Account: w.acc.ID, User: w.user.ID, Life: account.DefaultSessionLife, Standing: standing.Of(w.acc, w.user)}
	_, c, err := sessions.Start(w.Context(), w.form, basis, audit.ViaAPI, audit.Origin{})
	if err != nil {
		w.Fatal(err)
	}
	return c.Plaintext().Reveal()
}

// token makes a token that lives for ten days.
func (w *world) token() (string, authority.Token) {
	w.Helper()
	life, err := purge.In(10*24*time.Hour, w.now())
	if err != nil {
		w.Fatal(err)
	}
	made, c, err := w.authority().Issue(w.Context(), w.owner, audit.ViaAPI, audit.Origin{}, authority.Request{Name: "deploy", Scope: scope.Full(), Life: &life})
	if err != nil {
		w.Fatal(err)
	}
	return c.Plaintext().Reveal(), made
}

// receive gives what the verdicts say, one character for each entry: + for real.
func (w *world) receive(d leak.Delivery) (string, error) {
	w.Helper()
	verdicts, err := w.leaks().Receive(w.Context(), d)
	said := ""
	for _, v := range verdicts {
		if v.Real {
			said += "+"
		} else {
			said += "-"
		}
	}
	return said, err
}

// is wants that the texts are refused for the reason.
func (w *world) is(want authority.Denial, texts ...string) {
	w.Helper()
	for i, text := range texts {
		if _, denial, err := w.authority().Verify(w.Context(), text); err != nil || denial != want {
			w.Errorf("%d: %q, %v; want %q", i, denial, err, want)
		}
	}
}

// events gives the account's events of the type.
func (w *world) events(account string, kind audit.Type) []audit.Event {
	w.Helper()
	page, err := w.table.Query(w.Context(), table.Query{PK: key.PrefixAudit + account, Limit: 1000})
	if err != nil {
		w.Fatal(err)
	}
	var all []audit.Event
	for _, it := range page.Items {
		e, err := audit.FromItem(it)
		if err != nil {
			w.Error(err)
		}
		if e.Type == kind {
			all = append(all, e)
		}
	}
	return all
}
