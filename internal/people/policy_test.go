package people_test

import (
	"errors"
	"testing"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/fault"
	"keyfob/internal/people"
	"keyfob/internal/scope"
)

func ptr[T any](v T) *T { return &v }

// P1, R5: when the switch is acknowledged, every token and session of the account knows that it is not taken from the
// query string; and what members may do follows the policy.
func TestP1ThePolicyReachesEveryCredential(t *testing.T) {
	w := newWorld(t)
	act := w.act(w.owner)
	p, inSession := w.login(w.user(w.acc, scope.Admin))
	_, c := w.issue(p)
	for _, on := range []bool{false, true} {
		issuers := scope.IssuersEveryone
		if on {
			issuers = scope.IssuersAdmins
		}
		w.clock.Advance(time.Millisecond) // so that events have an order
		acc, err := w.people().ChangePolicy(t.Context(), act, people.PolicyChange{QueryCredentials: &on, Issuers: &issuers})
		if err != nil || acc.Policy.QueryCredentials != on || acc.Policy.Issuers != issuers || acc.Behind {
			t.Fatalf("%+v, %v", acc, err)
		}
		for name, credential := range map[string]authority.Principal{"token": first(w.verify(c)), "session": first(w.verify(inSession))} {
			if credential.NoQuery == on || credential.Holder.Issuers != issuers {
				t.Errorf("%s: %+v", name, credential)
			}
		}
	}
	if events := w.events(audit.AccountChanged); len(events) != 2 || len(events[0].Changes) != 2 ||
		events[0].Changes[1] != (audit.Change{Field: "queryCredentials", From: "true", To: "false"}) || events[0].Subject.ID != w.acc.ID {
		t.Errorf("%+v", events)
	}
}

func first(p authority.Principal, _ authority.Denial) authority.Principal { return p }

// Asking again finishes what was interrupted.
func TestAnInterruptedPolicyIsFinishedByAskingAgain(t *testing.T) {
	w := newWorld(t)
	act := w.act(w.owner)
	_, c := w.issue(act.By)
	off := people.PolicyChange{QueryCredentials: ptr(false)}
	if _, err := w.on(&failing{w.table, 1}).ChangePolicy(t.Context(), act, off); !fault.Is(err, fault.Unavailable) {
		t.Fatal(err)
	}
	if p, _ := w.verify(c); p.NoQuery {
		t.Error("it had not been interrupted")
	}
	if _, err := w.people().ChangePolicy(t.Context(), act, off); err != nil {
		t.Fatal(err)
	}
	if p, _ := w.verify(c); !p.NoQuery || len(w.events(audit.AccountChanged)) != 1 {
		t.Errorf("%+v", p)
	}
}

