package authority_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/fault"
	"keyfob/internal/keyring"
	"keyfob/internal/scope"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
)

func (w *world) rotate(by authority.Principal, handle string, r authority.Rotation) (authority.Token, token.Credential, error) {
	w.Helper()
	return w.authority().Rotate(w.Context(), by, audit.ViaAPI, audit.Origin{}, handle, r)
}

// S17, P1: a rotation ends the old token and makes the new one at the same moment; with an overlap, the old one ends to
// the second when that is over.
func TestS17RotationEndsTheOldTokenWhenItSays(t *testing.T) {
	for _, overlap := range []time.Duration{0, time.Hour} {
		w := newWorld(t)
		p, _ := w.login(w.acc, w.owner)
		w.register("exports/orders")
		s, err := scope.Custom(scope.Grant{Category: scope.Exports, ID: "orders", Actions: scope.Read})
		if err != nil {
			t.Fatal(err)
		}
		old, before := w.issue(p, authority.Request{Name: "nightly", Description: "d", Scope: s, Life: w.auto("1d")})
		w.clock.Advance(time.Hour)
		next, after, err := w.rotate(p, old.Handle(), authority.Rotation{Overlap: overlap})
		if err != nil {
			t.Fatal(err)
		}
		if next.Name != old.Name || next.Description != "d" || next.Scope.String() != s.String() || next.Life.Auto != "1d" ||
			!next.Life.PurgeAt.Equal(w.clock.Now().Add(24*time.Hour)) || next.Predecessor != old.ID || next.User != old.User {
			t.Errorf("the successor is %+v", next)
		}
		w.verify(after)
		if overlap > 0 {
			if got := w.verify(before); !got.Expires.Equal(w.clock.Now().Add(overlap)) {
				t.Errorf("the old token says it ends at %v", got.Expires)
			}
			w.clock.Advance(overlap - time.Second)
			w.verify(before)
			w.clock.Advance(time.Second)
		}
		w.denied(before, authority.Rotated)
		w.verify(after)
		page, err := w.authority().List(t.Context(), p, authority.ListRequest{Limit: 10})
		if err != nil || len(page.Tokens) != 2 || page.Tokens[1].Successor != next.ID || page.Tokens[1].Status(w.clock.Now()) != "rotated" {
			t.Errorf("the list: %+v, %v", page, err)
		}
		if n := w.events(w.acc.ID, audit.TokenRotated); n != 1 {
			t.Errorf("%d events", n)
		}
		if _, _, err := w.rotate(p, old.Handle(), authority.Rotation{}); !fault.Is(err, fault.Conflict) {
			t.Errorf("rotated twice: %v", err)
		}
	}
}

func TestWhatCannotBeRotatedIsRefused(t *testing.T) {
	w := newWorld(t)
	p, _ := w.login(w.acc, w.owner)
	made, c := w.issue(p, full)
	_, _, err := w.rotate(p, made.Handle(), authority.Rotation{Overlap: w.acc.Policy.MaxOverlap + time.Second})
	w.refused(err, fault.Unprocessable, "overlapSeconds")
	_, _, err = w.rotate(p, made.Handle(), authority.Rotation{Overlap: -1})
	w.refused(err, fault.Unprocessable, "overlapSeconds")
	_, _, err = w.rotate(p, made.Handle(), authority.Rotation{Match: []int64{9}})
	w.refused(err, fault.Precondition, "If-Match")
	w.verify(c)
	if err := w.authority().Revoke(t.Context(), p, audit.ViaAPI, audit.Origin{}, made.Handle()); err != nil {
		t.Fatal(err)
	}
	_, _, err = w.rotate(p, made.Handle(), authority.Rotation{Overlap: time.Minute})
	w.refused(err, fault.Conflict, "overlapSeconds")
	short, _ := w.issue(p, authority.Request{Scope: scope.Full(), Life: w.auto("never")})
	_, _, err = w.rotate(p, short.Handle(), authority.Rotation{})
	if err != nil {
		t.Errorf("one without an end: %v", err)
	}
	instant := w.in(time.Hour)
	instant.For = 0
	until, _ := w.issue(p, authority.Request{Scope: scope.Full(), Life: instant})
	w.clock.Advance(2 * time.Hour)
	p, _ = w.login(w.acc, w.owner)
	_, _, err = w.rotate(p, until.Handle(), authority.Rotation{Overlap: time.Minute})
	w.refused(err, fault.Conflict, "overlapSeconds")
	_, _, err = w.rotate(p, until.Handle(), authority.Rotation{})
	w.refused(err, fault.Unprocessable, "expiresAt")
	if _, _, err = w.rotate(p, until.Handle(), authority.Rotation{Life: w.in(time.Hour)}); err != nil {
		t.Errorf("an expired token with a new life: %v", err)
	}
	other, user := w.account("other@example.com")
	stranger, _ := w.login(other, user)
	_, _, err = w.rotate(stranger, until.Handle(), authority.Rotation{})
	w.refused(err, fault.NotFound, "not_found")
}

