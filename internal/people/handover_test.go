package people_test

import (
	"sync"
	"testing"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/fault"
	"keyfob/internal/people"
	"keyfob/internal/scope"
	"keyfob/internal/standing"
)

// carried brings the user's record to the user's credentials.
func carried(w *world, u account.User) {
	w.Helper()
	if err := (&standing.Carrier{Table: w.table, Accounts: &account.Accounts{Table: w.table}}).User(w.Context(), u.Account, u.ID); err != nil {
		w.Fatal(err)
	}
}

// offer has the owner offer the account to the user.
func (w *world) offer(u account.User) people.Handover {
	w.Helper()
	w.clock.Advance(time.Millisecond) // so that events have an order
	h, err := w.people().OfferHandover(w.Context(), w.act(w.owner), u.ID)
	if err != nil {
		w.Fatal(err)
	}
	return h
}

// S23: an account changes hands when both want it, in one step, and the credentials of both have followed.
func TestS23AnAccountIsHandedOver(t *testing.T) {
	w := newWorld(t)
	member := w.user(w.acc, scope.Member)
	giver, receiver := w.act(w.owner), w.act(member)
	_, secret := w.issue(giver.By)
	h := w.offer(member)
	if h.From != w.owner.ID || h.To != member.ID || !h.Expires.Equal(w.clock.Now().Add(7*24*time.Hour).Truncate(time.Second)) {
		t.Errorf("%+v", h)
	}
	u, err := w.people().AcceptHandover(t.Context(), receiver)
	if err != nil || u.ID != member.ID || u.Role != scope.Owner || u.Behind {
		t.Errorf("%+v, %v", u, err)
	}
	if _, o := w.records(w.owner); o.Role != scope.Admin || o.Behind {
		t.Errorf("%+v", o)
	}
	if p, denial := w.verify(secret); denial != authority.None || p.Holder.Role != scope.Admin {
		t.Errorf("the giver's token: %+v, %q", p, denial)
	}
	if _, open, err := w.people().Handover(t.Context(), receiver.By); open || err != nil {
		t.Errorf("the offer is still there: %v", err)
	}
	_, err = w.people().AcceptHandover(t.Context(), receiver)
	w.refused("once more", err, fault.NotFound, "not_found")
	for kind, by := range map[audit.Type]string{audit.HandoverOffered: w.owner.ID, audit.HandoverAccepted: member.ID} {
		events := w.events(kind)
		if len(events) != 1 || events[0].Subject.ID != member.ID || len(events[0].Also) != 1 || events[0].Also[0].ID != w.owner.ID || events[0].Actor.User != by {
			t.Errorf("%+v", events)
		}
	}
}

// S12, S23: what an offer and its acceptance take.
func TestS12AHandoverTakesTwoFreshLogins(t *testing.T) {
	w := newWorld(t)
	admin, member, disabled, second := w.user(w.acc, scope.Admin), w.user(w.acc, scope.Member), w.user(w.acc, scope.Member), w.user(w.acc, scope.Owner)
	_, stranger := w.account()
	w.change(w.act(w.owner), disabled, status(account.Disabled))
	guest := w.invite(w.act(w.owner), "guest@example.com", scope.Admin)
	act := w.act(w.owner)
	_, c := w.issue(act.By)
	byToken, _ := w.verify(c)
	offer := func(act people.Act, to string) error {
		_, err := w.people().OfferHandover(t.Context(), act, to)
		return err
	}
	w.refused("by an admin", offer(w.act(admin), member.ID), fault.Forbidden, "role_forbids")
	w.refused("by token", offer(as(byToken), member.ID), fault.Forbidden, "needs_session")
	w.refused("to nobody", offer(act, ""), fault.Invalid, "required")
	for name, to := range map[string]string{"nonsense": "mia", "unknown": "usr_0000000000000000", "disabled": disabled.ID, "invited": guest.ID, "a stranger": stranger.ID} {
		w.refused("to "+name, offer(act, to), fault.Unprocessable, "unknown")
	}
	w.refused("to oneself", offer(act, w.owner.ID), fault.Unprocessable, "owner")
	w.refused("to an owner", offer(act, second.ID), fault.Unprocessable, "owner")
	receiver := w.act(member)
	w.offer(member)
	w.refused("a second one", offer(w.act(second), admin.ID), fault.Conflict, "offered")
	for name, u := range map[string]account.User{"an admin": admin, "the giver": w.owner, "another owner": second, "a stranger": stranger} {
		_, err := w.people().AcceptHandover(t.Context(), w.act(u))
		w.refused("accepted by "+name, err, fault.NotFound, "not_found")
	}
	w.clock.Advance(5*time.Minute + time.Millisecond)
	_, err := w.people().AcceptHandover(t.Context(), receiver)
	w.refused("accepted late", err, fault.Forbidden, "fresh_login_required")
	w.refused("offered late", offer(act, admin.ID), fault.Forbidden, "fresh_login_required")
	if _, err := w.people().AcceptHandover(t.Context(), w.act(member)); err != nil {
		t.Error(err)
	}
}

