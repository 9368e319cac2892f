package link_test

import (
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/fault"
	"keyfob/internal/link"
	"keyfob/internal/scope"
	"keyfob/internal/table"
	"keyfob/internal/table/bolt"
	"keyfob/internal/token"
)

// world is an account with an invited user and an active one, on a real embedded table.
type world struct {
	*testing.T
	*link.Links
	ns      *atomic.Int64
	acc     account.Account
	invited account.User
	active  account.User
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, ns: &atomic.Int64{}}
	w.ns.Store(time.Date(2030, 1, 2, 3, 4, 5, 600_000_000, time.UTC).UnixNano())
	db, err := bolt.Open(filepath.Join(t.TempDir(), "table"), w.now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	w.Links = &link.Links{Table: db, Now: w.now, Form: token.Form{Brand: "kf", Realm: "us"}, URL: "https://keys.example.com"}
	w.acc = account.Account{ID: token.NewName("acc_"), Name: "Example Ltd", Status: account.Active, Policy: account.DefaultPolicy(), Created: w.now(), Version: 1}
	w.commit(w.acc.Create())
	w.invited, w.active = w.user(account.Invited), w.user(account.Active)
	return w
}

func (w *world) now() time.Time          { return time.Unix(0, w.ns.Load()).UTC() }
func (w *world) advance(d time.Duration) { w.ns.Add(int64(d)) }

func (w *world) user(s account.Status) account.User {
	w.Helper()
	u := account.User{ID: token.NewName("usr_"), Account: w.acc.ID, Email: token.NewName("u") + "@example.com", Name: "Ute", Role: scope.Member, Status: s, Created: w.now(), Version: 1}
	w.commit(u.Create()...)
	return u
}

func (w *world) commit(ops ...table.Op) {
	w.Helper()
	if err := w.Table.Commit(w.Context(), ops...); err != nil {
		w.Fatal(err)
	}
}

// issue issues a link and gives its event.
func (w *world) issue(u account.User, p link.Purpose) audit.Event {
	w.Helper()
	op, err := w.Issue(w.Context(), u.Account, u.ID, p, w.now())
	if err != nil {
		w.Fatal(err)
	}
	w.commit(op)
	what := audit.UserInvited
	if p == link.Reset {
		what = audit.PasswordRequested
	}
	return audit.New(what, w.now(), u.Account, audit.Actor{Via: audit.ViaSystem}, audit.Origin{}, audit.Subject{Kind: "user", ID: u.ID})
}

// enclose gives the text of the link that a mail of the event carries.
func (w *world) enclose(e audit.Event) string {
	w.Helper()
	enclosed, owed, err := w.Enclose(w.Context(), e)
	if err != nil || !owed {
		w.Fatal(owed, err)
	}
	text, ok := strings.CutPrefix(enclosed.Link, "https://keys.example.com/password#")
	if !ok || enclosed.Code != "" {
		w.Fatalf("%+v", enclosed)
	}
	return text
}

// ended fails the test unless the text is refused as every link that does not work.
func (w *world) ended(name, text string) {
	w.Helper()
	found, err := w.Find(w.Context(), text)
	if !fault.Is(err, fault.Unprocessable) || err.Error() != "This link does not work any more. Ask for another one.; link: This link does not work any more. Ask for another one." || found.User.ID != "" {
		w.Errorf("%s: %+v, %v", name, found, err)
	}
}

// S8: a link works for its user until it ends, to the second, and once.
func TestS8ALinkWorksUntilItEndsAndOnce(t *testing.T) {
	for p, life := range map[link.Purpose]time.Duration{link.Invitation: 7 * 24 * time.Hour, link.Reset: 15 * time.Minute} {
		w := newWorld(t)
		u := map[link.Purpose]account.User{link.Invitation: w.invited, link.Reset: w.active}[p]
		issued := w.now()
		text := w.enclose(w.issue(u, p))
		w.ns.Store(issued.Truncate(time.Second).Add(life - 1).UnixNano())
		found, err := w.Find(t.Context(), text)
		if err != nil || found.User != u || found.Account != w.acc || found.Purpose != p {
			t.Errorf("%s: %+v, %v", p, found, err)
		}
		w.advance(1)
		w.ended(string(p)+" at its end", text)
		w.advance(time.Second)
		w.ended(string(p)+" a second after", text)

		text = w.enclose(w.issue(u, p))
		if found, err = w.Find(t.Context(), text); err != nil {
			t.Fatal(err)
		}
		w.commit(found.Use())
		w.ended(string(p)+" that was used", text)
		if err := w.Table.Commit(t.Context(), found.Use()); err == nil {
			t.Errorf("%s: used twice", p)
		}
	}
}

