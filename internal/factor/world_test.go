package factor_test

import (
	"bytes"
	"context"
	"encoding/base32"
	"errors"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/descope/virtualwebauthn"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/factor"
	"keyfob/internal/factor/passkey"
	"keyfob/internal/fault"
	"keyfob/internal/keyring"
	keyfile "keyfob/internal/keyring/local"
	"keyfob/internal/scope"
	"keyfob/internal/session"
	"keyfob/internal/standing"
	"keyfob/internal/table"
	"keyfob/internal/table/bolt"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
	"keyfob/internal/totp"
)

// clock is a time that moves only when told to.
type clock struct{ ns atomic.Int64 }

func (c *clock) Now() time.Time          { return time.Unix(0, c.ns.Load()).UTC() }
func (c *clock) Advance(d time.Duration) { c.ns.Add(int64(d)) }

// world is an account with one person in it, on a real embedded table.
type world struct {
	*testing.T
	clock   *clock
	table   *injector
	bolt    *bolt.Table
	keys    *ring
	form    token.Form
	acc     account.Account
	user    account.User
	factors *factor.Factors
	site    factor.Site
}

// injector is a table that does something before a commit where asked to.
type injector struct {
	table.Table
	before func(...table.Op) error
}

func (i *injector) Commit(ctx context.Context, ops ...table.Op) error {
	if i.before != nil {
		if err := i.before(ops...); err != nil {
			return err
		}
	}
	return i.Table.Commit(ctx, ops...)
}

// ring is a key ring that can be made to fail.
type ring struct {
	keyring.Ring
	fail error
}

func (r *ring) Open(ctx context.Context, sealed []byte, b keyring.Binding) ([]byte, error) {
	if r.fail != nil {
		return nil, r.fail
	}
	return r.Ring.Open(ctx, sealed, b)
}

// right is a prover for whom one password is right.
type right string

func (r right) Prove(_ context.Context, _ authority.Principal, plain string, _ audit.Origin) (int64, error) {
	if plain != string(r) {
		return 0, fault.Refused("password", "wrong_password", "no")
	}
	return 0, nil
}

const password = "correct horse battery"

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, clock: &clock{}, form: token.Form{Brand: "kf", Realm: "us"}, site: factor.Site{ID: "keyfob.example.com", Origin: "https://keyfob.example.com"}}
	w.clock.ns.Store(time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC).UnixNano())
	dir := t.TempDir()
	db, err := bolt.Open(filepath.Join(dir, "table"), w.clock.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	w.bolt, w.table = db, &injector{Table: db}
	file, err := keyfile.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	w.keys = &ring{Ring: file}
	w.factors = &factor.Factors{Table: w.table, Now: w.clock.Now, Form: w.form, Keys: w.keys, Passkeys: passkey.Keys{}, Prover: right(password)}
	w.acc, w.user = w.account("olivia@example.com")
	return w
}

func (w *world) account(email string) (account.Account, account.User) {
	w.Helper()
	acc := account.Account{ID: token.NewName("acc_"), Name: "Example Ltd", Status: account.Active, Policy: account.DefaultPolicy(), Created: w.clock.Now()}
	w.commit(acc.Create())
	return acc, w.person(acc, email)
}

func (w *world) person(acc account.Account, email string) account.User {
	w.Helper()
	u := account.User{ID: token.NewName("usr_"), Account: acc.ID, Email: email, Name: "Olivia", Role: scope.Owner, Status: account.Active, Verified: true, Created: w.clock.Now()}
	w.commit(u.Create()...)
	return u
}

func (w *world) commit(ops ...table.Op) {
	w.Helper()
	if err := w.bolt.Commit(w.Context(), ops...); err != nil {
		w.Fatal(err)
	}
}

// policy has the account ask for a second factor, or not.
func (w *world) policy(mfa bool) {
	w.Helper()
	acc, err := (&account.Accounts{Table: w.bolt}).Get(w.Context(), w.acc.ID)
	if err != nil {
		w.Fatal(err)
	}
	acc.Policy.MFA, acc.Behind = mfa, true
	w.commit(acc.Replace())
	if err := (&standing.Carrier{Table: w.bolt, Accounts: &account.Accounts{Table: w.bolt}}).Account(w.Context(), acc.ID); err != nil {
		w.Fatal(err)
	}
}

// login starts a session of the user, and gives an act in it.
func (w *world) login(u account.User) factor.Act { return w.loginVia(u, audit.ViaAPI) }

func (w *world) loginVia(u account.User, via string) factor.Act {
	w.Helper()
	acc, now, err := (&account.Accounts{Table: w.bolt}).WithUser(w.Context(), u.Account, u.ID)
	if err != nil {
		w.Fatal(err)
	}
	from := audit.Origin{IP: "192.0.2.7"}
	s, _, err := (&session.Sessions{Table: w.bolt, Now: w.clock.Now}).Start(w.Context(), w.form, session.Basis{
		Account: acc.ID, User: now.ID, Standing: standing.Of(acc, now), Life: 24 * time.Hour, Idle: 0,
	}, via, from)
	if err != nil {
		w.Fatal(err)
	}
	return w.in(s, via)
}

