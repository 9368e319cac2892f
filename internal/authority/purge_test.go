package authority_test

import (
	"testing"
	"time"

	"keyfob/internal/agenda"
	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/purge"
	"keyfob/internal/scope"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

// purges has the purges that are due looked at.
func (w *world) purges(t *testing.T) {
	t.Helper()
	w.sweepFor(t, agenda.Purge, w.authority().Purge)
}

// gone has the store delete the token's record as it does with what is due, and gives the record as it was.
func (w *world) gone(t *testing.T, tok authority.Token) table.Item {
	t.Helper()
	items, err := w.table.Get(t.Context(), key.Token(tok.ID.String()).Key())
	if err != nil || items[0] == nil {
		t.Fatal("there is no record", err)
	}
	if err := w.table.Commit(t.Context(), table.Delete(items[0].Key(), table.Anything())); err != nil {
		t.Fatal(err)
	}
	return items[0]
}

// quotas gives how many tokens the quotas of account and user count.
func (w *world) quotas(t *testing.T) (account, user int64) {
	t.Helper()
	items, err := w.table.Get(t.Context(), key.AccountQuota(w.acc.ID).Key(), key.UserQuota{Account: w.acc.ID, User: w.owner.ID}.Key())
	if err != nil {
		t.Fatal(err)
	}
	return items[0].Int("tokens"), items[1].Int("tokens")
}

// P4, P6: a purge is recorded once, whether the stream tells of it, the sweep finds it, or both, in whichever order and however
// often.
func TestP4APurgeIsRecordedOnceWhoeverFindsIt(t *testing.T) {
	stream := func(w *world, t *testing.T, old table.Item) {
		if err := w.authority().Purged(t.Context(), old, w.clock.Now()); err != nil {
			t.Error(err)
		}
	}
	sweep := func(w *world, t *testing.T, _ table.Item) { w.purges(t) }
	for name, who := range map[string][]func(*world, *testing.T, table.Item){
		"the stream": {stream}, "the sweep": {sweep}, "the stream first": {stream, sweep}, "the sweep first": {sweep, stream},
		"both, again and again": {sweep, stream, stream, sweep, stream},
	} {
		w := newWorld(t)
		by, _ := w.login(w.acc, w.owner)
		life, err := purge.Auto("1h", w.clock.Now())
		if err != nil {
			t.Fatal(err)
		}
		tok, _ := w.issue(by, authority.Request{Name: "deploy", Scope: scope.Full(), Life: &life})
		w.issue(by, authority.Request{Name: "other", Scope: scope.Full(), Life: lives(t, w, day)})
		w.clock.Advance(time.Second)
		renamed := "renamed"
		if _, err := w.authority().Edit(t.Context(), by, audit.ViaAPI, audit.Origin{}, tok.Handle(), authority.Edit{Name: &renamed}); err != nil {
			t.Fatal(err)
		}
		w.clock.Advance(3 * time.Hour)
		old := w.gone(t, tok)
		for _, record := range who {
			record(w, t, old)
			w.clock.Advance(time.Minute)
		}
		if n := w.events(w.acc.ID, audit.TokenPurged); n != 1 {
			t.Errorf("%s: %d events", name, n)
		}
		if e := w.lastOf(t, audit.TokenPurged); e.Subject.Name != renamed || e.Subject.User != w.owner.ID || e.Changes[0].To != life.PurgeAt.Format(time.RFC3339) {
			t.Errorf("%s: %+v", name, e)
		}
		if acc, user := w.quotas(t); acc != 1 || user != 1 {
			t.Errorf("%s: the quotas count %d and %d tokens", name, acc, user)
		}
	}
}

// lastOf gives the last event of the type.
func (w *world) lastOf(t *testing.T, kind audit.Type) (last audit.Event) {
	t.Helper()
	page, err := w.table.Query(t.Context(), table.Query{PK: key.PrefixAudit + w.acc.ID, Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for _, it := range page.Items {
		if e, err := audit.FromItem(it); err == nil && e.Type == kind {
			last = e
		}
	}
	return last
}

// P4: where the store is late the purge is not recorded before it, and is all the same afterwards, once.
func TestP4AStoreThatIsLateIsWaitedFor(t *testing.T) {
	for _, told := range []bool{true, false} { // by the stream
		w := newWorld(t)
		by, _ := w.login(w.acc, w.owner)
		life, _ := purge.Auto("1h", w.clock.Now())
		tok, _ := w.issue(by, authority.Request{Name: "deploy", Scope: scope.Full(), Life: &life})
		w.clock.Advance(time.Hour)
		for range 40 {
			w.clock.Advance(time.Hour)
			w.purges(t)
		}
		if n := w.events(w.acc.ID, audit.TokenPurged); n != 0 {
			t.Fatalf("%d events of what is still there", n)
		}
		if old := w.gone(t, tok); told {
			if err := w.authority().Purged(t.Context(), old, w.clock.Now()); err != nil {
				t.Fatal(err)
			}
			if n := w.events(w.acc.ID, audit.TokenPurged); n != 1 {
				t.Errorf("told: %d events", n)
			}
		}
		w.clock.Advance(7 * time.Hour)
		w.purges(t)
		if n := w.events(w.acc.ID, audit.TokenPurged); n != 1 {
			t.Errorf("told %t: %d events", told, n)
		}
		if acc, user := w.quotas(t); acc != 0 || user != 0 {
			t.Errorf("told %t: the quotas count %d and %d tokens", told, acc, user)
		}
	}
}

// P4: what was revoked, or has another life by now, is not recorded as purged; and a token that was rotated out gives no place
// back, since its successor has it.
func TestP4WhatWasNotPurgedIsNotRecordedAsPurged(t *testing.T) {
	w := newWorld(t)
	by, _ := w.login(w.acc, w.owner)
	life, _ := purge.Auto("1h", w.clock.Now())
	revoked, _ := w.issue(by, authority.Request{Name: "revoked", Scope: scope.Full(), Life: &life})
	longer, _ := w.issue(by, authority.Request{Name: "longer", Scope: scope.Full(), Life: &life})
	rotated, _ := w.issue(by, authority.Request{Name: "rotated", Scope: scope.Full(), Life: &life})
	if err := w.authority().Revoke(t.Context(), by, audit.ViaAPI, audit.Origin{}, revoked.Handle()); err != nil {
		t.Fatal(err)
	}
	auto := "30d"
	if _, err := w.authority().Edit(t.Context(), by, audit.ViaAPI, audit.Origin{}, longer.Handle(), authority.Edit{Life: &purge.Choice{Auto: &auto}}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.authority().Rotate(t.Context(), by, audit.ViaAPI, audit.Origin{}, rotated.Handle(), authority.Rotation{Life: lives(t, w, day)}); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(2 * time.Hour)
	w.gone(t, revoked)
	w.gone(t, rotated)
	w.purges(t)
	if n := w.events(w.acc.ID, audit.TokenPurged); n != 1 || w.lastOf(t, audit.TokenPurged).Subject.ID != rotated.Handle() {
		t.Errorf("%d events, the last of %s", n, w.lastOf(t, audit.TokenPurged).Subject.Name)
	}
	if acc, user := w.quotas(t); acc != 2 || user != 2 {
		t.Errorf("the quotas count %d and %d tokens, want the longer one's and the successor's", acc, user)
	}
}
