package people_test

import (
	"testing"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/fault"
	"keyfob/internal/people"
	"keyfob/internal/scope"
	"keyfob/internal/token"
)

// R3, P1, P5: a demotion has reached the user's tokens and sessions when it is acknowledged; so has the promotion back;
// each has its event, with what it changed.
func TestR3CredentialsFollowTheirCreatorsRole(t *testing.T) {
	w := newWorld(t)
	admin := w.user(w.acc, scope.Admin)
	p, inSession := w.login(admin)
	_, c := w.issue(p)
	boss := w.act(w.owner)
	for _, r := range []scope.Role{scope.Member, scope.Admin} {
		if got := w.change(boss, admin, role(r)); got.Role != r || got.Behind {
			t.Errorf("%+v", got)
		}
		for _, credential := range []token.Credential{c, inSession} {
			if p, denial := w.verify(credential); denial != authority.None || p.Holder.Role != r {
				t.Errorf("the credential of a %s: %q, %s", r, denial, p.Holder.Role)
			}
		}
	}
	events := w.events(audit.UserChanged)
	if len(events) != 2 || events[0].Actor.User != w.owner.ID || events[0].Actor.Credential != boss.By.Handle() || events[0].Subject.ID != admin.ID ||
		len(events[0].Changes) != 1 || events[0].Changes[0] != (audit.Change{Field: "role", From: "admin", To: "member"}) {
		t.Errorf("%+v", events)
	}
	// What changes nothing leaves no event.
	before := w.change(boss, admin, role(scope.Admin))
	if after := w.change(boss, admin, role(scope.Admin)); after != before || len(w.events(audit.UserChanged)) != 2 {
		t.Errorf("%+v", after)
	}
}

// P1: a disabled user's tokens and sessions are refused; when the user is enabled the tokens come back, the sessions do not.
func TestP1ADisabledUsersCredentialsAreRefused(t *testing.T) {
	w := newWorld(t)
	admin := w.user(w.acc, scope.Admin)
	p, inSession := w.login(admin)
	_, c := w.issue(p)
	boss := w.act(w.owner)
	w.change(boss, admin, status(account.Disabled))
	if _, denial := w.verify(c); denial != authority.Ended {
		t.Errorf("a token: %q", denial)
	}
	if _, denial := w.verify(inSession); denial != authority.Unknown {
		t.Errorf("a session: %q", denial)
	}
	if ended := w.events(audit.SessionEnded); len(ended) != 1 || ended[0].Subject.ID != p.Handle() || ended[0].Actor.User != w.owner.ID {
		t.Errorf("%+v", ended)
	}
	w.change(boss, admin, status(account.Active))
	if _, denial := w.verify(c); denial != authority.None {
		t.Errorf("a token, after the user was enabled: %q", denial)
	}
	if _, denial := w.verify(inSession); denial != authority.Unknown {
		t.Errorf("a session, after the user was enabled: %q", denial)
	}
}

// A process that ends anywhere in disabling a user leaves no session to come to life when the user is enabled.
func TestP1NoSessionOutlivesAnInterruptedDisabling(t *testing.T) {
	for survived := range 5 {
		w := newWorld(t)
		admin := w.user(w.acc, scope.Admin)
		_, first := w.login(admin)
		_, second := w.login(admin)
		boss := w.act(w.owner)
		_, err := w.on(&failing{w.table, survived}).Change(t.Context(), boss, admin.ID, status(account.Disabled))
		if !fault.Is(err, fault.Unavailable) {
			t.Fatalf("%d: %v", survived, err)
		}
		if survived == 0 {
			continue // nothing was decided
		}
		w.change(boss, admin, status(account.Active))
		for _, c := range []token.Credential{first, second} {
			if _, denial := w.verify(c); denial == authority.None {
				t.Errorf("after %d commits: a session is back", survived)
			}
		}
	}
}

// An interrupted demotion is finished by asking for it again, without another event; also where it was asked for on a
// condition that no longer holds, because the record is another since.
func TestR3AskingAgainFinishesWhatWasInterrupted(t *testing.T) {
	w := newWorld(t)
	admin := w.user(w.acc, scope.Admin)
	p, _ := w.login(admin)
	var made []token.Credential
	for range 5 {
		_, c := w.issue(p)
		made = append(made, c)
	}
	boss := w.act(w.owner)
	boss.Match = []int64{1}
	if _, err := w.on(&failing{w.table, 1}).Change(t.Context(), boss, admin.ID, role(scope.Member)); !fault.Is(err, fault.Unavailable) {
		t.Fatal(err)
	}
	if _, u := w.records(admin); !u.Behind || u.Role != scope.Member {
		t.Errorf("%+v", u)
	}
	w.change(boss, admin, role(scope.Member))
	for _, c := range made {
		if p, _ := w.verify(c); p.Holder.Role != scope.Member {
			t.Errorf("a token has the role %s", p.Holder.Role)
		}
	}
	if n := len(w.events(audit.UserChanged)); n != 1 {
		t.Errorf("%d events", n)
	}
}

