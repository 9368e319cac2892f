package login_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/fault"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

// S4, S5: guesses of one name's password from sixty networks are stopped everywhere but where its user is known from; there
// the right password opens at once. A name that nobody has is stopped in the same way, after the same work, and neither costs
// a hash.
func TestS4GuessesFromManyNetworksAreStopped(t *testing.T) {
	w := newWorld(t)
	if _, err := w.from(t, "192.0.2.1", ""); err != nil {
		t.Fatal(err)
	}
	refused := 0
	for i := range 60 {
		for range 5 {
			_, err := w.try(t.Context(), "owner@example.com", "wrong horse battery", fmt.Sprintf("203.0.%d.1", i))
			if fault.Is(err, fault.TooMany) {
				refused++
			} else if !fault.Is(err, fault.Unauthenticated) {
				t.Fatal(err)
			}
		}
	}
	work := w.table.calls
	for i := range 100 {
		w.fail(t, "nobody@example.com", fmt.Sprintf("203.0.%d.1", i))
	}
	if _, err := w.try(t.Context(), "nobody@example.com", "wrong horse battery", "203.0.59.1"); !fault.Is(err, fault.TooMany) || !slices.Equal(work, w.table.calls) {
		t.Errorf("an unknown name: %v after %v, want %v", err, w.table.calls, work)
	}
	if refused != 200 {
		t.Errorf("%d of 300 refused", refused)
	}
	if strings.Contains(strings.Join(work, " "), "commit") {
		t.Errorf("a refusal is written: %v", work)
	}
	if _, err := w.from(t, "198.51.100.1", ""); !fault.Is(err, fault.TooMany) {
		t.Errorf("the right password from a network that is not known: %v", err)
	}
	for range 3 {
		if _, err := w.from(t, "192.0.2.99", ""); err != nil {
			t.Errorf("the victim: %v", err)
		}
	}
	// Which forgives the others nothing.
	if _, err := w.try(t.Context(), "owner@example.com", "wrong horse battery", "203.0.113.1"); !fault.Is(err, fault.TooMany) {
		t.Errorf("a guess after the victim's login: %v", err)
	}
	// But waiting always helps.
	w.now.Add(int64(time.Minute))
	if _, err := w.from(t, "198.51.100.1", ""); err != nil {
		t.Errorf("the victim elsewhere, after a minute: %v", err)
	}
}

// Who has not logged in for three months is known from nowhere; nor is who may not log in.
func TestS4AnOldVisitMakesNobodyKnown(t *testing.T) {
	for what, change := range map[string]func(*world){
		"after 90 days": func(w *world) { w.now.Add(int64(90 * 24 * time.Hour)) },
		"disabled":      func(w *world) { w.set(t, w.owner.Owner.Key(), "status", string(account.Disabled)) },
	} {
		w := newWorld(t)
		if _, err := w.from(t, "192.0.2.1", ""); err != nil {
			t.Fatal(err)
		}
		change(w)
		for i := range 100 {
			w.fail(t, "owner@example.com", fmt.Sprintf("203.0.%d.1", i))
		}
		if _, err := w.from(t, "192.0.2.1", ""); !fault.Is(err, fault.TooMany) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// A login that begins with a code by mail mails one a minute at most, however often somebody logs in: the other logins are
// locked, and owe no mail.
func TestALoginMailsACodeAMinuteAtMost(t *testing.T) {
	w := newWorld(t)
	u := w.owner.Owner
	k := key.Factors(u.ID).Key()
	if err := w.table.Table.Commit(t.Context(), table.Create(table.Item{
		table.AttrPK: table.S(k.PK), table.AttrSK: table.S(k.SK), "account": table.S(u.Account), "user": table.S(u.ID),
		"email": table.Item{"enrolled": table.N(w.now.Load() / 1e6)},
	})); err != nil {
		t.Fatal(err)
	}
	w.setBool(t, u.Key(), "factors")
	mails := func() int { return len(w.events(t, u.Account, audit.FactorRequested)) }
	for range 10 {
		in, err := w.from(t, "192.0.2.1", "")
		if err != nil || in.Lock() != "locked" {
			t.Fatal(in.Lock(), err)
		}
	}
	if mails() != 1 {
		t.Errorf("%d mails for 10 logins at once", mails())
	}
	for range 50 {
		w.now.Add(int64(72 * time.Second))
		if _, err := w.from(t, "192.0.2.1", ""); err != nil {
			t.Fatal(err)
		}
	}
	if n := mails(); n < 10 || n > 20 {
		t.Errorf("%d mails in an hour", n)
	}
}

// fail fails an attempt as a login with a wrong password does, without hashing one.
func (w *world) fail(t *testing.T, name, ip string) {
	t.Helper()
	ticket, err := w.logins.Throttle.Allow(t.Context(), name, ip)
	if err == nil {
		err = w.logins.Throttle.Failed(t.Context(), ticket)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// setBool makes an attribute of a record true.
func (w *world) setBool(t *testing.T, k table.Key, name string) {
	t.Helper()
	items, err := w.table.Table.Get(t.Context(), k)
	if err != nil {
		t.Fatal(err)
	}
	items[0][name] = table.Bool(true)
	if err := w.table.Table.Commit(t.Context(), table.Replace(items[0], items[0].Version())); err != nil {
		t.Fatal(err)
	}
}
