package login_test

import (
	"sync"
	"testing"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/fault"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
)

// novel gives the networks that a login was told to be new from, in order.
func (w *world) novel(t *testing.T) (networks []string) {
	t.Helper()
	for _, e := range w.events(t, w.owner.Account.ID, audit.SessionNovel) {
		networks = append(networks, e.Changes[0].To)
		if e.Subject.ID != w.owner.Owner.ID || e.Actor.User != w.owner.Owner.ID || len(e.Also) != 1 || e.Also[0].ID != e.Actor.Credential {
			t.Errorf("%+v", e)
		}
	}
	return networks
}

// A login from a network that is new to a person is told of, with the session and not without it; the first one ever is not.
func TestALoginFromANewNetworkIsTold(t *testing.T) {
	w := newWorld(t)
	in := func(ip string, want int) {
		t.Helper()
		w.now.Add(int64(time.Second))
		if _, err := w.from(t, ip, ""); err != nil {
			t.Fatal(err)
		}
		if got := w.novel(t); len(got) != want {
			t.Errorf("after a login from %q: told of %v, want %d", ip, got, want)
		}
	}
	in("192.0.2.1", 0) // the first one ever
	in("192.0.2.99", 0)
	in("203.0.113.1", 1)
	in("203.0.113.200", 1)
	in("::ffff:203.0.113.7", 1)
	in("2001:db8::1", 2)
	in("", 3) // no address is a network too
	in("", 3)
	in("192.0.2.1", 3)
	// A network is forgotten 90 days after the last login from there, as far as a note a day tells.
	w.now.Add(int64(89 * 24 * time.Hour))
	in("203.0.113.1", 3)
	w.now.Add(int64(89 * 24 * time.Hour))
	in("203.0.113.1", 3)
	in("192.0.2.1", 4)
	// And that somebody has logged in before is never forgotten: everything is new to who comes back.
	w.now.Add(int64(400 * 24 * time.Hour))
	in("203.0.113.1", 5)
	// A wrong password is no login.
	if _, err := w.try(t.Context(), "owner@example.com", "wrong horse battery", "198.51.100.1"); !fault.Is(err, fault.Unauthenticated) {
		t.Error(err)
	}
	in("198.51.100.1", 6)
}

// Of many logins at once from one new network each starts a session, and one tells.
func TestOfManyLoginsAtOnceOneTells(t *testing.T) {
	w := newWorld(t)
	if _, err := w.from(t, "192.0.2.1", ""); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := w.from(t, "203.0.113.1", ""); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := w.novel(t); len(got) != 1 {
		t.Errorf("told of %v", got)
	}
	if n := len(w.events(t, w.owner.Account.ID, audit.SessionStarted)); n != 21 {
		t.Errorf("%d sessions", n)
	}
}

// P5: a session from a new network that does not come about is not told of.
func TestP5ALoginThatFailsIsNotTold(t *testing.T) {
	w := newWorld(t)
	if _, err := w.from(t, "192.0.2.1", ""); err != nil {
		t.Fatal(err)
	}
	w.table.before = func() { w.set(t, w.owner.Owner.Key(), "status", string(account.Disabled)) }
	if _, err := w.from(t, "203.0.113.1", ""); !fault.Is(err, fault.Unauthenticated) || len(w.novel(t)) != 0 {
		t.Errorf("%v, told of %v", err, w.novel(t))
	}
}

// S4, S5: the right password from where the policy does not let it be used is a failure like any other. The person hears of
// it, once an hour for each network.
func TestS5TheRightPasswordFromTheWrongPlaceIsAFailure(t *testing.T) {
	w := newWorld(t)
	w.set(t, w.owner.Account.Key(), "loginNetworks", "192.0.2.0/24 2001:db8::/32")
	told := func() []audit.Event { return w.events(t, w.owner.Account.ID, audit.SessionRefused) }
	for _, ip := range []string{"192.0.2.7", "::ffff:192.0.2.7", "2001:db8:1::7"} {
		if in, err := w.from(t, ip, ""); err != nil || in.Session.Standing.LoginNetworks == "" {
			t.Errorf("%s: %v", ip, err)
		}
	}
	for range 3 {
		if _, err := w.from(t, "203.0.113.1", ""); !fault.Is(err, fault.Unauthenticated) {
			t.Fatal(err)
		}
	}
	if e := told(); len(e) != 1 || e[0].Subject.ID != w.owner.Owner.ID || e[0].Actor.User != "" || e[0].Origin.IP != "203.0.113.1" || e[0].Changes[0].To != "203.0.113.0/24" {
		t.Errorf("%+v", e)
	}
	for range 3 {
		_, _ = w.from(t, "203.0.113.9", "")
	}
	if _, err := w.from(t, "203.0.113.1", ""); !fault.Is(err, fault.TooMany) {
		t.Errorf("the eighth attempt: %v", err)
	}
	if _, err := w.try(t.Context(), "owner@example.com", "wrong horse battery", "198.51.100.1"); !fault.Is(err, fault.Unauthenticated) || len(told()) != 1 {
		t.Errorf("a wrong password: %v, told %d times", err, len(told()))
	}
	if _, err := w.from(t, "198.51.100.1", ""); !fault.Is(err, fault.Unauthenticated) || len(told()) != 2 {
		t.Errorf("from another network: %v, told %d times", err, len(told()))
	}
	w.now.Add(int64(time.Hour - time.Second))
	if _, _ = w.from(t, "203.0.113.1", ""); len(told()) != 2 {
		t.Error("told twice within the hour")
	}
	w.now.Add(int64(time.Second))
	if _, _ = w.from(t, "203.0.113.1", ""); len(told()) != 3 {
		t.Errorf("told %d times after an hour", len(told()))
	}
	// It is no visit either: once the policy lets go, the network is new.
	w.set(t, w.owner.Account.Key(), "loginNetworks", "")
	w.now.Add(int64(time.Hour))
	before := len(w.novel(t))
	if _, err := w.from(t, "203.0.113.1", ""); err != nil || len(w.novel(t)) != before+1 {
		t.Errorf("%v, told of %v", err, w.novel(t))
	}
}

// A login's session has the life, the idle time and the lock that policy and user give it at that moment.
func TestASessionIsWhatThePolicySays(t *testing.T) {
	w := newWorld(t)
	items, err := w.table.Table.Get(t.Context(), w.owner.Account.Key())
	if err != nil {
		t.Fatal(err)
	}
	items[0]["sessionIdle"], items[0]["sessionLife"], items[0]["mfa"] = table.N(120), table.N(600), table.Bool(true)
	if err := w.table.Table.Commit(t.Context(), table.Replace(items[0], items[0].Version())); err != nil {
		t.Fatal(err)
	}
	in, err := w.from(t, "192.0.2.1", "")
	if err != nil || in.Session.Idle != 2*time.Minute || in.Session.Expires.Sub(in.Session.Created) != 10*time.Minute || in.Lock() != "enrolling" || len(in.Factors) != 0 {
		t.Errorf("%+v, %v", in.Session, err)
	}
	w.now.Add(int64(30 * time.Second))
	if again, err := w.logins.State(t.Context(), key.User{Account: in.Account.ID, User: in.User.ID}, in.Session.ID); err != nil || again.Lock() != "enrolling" || again.User.ID != in.User.ID || again.Session.ID != in.Session.ID {
		t.Errorf("%+v, %v", again, err)
	}
	if _, err := w.logins.State(t.Context(), key.User{Account: in.Account.ID, User: in.User.ID}, w.logins.Form.New(token.Session).ID()); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("a session that is none: %v", err)
	}
}