// An offer can be accepted for seven days to the second; then another can be made.
func TestAnOfferExpires(t *testing.T) {
	for _, late := range []bool{false, true} {
		w := newWorld(t)
		admin, member := w.user(w.acc, scope.Admin), w.user(w.acc, scope.Member)
		h := w.offer(member)
		w.clock.ns.Store(h.Expires.UnixNano())
		if !late {
			w.clock.Advance(-time.Millisecond)
		}
		_, err := w.people().AcceptHandover(t.Context(), w.act(member))
		if !late {
			if err != nil {
				t.Errorf("within the time: %v", err)
			}
			continue
		}
		w.refused("accepted at the end", err, fault.NotFound, "not_found")
		w.refused("withdrawn at the end", w.people().WithdrawHandover(t.Context(), w.act(w.owner)), fault.NotFound, "not_found")
		if _, open, err := w.people().Handover(t.Context(), w.act(w.owner).By); open || err != nil {
			t.Errorf("it is still shown: %v", err)
		}
		w.offer(admin)
	}
}

// Who sees an offer, and who ends it.
func TestAnOfferIsWithdrawnByAnOwnerAndDeclinedByTheReceiver(t *testing.T) {
	w := newWorld(t)
	admin, member, other, second := w.user(w.acc, scope.Admin), w.user(w.acc, scope.Member), w.user(w.acc, scope.Member), w.user(w.acc, scope.Owner)
	_, stranger := w.account()
	none := w.act(w.owner)
	w.refused("none", w.people().WithdrawHandover(t.Context(), none), fault.NotFound, "not_found")
	for _, c := range []struct {
		by   account.User
		sees bool
		code string
	}{{admin, true, "role_forbids"}, {other, false, "not_found"}, {stranger, false, "not_found"}, {w.owner, true, ""}, {second, true, ""}, {member, true, ""}} {
		if _, open, err := w.people().Handover(t.Context(), w.act(w.owner).By); err != nil {
			t.Error(err)
		} else if !open {
			w.offer(member)
		}
		act := w.act(c.by)
		if _, open, err := w.people().Handover(t.Context(), act.By); err != nil || open != c.sees {
			t.Errorf("a %s sees it: %t, %v", c.by.Role, open, err)
		}
		err := w.people().WithdrawHandover(t.Context(), act)
		switch {
		case c.code == "role_forbids":
			w.refused("by an admin", err, fault.Forbidden, c.code)
		case c.code != "":
			w.refused("by a "+string(c.by.Role), err, fault.NotFound, c.code)
		case err != nil:
			t.Errorf("by a %s: %v", c.by.Role, err)
		}
	}
	if n := len(w.events(audit.HandoverWithdrawn)); n != 3 {
		t.Errorf("%d events", n)
	}
	_, err := w.people().AcceptHandover(t.Context(), w.act(member))
	w.refused("accepted afterwards", err, fault.NotFound, "not_found")
}

// S23: an offer ends with what it was made on: the giver's ownership, the receiver's being there. It does not come back.
func TestS23AnOfferEndsWithItsGiverAndItsReceiver(t *testing.T) {
	for name, c := range map[string]struct {
		giver  bool
		change people.UserChange // none: removed
	}{
		"the giver was demoted": {true, role(scope.Admin)}, "the giver was disabled": {true, status(account.Disabled)}, "the giver was removed": {giver: true},
		"the receiver was promoted": {false, role(scope.Owner)}, "the receiver was disabled": {false, status(account.Disabled)}, "the receiver was removed": {},
	} {
		w := newWorld(t)
		member, second := w.user(w.acc, scope.Member), w.user(w.acc, scope.Owner)
		w.offer(member)
		boss, target := w.act(second), member
		if c.giver {
			target = w.owner
		}
		if c.change == (people.UserChange{}) {
			if err := w.people().Remove(t.Context(), boss, target.ID); err != nil {
				t.Fatal(err)
			}
		} else {
			w.change(boss, target, c.change)
			back := people.UserChange{Role: &target.Role, Status: &target.Status}
			w.change(boss, target, back)
		}
		if _, open, err := w.people().Handover(t.Context(), boss.By); open || err != nil {
			t.Errorf("%s: it is still open, %v", name, err)
		}
		if c.giver {
			_, err := w.people().AcceptHandover(t.Context(), w.act(member))
			w.refused(name, err, fault.Conflict, "handover_ended")
			w.refused(name+", withdrawn", w.people().WithdrawHandover(t.Context(), boss), fault.NotFound, "not_found")
			if _, err := w.people().OfferHandover(t.Context(), w.act(second), member.ID); err != nil {
				t.Errorf("%s, another offer: %v", name, err)
			}
		}
		if n := len(w.events(audit.HandoverWithdrawn)); n != 1 {
			t.Errorf("%s: %d events", name, n)
		}
	}
	// A change that leaves both what they are leaves the offer.
	w := newWorld(t)
	member := w.user(w.acc, scope.Member)
	w.offer(member)
	w.change(w.act(w.owner), member, role(scope.Admin))
	if u, err := w.people().AcceptHandover(t.Context(), w.act(member)); err != nil || u.Role != scope.Owner {
		t.Errorf("%+v, %v", u, err)
	}
}