func TestTheLastLinkIsTheOnlyOne(t *testing.T) {
	w := newWorld(t)
	first := w.issue(w.invited, link.Invitation)
	former := w.enclose(first)
	w.advance(time.Second)
	second := w.issue(w.invited, link.Invitation)
	w.ended("the former", former)
	if _, owed, err := w.Enclose(t.Context(), first); owed || err != nil {
		t.Errorf("a mail of the former is owed: %v", err)
	}
	text := w.enclose(second)
	if _, err := w.Find(t.Context(), text); err != nil {
		t.Error(err)
	}
	w.commit(link.Withdraw(w.invited.ID))
	w.ended("withdrawn", text)
	if _, owed, err := w.Enclose(t.Context(), second); owed || err != nil {
		t.Errorf("a mail of what was withdrawn is owed: %v", err)
	}
	w.commit(link.Withdraw(w.invited.ID)) // there is none
}

// S8: what a link was issued for has to be so still.
func TestS8ALinkNeedsItsUserAndAccountAsTheyWere(t *testing.T) {
	w := newWorld(t)
	for name, c := range map[string]struct {
		purpose link.Purpose
		is      account.Status
	}{
		"an invitation of one who has joined": {link.Invitation, account.Active}, "of one who was removed": {link.Invitation, account.Removed},
		"a reset of one who was disabled": {link.Reset, account.Disabled}, "of one who is invited": {link.Reset, account.Invited},
		"of one who was removed, too": {link.Reset, account.Removed},
	} {
		u := w.user(account.Active)
		text := w.enclose(w.issue(u, c.purpose))
		u.Status, u.Gone = c.is, w.now().Add(time.Hour)
		w.commit(u.Replace())
		w.ended(name, text)
	}
	text := w.enclose(w.issue(w.active, link.Reset))
	w.acc.Status = account.Suspended
	w.commit(w.acc.Replace())
	w.ended("of a suspended account", text)
}

func TestWhatIsNoLinkIsRefusedAlike(t *testing.T) {
	w := newWorld(t)
	text := w.enclose(w.issue(w.active, link.Reset))
	elsewhere := link.Links{Table: w.Table, Now: w.now, Form: token.Form{Brand: "kf", Realm: "eu"}}
	if _, err := elsewhere.Find(t.Context(), text); !fault.Is(err, fault.Unprocessable) {
		t.Errorf("in another realm: %v", err)
	}
	id, err := token.ParseID(w.active.ID[len("usr_"):])
	if err != nil {
		t.Fatal(err)
	}
	for name, other := range map[string]string{
		"nothing": "", "nonsense": "nonsense", "the whole URL": w.URL + "/password#" + text, "cut": text[:len(text)-1],
		"another secret":  w.Form.NewOf(token.Link, id).Plaintext().Reveal(),
		"another user's":  w.Form.New(token.Link).Plaintext().Reveal(),
		"a session":       w.Form.NewOf(token.Session, id).Plaintext().Reveal(),
		"a token":         w.Form.NewOf(token.API, id).Plaintext().Reveal(),
		"a foreign token": "1|" + strings.Repeat("a", 40),
		"very long":       strings.Repeat("kfl_us_", 10_000),
	} {
		w.ended(name, other)
	}
	if _, err := w.Find(t.Context(), text); err != nil {
		t.Errorf("the link itself: %v", err)
	}
}

