package authority_test

import (
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/dynamotest"
	"keyfob/internal/fault"
	"keyfob/internal/scope"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

// S26: a hundred at once, where there is room for seven, make seven.
func TestS26AQuotaHoldsAgainstAHundredAtOnce(t *testing.T) {
	for code, set := range map[string]func(*account.Account){
		"account_quota_reached": func(a *account.Account) { a.Policy.TokensPerAccount = 7 },
		"user_quota_reached":    func(a *account.Account) { a.Policy.TokensPerUser = 7 },
	} {
		w := newWorld(t)
		w.policy(set)
		p, _ := w.login(w.acc, w.owner)
		var wg sync.WaitGroup
		var made, refused atomic.Int32
		for range 100 {
			wg.Go(func() {
				_, _, err := w.authority().Issue(t.Context(), p, audit.ViaAPI, audit.Origin{}, authority.Request{Name: "x", Scope: scope.Full()})
				switch {
				case err == nil:
					made.Add(1)
				case fault.Is(err, fault.Conflict):
					refused.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if made.Load() != 7 || refused.Load() != 93 || w.events(w.acc.ID, audit.TokenCreated) != 7 {
			t.Errorf("%s: %d made, %d refused, %d recorded", code, made.Load(), refused.Load(), w.events(w.acc.ID, audit.TokenCreated))
		}
		_, err := w.ask(p, full)
		w.refused(err, fault.Conflict, code)
	}
}

// S26: what has been revoked, purged, or is only waiting to be deleted, takes no place.
func TestS26WhatHasEndedTakesNoPlace(t *testing.T) {
	w := newWorld(t)
	w.policy(func(a *account.Account) { a.Policy.TokensPerAccount = 2 })
	p, _ := w.login(w.acc, w.owner)
	hour := authority.Request{Scope: scope.Full(), Life: w.auto("1h")}
	w.issue(p, hour)
	second, _ := w.issue(p, hour)
	_, err := w.ask(p, full)
	w.refused(err, fault.Conflict, "account_quota_reached")
	if err := w.authority().Revoke(t.Context(), p, audit.ViaAPI, audit.Origin{}, second.Handle()); err != nil {
		t.Fatal(err)
	}
	w.issue(p, hour)
	w.clock.Advance(time.Hour)
	w.issue(p, full) // the two are due, and still in the table
	seen, err := w.embedded.Changes(t.Context(), "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.embedded.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	records, err := w.embedded.Changes(t.Context(), seen[len(seen)-1].Change.SequenceNumber, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for range 10 { // a stream may bring each deletion several times
		for _, r := range records {
			if r.Purged() && r.Change.Keys.Key().SK == "tok" {
				if err := w.authority().Purged(t.Context(), r.Change.OldImage, r.Change.ApproximateCreationDateTime.Time()); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if n := w.events(w.acc.ID, audit.TokenPurged); n != 2 {
		t.Errorf("%d purges recorded", n)
	}
	items, err := w.table.Get(t.Context(), key.AccountQuota(w.acc.ID).Key(), key.UserQuota{Account: w.acc.ID, User: w.owner.ID}.Key())
	if err != nil || items[0].Int("tokens") != 1 || items[1].Int("tokens") != 1 {
		t.Errorf("%v, %v", items, err)
	}
}

// P4: that a token was deleted because it was due is recorded, with both times; that a revoked one's record went is not.
func TestP4APurgeIsRecordedWithItsTimes(t *testing.T) {
	w := newWorld(t)
	p, _ := w.login(w.acc, w.owner)
	made, _ := w.issue(p, authority.Request{Scope: scope.Full(), Life: w.auto("1h")})
	gone, _ := w.issue(p, authority.Request{Scope: scope.Full(), Life: w.auto("1h")})
	if err := w.authority().Revoke(t.Context(), p, audit.ViaAPI, audit.Origin{}, gone.Handle()); err != nil {
		t.Fatal(err)
	}
	due := w.clock.Now().Add(time.Hour)
	late := due.Add(36 * time.Hour)
	for _, id := range []authority.Token{made, gone} {
		items, err := w.table.Get(t.Context(), key.Token(id.ID.String()).Key())
		if err != nil {
			t.Fatal(err)
		}
		if err := w.authority().Purged(t.Context(), items[0], late); err != nil {
			t.Fatal(err)
		}
	}
	page, err := w.table.Query(t.Context(), table.Query{PK: key.PrefixTrail + w.acc.ID + "/" + made.Handle(), Limit: 10, Descending: true})
	if err != nil || len(page.Items) != 2 || w.events(w.acc.ID, audit.TokenPurged) != 1 {
		t.Fatalf("%v, %v", page.Items, err)
	}
	items, err := w.table.Get(t.Context(), table.Key{PK: key.PrefixAudit + w.acc.ID, SK: page.Items[0].String("event")})
	if err != nil {
		t.Fatal(err)
	}
	e, err := audit.FromItem(items[0])
	if err != nil || e.Type != audit.TokenPurged || !e.At.Equal(late) || e.Actor.Via != audit.ViaSystem ||
		e.Changes[0].To != due.Format(time.RFC3339) || e.Changes[1].To != late.Format(time.RFC3339) {
		t.Errorf("%+v, %v", e, err)
	}
}

// Somebody who keeps coming up against the bound does not have the whole list read each time.
func TestAtTheBoundTheListIsReadOnceAMinute(t *testing.T) {
	w := newWorld(t)
	w.policy(func(a *account.Account) { a.Policy.TokensPerAccount = 2 })
	p, _ := w.login(w.acc, w.owner)
	w.issue(p, authority.Request{Scope: scope.Full(), Life: w.auto("1h")})
	second, _ := w.issue(p, full)
	db := &counted{Table: w.table}
	a := authority.Authority{Table: db, Now: w.clock.Now, Form: w.form}
	refused := func() {
		t.Helper()
		_, _, err := a.Issue(t.Context(), p, audit.ViaAPI, audit.Origin{}, authority.Request{Name: "x", Scope: scope.Full()})
		w.refused(err, fault.Conflict, "account_quota_reached")
	}
	for range 5 {
		refused()
	}
	if db.queries != 1 {
		t.Errorf("%d reads of the list", db.queries)
	}
	w.clock.Advance(time.Minute)
	if refused(); db.queries != 2 {
		t.Errorf("%d reads of the list", db.queries)
	}
	if err := w.authority().Revoke(t.Context(), p, audit.ViaAPI, audit.Origin{}, second.Handle()); err != nil {
		t.Fatal(err)
	}
	w.issue(p, full) // at once
	w.clock.Advance(time.Hour)
	w.issue(p, full) // the first one is due
}

// S26, S27: on DynamoDB too, where transactions that name the same item collide, and where each is retried by the adapter.
func TestS26AndS27HoldOnDynamoDB(t *testing.T) {
	db, _ := dynamotest.Deployed(t)
	w := newWorldOn(t, db)
	w.policy(func(a *account.Account) { a.Policy.TokensPerAccount = 5 })
	p, session := w.login(w.acc, w.owner)
	var wg sync.WaitGroup
	var made, refused atomic.Int32
	ask := func(r authority.Request) {
		_, _, err := w.authority().Issue(t.Context(), p, audit.ViaAPI, audit.Origin{}, r)
		for fault.Is(err, fault.Unavailable) { // a busy store did not say in time whether it was done: asked again, it does
			_, _, err = w.authority().Issue(t.Context(), p, audit.ViaAPI, audit.Origin{}, r)
		}
		switch {
		case err == nil:
			made.Add(1)
		case fault.Is(err, fault.Conflict):
			refused.Add(1)
		default:
			t.Error(err)
		}
	}
	for range 10 {
		wg.Go(func() { ask(authority.Request{Name: "same", Scope: scope.Full(), Once: once(session, "k", "b")}) })
	}
	wg.Wait()
	if made.Load() != 10 || w.events(w.acc.ID, audit.TokenCreated) != 1 {
		t.Errorf("%d answers of one token, %d made", made.Load(), w.events(w.acc.ID, audit.TokenCreated))
	}
	for i := range 20 {
		wg.Go(func() {
			ask(authority.Request{Name: "x", Scope: scope.Full(), Once: once(session, strconv.Itoa(i), "b")})
		})
	}
	wg.Wait()
	if made.Load() != 14 || refused.Load() != 16 || w.events(w.acc.ID, audit.TokenCreated) != 5 {
		t.Errorf("%d made, %d refused, %d recorded", made.Load()-10, refused.Load(), w.events(w.acc.ID, audit.TokenCreated))
	}
	first, _ := w.issue(p, authority.Request{Name: "same", Scope: scope.Full(), Once: once(session, "k", "b")})
	next, c, err := w.rotate(p, first.Handle(), authority.Rotation{})
	if err != nil || w.verify(c).ID != next.ID {
		t.Fatal(err)
	}
	if err := w.authority().Revoke(t.Context(), p, audit.ViaAPI, audit.Origin{}, next.Handle()); err != nil {
		t.Fatal(err)
	}
	w.denied(c, authority.Revoked)
	w.issue(p, full)
}
