package soak

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"keyfob/internal/faulty"
	"keyfob/internal/mail"
	"keyfob/internal/scope"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

// A world is the service, the accounts and people in it, and what is known of what they did.
type world struct {
	config  Config
	house   *house
	plan    *faulty.Plan
	clients [networks]*http.Client
	secrets secrets
	tally   tally
	ledger  ledger
	judged  Report

	tenants []*tenant
	people  map[string]*person // by user id
	intents intents

	mu     sync.Mutex
	tokens []*credential // for all to validate; a ring of the latest
	place  int
	links  map[string]string // by address: the link that came last

	gate   sync.RWMutex // held for reading by whoever makes a request; for writing by whoever moves the world
	serial atomic.Int64 // for names that no other has
}

// A tenant is an account. Its owner and steward are what they are throughout; its guest is not.
type tenant struct {
	id             string
	owner, steward *person
	guest, guarded *person // guarded: with a second factor
	members        []*person
	muted          map[string]bool
	guestRole      scope.Role // as far as is known
	stranger       string     // a handle of another account
}

// A person is a user.
type person struct {
	tenant    *tenant
	id, email string
	password  string
	former    string // the password before, where nobody knows which it is
	totp      string // the app's secret, base32
	session   *credential
	since     time.Time // when the session was begun
	standing  atomic.Int64
}

// A person's standing is a number that goes up with each step of a change: with 0 modulo 4 the person may act for sure, with
// 2 for sure not, and in between nobody knows.
func (p *person) mayAct(standing int64) bool    { return standing%4 == 0 }
func (p *person) mayNotAct(standing int64) bool { return standing%4 == 2 }

// A credential is a token or a session that the service has given out.
type credential struct {
	secret, handle string
	record         table.Key
	holder         *person
	name           string
	lives          atomic.Int64 // until then for sure, epoch seconds; 0 for ever
	dies           atomic.Int64 // from then on for sure not; 0 never
	doubtful       atomic.Bool  // somebody has asked for its end
	ended          atomic.Bool  // and it was acknowledged
}

// registered bounds the tokens that everybody validates.
const registered = 512

// newWorld starts the service, in which a function may take so long for an invocation, in real time.
func newWorld(ctx context.Context, c Config, invocation time.Duration) (*world, error) {
	h, err := newHouse(c)
	if err != nil {
		return nil, err
	}
	w := &world{config: c, house: h, plan: h.plan, clients: newClients(), people: map[string]*person{}, links: map[string]string{}}
	h.cap = invocation
	h.post.Delivered = w.delivered
	if err := h.start(ctx); err != nil {
		h.close()
		return nil, err
	}
	return w, nil
}

// delivered reads what only the reader of a mail can know.
func (w *world) delivered(m mail.Message) {
	if i := strings.Index(m.Text, "kfl_"); i >= 0 {
		text := m.Text[i:]
		if end := strings.IndexFunc(text, func(r rune) bool { return r <= ' ' }); end >= 0 {
			text = text[:end]
		}
		w.secrets.link(text)
		w.mu.Lock()
		w.links[m.To] = text
		w.mu.Unlock()
	}
	if exposed([]byte(m.Subject+m.Text+m.HTML)) != "" {
		w.broke(leaked, "the mail of %s to %s holds a credential", m.EventID, m.To)
	}
}

// tenants is how many accounts there are in a run with many clients.
const tenants = 3

// mutable are the mails that the accounts but the first do not want.
var mutable = []string{"token.accessed", "session.novel", "token.edited"}

