package people_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/fault"
	"keyfob/internal/link"
	"keyfob/internal/people"
	"keyfob/internal/scope"
)

func (w *world) links() *link.Links {
	return &link.Links{Table: w.table, Now: w.clock.Now, Form: w.form, URL: "https://keys.example.com"}
}

// mint makes what the mail of the user's link has in it, and gives the text that sets a password; empty where none is owed.
func (w *world) mint(u account.User) string {
	w.Helper()
	enclosed, live, err := w.links().Enclose(w.Context(), audit.Event{Type: audit.UserInvited, At: w.clock.Now(), Subject: audit.Subject{ID: u.ID}})
	if err != nil {
		w.Fatal(err)
	}
	if _, text, ok := strings.Cut(enclosed.Link, "#"); live && ok {
		return text
	}
	return ""
}

// works reports whether the text is a link that works now.
func (w *world) works(text string) bool {
	w.Helper()
	_, err := w.links().Find(w.Context(), text)
	if err != nil && !fault.Is(err, fault.Unprocessable) {
		w.Fatal(err)
	}
	return err == nil
}

// invite is an invitation that has to succeed.
func (w *world) invite(act people.Act, email string, role scope.Role) account.User {
	w.Helper()
	w.clock.Advance(time.Millisecond) // so that events have an order
	u, err := w.people().Invite(w.Context(), act, people.Invitation{Email: email, Role: role})
	if err != nil {
		w.Fatal(err)
	}
	return u
}

// P5: an invitation is a user who may nothing, a link, and the event.
func TestP5AnInvitationIsAUserWithoutAPasswordAndALink(t *testing.T) {
	w := newWorld(t)
	act := w.act(w.owner)
	u, err := w.people().Invite(t.Context(), act, people.Invitation{Email: "mia+keys@exämple.com", Role: scope.Admin})
	if err != nil {
		t.Fatal(err)
	}
	_, stored := w.records(u)
	if stored != u || u.Status != account.Invited || u.Verified || u.PasswordHash != "" || u.Name != "mia+keys" || u.Role != scope.Admin || u.Behind {
		t.Errorf("%+v, stored %+v", u, stored)
	}
	until, err := w.people().Invitations(t.Context(), w.owner, u)
	if err != nil || len(until) != 1 || !until[u.ID].Equal(w.clock.Now().Add(7*24*time.Hour)) {
		t.Errorf("%v, %v", until, err)
	}
	events := w.events(audit.UserInvited)
	if len(events) != 1 || events[0].Subject != (audit.Subject{Kind: "user", ID: u.ID, Name: u.Name}) || events[0].Actor.User != w.owner.ID {
		t.Errorf("%+v", events)
	}
	secret := w.mint(u)
	w.clock.Advance(7*24*time.Hour - time.Second)
	if !w.works(secret) {
		t.Error("the link does not work for seven days")
	}
	w.clock.Advance(time.Second)
	if w.works(secret) {
		t.Error("the link works after seven days")
	}
}

// S24: what is no address, no name or no role is refused by its field; and so is an e-mail that somebody of the account has,
// in whichever way it is written.
func TestS24AnInvitationIsRefusedByField(t *testing.T) {
	w := newWorld(t)
	act := w.act(w.owner)
	first := w.invite(act, "zoë@example.com", scope.Member)
	for _, c := range []struct {
		field, code string
		kind        fault.Kind
		i           people.Invitation
	}{
		{"email", "required", fault.Invalid, people.Invitation{Role: scope.Member}},
		{"email", "malformed", fault.Invalid, people.Invitation{Email: "mia", Role: scope.Member}},
		{"email", "malformed", fault.Invalid, people.Invitation{Email: "mia@example.com\r\nBcc: eve@example.com", Role: scope.Member}},
		{"email", "malformed", fault.Invalid, people.Invitation{Email: "mia\u202e@example.com", Role: scope.Member}},
		{"email", "malformed", fault.Invalid, people.Invitation{Email: "mia\u200b@example.com", Role: scope.Member}},
		{"email", "malformed", fault.Invalid, people.Invitation{Email: "mia@exa\u00admple.com", Role: scope.Member}},
		{"email", "malformed", fault.Invalid, people.Invitation{Email: "mia\u00a0b@example.com", Role: scope.Member}},
		{"email", "malformed", fault.Invalid, people.Invitation{Email: "mia@example.com,eve@example.com", Role: scope.Member}},
		{"email", "malformed", fault.Invalid, people.Invitation{Email: strings.Repeat("x", 243) + "@example.com", Role: scope.Member}},
		{"name", "invalid_character", fault.Invalid, people.Invitation{Email: "mia@example.com", Name: "Mia\r\nBcc: eve@example.com", Role: scope.Member}},
		{"name", "invalid_character", fault.Invalid, people.Invitation{Email: "mia@example.com", Name: "Mia\u202eaiM", Role: scope.Member}},
		{"name", "too_long", fault.Invalid, people.Invitation{Email: "mia@example.com", Name: strings.Repeat("x", 201), Role: scope.Member}},
		{"role", "required", fault.Invalid, people.Invitation{Email: "mia@example.com"}},
		{"role", "unknown_value", fault.Invalid, people.Invitation{Email: "mia@example.com", Role: "king"}},
		{"email", "taken", fault.Conflict, people.Invitation{Email: "ZOË@Example.com", Role: scope.Member}},
		{"email", "taken", fault.Conflict, people.Invitation{Email: "zoe\u0308@example.com", Role: scope.Member}},
		{"email", "taken", fault.Conflict, people.Invitation{Email: w.owner.Email, Role: scope.Member}},
	} {
		_, err := w.people().Invite(t.Context(), act, c.i)
		if e, ok := errors.AsType[*fault.Error](err); !ok || e.Kind != c.kind || len(e.Fields) != 1 || e.Fields[0].Name != c.field || e.Fields[0].Code != c.code {
			t.Errorf("%+q: %v", c.i, err)
		}
	}
	if events := w.events(audit.UserInvited); len(events) != 1 || events[0].Subject.ID != first.ID {
		t.Errorf("%+v", events)
	}
	// In another account the e-mail is free.
	_, boss := w.account()
	w.invite(w.act(boss), "zoë@example.com", scope.Member)
}

