package people_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/fault"
	"keyfob/internal/people"
	"keyfob/internal/scope"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

// factors gives the user a second factor, as far as people are concerned with it.
func (w *world) factors(u account.User) account.User {
	w.Helper()
	_, u = w.records(u)
	u.Factors, u.Mailed = true, true
	k := key.Factors(u.ID).Key()
	w.commit(u.Replace(), table.Create(table.Item{table.AttrPK: table.S(k.PK), table.AttrSK: table.S(k.SK)}))
	return u
}

// left gives what there is of the user besides the record.
func (w *world) left(u account.User) (left []table.Key) {
	w.Helper()
	keys := []table.Key{key.Login{Email: u.Email, Account: u.Account}.Key(), key.Link(u.ID).Key(), key.Factors(u.ID).Key()}
	items, err := w.table.Get(context.WithoutCancel(w.Context()), keys...)
	if err != nil {
		w.Fatal(err)
	}
	for i, it := range items {
		if it != nil {
			left = append(left, keys[i])
		}
	}
	page, err := w.table.Query(w.Context(), table.Query{PK: key.PrefixUserSessions + u.ID, Limit: 100})
	if err != nil {
		w.Fatal(err)
	}
	for _, it := range page.Items {
		left = append(left, it.Key())
	}
	return left
}

// P1: once a removal is acknowledged nothing of the user opens anything or is left but the record, and the e-mail is free.
func TestP1TheRemovedAreNobody(t *testing.T) {
	w := newWorld(t)
	act := w.act(w.owner)
	u := w.factors(w.user(w.acc, scope.Admin))
	p, session := w.login(u)
	_, other := w.login(u)
	_, secret := w.issue(p)
	if err := w.people().Remove(t.Context(), act, u.ID); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]string{"a session": session.Plaintext().Reveal(), "another": other.Plaintext().Reveal(), "a token": secret.Plaintext().Reveal()} {
		if _, denial, err := w.authority().Verify(t.Context(), c); denial == authority.None || err != nil {
			t.Errorf("%s is taken: %q, %v", name, denial, err)
		}
	}
	_, gone := w.records(u)
	if gone.Status != account.Removed || gone.PasswordHash != "" || gone.Factors || gone.Behind || !gone.Gone.Equal(w.clock.Now().Add(30*24*time.Hour)) {
		t.Errorf("%+v", gone)
	}
	if left := w.left(u); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	events := w.events(audit.UserRemoved)
	if len(events) != 1 || events[0].Subject.ID != u.ID || !slices.Contains(events[0].Changes, audit.Change{Field: "status", From: "active", To: "removed"}) {
		t.Errorf("%+v", events)
	}
	// Nobody who is there can be told from one who never was.
	_, err := w.people().Get(t.Context(), act.By, u.ID)
	w.refused("reading", err, fault.NotFound, "not_found")
	_, err = w.people().Change(t.Context(), act, u.ID, status(account.Active))
	w.refused("changing", err, fault.NotFound, "not_found")
	_, err = w.people().InviteAgain(t.Context(), act, u.ID)
	w.refused("inviting again", err, fault.NotFound, "not_found")
	w.refused("removing again", w.people().Remove(t.Context(), act, u.ID), fault.NotFound, "not_found")
	w.refused("taking the factors", w.people().ResetFactors(t.Context(), act, u.ID), fault.NotFound, "not_found")
	if again := w.invite(act, u.Email, scope.Member); again.ID == u.ID {
		t.Error("the new user is the old one")
	}
}

