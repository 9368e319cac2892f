package authority_test

import (
	"strings"
	"testing"
	"time"

	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/fault"
	"keyfob/internal/purge"
	"keyfob/internal/scope"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

func (w *world) edit(by authority.Principal, handle string, e authority.Edit) (authority.Token, error) {
	w.Helper()
	return w.authority().Edit(w.Context(), by, audit.ViaAPI, audit.Origin{}, handle, e)
}

// C10, C15: an edit changes what it names, at once and with what it was before in the trail.
func TestC10AnEditChangesWhatItNames(t *testing.T) {
	w := newWorld(t)
	p, _ := w.login(w.acc, w.owner)
	w.register("exports/orders")
	made, c := w.issue(p, authority.Request{Scope: scope.Full(), Life: w.auto("1d")})
	w.clock.Advance(time.Millisecond)
	narrow, err := scope.Custom(scope.Grant{Category: scope.Exports, ID: "orders", Actions: scope.Read})
	if err != nil {
		t.Fatal(err)
	}
	name := "release"
	edited, err := w.edit(p, made.Handle(), authority.Edit{Name: &name, Scope: &narrow, Life: w.choose("4h")})
	if err != nil || edited.Name != name || edited.Edition != made.Edition+1 || edited.Life.PurgeAt.IsZero() {
		t.Fatalf("%+v, %v", edited, err)
	}
	if got := w.verify(c); got.Holder.Scope.String() != narrow.String() {
		t.Errorf("verified with the scope %s", got.Holder.Scope)
	}
	page, err := w.table.Query(t.Context(), table.Query{PK: key.PrefixTrail + w.acc.ID + "/" + made.Handle(), Limit: 10})
	if err != nil || len(page.Items) != 2 {
		t.Fatalf("%d events in the trail, %v", len(page.Items), err)
	}
	items, err := w.table.Get(t.Context(), table.Key{PK: key.PrefixAudit + w.acc.ID, SK: page.Items[1].String("event")})
	if err != nil {
		t.Fatal(err)
	}
	e, err := audit.FromItem(items[0])
	if err != nil || e.Type != audit.TokenEdited || len(e.Changes) != 5 || e.Changes[0] != (audit.Change{Field: "name", From: "deploy", To: "release"}) {
		t.Errorf("%+v, %v", e, err)
	}
	if again, err := w.edit(p, made.Handle(), authority.Edit{Name: &name}); err != nil || again.Edition != edited.Edition || w.events(w.acc.ID, audit.TokenEdited) != 1 {
		t.Errorf("an edit that changes nothing: %+v, %v", again, err)
	}
	// The list's pointer follows the new end, so that the purged token takes its place in the list along.
	w.clock.Advance(4*time.Hour + time.Second)
	if _, err := w.embedded.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	if page, err := w.table.Query(t.Context(), table.Query{PK: key.PrefixAccountTokens + w.acc.ID, Limit: 10}); err != nil || len(page.Items) != 0 {
		t.Errorf("%v is left in the list, %v", page.Items, err)
	}
}

func TestAnEditOfAnotherEditionIsRefused(t *testing.T) {
	w := newWorld(t)
	p, _ := w.login(w.acc, w.owner)
	made, c := w.issue(p, full)
	a, b := "a", "b"
	if _, err := w.edit(p, made.Handle(), authority.Edit{Name: &a, Match: []int64{7, made.Edition}}); err != nil {
		t.Error(err)
	}
	_, err := w.edit(p, made.Handle(), authority.Edit{Name: &b, Match: []int64{made.Edition}})
	w.refused(err, fault.Precondition, "If-Match")
	_, err = w.edit(p, made.Handle(), authority.Edit{Name: &b, Match: []int64{}})
	w.refused(err, fault.Precondition, "If-Match")
	w.verify(c)
}

func TestWhatCannotBeEditedIsRefused(t *testing.T) {
	w := newWorld(t)
	p, _ := w.login(w.acc, w.owner)
	w.register("integrations/shop")
	made, _ := w.issue(p, authority.Request{Scope: scope.Full(), Life: w.in(time.Hour)})
	bound, _ := w.issue(p, authority.Request{Scope: scope.Integration("shop")})
	dead, _ := w.issue(p, full)
	all := scope.Full()
	_, err := w.edit(p, bound.Handle(), authority.Edit{Scope: &all})
	w.refused(err, fault.Unprocessable, "scope")
	long := strings.Repeat("x", 201)
	_, err = w.edit(p, made.Handle(), authority.Edit{Name: &long})
	w.refused(err, fault.Invalid, "name")
	if err := w.authority().Revoke(t.Context(), p, audit.ViaAPI, audit.Origin{}, dead.Handle()); err != nil {
		t.Fatal(err)
	}
	name := "x"
	_, err = w.edit(p, dead.Handle(), authority.Edit{Name: &name})
	w.refused(err, fault.NotFound, "not_found")
	w.clock.Advance(time.Hour)
	p, _ = w.login(w.acc, w.owner)
	_, err = w.edit(p, made.Handle(), authority.Edit{Life: w.chooseIn(2 * time.Hour)})
	w.refused(err, fault.Conflict, "expiresIn")
	if _, err = w.edit(p, made.Handle(), authority.Edit{Name: &name}); err != nil {
		t.Errorf("the name of an expired token: %v", err)
	}
}

// S23: an edit rests on the right to it as it is when it is made, and a token that is revoked meanwhile stays revoked.
func TestS23AnEditCannotOutrunARevocationOrADemotion(t *testing.T) {
	name := "x"
	for what, meanwhile := range map[string]func(w *world, p authority.Principal, made authority.Token){
		"revoked": func(w *world, p authority.Principal, made authority.Token) {
			if err := w.authority().Revoke(w.Context(), p, audit.ViaAPI, audit.Origin{}, made.Handle()); err != nil {
				w.Fatal(err)
			}
		},
		"demoted": func(w *world, _ authority.Principal, _ authority.Token) { w.set(w.owner.Key(), "role", "member") },
	} {
		w := newWorld(t)
		p, _ := w.login(w.acc, w.owner)
		made, c := w.issue(p, full)
		db := &counted{Table: w.table, before: func() { meanwhile(w, p, made) }}
		a := authority.Authority{Table: db, Now: w.clock.Now, Form: w.form}
		if _, err := a.Edit(t.Context(), p, audit.ViaAPI, audit.Origin{}, made.Handle(), authority.Edit{Name: &name}); err == nil {
			t.Errorf("%s: edited", what)
		}
		if what == "revoked" {
			w.denied(c, authority.Revoked)
		}
	}
}

// A life that is edited counts from when the token was made, so that saying the same again changes nothing and no life is
// prolonged by saying it often.
func TestAnEditedLifeCountsFromTheBeginning(t *testing.T) {
	w := newWorld(t)
	p, _ := w.login(w.acc, w.owner)
	made, _ := w.issue(p, authority.Request{Scope: scope.Full(), Life: w.auto("1d")})
	start := w.clock.Now()
	w.clock.Advance(30 * time.Minute)
	if same, err := w.edit(p, made.Handle(), authority.Edit{Life: w.choose("1d")}); err != nil || same.Edition != made.Edition || same.Life != made.Life {
		t.Errorf("the same again: %+v, %v", same.Life, err)
	}
	for _, c := range []struct {
		choice *purge.Choice
		ends   time.Duration
	}{{w.choose("1h"), time.Hour}, {w.chooseIn(2 * time.Hour), 2 * time.Hour}} {
		if edited, err := w.edit(p, made.Handle(), authority.Edit{Life: c.choice}); err != nil || !edited.Life.ExpiresAt.Equal(start.Add(c.ends)) {
			t.Errorf("until %v, want %v after the beginning: %v", edited.Life.ExpiresAt, c.ends, err)
		}
	}
	_, err := w.edit(p, made.Handle(), authority.Edit{Life: w.chooseIn(29 * time.Minute)})
	w.refused(err, fault.Unprocessable, "expiresIn")
}