// The same, with the moment chosen: the giver is demoted, the offer withdrawn or the acceptance made elsewhere between the
// receiver's reading and committing.
func TestS23AnAcceptanceIsOutrun(t *testing.T) {
	for name, meanwhile := range map[string]func(w *world, second, member people.Act) error{
		"demoted": func(w *world, second, _ people.Act) error {
			_, err := w.people().Change(w.Context(), second, w.owner.ID, role(scope.Member))
			return err
		},
		"removed": func(w *world, second, _ people.Act) error {
			return w.people().Remove(w.Context(), second, w.owner.ID)
		},
		"withdrawn": func(w *world, second, _ people.Act) error { return w.people().WithdrawHandover(w.Context(), second) },
		"accepted": func(w *world, _, member people.Act) error {
			_, err := w.people().AcceptHandover(w.Context(), member)
			return err
		},
	} {
		w := newWorld(t)
		member, second := w.user(w.acc, scope.Member), w.user(w.acc, scope.Owner)
		w.offer(member)
		act, boss := w.act(member), w.act(second)
		db := &before{w.table, func() {
			if err := meanwhile(w, boss, act); err != nil {
				t.Error(err)
			}
		}}
		_, err := w.on(db).AcceptHandover(t.Context(), act)
		if name == "demoted" || name == "removed" {
			w.refused(name, err, fault.Conflict, "handover_ended")
		} else {
			w.refused(name, err, fault.NotFound, "not_found")
		}
	}
}

// An offer is not made to somebody who is removed between the giver's reading and committing.
func TestS23AnOfferIsToSomebodyWhoIsThere(t *testing.T) {
	w := newWorld(t)
	member := w.user(w.acc, scope.Member)
	act, boss := w.act(w.owner), w.act(w.owner)
	db := &before{w.table, func() {
		if err := w.people().Remove(t.Context(), boss, member.ID); err != nil {
			t.Error(err)
		}
	}}
	_, err := w.on(db).OfferHandover(t.Context(), act, member.ID)
	w.refused("removed meanwhile", err, fault.Unprocessable, "unknown")
}

// S23, S26: of fifty acceptances at once, racing those who withdraw, one thing comes true.
func TestS26AnOfferIsAcceptedOnce(t *testing.T) {
	for round := range 4 {
		w := newWorld(t)
		member := w.user(w.acc, scope.Member)
		w.offer(member)
		giver, receiver := w.act(w.owner), w.act(member)
		accepted, withdrawn := make([]error, 50), make([]error, 5*(round%2))
		var all sync.WaitGroup
		for i := range accepted {
			all.Go(func() { _, accepted[i] = w.people().AcceptHandover(t.Context(), receiver) })
		}
		for i := range withdrawn {
			all.Go(func() { withdrawn[i] = w.people().WithdrawHandover(t.Context(), giver) })
		}
		all.Wait()
		done := 0
		for _, err := range append(accepted, withdrawn...) {
			if err == nil {
				done++
			} else if !fault.Is(err, fault.NotFound) {
				t.Error(err)
			}
		}
		_, from := w.records(w.owner)
		_, to := w.records(member)
		if done != 1 || (from.Role == scope.Owner) == (to.Role == scope.Owner) {
			t.Errorf("%d came true; the giver is %s, the receiver %s", done, from.Role, to.Role)
		}
		if n := len(w.events(audit.HandoverAccepted)) + len(w.events(audit.HandoverWithdrawn)); n != 1 {
			t.Errorf("%d events", n)
		}
	}
}
