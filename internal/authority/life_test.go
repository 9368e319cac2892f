package authority_test

import (
	"errors"
	"testing"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/fault"
	"keyfob/internal/purge"
	"keyfob/internal/scope"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

func (w *world) auto(name string) *purge.Life {
	w.Helper()
	l, err := purge.Auto(name, w.clock.Now())
	if err != nil {
		w.Fatal(err)
	}
	return &l
}

func (w *world) in(d time.Duration) *purge.Life {
	w.Helper()
	l, err := purge.In(d, w.clock.Now())
	if err != nil {
		w.Fatal(err)
	}
	return &l
}

func (w *world) choose(auto string) *purge.Choice { return &purge.Choice{Auto: &auto} }

func (w *world) chooseIn(d time.Duration) *purge.Choice { return &purge.Choice{In: &d} }

func (w *world) ask(by authority.Principal, r authority.Request) (authority.Token, error) {
	w.Helper()
	if r.Name == "" {
		r.Name = "deploy"
	}
	t, _, err := w.authority().Issue(w.Context(), by, audit.ViaAPI, audit.Origin{}, r)
	return t, err
}

// C3: without the licence a token lives for an hour at the most, however that is asked for, also by editing it later.
func TestC3LongerThanAnHourNeedsTheLicence(t *testing.T) {
	w := newWorld(t)
	p, _ := w.login(w.acc, w.owner)
	w.policy(func(a *account.Account) { a.APIManagement = false })
	for field, life := range map[string]*purge.Life{"autoPurge": w.auto("4h"), "expiresIn": w.in(time.Hour + 2*time.Second), "expiresAt": {ExpiresAt: w.clock.Now().Add(2 * time.Hour)}} {
		_, err := w.ask(p, authority.Request{Scope: scope.Full(), Life: life})
		w.refused(err, fault.Unlicensed, field)
	}
	_, err := w.ask(p, authority.Request{Scope: scope.Full(), Life: w.auto("never")})
	w.refused(err, fault.Unlicensed, "autoPurge")
	_, err = w.ask(p, authority.Request{Scope: scope.Full()})
	w.refused(err, fault.Unlicensed, "license_required")
	if n := w.events(w.acc.ID, audit.TokenCreated); n != 0 {
		t.Errorf("%d tokens made", n)
	}
	made, err := w.ask(p, authority.Request{Scope: scope.Full(), Life: w.auto("1h")})
	if err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(30 * time.Minute)
	_, err = w.authority().Edit(t.Context(), p, audit.ViaAPI, audit.Origin{}, made.Handle(), authority.Edit{Life: w.chooseIn(61 * time.Minute)})
	w.refused(err, fault.Unlicensed, "expiresIn")
	if _, err = w.authority().Edit(t.Context(), p, audit.ViaAPI, audit.Origin{}, made.Handle(), authority.Edit{Life: w.chooseIn(40 * time.Minute)}); err != nil {
		t.Errorf("a shorter life: %v", err)
	}
}

// The policy's maximum caps the default and what is to be capped, and refuses what was chosen.
func TestThePolicysMaximumLifeHoldsForAll(t *testing.T) {
	w := newWorld(t)
	p, _ := w.login(w.acc, w.owner)
	w.policy(func(a *account.Account) { a.Policy.MaxLife = 30 * 24 * time.Hour })
	end := w.clock.Now().Add(30 * 24 * time.Hour)
	long := w.in(31 * 24 * time.Hour)
	for name, r := range map[string]authority.Request{"the default": {}, "a capped life": {Life: long, Capped: true}, "the maximum itself": {Life: w.auto("30d")}} {
		r.Scope = scope.Full()
		if made, err := w.ask(p, r); err != nil || !made.Life.ExpiresAt.Equal(end) {
			t.Errorf("%s: until %v, %v", name, made.Life.ExpiresAt, err)
		}
	}
	_, err := w.ask(p, authority.Request{Scope: scope.Full(), Life: long})
	w.refused(err, fault.Unprocessable, "expiresIn")
	_, err = w.ask(p, authority.Request{Scope: scope.Full(), Life: w.auto("never")})
	w.refused(err, fault.Unprocessable, "autoPurge")
	w.policy(func(a *account.Account) { a.Policy.MaxLife, a.Policy.DefaultLife = 0, 0 })
	_, err = w.ask(p, authority.Request{Scope: scope.Full()})
	w.refused(err, fault.Invalid, "autoPurge")
	if made, err := w.ask(p, authority.Request{Scope: scope.Full(), Life: w.auto("never")}); err != nil || !made.Life.ExpiresAt.IsZero() {
		t.Errorf("never: %v, %v", made.Life, err)
	}
}

// C5: a scope names what is registered, or nothing.
func TestC5UnknownInstancesAreRefused(t *testing.T) {
	w := newWorld(t)
	p, _ := w.login(w.acc, w.owner)
	w.register("exports/orders", "integrations/shop")
	s, err := scope.Custom(scope.Grant{Category: scope.Exports, ID: "orders", Actions: scope.Read}, scope.Grant{Category: scope.Imports, ID: "orders", Actions: scope.Read})
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.ask(p, authority.Request{Scope: s})
	if u, ok := errors.AsType[*authority.UnknownInstance](err); !ok || u.Category != scope.Imports || u.ID != "orders" {
		t.Errorf("%v", err)
	}
	w.register("imports/orders")
	if _, err := w.ask(p, authority.Request{Scope: s}); err != nil {
		t.Error(err)
	}
	if _, err := w.ask(p, authority.Request{Scope: scope.Integration("shop")}); err != nil {
		t.Error(err)
	}
	_, err = w.ask(p, authority.Request{Scope: scope.Integration("store")})
	w.refused(err, fault.NotFound, "not_found")
	other, user := w.account("other@example.com")
	stranger, _ := w.login(other, user)
	if _, err := w.ask(stranger, authority.Request{Scope: s}); err == nil {
		t.Error("another account's resources are reached")
	}
}

// An integration that is deleted while a token of it is being made has none.
func TestAnIntegrationsTokenNeedsItToTheEnd(t *testing.T) {
	w := newWorld(t)
	p, _ := w.login(w.acc, w.owner)
	w.register("integrations/shop")
	k := key.Resource{Account: w.acc.ID, Category: "integrations", ID: "shop"}.Key()
	db := &counted{Table: w.table, before: func() {
		if err := w.table.Commit(t.Context(), table.Delete(k, table.Present())); err != nil {
			t.Error(err)
		}
	}}
	a := authority.Authority{Table: db, Now: w.clock.Now, Form: w.form}
	_, _, err := a.Issue(t.Context(), p, audit.ViaAPI, audit.Origin{}, authority.Request{Name: "x", Scope: scope.Integration("shop")})
	w.refused(err, fault.NotFound, "not_found")
}

// P1: a token whose user or account may not act is refused, and says so in lists.
func TestATokenWhoseUserMayNotActIsRefused(t *testing.T) {
	for _, attribute := range []string{"disabled", "suspended"} {
		w := newWorld(t)
		p, _ := w.login(w.acc, w.owner)
		made, c := w.issue(p, full)
		items, err := w.table.Get(t.Context(), key.Token(made.ID.String()).Key())
		if err != nil {
			t.Fatal(err)
		}
		items[0][attribute] = table.Bool(true)
		if err := w.table.Commit(t.Context(), table.Replace(items[0], items[0].Version())); err != nil {
			t.Fatal(err)
		}
		w.denied(c, authority.Ended)
		if found, err := w.authority().Get(t.Context(), p, audit.ViaAPI, audit.Origin{}, made.Handle()); err != nil || found.Status(w.clock.Now()) != "suspended" {
			t.Errorf("%s: %v, %v", attribute, found.Status(w.clock.Now()), err)
		}
	}
}

// C12: that another than its creator has opened a token's record is recorded before it is shown.
func TestC12OpeningAnothersTokenIsRecorded(t *testing.T) {
	w := newWorld(t)
	owner, _ := w.login(w.acc, w.owner)
	admin, _ := w.login(w.acc, w.user(scope.Admin))
	made, _ := w.issue(owner, full)
	a := w.authority()
	for i, by := range []authority.Principal{owner, admin} {
		if _, err := a.Get(t.Context(), by, audit.ViaDashboard, audit.Origin{}, made.Handle()); err != nil || w.events(w.acc.ID, audit.TokenAccessed) != i {
			t.Errorf("%v, %d recorded", err, w.events(w.acc.ID, audit.TokenAccessed))
		}
	}
	a.Table = failing{w.table}
	if found, err := a.Get(t.Context(), admin, audit.ViaDashboard, audit.Origin{}, made.Handle()); err == nil || found.Name != "" {
		t.Error("shown without its event")
	}
}
