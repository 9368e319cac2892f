package authority_test

import (
	"testing"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/fault"
	"keyfob/internal/purge"
	"keyfob/internal/scope"
	"keyfob/internal/token"
)

// C4, S22: a member sees and revokes tokens of their own, and nobody else's.
func TestC4AMemberTouchesOnlyTokensOfTheirOwn(t *testing.T) {
	w := newWorld(t)
	owner, _ := w.login(w.acc, w.owner)
	theirs, _ := w.issue(owner, full)
	member, _ := w.login(w.member(scope.IssuersEveryone))
	mine, _ := w.issue(member, full)
	a := w.authority()
	page, err := a.List(t.Context(), member, authority.ListRequest{Limit: 10})
	if err != nil || len(page.Tokens) != 1 || page.Tokens[0].Handle() != mine.Handle() {
		t.Errorf("a member's list: %+v, %v", page, err)
	}
	_, absent := a.Get(t.Context(), member, audit.ViaAPI, audit.Origin{}, w.form.New(token.API).Handle())
	if _, err := a.Get(t.Context(), member, audit.ViaAPI, audit.Origin{}, theirs.Handle()); !fault.Is(err, fault.NotFound) || err.Error() != absent.Error() {
		t.Errorf("a member reads the owner's token: %v", err)
	}
	if err := a.Revoke(t.Context(), member, audit.ViaAPI, audit.Origin{}, theirs.Handle()); !fault.Is(err, fault.NotFound) {
		t.Errorf("a member revokes the owner's token: %v", err)
	}
	if page, err := a.List(t.Context(), owner, authority.ListRequest{Limit: 10}); err != nil || len(page.Tokens) != 2 {
		t.Errorf("the owner's list: %+v, %v", page, err)
	}
	if err := a.Revoke(t.Context(), member, audit.ViaAPI, audit.Origin{}, mine.Handle()); err != nil {
		t.Errorf("a member's own token: %v", err)
	}
}

// C4, S23: who may not issue does not, also when the role or the status is taken away while the token is being made.
func TestS23NobodyIssuesWithoutTheRightToNow(t *testing.T) {
	ask := authority.Request{Name: "x", Scope: scope.Full()}
	for name, c := range map[string]struct {
		issuers scope.Issuers
		change  func(w *world, u account.User) // while the token is being made
		want    fault.Kind
	}{
		"a member where only admins may": {scope.IssuersAdmins, nil, fault.Forbidden},
		"the policy changes":             {scope.IssuersEveryone, func(w *world, _ account.User) { w.set(w.acc.Key(), "issuers", "admins") }, fault.Forbidden},
		"the user is disabled":           {scope.IssuersEveryone, func(w *world, u account.User) { w.set(u.Key(), "status", "disabled") }, fault.Unauthenticated},
		"the account is suspended":       {scope.IssuersEveryone, func(w *world, _ account.User) { w.set(w.acc.Key(), "status", "suspended") }, fault.Unauthenticated},
	} {
		w := newWorld(t)
		acc, u := w.member(c.issuers)
		p, _ := w.login(acc, u)
		db := &counted{Table: w.table}
		if c.change != nil {
			db.before = func() { c.change(w, u) }
		}
		a := authority.Authority{Table: db, Now: w.clock.Now, Form: w.form}
		if _, _, err := a.Issue(t.Context(), p, audit.ViaAPI, audit.Origin{}, ask); !fault.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if n := w.events(w.acc.ID, audit.TokenCreated); n != 0 {
			t.Errorf("%s: %d tokens made", name, n)
		}
	}
	w := newWorld(t)
	p, _ := w.login(w.acc, w.owner)
	hour, err := purge.Auto("1h", w.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	_, c := w.issue(p, authority.Request{Scope: scope.Full(), Life: &hour})
	short := w.verify(c)
	w.clock.Advance(time.Hour)
	if _, _, err := w.authority().Issue(t.Context(), short, audit.ViaAPI, audit.Origin{}, ask); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("a token that has expired since it was verified: %v", err)
	}
}