func (w *world) in(s session.Session, via string) factor.Act {
	return factor.Act{Via: via, From: audit.Origin{IP: "192.0.2.7"}, Site: w.site, By: authority.Principal{
		Kind: token.Session, ID: s.ID, Account: s.Account, User: s.User, Via: via, Holder: s.Holder(), Expires: s.Expires, Login: s.Proven,
	}}
}

// session reads the act's session; the zero one where it has ended.
func (w *world) session(act factor.Act) session.Session {
	w.Helper()
	items, err := w.bolt.Get(w.Context(), key.Session(act.By.ID.String()).Key())
	if err != nil {
		w.Fatal(err)
	}
	if items[0] == nil {
		return session.Session{}
	}
	s, err := session.FromItem(items[0])
	if err != nil {
		w.Fatal(err)
	}
	return s
}

// lock gives the lock of the act's session.
func (w *world) lock(act factor.Act) scope.Lock { w.Helper(); return w.session(act).Lock() }

// app enrols an authenticator app in a session of its own, and gives its seed and the recovery codes.
func (w *world) app(u account.User) (totp.Secret, []string) {
	w.Helper()
	act := w.login(u)
	seed := w.begin(act)
	e, err := w.factors.Confirm(w.Context(), act, factor.TOTP, seed.Code(totp.Step(w.clock.Now())))
	if err != nil {
		w.Fatal(err)
	}
	w.clock.Advance(2 * totp.Period)
	return seed, e.Codes
}

// begin begins to enrol an app.
func (w *world) begin(act factor.Act) totp.Secret {
	w.Helper()
	app, err := w.factors.EnrolTOTP(w.Context(), act)
	if err != nil {
		w.Fatal(err)
	}
	return seedOf(app.Secret)
}

// mailFactor enrols codes by mail, and gives the recovery codes.
func (w *world) mailFactor(u account.User) []string {
	w.Helper()
	act := w.login(u)
	if _, err := w.factors.EnrolEmail(w.Context(), act); err != nil {
		w.Fatal(err)
	}
	e, err := w.factors.Confirm(w.Context(), act, factor.Email, w.mailed(act))
	if err != nil {
		w.Fatal(err)
	}
	w.clock.Advance(time.Minute) // after which another code may be mailed
	return e.Codes
}

// requests lists the events that owe a code to the act's session, the newest first.
func (w *world) requests(act factor.Act) []audit.Event {
	w.Helper()
	var all []audit.Event
	for _, e := range w.events() {
		if e.Type == audit.FactorRequested && len(e.Also) == 1 && e.Also[0].ID == act.By.Handle() {
			all = append([]audit.Event{e}, all...)
		}
	}
	return all
}

// mailed sends what is owed to the act's session last, and gives the code.
func (w *world) mailed(act factor.Act) string {
	w.Helper()
	all := w.requests(act)
	if len(all) == 0 {
		w.Fatal("no code is owed")
	}
	text, _, owed, err := w.factors.Enclose(w.Context(), all[0])
	if err != nil || !owed {
		w.Fatalf("the code is not enclosed: %v, %v", owed, err)
	}
	return text
}

// events gives the account's events, the oldest first.
func (w *world) events() []audit.Event {
	w.Helper()
	var all []audit.Event
	for after := ""; ; {
		page, err := w.bolt.Query(w.Context(), table.Query{PK: key.PrefixAudit + w.acc.ID, After: after, Limit: 100})
		if err != nil {
			w.Fatal(err)
		}
		for _, it := range page.Items {
			e, err := audit.FromItem(it)
			if err != nil {
				w.Fatal(err)
			}
			all, after = append(all, e), it.String(table.AttrSK)
		}
		if !page.More {
			return all
		}
	}
}

// count counts the account's events of a type.
func (w *world) count(t audit.Type) (n int) {
	w.Helper()
	for _, e := range w.events() {
		if e.Type == t {
			n++
		}
	}
	return n
}

func (w *world) unlock(act factor.Act, kind factor.Name, code string) (factor.Grant, error) {
	return w.factors.Unlock(w.Context(), act, []factor.Proof{{Factor: kind, Password: code}})
}

// now gives the seed's code.
func (w *world) now(seed totp.Secret) string { return seed.Code(totp.Step(w.clock.Now())) }

// wants asserts that the error is of the kind and code; the empty code is for none at all.
func (w *world) wants(err error, kind fault.Kind, code string) {
	w.Helper()
	if code == "" {
		if err != nil {
			w.Fatalf("unexpected: %v", err)
		}
		return
	}
	e, ok := errors.AsType[*fault.Error](err)
	if !ok || e.Kind != kind || e.Code != code {
		w.Fatalf("%v; want kind %d, code %s", err, kind, code)
	}
}