// S26: of fifty invitations of one e-mail at once, one is made.
func TestS26AnEMailIsInvitedOnce(t *testing.T) {
	w := newWorld(t)
	act := w.act(w.owner)
	errs := make([]error, 50)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() {
			_, errs[i] = w.people().Invite(t.Context(), act, people.Invitation{Email: "mia@example.com", Role: scope.Member})
		})
	}
	all.Wait()
	made := 0
	for _, err := range errs {
		if err == nil {
			made++
		} else if !fault.Is(err, fault.Conflict) {
			t.Error(err)
		}
	}
	if made != 1 || len(w.events(audit.UserInvited)) != 1 {
		t.Errorf("%d were made, %d events", made, len(w.events(audit.UserInvited)))
	}
}

// S12, S23: owners are invited by owners with a fresh login, and by nobody else; an admin invites others.
func TestS12OwnersAreInvitedByOwnersWithAFreshLogin(t *testing.T) {
	w := newWorld(t)
	admin, member := w.user(w.acc, scope.Admin), w.user(w.acc, scope.Member)
	owners := w.act(w.owner)
	_, c := w.issue(owners.By)
	byToken, _ := w.verify(c)
	ask := func(act people.Act, role scope.Role) error {
		_, err := w.people().Invite(t.Context(), act, people.Invitation{Email: "mia@example.com", Role: role})
		return err
	}
	w.refused("by a member", ask(w.act(member), scope.Member), fault.Forbidden, "role_forbids")
	w.refused("an owner by an admin", ask(w.act(admin), scope.Owner), fault.Forbidden, "role_forbids")
	w.refused("an owner by token", ask(as(byToken), scope.Owner), fault.Forbidden, "needs_session")
	w.clock.Advance(5*time.Minute + time.Millisecond)
	w.refused("an owner late", ask(owners, scope.Owner), fault.Forbidden, "fresh_login_required")
	w.invite(as(byToken), "one@example.com", scope.Admin)
	owner := w.invite(w.act(w.owner), "two@example.com", scope.Owner)
	for name, err := range map[string]error{
		"sent again": func() error {
			_, err := w.people().InviteAgain(t.Context(), w.act(admin), owner.ID)
			return err
		}(),
		"withdrawn": w.people().Remove(t.Context(), w.act(admin), owner.ID),
	} {
		w.refused("an owner's invitation by an admin, "+name, err, fault.Forbidden, "role_forbids")
	}
}

// An invitation that is sent again ends the link before it, and can be sent once a minute.
func TestAnInvitationIsSentAgainOnceAMinute(t *testing.T) {
	w := newWorld(t)
	act := w.act(w.owner)
	u := w.invite(act, "mia@example.com", scope.Member)
	first := w.mint(u)
	w.clock.Advance(time.Minute - time.Millisecond)
	_, err := w.people().InviteAgain(t.Context(), act, u.ID)
	w.refused("too soon", err, fault.TooMany, "too_many_requests")
	if !w.works(first) {
		t.Error("the link ended though no other was sent")
	}
	w.clock.Advance(time.Millisecond)
	errs := make([]error, 50)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() { _, errs[i] = w.people().InviteAgain(t.Context(), act, u.ID) })
	}
	all.Wait()
	sent := 0
	for _, err := range errs {
		if err == nil {
			sent++
		} else if !fault.Is(err, fault.TooMany) {
			t.Error(err)
		}
	}
	second := w.mint(u)
	if sent != 1 || len(w.events(audit.UserInvited)) != 2 || w.works(first) || !w.works(second) {
		t.Errorf("%d were sent, %d events; the first works: %t, the second: %t", sent, len(w.events(audit.UserInvited)), w.works(first), w.works(second))
	}
	// Also long after it has ended, and been deleted.
	w.clock.Advance(30 * 24 * time.Hour)
	if _, err := w.table.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := w.people().InviteAgain(t.Context(), w.act(w.owner), u.ID); err != nil || !w.works(w.mint(u)) {
		t.Errorf("%v", err)
	}
}