func TestEveryPartOfThePolicyIsKeptAndBounded(t *testing.T) {
	w := newWorld(t)
	act := w.act(w.owner)
	acc, err := w.people().ChangePolicy(t.Context(), act, people.PolicyChange{
		DefaultLife: ptr(1), MaxLife: ptr(people.MaxLife), MaxOverlap: ptr(0), Revealable: ptr(true), TokensPerAccount: ptr(account.MaxTokens), TokensPerUser: ptr(1),
	})
	want := account.Policy{
		Issuers: scope.IssuersAdmins, DefaultLife: time.Second, MaxLife: people.MaxLife * time.Second, Revealable: true, QueryCredentials: true,
		TokensPerAccount: account.MaxTokens, TokensPerUser: 1,
	}
	if err != nil || acc.Policy != want || acc.Version != 2 {
		t.Errorf("%+v, %v", acc, err)
	}
	if events := w.events(audit.AccountChanged); len(events) != 1 || len(events[0].Changes) != 6 {
		t.Errorf("%+v", events)
	}
	for _, c := range []struct {
		change people.PolicyChange
		kind   fault.Kind
		field  string
	}{
		{people.PolicyChange{}, fault.Invalid, "policy"},
		{people.PolicyChange{Issuers: ptr(scope.Issuers("nobody"))}, fault.Invalid, "policy.issuers"},
		{people.PolicyChange{DefaultLife: ptr(-1)}, fault.Invalid, "policy.defaultLifeSeconds"},
		{people.PolicyChange{DefaultLife: ptr(people.MaxLife + 1)}, fault.Invalid, "policy.defaultLifeSeconds"},
		{people.PolicyChange{MaxLife: ptr(-1)}, fault.Invalid, "policy.maxLifeSeconds"},
		{people.PolicyChange{MaxLife: ptr(people.MaxLife + 1)}, fault.Invalid, "policy.maxLifeSeconds"},
		{people.PolicyChange{MaxOverlap: ptr(-1)}, fault.Invalid, "policy.maxOverlapSeconds"},
		{people.PolicyChange{MaxOverlap: ptr(people.MaxLife + 1)}, fault.Invalid, "policy.maxOverlapSeconds"},
		{people.PolicyChange{TokensPerAccount: ptr(0)}, fault.Invalid, "policy.tokensPerAccount"},
		{people.PolicyChange{TokensPerAccount: ptr(account.MaxTokens + 1)}, fault.Invalid, "policy.tokensPerAccount"},
		{people.PolicyChange{TokensPerUser: ptr(0)}, fault.Invalid, "policy.tokensPerUser"},
		{people.PolicyChange{TokensPerUser: ptr(account.MaxTokens + 1)}, fault.Invalid, "policy.tokensPerUser"},
		{people.PolicyChange{MaxLife: ptr(60), DefaultLife: ptr(61)}, fault.Unprocessable, "policy.defaultLifeSeconds"},
	} {
		_, err := w.people().ChangePolicy(t.Context(), act, c.change)
		e, ok := errors.AsType[*fault.Error](err)
		if !ok || e.Kind != c.kind || len(e.Fields) != 1 || e.Fields[0].Name != c.field {
			t.Errorf("%s: %v", c.field, err)
		}
	}
	if _, err := w.people().ChangePolicy(t.Context(), act, people.PolicyChange{MaxLife: ptr(60), DefaultLife: ptr(60)}); err != nil {
		t.Error(err)
	}
	// A maximum below a default that stays as it is caps it where it is used; package authority's tests show it.
	if acc, err = w.people().ChangePolicy(t.Context(), act, people.PolicyChange{MaxLife: ptr(59)}); err != nil || acc.Policy.DefaultLife != time.Minute {
		t.Errorf("%+v, %v", acc, err)
	}
	if acc, err = w.people().ChangePolicy(t.Context(), act, people.PolicyChange{MaxLife: ptr(0)}); err != nil || acc.Policy.MaxLife != 0 {
		t.Errorf("%+v, %v", acc, err)
	}
}

// Only owners change the policy, as owners in the commit; and only the version that they take.
func TestS23OnlyOwnersChangeThePolicy(t *testing.T) {
	w := newWorld(t)
	second := w.user(w.acc, scope.Owner)
	on := people.PolicyChange{Revealable: ptr(true)}
	for _, r := range []scope.Role{scope.Admin, scope.Member} {
		_, err := w.people().ChangePolicy(t.Context(), w.act(w.user(w.acc, r)), on)
		w.refused(string(r), err, fault.Forbidden, "role_forbids")
	}
	act, boss := w.act(w.owner), w.act(second)
	act.Match = []int64{9}
	_, err := w.people().ChangePolicy(t.Context(), act, on)
	w.refused("an old version", err, fault.Precondition, "stale")
	act.Match = nil
	db := &before{w.table, func() { w.change(boss, w.owner, role(scope.Admin)) }}
	_, err = w.on(db).ChangePolicy(t.Context(), act, on)
	w.refused("demoted meanwhile", err, fault.Forbidden, "role_forbids")
	if acc, err := w.people().Account(t.Context(), act.By); err != nil || acc.Policy.Revealable || acc.Version != 1 {
		t.Errorf("%+v, %v", acc, err)
	}
}