// wrong asserts that the factor was refused, at the field.
func (w *world) wrong(err error, field string) {
	w.Helper()
	w.wants(err, fault.Unprocessable, "wrong_factor")
	if e, _ := errors.AsType[*fault.Error](err); len(e.Fields) != 1 || e.Fields[0].Name != field {
		w.Fatalf("the field is %v, want %s", e.Fields, field)
	}
}

// race runs the function n times at once and counts how often it gave no error. Others have to be of one of the kinds.
func (w *world) race(n int, f func(i int) error, kinds ...fault.Kind) (won int) {
	w.Helper()
	var all sync.WaitGroup
	var mu sync.Mutex
	begin := make(chan struct{})
	for i := range n {
		all.Go(func() {
			<-begin
			err := f(i)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				won++
				return
			}
			for _, k := range kinds {
				if fault.Is(err, k) {
					return
				}
			}
			w.Errorf("attempt %d: %v", i, err)
		})
	}
	close(begin)
	all.Wait()
	return won
}

// dump gives every byte that was ever written to the table.
func (w *world) dump() string {
	w.Helper()
	var b bytes.Buffer
	for after := ""; ; {
		records, err := w.bolt.Changes(w.Context(), after, 100)
		if err != nil {
			w.Fatal(err)
		}
		for _, r := range records {
			for _, v := range flatten(r.Change.NewImage) {
				b.Write(v)
				b.WriteByte('\n')
			}
			after = r.Change.SequenceNumber
		}
		if len(records) == 0 {
			return b.String()
		}
	}
}

func flatten(v table.Value) (all [][]byte) {
	switch v := v.(type) {
	case table.Item:
		for _, e := range v {
			all = append(all, flatten(e)...)
		}
	case table.L:
		for _, e := range v {
			all = append(all, flatten(e)...)
		}
	case table.B:
		all = append(all, v)
	case table.S:
		all = append(all, []byte(v))
	}
	return all
}

// device is an authenticator with one passkey.
type device struct {
	party virtualwebauthn.RelyingParty
	auth  virtualwebauthn.Authenticator
	key   virtualwebauthn.Credential
}

func newDevice(site factor.Site) *device {
	return &device{
		virtualwebauthn.RelyingParty{ID: site.ID, Name: "Keyfob", Origin: site.Origin},
		virtualwebauthn.NewAuthenticator(), newKey(),
	}
}

// newKey makes a key whose coordinates begin with no zero byte: virtualwebauthn leaves those out, which no authenticator
// does (RFC 9053 §7.1.1), and the server refuses.
func newKey() virtualwebauthn.Credential {
	for {
		const whole = 77 // bytes of a P-256 key in COSE
		if key := virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2); len(key.Key.AttestationData()) == whole {
			return key
		}
	}
}

// create answers the options of a new passkey.
func (d *device) create(t *testing.T, options []byte) []byte {
	t.Helper()
	o, err := virtualwebauthn.ParseAttestationOptions(string(options))
	if err != nil {
		t.Fatalf("%v: %s", err, options)
	}
	answer := virtualwebauthn.CreateAttestationResponse(d.party, d.auth, d.key, *o)
	d.auth.AddCredential(d.key)
	return []byte(answer)
}

// get answers the options of a passkey that is there, having counted one use more.
func (d *device) get(t *testing.T, options []byte) []byte {
	t.Helper()
	o, err := virtualwebauthn.ParseAssertionOptions(string(options))
	if err != nil {
		t.Fatalf("%v: %s", err, options)
	}
	d.key.Counter++
	return []byte(virtualwebauthn.CreateAssertionResponse(d.party, d.auth, d.key, *o))
}

// passkey enrols one of a new device.
func (w *world) passkey(u account.User) (*device, factor.Enrolment) {
	w.Helper()
	act := w.login(u)
	if w.lock(act) != scope.Open {
		w.Fatal("enrolling another factor needs a session that is open")
	}
	return w.passkeyIn(act)
}

func (w *world) passkeyIn(act factor.Act) (*device, factor.Enrolment) {
	w.Helper()
	d := newDevice(w.site)
	q, err := w.factors.EnrolPasskey(w.Context(), act)
	if err != nil {
		w.Fatal(err)
	}
	e, err := w.factors.ConfirmPasskey(w.Context(), act, "Laptop", d.create(w.T, q.Options))
	if err != nil {
		w.Fatal(err)
	}
	return d, e
}

// show has the device answer what the session is asked.
func (w *world) show(act factor.Act, d *device) []factor.Proof {
	w.Helper()
	q, err := w.factors.Challenge(w.Context(), act, factor.Passkey)
	if err != nil {
		w.Fatal(err)
	}
	return []factor.Proof{{Factor: factor.Passkey, Credential: d.get(w.T, q.Options)}}
}

// seedOf reads a secret's text.
func seedOf(text string) totp.Secret {
	s, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(text)
	if err != nil {
		panic(err)
	}
	return s
}

// before does something before the next commit, once.
func (w *world) before(what func()) {
	w.table.before = func(...table.Op) error {
		w.table.before = nil
		what()
		return nil
	}
}
