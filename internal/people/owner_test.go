package people_test

import (
	"sync"
	"testing"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/fault"
	"keyfob/internal/people"
	"keyfob/internal/scope"
)

// S23: who may change whom. The role that counts is the one in the commit.
func TestS23WhoMayChangeWhom(t *testing.T) {
	w := newWorld(t)
	admin, other, member := w.user(w.acc, scope.Admin), w.user(w.acc, scope.Admin), w.user(w.acc, scope.Member)
	w.user(w.acc, scope.Owner)
	for _, c := range []struct {
		name   string
		by, on account.User
		change people.UserChange
		code   string // empty: allowed
	}{
		{"a member promotes themselves", member, member, role(scope.Admin), "role_forbids"},
		{"a member disables an admin", member, admin, status(account.Disabled), "role_forbids"},
		{"an admin makes themselves an owner", admin, admin, role(scope.Owner), "role_forbids"},
		{"an admin makes a member an owner", admin, member, role(scope.Owner), "role_forbids"},
		{"an admin demotes an owner", admin, w.owner, role(scope.Admin), "role_forbids"},
		{"an admin disables an owner", admin, w.owner, status(account.Disabled), "role_forbids"},
		{"an admin leaves an owner as is", admin, w.owner, role(scope.Owner), "role_forbids"},
		{"an admin promotes a member", admin, member, role(scope.Admin), ""},
		{"an admin demotes an admin", admin, member, role(scope.Member), ""},
		{"an admin disables an admin", admin, other, status(account.Disabled), ""},
		{"an owner makes an owner", w.owner, admin, role(scope.Owner), ""},
		{"an owner unmakes an owner", w.owner, admin, role(scope.Admin), ""},
	} {
		_, err := w.people().Change(t.Context(), w.act(c.by), c.on.ID, c.change)
		if c.code != "" {
			w.refused(c.name, err, fault.Forbidden, c.code)
		} else if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	for name, change := range map[string]people.UserChange{"no change": {}, "no role": role("king"), "no status": status(account.Suspended)} {
		if _, err := w.people().Change(t.Context(), w.act(w.owner), member.ID, change); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// S23: an admin who is demoted while changing somebody changes nobody.
func TestS23ARoleTakenAwayIsNotOutrun(t *testing.T) {
	for name, c := range map[string]struct {
		taken people.UserChange
		want  fault.Kind
	}{
		"demoted": {role(scope.Member), fault.Forbidden}, "disabled": {status(account.Disabled), fault.Unauthenticated},
	} {
		w := newWorld(t)
		admin, member := w.user(w.acc, scope.Admin), w.user(w.acc, scope.Member)
		act, boss := w.act(admin), w.act(w.owner)
		db := &before{w.table, func() { w.change(boss, admin, c.taken) }}
		if _, err := w.on(db).Change(t.Context(), act, member.ID, role(scope.Admin)); !fault.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if _, u := w.records(member); u.Role != scope.Member {
			t.Errorf("%s: the member is a %s", name, u.Role)
		}
	}
}

// S12: who is an owner is changed with a login of the last five minutes, and never with a token.
func TestS12OwnersAreChangedWithAFreshLoginOnly(t *testing.T) {
	w := newWorld(t)
	second := w.user(w.acc, scope.Owner)
	act := w.act(w.owner)
	_, c := w.issue(act.By)
	byToken, _ := w.verify(c)
	for name, change := range map[string]people.UserChange{"demoting": role(scope.Admin), "disabling": status(account.Disabled)} {
		_, err := w.people().Change(t.Context(), as(byToken), second.ID, change)
		w.refused(name+" by token", err, fault.Forbidden, "needs_session")
	}
	w.clock.Advance(5*time.Minute + time.Second)
	for name, change := range map[string]people.UserChange{"demoting": role(scope.Admin), "disabling": status(account.Disabled)} {
		_, err := w.people().Change(t.Context(), act, second.ID, change)
		w.refused(name+" late", err, fault.Forbidden, "fresh_login_required")
	}
	member := w.user(w.acc, scope.Member)
	_, err := w.people().Change(t.Context(), act, member.ID, role(scope.Owner))
	w.refused("making an owner late", err, fault.Forbidden, "fresh_login_required")
	w.change(act, member, role(scope.Admin)) // which needs none
	w.clock.Advance(-time.Second - 2*time.Millisecond)
	w.change(act, second, role(scope.Admin))
}

// S23: the last active owner stays one, whoever asks.
func TestS23TheLastOwnerStays(t *testing.T) {
	w := newWorld(t)
	second := w.user(w.acc, scope.Owner)
	act := w.act(w.owner)
	w.change(act, second, status(account.Disabled)) // a disabled owner is no owner to rely on
	for name, change := range map[string]people.UserChange{
		"demoting": role(scope.Admin), "disabling": status(account.Disabled), "both": {Role: role(scope.Member).Role, Status: status(account.Disabled).Status},
	} {
		_, err := w.people().Change(t.Context(), act, w.owner.ID, change)
		w.refused(name, err, fault.Conflict, "last_owner")
	}
	w.change(act, second, status(account.Active))
	w.change(act, w.owner, role(scope.Member))
	if _, u := w.records(w.owner); u.Role != scope.Member {
		t.Errorf("%+v", u)
	}
}

// S23, in a race: of owners who demote or disable each other and themselves at once, one stays.
func TestS23OwnersWhoUnmakeEachOtherLeaveOne(t *testing.T) {
	for round := range 15 {
		w := newWorld(t)
		owners := []account.User{w.owner, w.user(w.acc, scope.Owner), w.user(w.acc, scope.Owner)}
		var acts []people.Act
		for _, o := range owners {
			acts = append(acts, w.act(o))
		}
		change := role(scope.Admin)
		if round%2 == 1 {
			change = status(account.Disabled)
		}
		var all sync.WaitGroup
		for i := range owners {
			for _, target := range []account.User{owners[(i+1)%3], owners[i], owners[(i+2)%3]} {
				all.Go(func() { _, _ = w.people().Change(t.Context(), acts[i], target.ID, change) })
			}
		}
		all.Wait()
		left := 0
		for _, o := range owners {
			if _, u := w.records(o); u.Role == scope.Owner && u.Status == account.Active {
				left++
			}
		}
		if left != 1 {
			t.Errorf("%d owners are left", left)
		}
	}
}

// The same, with the moment chosen: an owner steps down relying on another, who is unmade before the commit.
func TestS23AnOwnerReliedOnHasToStayOne(t *testing.T) {
	w := newWorld(t)
	second := w.user(w.acc, scope.Owner)
	first, other := w.act(w.owner), w.act(second)
	db := &before{w.table, func() { w.change(other, second, role(scope.Admin)) }}
	_, err := w.on(db).Change(t.Context(), first, w.owner.ID, role(scope.Admin))
	w.refused("stepping down", err, fault.Conflict, "last_owner")
}