// Nobody but who is invited is invited again, and who that is stays the account's business.
func TestOnlyTheInvitedAreInvitedAgain(t *testing.T) {
	w := newWorld(t)
	act := w.act(w.owner)
	u := w.invite(act, "mia@example.com", scope.Member)
	_, stranger := w.account()
	member := w.user(w.acc, scope.Member)
	_, err := w.people().InviteAgain(t.Context(), act, member.ID)
	w.refused("a member", err, fault.Conflict, "not_invited")
	for name, c := range map[string]struct {
		act people.Act
		id  string
	}{
		"another account's": {w.act(stranger), u.ID}, "nobody": {act, "usr_0000000000000000"}, "nonsense": {act, "mia"},
	} {
		_, err := w.people().InviteAgain(t.Context(), c.act, c.id)
		w.refused(name, err, fault.NotFound, "not_found")
		w.refused(name+", withdrawn", w.people().Remove(t.Context(), c.act, c.id), fault.NotFound, "not_found")
	}
}

// Who is invited becomes active by nothing but a password of their own; the role may be changed before.
func TestTheInvitedAreNotActivatedByHand(t *testing.T) {
	w := newWorld(t)
	act := w.act(w.owner)
	u := w.invite(act, "mia@example.com", scope.Member)
	for _, s := range []account.Status{account.Active, account.Disabled} {
		_, err := w.people().Change(t.Context(), act, u.ID, status(s))
		w.refused(string(s), err, fault.Unprocessable, "invited")
	}
	if changed := w.change(act, u, role(scope.Admin)); changed.Role != scope.Admin || changed.Status != account.Invited {
		t.Errorf("%+v", changed)
	}
	if !w.works(w.mint(u)) {
		t.Error("the link ended with the role")
	}
}

// S23: an invited owner is no owner that an account could rely on.
func TestS23AnInvitedOwnerIsNoOwnerYet(t *testing.T) {
	w := newWorld(t)
	act := w.act(w.owner)
	w.invite(act, "mia@example.com", scope.Owner)
	_, err := w.people().Change(t.Context(), act, w.owner.ID, role(scope.Admin))
	w.refused("stepping down", err, fault.Conflict, "last_owner")
	w.refused("leaving", w.people().Remove(t.Context(), act, w.owner.ID), fault.Conflict, "last_owner")
}

// An invitation that is withdrawn ends its link, and leaves the e-mail free.
func TestAWithdrawnInvitationIsNone(t *testing.T) {
	w := newWorld(t)
	act := w.act(w.owner)
	u := w.invite(act, "mia@example.com", scope.Member)
	secret := w.mint(u)
	if err := w.people().Remove(t.Context(), act, u.ID); err != nil {
		t.Fatal(err)
	}
	if w.works(secret) || w.mint(u) != "" {
		t.Error("the link works on")
	}
	events := w.events(audit.UserRemoved)
	if len(events) != 1 || !slices.Contains(events[0].Changes, audit.Change{Field: "status", From: "invited", To: "removed"}) {
		t.Errorf("%+v", events)
	}
	again := w.invite(act, "mia@example.com", scope.Member)
	if w.works(secret) || !w.works(w.mint(again)) {
		t.Error("the second invitation's link is not the only one that works")
	}
}

// Who is invited asked for no mail: an address gets few of them, whichever account they are from and whoever withdraws and
// invites again; and an account cannot invite without end.
func TestInvitationsAreNotWithoutEnd(t *testing.T) {
	w := newWorld(t)
	act := w.act(w.owner)
	try := func(email string) error {
		w.clock.Advance(time.Millisecond)
		u, err := w.people().Invite(t.Context(), act, people.Invitation{Email: email, Role: scope.Member})
		if err == nil {
			err = w.people().Remove(t.Context(), act, u.ID)
		}
		return err
	}
	for i := range 5 {
		if err := try("mia@example.com"); err != nil {
			t.Fatalf("invitation %d: %v", i+1, err)
		}
	}
	slow, ok := errors.AsType[*fault.Error](try("MIA@example.com"))
	if !ok || slow.Kind != fault.TooMany || slow.RetryAfter < time.Second {
		t.Errorf("the sixth: %v", slow)
	}
	again := w.invite(act, "zoe@example.com", scope.Member)
	sent := 1
	for range 30 {
		w.clock.Advance(link.Pause)
		if _, err := w.people().InviteAgain(t.Context(), act, again.ID); err == nil {
			sent++
		} else if !fault.Is(err, fault.TooMany) {
			t.Fatal(err)
		}
	}
	if sent < 5 || sent > 15 {
		t.Errorf("%d mails in half an hour", sent)
	}
	invited := 0
	for i := range 300 {
		if err := try(fmt.Sprintf("user%d@example.com", i)); err == nil {
			invited++
		} else if !fault.Is(err, fault.TooMany) {
			t.Fatal(err)
		}
	}
	if invited < 190 || invited > 201 {
		t.Errorf("%d of 300 at once", invited)
	}
}
