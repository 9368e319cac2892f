package passwords_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/fault"
	"keyfob/internal/link"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
)

// request asks for a link and gives what was noted, as the stream would.
func (w *world) request(name, tenant string) table.Item {
	w.Helper()
	before := w.requests()
	if err := w.RequestReset(w.Context(), name, tenant, audit.ViaAPI, audit.Origin{IP: "192.0.2.1", UserAgent: "curl", RequestID: "r-1"}); err != nil {
		w.Fatal(err)
	}
	for id, it := range w.requests() {
		if before[id] == nil {
			return it
		}
	}
	w.Fatal("nothing was noted")
	return nil
}

// requests gives the requests that are there, by the keys, from what the stream told of them.
func (w *world) requests() map[string]table.Item {
	w.Helper()
	records, err := w.table.Changes(w.Context(), "", 100_000)
	if err != nil {
		w.Fatal(err)
	}
	found := map[string]table.Item{}
	for _, r := range records {
		if id, ok := strings.CutPrefix(r.Change.Keys.String(table.AttrPK), key.PrefixReset); ok {
			if found[id] = r.Change.NewImage; r.EventName == table.Remove {
				delete(found, id)
			}
		}
	}
	return found
}

// issued tells when the user's reset link was issued, the zero time where there is none.
func (w *world) issued(u account.User) time.Time {
	w.Helper()
	r, err := w.Links.Get(w.Context(), u.ID)
	if err != nil {
		w.Fatal(err)
	}
	return r.Issued
}

func (w *world) serve(request table.Item) {
	w.Helper()
	if err := w.ServeReset(w.Context(), request); err != nil {
		w.Fatal(err)
	}
}

// S5: what is written for a stranger is what is written for a user, but for the name.
func TestS5ARequestIsTheSameForAnybody(t *testing.T) {
	w := newWorld(t)
	user, stranger := w.request(w.user.Email, ""), w.request("nobody@example.com", "")
	for _, it := range []table.Item{user, stranger} {
		delete(it, table.AttrPK)
		delete(it, "name")
	}
	if len(user) == 0 || user.Size() != stranger.Size() || len(w.requests()) != 2 {
		t.Errorf("%v\n%v", user, stranger)
	}
	for name, value := range user {
		if stranger[name] != value {
			t.Errorf("%s is %v and %v", name, value, stranger[name])
		}
	}
	if !w.issued(w.user).IsZero() || len(w.events(w.user, audit.PasswordRequested)) != 0 {
		t.Error("the request did more than to be noted")
	}
}

func TestARequestIsRefusedByFieldAndSlowedDown(t *testing.T) {
	w := newWorld(t)
	ask := func(name, tenant string) error {
		return w.RequestReset(t.Context(), name, tenant, audit.ViaAPI, audit.Origin{IP: "192.0.2.1"})
	}
	for name, tenant := range map[string]string{"": "", strings.Repeat("x", 255): "", "\xff": "", "a@example.com": strings.Repeat("x", 255), "b@example.com": "\xff"} {
		if err := ask(name, tenant); !fault.Is(err, fault.Invalid) {
			t.Errorf("%.20q %.20q: %v", name, tenant, err)
		}
	}
	for range 5 {
		if err := ask(w.user.Email, ""); err != nil {
			t.Fatal(err)
		}
	}
	if err := ask("OLIVIA@example.com", ""); !fault.Is(err, fault.TooMany) {
		t.Errorf("the sixth of a name: %v", err)
	}
	if err := ask("other@example.com", ""); err != nil {
		t.Errorf("another name: %v", err)
	}
	if _, err := w.Throttle.Allow(t.Context(), w.user.Email, "192.0.2.1"); err != nil {
		t.Errorf("a login is slowed down by requests: %v", err)
	}
}

// S8: a request issues one link to each tenant's user of the name, or to the one named; served again it issues no other.
func TestS8ARequestIsServedOnce(t *testing.T) {
	w := newWorld(t)
	_, second := w.account("Olivia@Example.com")
	request := w.request(w.user.Email, "")
	for range 10 { // the stream repeats itself
		w.serve(request)
	}
	if len(w.requests()) != 0 || len(w.events(w.user, audit.PasswordRequested)) != 1 || len(w.events(second, audit.PasswordRequested)) != 1 {
		t.Errorf("%d requests are left, %d and %d events", len(w.requests()), len(w.events(w.user, audit.PasswordRequested)), len(w.events(second, audit.PasswordRequested)))
	}
	e := w.events(w.user, audit.PasswordRequested)[0]
	if e.Origin.IP != "192.0.2.1" || e.Origin.UserAgent != "curl" || e.Origin.RequestID != "r-1" || e.Actor.User != "" || e.Subject.ID != w.user.ID {
		t.Errorf("%+v", e)
	}
	enclosed, owed, err := w.Links.Enclose(t.Context(), e)
	if err != nil || !owed {
		t.Fatal(owed, err)
	}
	_, text, _ := strings.Cut(enclosed.Link, "#")
	if err := w.set(text, fresh); err != nil || !w.opens(w.user, fresh) || w.opens(second, fresh) {
		t.Errorf("%v", err)
	}
	w.advance(10 * time.Minute)
	w.serve(request) // once more, late
	if !w.issued(w.user).IsZero() {
		t.Error("a request that was served was served again")
	}
	w.serve(w.request(w.user.Email, second.Account))
	if len(w.events(w.user, audit.PasswordRequested)) != 1 || len(w.events(second, audit.PasswordRequested)) != 2 {
		t.Error("the tenant that was named is not the one that was served")
	}
	w.serve(w.request(w.user.Email, "acc_0000000000000000"))
	if len(w.events(second, audit.PasswordRequested)) != 2 || len(w.requests()) != 0 {
		t.Error("a tenant that there is not was served")
	}
}