// S22: a user of another account is answered like one that does not exist.
func TestS22UsersOfOtherAccountsDoNotExist(t *testing.T) {
	w := newWorld(t)
	_, stranger := w.account()
	act := w.act(w.owner)
	_, absent := w.people().Get(t.Context(), act.By, "usr_0000000000000000")
	if !fault.Is(absent, fault.NotFound) {
		t.Fatal(absent)
	}
	for _, id := range []string{stranger.ID, "", "x", w.acc.ID, "usr_0", w.owner.ID + "0", string(make([]byte, 5000))} {
		if _, err := w.people().Get(t.Context(), act.By, id); err == nil || err.Error() != absent.Error() {
			t.Errorf("%.20q: %v", id, err)
		}
		if _, err := w.people().Change(t.Context(), act, id, role(scope.Member)); err == nil || err.Error() != absent.Error() {
			t.Errorf("%.20q: %v", id, err)
		}
	}
	if _, u := w.records(stranger); u.Role != scope.Owner {
		t.Error("a stranger was changed")
	}
}

func TestUsersAreListedInPagesToThoseWhoManageThem(t *testing.T) {
	w := newWorld(t)
	w.account()
	for range 4 {
		w.user(w.acc, scope.Member)
	}
	act := w.act(w.owner)
	seen := map[string]bool{}
	for after := ""; ; {
		page, err := w.people().List(t.Context(), act.By, 2, after)
		if err != nil || len(page.Users) > 2 {
			t.Fatal(page, err)
		}
		for _, u := range page.Users {
			if seen[u.ID] || u.Account != w.acc.ID {
				t.Errorf("%+v", u)
			}
			seen[u.ID] = true
		}
		if after = page.Next; after == "" {
			break
		}
	}
	if len(seen) != 5 {
		t.Errorf("%d users", len(seen))
	}
	if _, err := w.people().List(t.Context(), act.By, 2, "zzz"); !fault.Is(err, fault.Invalid) {
		t.Errorf("%v", err)
	}
	member := w.act(w.user(w.acc, scope.Member))
	_, err := w.people().List(t.Context(), member.By, 2, "")
	w.refused("a member's list", err, fault.Forbidden, "role_forbids")
	_, err = w.people().Get(t.Context(), member.By, w.owner.ID)
	w.refused("a member's look", err, fault.Forbidden, "role_forbids")
	if me, err := w.people().Me(t.Context(), member.By); err != nil || me.ID != member.By.User {
		t.Errorf("%+v, %v", me, err)
	}
}

// A stale If-Match changes nothing.
func TestAChangeIsMadeOnTheVersionThatTheCallerTakes(t *testing.T) {
	w := newWorld(t)
	admin := w.user(w.acc, scope.Admin)
	act := w.act(w.owner)
	act.Match = []int64{}
	_, err := w.people().Change(t.Context(), act, admin.ID, role(scope.Member))
	w.refused("no version", err, fault.Precondition, "stale")
	act.Match = []int64{7, 1}
	u := w.change(act, admin, role(scope.Member))
	_, err = w.people().Change(t.Context(), act, admin.ID, role(scope.Admin))
	w.refused("an old version", err, fault.Precondition, "stale")
	act.Match = []int64{u.Version}
	w.change(act, admin, role(scope.Admin))
	me := w.act(admin)
	me.Match = []int64{1}
	_, err = w.people().ChangeSelf(t.Context(), me, people.SelfChange{Developer: new(true)})
	w.refused("developer mode", err, fault.Precondition, "stale")
}

func TestDeveloperModeIsOnesOwnAndLeavesAnEvent(t *testing.T) {
	w := newWorld(t)
	admin := w.user(w.acc, scope.Admin)
	act := w.act(admin)
	for _, on := range []bool{true, true, false} {
		w.clock.Advance(time.Millisecond) // so that events have an order
		u, err := w.people().ChangeSelf(t.Context(), act, people.SelfChange{Developer: new(on)})
		if err != nil || u.Developer != on || u.ID != admin.ID {
			t.Errorf("%+v, %v", u, err)
		}
		if _, stored := w.records(admin); stored != u {
			t.Errorf("%+v, not %+v", stored, u)
		}
	}
	events := w.events(audit.UserChanged)
	if len(events) != 2 || events[0].Changes[0] != (audit.Change{Field: "developerMode", From: "false", To: "true"}) {
		t.Errorf("%+v", events)
	}
}

// P5: where the event cannot be written nothing is changed.
func TestP5NothingChangesWithoutItsEvent(t *testing.T) {
	w := newWorld(t)
	admin := w.user(w.acc, scope.Admin)
	act := w.act(w.owner)
	db := &withoutAudit{w.table}
	everyone := scope.IssuersEveryone
	if _, err := w.on(db).Change(t.Context(), act, admin.ID, role(scope.Member)); err == nil {
		t.Error("a role was changed")
	}
	if _, err := w.on(db).ChangeSelf(t.Context(), act, people.SelfChange{Developer: new(true)}); err == nil {
		t.Error("developer mode was changed")
	}
	if _, err := w.on(db).ChangePolicy(t.Context(), act, people.PolicyChange{Issuers: &everyone}); err == nil {
		t.Error("the policy was changed")
	}
	acc, u := w.records(admin)
	_, o := w.records(w.owner)
	if u.Version != 1 || acc.Version != 1 || o.Version != 1 {
		t.Errorf("%+v, %+v, %+v", u, acc, o)
	}
}