// S23: nobody comes by the secret of a token that may do more than they may, and a successor follows the first creator.
func TestS23ARotationGivesNobodyMoreThanTheyHave(t *testing.T) {
	w := newWorld(t)
	owner, _ := w.login(w.acc, w.owner)
	theirs, c := w.issue(owner, full)
	u := w.user(scope.Admin)
	admin, _ := w.login(w.acc, u)
	_, _, err := w.rotate(admin, theirs.Handle(), authority.Rotation{})
	w.refused(err, fault.Forbidden, "outranked")
	w.verify(c)
	mine, _ := w.issue(admin, full)
	next, after, err := w.rotate(owner, mine.Handle(), authority.Rotation{})
	if err != nil || next.User != u.ID || w.verify(after).Holder.Role != scope.Admin {
		t.Errorf("%+v, %v", next, err)
	}
	w.set(u.Key(), "status", "disabled")
	_, _, err = w.rotate(owner, next.Handle(), authority.Rotation{})
	w.refused(err, fault.Conflict, "creator_ended")
}

// S17: where the commit fails there is neither a successor nor an end.
func TestS17AFailedRotationChangesNothing(t *testing.T) {
	w := newWorld(t)
	p, _ := w.login(w.acc, w.owner)
	made, c := w.issue(p, full)
	a := authority.Authority{Table: failing{w.table}, Now: w.clock.Now, Form: w.form}
	if _, _, err := a.Rotate(t.Context(), p, audit.ViaAPI, audit.Origin{}, made.Handle(), authority.Rotation{}); err == nil {
		t.Fatal("rotated")
	}
	w.verify(c)
	page, err := w.authority().List(t.Context(), p, authority.ListRequest{Limit: 10})
	if err != nil || len(page.Tokens) != 1 || w.events(w.acc.ID, audit.TokenRotated) != 0 {
		t.Errorf("%+v, %v", page, err)
	}
}

// failing is a table that takes no commits.
type failing struct{ table.Table }

func (failing) Commit(context.Context, ...table.Op) error { return fault.Retry(errors.New("injected")) }

// A token may rotate itself, and is refused from then on.
func TestATokenRotatesItself(t *testing.T) {
	w := newWorld(t)
	p, _ := w.login(w.acc, w.owner)
	made, c := w.issue(p, full)
	if _, _, err := w.rotate(w.verify(c), made.Handle(), authority.Rotation{}); err != nil {
		t.Fatal(err)
	}
	w.denied(c, authority.Rotated)
}

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

// P3: what was sealed goes with the secret it stands for, and a successor is sealed only where the policy still allows it.
func TestARotatedTokenIsNoLongerSealed(t *testing.T) {
	for _, allowed := range []bool{true, false} {
		w, p, made, _ := revealable(t)
		w.policy(func(a *account.Account) { a.Policy.Revealable = allowed })
		next, _, err := w.withRing(ring{}).Rotate(t.Context(), p, audit.ViaAPI, audit.Origin{}, made.Handle(), authority.Rotation{})
		if err != nil || len(next.Sealed) > 0 != allowed {
			t.Errorf("allowed %t: sealed %t, %v", allowed, len(next.Sealed) > 0, err)
		}
		items, err := w.table.Get(t.Context(), key.Token(made.ID.String()).Key())
		if err != nil || items[0].Bytes("sealed") != nil {
			t.Errorf("the old one is still sealed: %v", err)
		}
		name := "x"
		if _, err := w.edit(p, made.Handle(), authority.Edit{Name: &name}); err != nil {
			t.Error(err)
		}
		_, err = w.edit(p, made.Handle(), authority.Edit{Life: w.choose("4h")})
		w.refused(err, fault.Conflict, "autoPurge")
	}
}