// populate makes accounts and people, while nothing fails.
func (w *world) populate(ctx context.Context) error {
	accounts := min(tenants, max(1, w.config.Workers/2))
	for i := range accounts {
		t := &tenant{muted: map[string]bool{}, guestRole: scope.Admin}
		w.tenants = append(w.tenants, t)
		var made struct{ Account, Owner struct{ ID, Email string } }
		t.owner = w.person(t, i, "owner")
		if err := w.house.operate(ctx, fmt.Sprintf(`{"command":"account.create","account":{"name":"Example %d"},"owner":{"email":%q,"password":%q}}`, i, t.owner.email, t.owner.password), &made); err != nil {
			return err
		}
		t.id = made.Account.ID
		muted := ""
		if i > 0 {
			for _, m := range mutable {
				t.muted[m] = true
			}
			muted = `,"mutedMails":["` + strings.Join(mutable, `","`) + `"]`
		}
		if err := w.house.operate(ctx, fmt.Sprintf(`{"command":"account.policy","account":%q,"policy":{"issuers":"everyone","revealable":true,"tokensPerAccount":5000,"tokensPerUser":200%s}}`, t.id, muted), new(any)); err != nil {
			return err
		}
		t.owner.id = made.Owner.ID
		t.steward, t.guest, t.guarded = w.person(t, i, "steward"), w.person(t, i, "guest"), w.person(t, i, "guarded")
		for j := range max(1, w.config.Workers/accounts-1) {
			t.members = append(t.members, w.person(t, i, fmt.Sprintf("member%d", j)))
		}
		roles := map[*person]scope.Role{t.steward: scope.Admin, t.guest: scope.Admin}
		for _, p := range append([]*person{t.steward, t.guest, t.guarded}, t.members...) {
			role := roles[p]
			if role == "" {
				role = scope.Member
			}
			var answer struct{ User struct{ ID string } }
			if err := w.house.operate(ctx, fmt.Sprintf(`{"command":"user.create","account":%q,"email":%q,"role":%q,"password":%q}`, t.id, p.email, role, p.password), &answer); err != nil {
				return err
			}
			p.id = answer.User.ID
		}
		for _, p := range append([]*person{t.owner, t.steward, t.guest, t.guarded}, t.members...) {
			w.people[p.id] = p
			if !w.login(ctx, p) {
				return fmt.Errorf("soak: %s cannot log in", p.email)
			}
		}
		if r := w.send(ctx, "developer mode", request{method: "PATCH", path: "/v1/me", credential: t.steward.session.secret, body: map[string]any{"developerMode": true}}); r.outcome() != acknowledged {
			return fmt.Errorf("soak: developer mode: %d %s", r.status, r.body)
		}
		if err := w.enrol(ctx, t.guarded); err != nil {
			return err
		}
	}
	for i, t := range w.tenants {
		t.stranger = nobodys
		if other := w.tenants[(i+1)%accounts].owner; other.tenant != t {
			c := w.create(ctx, rand.New(rand.NewPCG(w.config.Seed, 77)), other, wish{}) //#nosec G404 -- a play, not a secret
			if c == nil {
				return errors.New("soak: no token for a stranger")
			}
			t.stranger = c.handle
		}
	}
	return nil
}

// nobodys is a handle of no token.
const nobodys = "tok_0000000000000000"

// person names somebody. Passwords are the same in form and in nothing else.
func (w *world) person(t *tenant, i int, name string) *person {
	p := &person{tenant: t, email: fmt.Sprintf("%s%d@example.com", name, i)}
	p.password = w.newPassword()
	return p
}

// newPassword makes a password that stands nowhere else.
func (w *world) newPassword() string {
	password := fmt.Sprintf("canary %d over a quiet river %d", w.serial.Add(1), w.config.Seed)
	w.secrets.other(password)
	return password
}

// register has everybody validate the token from now on.
func (w *world) register(c *credential) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.tokens) < registered {
		w.tokens = append(w.tokens, c)
		return
	}
	w.tokens[w.place] = c
	w.place = (w.place + 1) % registered
}

// any gives one of the tokens that everybody validates; nil where there is none.
func (w *world) any(r *rand.Rand) *credential {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.tokens) == 0 {
		return nil
	}
	return w.tokens[r.IntN(len(w.tokens))]
}

// given takes in a credential that an answer showed.
func (w *world) given(holder *person, secret, handle, name string) *credential {
	c := &credential{secret: secret, handle: handle, holder: holder, name: name}
	id := handle[min(len("tok_"), len(handle)):]
	if strings.HasPrefix(handle, "ses_") {
		c.record = key.Session(id).Key()
	} else {
		c.record = key.Token(id).Key()
	}
	w.secrets.credential(secret)
	return c
}

// now is the time that the functions go by.
func (w *world) now() time.Time { return w.house.wrong.Now() }
