package authority_test

import (
	"testing"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/fault"
	"keyfob/internal/scope"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

// S26: a successor takes its predecessor's place.
func TestS26ARotationAtTheLimitIsPossible(t *testing.T) {
	w := newWorld(t)
	p, _ := w.login(w.acc, w.owner)
	w.policy(func(a *account.Account) { a.Policy.TokensPerAccount = 1 })
	made, _ := w.issue(p, full)
	next, _, err := w.rotate(p, made.Handle(), authority.Rotation{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.ask(p, full)
	w.refused(err, fault.Conflict, "account_quota_reached")
	for _, handle := range []string{made.Handle(), next.Handle()} {
		if err := w.authority().Revoke(t.Context(), p, audit.ViaAPI, audit.Origin{}, handle); err != nil {
			t.Fatal(err)
		}
	}
	w.issue(p, full)
	_, err = w.ask(p, full)
	w.refused(err, fault.Conflict, "account_quota_reached")
}

// S26: the places that an account has are those of tokens that have no successor: revoking or purging one that has gives
// none back, and at the limit it is not counted.
func TestS26ARotatedTokenHasNoPlaceToGiveBack(t *testing.T) {
	w := newWorld(t)
	w.policy(func(a *account.Account) { a.Policy.TokensPerAccount = 3 })
	p, _ := w.login(w.acc, w.owner)
	w.issue(p, full)
	w.issue(p, full)
	made, _ := w.issue(p, authority.Request{Scope: scope.Full(), Life: w.auto("1h")})
	next, _, err := w.rotate(p, made.Handle(), authority.Rotation{Overlap: time.Minute, Life: w.auto("never")})
	if err != nil {
		t.Fatal(err)
	}
	items, err := w.table.Get(t.Context(), key.Token(made.ID.String()).Key())
	if err != nil {
		t.Fatal(err)
	}
	for what, end := range map[string]func() error{
		"purged":  func() error { return w.authority().Purged(t.Context(), items[0], w.clock.Now()) },
		"revoked": func() error { return w.authority().Revoke(t.Context(), p, audit.ViaAPI, audit.Origin{}, made.Handle()) },
	} {
		if err := end(); err != nil {
			t.Fatal(err)
		}
		counts, err := w.table.Get(t.Context(), key.AccountQuota(w.acc.ID).Key())
		if err != nil || counts[0].Int("tokens") != 3 {
			t.Errorf("%s: %v, %v", what, counts, err)
		}
	}
	again, _, err := w.rotate(p, next.Handle(), authority.Rotation{Overlap: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	w.set(key.AccountQuota(w.acc.ID).Key(), "note", "counts of purged tokens stay for a while")
	w.bump(key.AccountQuota(w.acc.ID).Key(), 5)
	if err := w.authority().Revoke(t.Context(), p, audit.ViaAPI, audit.Origin{}, again.Handle()); err != nil {
		t.Fatal(err)
	}
	w.issue(p, full) // there are two, the count says seven, and a rotated one is still listed
}

// bump adds to a count.
func (w *world) bump(k table.Key, n int64) {
	w.Helper()
	items, err := w.table.Get(w.Context(), k)
	if err != nil {
		w.Fatal(err)
	}
	items[0]["tokens"] = table.N(items[0].Int("tokens") + n)
	if err := w.table.Commit(w.Context(), table.Replace(items[0], items[0].Version())); err != nil {
		w.Fatal(err)
	}
}

// S26: a place in the quotas is for two credentials at the most, a token and its predecessor for a while: rotating again
// and again does not make ever more.
func TestS26RotatingAgainDoesNotMakeEverMore(t *testing.T) {
	w := newWorld(t)
	p, _ := w.login(w.acc, w.owner)
	made, _ := w.issue(p, full)
	r := authority.Rotation{Overlap: time.Hour}
	next, _, err := w.rotate(p, made.Handle(), r)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = w.rotate(p, next.Handle(), r)
	w.refused(err, fault.Conflict, "overlapSeconds")
	after, _, err := w.rotate(p, next.Handle(), authority.Rotation{}) // at once it may always be
	if err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(time.Hour)
	if _, _, err = w.rotate(p, after.Handle(), r); err != nil {
		t.Errorf("when the predecessors have ended: %v", err)
	}
}