// P3: mails that are tried again each have a secret of their own, of which no more than digests are kept, and no more than 16.
func TestP3EachMailHasASecretOfItsOwn(t *testing.T) {
	w := newWorld(t)
	op, shown, err := w.Minted(link.First(w.invited.Account, w.invited.ID, link.Invitation, w.now()))
	if err != nil {
		t.Fatal(err)
	}
	w.commit(op)
	e := audit.New(audit.UserInvited, w.now(), w.invited.Account, audit.Actor{}, audit.Origin{}, audit.Subject{Kind: "user", ID: w.invited.ID})
	_, text, _ := strings.Cut(shown.Link, "#")
	texts := []string{text}
	var mu sync.Mutex
	var all sync.WaitGroup
	for range 15 {
		all.Go(func() {
			text := w.enclose(e)
			mu.Lock()
			defer mu.Unlock()
			texts = append(texts, text)
		})
	}
	all.Wait()
	for i, text := range texts {
		if _, err := w.Find(t.Context(), text); err != nil {
			t.Errorf("secret %d: %v", i, err)
		}
	}
	another := w.enclose(e)
	w.ended("the oldest of seventeen", texts[0])
	for _, text := range append(texts[1:], another) {
		if _, err := w.Find(t.Context(), text); err != nil {
			t.Error(err)
		}
	}
}

func TestAnotherLinkOfTheSameKindHasToWait(t *testing.T) {
	w := newWorld(t)
	again := func(p link.Purpose) error {
		op, err := w.IssueAnew(t.Context(), w.active.Account, w.active.ID, p, w.now())
		if err == nil {
			w.commit(op)
		}
		return err
	}
	if err := again(link.Reset); err != nil {
		t.Fatal(err)
	}
	if err := again(link.Invitation); err != nil {
		t.Errorf("of another purpose: %v", err)
	}
	if err := again(link.Reset); err != nil {
		t.Fatal(err)
	}
	w.advance(link.Pause - time.Millisecond)
	if err := again(link.Reset); !fault.Is(err, fault.TooMany) {
		t.Errorf("within the pause: %v", err)
	}
	w.advance(time.Millisecond)
	if err := again(link.Reset); err != nil {
		t.Errorf("after the pause: %v", err)
	}
}

// Of links that are issued at the same time the last one stands, and the others' commits say that they were overtaken.
func TestALinkNeverOverwritesOneThatWasNotRead(t *testing.T) {
	w := newWorld(t)
	one, err := w.Issue(t.Context(), w.active.Account, w.active.ID, link.Reset, w.now())
	if err != nil {
		t.Fatal(err)
	}
	w.enclose(w.issue(w.active, link.Reset))
	if err := w.Table.Commit(t.Context(), one); err == nil {
		t.Error("a link was overwritten by one that did not know of it")
	}
}

// S8: somebody else who asks for a link too does not end the one that the person has: each ends when it would have anyway, and
// the first that is used ends them all. Only an invitation that is sent again ends the former one.
func TestS8AnotherResetLeavesTheFormerGoodUntilItsOwnEnd(t *testing.T) {
	w := newWorld(t)
	again := func(u account.User, p link.Purpose, what audit.Type) string {
		w.Helper()
		op, err := w.IssueAnew(t.Context(), u.Account, u.ID, p, w.now())
		if err != nil {
			t.Fatal(err)
		}
		w.commit(op)
		return w.enclose(audit.New(what, w.now(), u.Account, audit.Actor{}, audit.Origin{}, audit.Subject{Kind: "user", ID: u.ID}))
	}
	works := func(text string) (link.Found, bool) {
		w.Helper()
		found, err := w.Find(t.Context(), text)
		return found, err == nil
	}
	reset := func() string { return again(w.active, link.Reset, audit.PasswordRequested) }
	first := reset()
	issued := w.now()
	w.advance(5 * time.Minute)
	second := reset()
	w.ns.Store(issued.Truncate(time.Second).Add(15*time.Minute - 1).UnixNano())
	if _, ok := works(first); !ok {
		t.Error("the first has ended before its time")
	}
	w.advance(1)
	w.ended("the first at its own end", first)
	if _, ok := works(second); !ok {
		t.Error("the second has ended with the first")
	}
	third := reset() // in whose record the first is forgotten
	w.ended("the first once another was issued", first)
	found, ok := works(second)
	if !ok {
		t.Fatal("the second has ended before its time")
	}
	w.commit(found.Use())
	w.ended("the second, used", second)
	w.ended("the third, after the second was used", third)

	invited := again(w.invited, link.Invitation, audit.UserInvited)
	w.advance(link.Pause)
	another := again(w.invited, link.Invitation, audit.UserInvited)
	w.ended("the former invitation", invited)
	if _, ok := works(another); !ok {
		t.Error("the invitation that was sent again does not work")
	}
}