// S23, S12: who may remove whom.
func TestS23WhoMayRemoveWhom(t *testing.T) {
	w := newWorld(t)
	admin, member := w.user(w.acc, scope.Admin), w.user(w.acc, scope.Member)
	_, stranger := w.account()
	late := w.act(w.owner)
	_, c := w.issue(late.By)
	byToken, _ := w.verify(c)
	w.clock.Advance(5*time.Minute + time.Millisecond)
	second := w.user(w.acc, scope.Owner)
	for _, c := range []struct {
		name string
		act  people.Act
		on   account.User
		kind fault.Kind
		code string // empty: allowed
	}{
		{"a member themselves", w.act(member), member, fault.Forbidden, "role_forbids"},
		{"a member an admin", w.act(member), admin, fault.Forbidden, "role_forbids"},
		{"an admin an owner", w.act(admin), second, fault.Forbidden, "role_forbids"},
		{"an owner an owner, late", late, second, fault.Forbidden, "fresh_login_required"},
		{"an owner an owner, by token", as(byToken), second, fault.Forbidden, "needs_session"},
		{"a stranger", w.act(stranger), member, fault.NotFound, "not_found"},
		{"an admin a member", w.act(admin), w.user(w.acc, scope.Member), 0, ""},
		{"an admin another", w.act(admin), w.user(w.acc, scope.Admin), 0, ""},
		{"an admin themselves", w.act(admin), admin, 0, ""},
		{"an owner a member, late and by token", as(byToken), member, 0, ""},
		{"an owner an owner", w.act(w.owner), second, 0, ""},
	} {
		err := w.people().Remove(t.Context(), c.act, c.on.ID)
		if c.code != "" {
			w.refused(c.name, err, c.kind, c.code)
		} else if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	act := w.act(w.owner)
	w.refused("the last owner", w.people().Remove(t.Context(), act, w.owner.ID), fault.Conflict, "last_owner")
	third := w.user(w.acc, scope.Owner)
	act.Match = []int64{7}
	w.refused("of another version", w.people().Remove(t.Context(), act, w.owner.ID), fault.Precondition, "stale")
	act.Match = []int64{1}
	if err := w.people().Remove(t.Context(), act, w.owner.ID); err != nil {
		t.Errorf("one of two owners leaves: %v", err)
	}
	if _, u := w.records(third); u.Role != scope.Owner || u.Status != account.Active {
		t.Errorf("%+v", u)
	}
}

// S23, in a race: whatever owners do to each other and themselves at once, one stays.
func TestS23OwnersWhoRemoveEachOtherLeaveOne(t *testing.T) {
	for range 15 {
		w := newWorld(t)
		owners := []account.User{w.owner, w.user(w.acc, scope.Owner), w.user(w.acc, scope.Owner)}
		member := w.user(w.acc, scope.Member)
		acts := map[string]people.Act{member.ID: w.act(member)}
		for _, o := range owners {
			acts[o.ID] = w.act(o)
		}
		if _, err := w.people().OfferHandover(t.Context(), acts[w.owner.ID], member.ID); err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		all.Go(func() { _, _ = w.people().AcceptHandover(t.Context(), acts[member.ID]) })
		for i, o := range owners {
			for j, on := range append(owners, member) {
				all.Go(func() {
					switch (i + j) % 3 {
					case 0:
						_ = w.people().Remove(t.Context(), acts[o.ID], on.ID)
					case 1:
						_, _ = w.people().Change(t.Context(), acts[o.ID], on.ID, role(scope.Admin))
					default:
						_, _ = w.people().Change(t.Context(), acts[o.ID], on.ID, status(account.Disabled))
					}
				})
			}
		}
		all.Wait()
		left := 0
		for _, o := range append(owners, member) {
			if _, u := w.records(o); u.Role == scope.Owner && u.Status == account.Active {
				left++
			}
		}
		if left == 0 {
			t.Error("no owner is left")
		}
	}
}

// A removal that was cut short anywhere is finished by asking again, and leaves nothing open once it is acknowledged.
func TestP1ARemovalThatWasInterruptedIsFinished(t *testing.T) {
	for commits := range 6 {
		w := newWorld(t)
		act := w.act(w.owner)
		u := w.factors(w.user(w.acc, scope.Admin))
		p, session := w.login(u)
		_, secret := w.issue(p)
		err := w.on(&failing{w.table, commits}).Remove(t.Context(), act, u.ID)
		again := w.people().Remove(t.Context(), act, u.ID)
		if again != nil && !(fault.Is(again, fault.NotFound) && commits > 1) {
			t.Errorf("after %d commits: %v, then %v", commits, err, again)
		}
		for _, c := range []string{session.Plaintext().Reveal(), secret.Plaintext().Reveal()} {
			if _, denial, err := w.authority().Verify(t.Context(), c); denial == authority.None || err != nil {
				t.Errorf("after %d commits: %q, %v", commits, denial, err)
			}
		}
		if n := len(w.events(audit.UserRemoved)); n != 1 {
			t.Errorf("after %d commits: %d events", commits, n)
		}
	}
}

// A list has as many on a page as were asked for, whoever has been removed, and never one of them.
func TestTheRemovedAreOnNoPage(t *testing.T) {
	w := newWorld(t)
	act := w.act(w.owner)
	want := []string{w.owner.ID}
	for i := range 12 {
		u := w.user(w.acc, scope.Member)
		if i%3 == 0 {
			want = append(want, u.ID)
		} else if err := w.people().Remove(t.Context(), act, u.ID); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(want)
	var got []string
	for after, pages := "", 0; ; pages++ {
		page, err := w.people().List(t.Context(), act.By, 2, after)
		if err != nil || pages > len(want) || len(page.Users) > 2 {
			t.Fatal(page, err)
		}
		for _, u := range page.Users {
			got = append(got, u.ID)
		}
		if after = page.Next; after == "" {
			break
		}
		if len(page.Users) != 2 {
			t.Errorf("a page of %d with others behind it", len(page.Users))
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// R2: second factors are taken from who has lost them by somebody above them, with a fresh login, never by themselves.
func TestS12FactorsAreTakenByOthersWithAFreshLogin(t *testing.T) {
	w := newWorld(t)
	admin, member, second := w.factors(w.user(w.acc, scope.Admin)), w.factors(w.user(w.acc, scope.Member)), w.factors(w.user(w.acc, scope.Owner))
	_, stranger := w.account()
	boss := w.act(w.owner)
	_, c := w.issue(boss.By)
	byToken, _ := w.verify(c)
	admins := w.act(w.user(w.acc, scope.Admin))
	for _, c := range []struct {
		name string
		act  people.Act
		on   account.User
		kind fault.Kind
		code string
	}{
		{"their own", boss, w.owner, fault.Conflict, "oneself"},
		{"by token", as(byToken), member, fault.Forbidden, "needs_session"},
		{"an owner's by an admin", admins, second, fault.Forbidden, "role_forbids"},
		{"by a stranger", w.act(stranger), member, fault.NotFound, "not_found"},
	} {
		w.refused(c.name, w.people().ResetFactors(t.Context(), c.act, c.on.ID), c.kind, c.code)
	}
	for _, c := range []struct {
		act people.Act
		on  account.User
	}{{admins, member}, {admins, admin}, {boss, second}} {
		s, err := w.sessionOf(c.on)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.people().ResetFactors(t.Context(), c.act, c.on.ID); err != nil {
			t.Fatal(err)
		}
		_, u := w.records(c.on)
		if _, denial := w.verify(s); denial == authority.None || u.Factors || u.Mailed || u.Behind || u.Status != account.Active {
			t.Errorf("%+v, the session: %q", u, denial)
		}
		if left := w.left(c.on); len(left) != 1 { // the login
			t.Errorf("left: %v", left)
		}
		if err := w.people().ResetFactors(t.Context(), c.act, c.on.ID); err != nil {
			t.Errorf("again: %v", err)
		}
	}
	if events := w.events(audit.FactorRemoved); len(events) != 3 {
		t.Errorf("%+v", events)
	}
	w.clock.Advance(5*time.Minute + time.Millisecond)
	w.refused("late", w.people().ResetFactors(t.Context(), boss, member.ID), fault.Forbidden, "fresh_login_required")
}