// S8: whoever may not log in gets no link.
func TestS8OnlyWhoMayLogInGetsALink(t *testing.T) {
	w := newWorld(t)
	suspended, u := w.account("a@example.com")
	suspended.Status = account.Suspended
	w.commit(suspended.Replace())
	all := []account.User{u}
	for i, s := range []account.Status{account.Invited, account.Disabled, account.Removed} {
		u := w.person(w.acc, string(rune('b'+i))+"@example.com", account.Active)
		u.Status, u.Gone = s, w.now().Add(time.Hour)
		w.commit(u.Replace())
		all = append(all, u)
	}
	none := w.person(w.acc, "e@example.com", account.Active)
	none.PasswordHash = ""
	w.commit(none.Replace())
	for _, u := range append(all, none) {
		w.serve(w.request(u.Email, ""))
		if !w.issued(u).IsZero() || len(w.events(u, audit.PasswordRequested)) != 0 {
			t.Errorf("%s of %s got one", u.Status, u.Email)
		}
	}
	if len(w.requests()) != 0 {
		t.Error("requests are left")
	}
}

// At most one link a minute, however many ask from wherever at the same time.
func TestAUserGetsAtMostOneLinkAMinute(t *testing.T) {
	w := newWorld(t)
	var requests []table.Item
	for range 5 {
		requests = append(requests, w.request(w.user.Email, ""))
	}
	var all sync.WaitGroup
	for _, r := range requests {
		for range 4 {
			all.Go(func() { w.serve(r) })
		}
	}
	all.Wait()
	if n := len(w.events(w.user, audit.PasswordRequested)); n != 1 || len(w.requests()) != 0 {
		t.Errorf("%d links, %d requests left", n, len(w.requests()))
	}
	w.advance(link.Pause)
	w.serve(w.request(w.user.Email, ""))
	if n := len(w.events(w.user, audit.PasswordRequested)); n != 2 {
		t.Errorf("%d links after a minute", n)
	}
}

func TestARequestThatNobodyWaitsForIsNotServed(t *testing.T) {
	w := newWorld(t)
	request := w.request(w.user.Email, "")
	w.advance(link.Reset.Life())
	w.serve(request)
	if !w.issued(w.user).IsZero() {
		t.Error("it was served")
	}
}

// A name in as many tenants as are looked at is served in all of them, wherever the process ends in between.
func TestANameInManyTenantsIsServedInAll(t *testing.T) {
	w := newWorld(t)
	users := []account.User{w.user}
	for range 59 {
		acc, u := w.acc, w.user // without hashing sixty times
		acc.ID, u.ID = token.NewName("acc_"), token.NewName("usr_")
		u.Account = acc.ID
		w.commit(append(u.Create(), acc.Create())...)
		users = append(users, u)
	}
	request := w.request(w.user.Email, "")
	f := &failing{Table: w.table}
	f.left.Store(1)
	if err := w.on(f).ServeReset(t.Context(), request); !fault.Is(err, fault.Unavailable) {
		t.Fatal(err)
	}
	w.serve(request)
	for i, u := range users {
		if n := len(w.events(u, audit.PasswordRequested)); n != 1 {
			t.Errorf("tenant %d: %d links", i, n)
		}
	}
	if len(w.requests()) != 0 {
		t.Error("the request is left")
	}
}

// S8: a password that came by a mailed link is marked as such, so that a mailed code beside it counts for nothing; one that
// an invited user sets, or that is changed with the former one, is as it was.
func TestS8APasswordByAResetLinkIsMarked(t *testing.T) {
	w := newWorld(t)
	invited := w.person(w.acc, "ute@example.com", account.Invited)
	if err := w.set(w.link(invited, link.Invitation), "quiet river seven lanterns"); err != nil || w.stored(invited).Mailed {
		t.Errorf("invited: %v, %t", err, w.stored(invited).Mailed)
	}
	if err := w.set(w.link(w.user, link.Reset), "seven lanterns over a river"); err != nil || !w.stored(w.user).Mailed {
		t.Errorf("reset: %v, %t", err, w.stored(w.user).Mailed)
	}
	if err := w.change(w.login(w.stored(w.user)), "seven lanterns over a river", "eight lanterns over a river"); err != nil || !w.stored(w.user).Mailed {
		t.Errorf("whoever has the mailbox takes the mark away: %v", err)
	}
}

// However many networks ask for them, a user is mailed 5 links freely, and then one in 5 minutes. Nobody who asks is told.
func TestAUserIsNotFloodedWithLinks(t *testing.T) {
	w := newWorld(t)
	for i := range 120 {
		from := audit.Origin{IP: fmt.Sprintf("203.0.%d.1", i)}
		if err := w.RequestReset(t.Context(), w.user.Email, "", audit.ViaAPI, from); err != nil {
			t.Fatal(err)
		}
		for _, r := range w.requests() {
			w.serve(r)
		}
		if n := len(w.events(w.user, audit.PasswordRequested)); i == 4 && n != 5 {
			t.Errorf("%d links in 5 minutes", n)
		}
		w.advance(link.Pause)
	}
	if n := len(w.events(w.user, audit.PasswordRequested)); n < 25 || n > 29 {
		t.Errorf("%d links in two hours", n)
	}
}