// A record that came from elsewhere stays when it has ended, and is not purged by itself: the same list, imported again,
// would bring it to life.
func TestK4TheRecordOfAnImportedTokenStays(t *testing.T) {
	w := newWorld(t)
	p, _ := w.login(w.acc, w.owner)
	for _, end := range []func(handle string) error{
		func(handle string) error {
			return w.authority().Revoke(t.Context(), p, audit.ViaAPI, audit.Origin{}, handle)
		},
		func(handle string) error { _, _, err := w.rotate(p, handle, authority.Rotation{}); return err },
	} {
		made, _ := w.issue(p, full)
		w.set(key.Token(made.ID.String()).Key(), "foreign", "1")
		_, err := w.edit(p, made.Handle(), authority.Edit{Life: w.choose("4h")})
		w.refused(err, fault.Unprocessable, "autoPurge")
		if err := end(made.Handle()); err != nil {
			t.Fatal(err)
		}
		items, err := w.table.Get(t.Context(), key.Token(made.ID.String()).Key())
		if err != nil || items[0].PurgeAt() != 0 {
			t.Errorf("%v, %v", items[0], err)
		}
	}
}

// P1: that a token was rotated without an overlap is a fact: an instance whose clock is behind refuses it too.
func TestP1ARotationWithoutOverlapNeedsNoClock(t *testing.T) {
	w := newWorld(t)
	p, _ := w.login(w.acc, w.owner)
	made, c := w.issue(p, full)
	if _, _, err := w.rotate(p, made.Handle(), authority.Rotation{}); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(-5 * time.Minute)
	w.denied(c, authority.Rotated)
}

// S23: a scope or a life is not given to a token whose creator may do more than the one who edits it: they might hold it.
func TestS23AnEditGivesNobodyMoreThanTheyHave(t *testing.T) {
	w := newWorld(t)
	w.register("exports/orders")
	narrow, err := scope.Custom(scope.Grant{Category: scope.Exports, ID: "orders", Actions: scope.Read})
	if err != nil {
		t.Fatal(err)
	}
	owner, _ := w.login(w.acc, w.owner)
	theirs, c := w.issue(owner, authority.Request{Scope: narrow})
	admin, _ := w.login(w.acc, w.user(scope.Admin))
	all, name := scope.Full(), "renamed"
	_, err = w.edit(admin, theirs.Handle(), authority.Edit{Scope: &all})
	w.refused(err, fault.Forbidden, "outranked")
	_, err = w.edit(admin, theirs.Handle(), authority.Edit{Life: w.choose("never")})
	w.refused(err, fault.Forbidden, "outranked")
	if got := w.verify(c); got.Holder.Scope.String() != narrow.String() {
		t.Errorf("its scope is %s", got.Holder.Scope)
	}
	if _, err := w.edit(admin, theirs.Handle(), authority.Edit{Name: &name}); err != nil {
		t.Errorf("its name: %v", err)
	}
}

// S23: whose token somebody may touch is decided by what they may do when it is touched, not when the request was let
// through.
func TestS23ADemotedAdminReachesNobodysToken(t *testing.T) {
	w := newWorld(t)
	acc, m := w.member(scope.IssuersEveryone)
	member, _ := w.login(acc, m)
	theirs, c := w.issue(member, full)
	u := w.user(scope.Admin)
	admin, _ := w.login(acc, u)
	w.set(u.Key(), "role", "member")
	_, _, err := w.rotate(admin, theirs.Handle(), authority.Rotation{})
	w.refused(err, fault.NotFound, "not_found")
	name := "x"
	_, err = w.edit(admin, theirs.Handle(), authority.Edit{Name: &name})
	w.refused(err, fault.NotFound, "not_found")
	w.verify(c)
}

// S27: a token that has ended itself could not repeat the request, so it keeps an overlap to do so; and a repetition is
// answered also when the old token's record is gone.
func TestS27ATokenThatRotatesItselfCanRepeatIt(t *testing.T) {
	w := newWorld(t)
	p, session := w.login(w.acc, w.owner)
	made, c := w.issue(p, full)
	self := w.verify(c)
	_, _, err := w.rotate(self, made.Handle(), authority.Rotation{Once: once(c, "k", "b")})
	w.refused(err, fault.Unprocessable, "overlapSeconds")
	r := authority.Rotation{Overlap: time.Minute, Once: once(c, "k", "b")}
	next, _, err := w.rotate(self, made.Handle(), r)
	if err != nil {
		t.Fatal(err)
	}
	if again, _, err := w.rotate(self, made.Handle(), r); err != nil || again.ID != next.ID {
		t.Errorf("%v", err)
	}
	short, _ := w.issue(p, authority.Request{Scope: scope.Full(), Life: w.auto("1h")})
	r = authority.Rotation{Once: once(session, "k2", "b")}
	next, _, err = w.rotate(p, short.Handle(), r)
	if err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(2 * time.Hour)
	if _, err := w.embedded.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	if again, _, err := w.rotate(p, short.Handle(), r); err != nil || again.ID != next.ID {
		t.Errorf("%v", err)
	}
	// A credential that is not the caller's own derives nothing.
	for _, presented := range []string{"", "x", c.Plaintext().Reveal()} {
		o := once(session, "k3", "b")
		o.Presented = presented
		if _, err := w.ask(p, authority.Request{Scope: scope.Full(), Once: o}); err == nil {
			t.Error("issued by a credential of another's")
		}
	}
}

// A token whose pointers the store has deleted, and whose record it has not, is listed again when it is given a longer
// life: what is in no list would not follow its creator.
func TestAProlongedTokenIsInTheLists(t *testing.T) {
	w := newWorld(t)
	p, _ := w.login(w.acc, w.owner)
	made, _ := w.issue(p, authority.Request{Scope: scope.Full(), Life: w.auto("1h")})
	for _, k := range []table.Key{
		key.AccountToken{Account: made.Account, Created: made.Created, ID: made.ID.String()}.Key(), key.UserToken{User: made.User, Created: made.Created, ID: made.ID.String()}.Key(),
	} {
		if err := w.table.Commit(t.Context(), table.Delete(k, table.Present())); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.edit(p, made.Handle(), authority.Edit{Life: w.choose("never")}); err != nil {
		t.Fatal(err)
	}
	for _, own := range []bool{true, false} {
		if page, err := w.authority().List(t.Context(), p, authority.ListRequest{Own: own, Limit: 10}); err != nil || len(page.Tokens) != 1 {
			t.Errorf("%+v, %v", page, err)
		}
	}
}

// The key service is asked once for a request, however often its commit is tried.
func TestTheKeyServiceIsAskedOnce(t *testing.T) {
	w, p, made, _ := revealable(t)
	asked := 0
	db := &counted{Table: w.table}
	a := authority.Authority{Table: db, Now: w.clock.Now, Form: w.form, Keys: countingRing{ring{}, &asked}}
	disturb := func() { w.developer(w.owner, true) }
	for what, do := range map[string]func() error{
		"issue": func() error {
			_, _, err := a.Issue(t.Context(), p, audit.ViaAPI, audit.Origin{}, authority.Request{Name: "x", Scope: scope.Full(), Revealable: true})
			return err
		},
		"reveal": func() error {
			_, _, err := a.Reveal(t.Context(), p, audit.ViaAPI, audit.Origin{}, made.Handle(), "why", authority.Once{})
			return err
		},
	} {
		asked, db.before, db.commits = 0, disturb, 0
		if err := do(); err != nil || asked != 1 || db.commits != 2 {
			t.Errorf("%s: asked %d times in %d commits, %v", what, asked, db.commits, err)
		}
	}
}

type countingRing struct {
	ring
	asked *int
}

func (c countingRing) Seal(ctx context.Context, plaintext []byte, b keyring.Binding) ([]byte, error) {
	*c.asked++
	return c.ring.Seal(ctx, plaintext, b)
}

func (c countingRing) Open(ctx context.Context, sealed []byte, b keyring.Binding) ([]byte, error) {
	*c.asked++
	return c.ring.Open(ctx, sealed, b)
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
