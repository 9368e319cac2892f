package authority_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/fault"
	"keyfob/internal/scope"
	"keyfob/internal/session"
	"keyfob/internal/standing"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
)

// orphans gives a user of the account with n tokens, and marks the user as removed.
func (w *world) orphans(n int) account.User {
	w.Helper()
	u := account.User{ID: token.NewName("usr_"), Account: w.acc.ID, Email: "mia@example.com", Name: "Mia", Role: scope.Admin, Status: account.Active, Created: w.clock.Now()}
	if err := w.table.Commit(w.Context(), u.Create()...); err != nil {
		w.Fatal(err)
	}
	u.Version = 1
	by, _ := w.login(w.acc, u)
	for i := range n {
		w.clock.Advance(time.Millisecond)
		w.issue(by, authority.Request{Name: fmt.Sprint("deploy ", i), Scope: scope.Full()})
	}
	u.Status, u.Gone = account.Removed, w.clock.Now().Add(30*24*time.Hour)
	if err := w.table.Commit(w.Context(), u.Replace()); err != nil {
		w.Fatal(err)
	}
	return u
}

// counts gives how many tokens the account and the user have by the quotas' counts, and by the lists.
func (w *world) counts(u account.User) (counted, listed [2]int64) {
	w.Helper()
	items, err := w.table.Get(w.Context(), key.AccountQuota(u.Account).Key(), key.UserQuota{Account: u.Account, User: u.ID}.Key())
	if err != nil {
		w.Fatal(err)
	}
	for i, pk := range []string{key.PrefixAccountTokens + u.Account, key.PrefixUserTokens + u.ID} {
		counted[i] = items[i].Int("tokens")
		page, err := w.table.Query(w.Context(), table.Query{PK: pk, Limit: 1000})
		if err != nil {
			w.Fatal(err)
		}
		listed[i] = int64(len(page.Items))
	}
	return counted, listed
}

// dying is a table whose commits fail after so many.
type dying struct {
	table.Table
	left int
}

func (d *dying) Commit(ctx context.Context, ops ...table.Op) error {
	if d.left--; d.left < 0 {
		return fault.Retry(errors.New("the process ended here"))
	}
	return d.Table.Commit(ctx, ops...)
}

// P5, S26: the tokens of who was removed are revoked, each with its event and once, out of the lists and the quotas, however
// often the run is cut short; nobody else's are.
func TestP5TheTokensOfTheRemovedAreRevoked(t *testing.T) {
	w := newWorld(t)
	boss, _ := w.login(w.acc, w.owner)
	w.issue(boss, authority.Request{Scope: scope.Full()})
	u := w.orphans(50)
	for range 10 {
		a := &authority.Authority{Table: &dying{w.table, 1}, Now: w.clock.Now, Form: w.form}
		if err := a.RevokeOrphans(t.Context(), u.Account, u.ID); err == nil {
			break
		} else if !fault.Is(err, fault.Unavailable) {
			t.Fatal(err)
		}
	}
	if counted, listed := w.counts(u); counted != [2]int64{1, 0} || listed != counted {
		t.Errorf("counted %v, listed %v", counted, listed)
	}
	if n := w.events(u.Account, audit.TokenRevoked); n != 50 {
		t.Errorf("%d events", n)
	}
	if err := w.authority().RevokeOrphans(t.Context(), u.Account, u.ID); err != nil || w.events(u.Account, audit.TokenRevoked) != 50 {
		t.Errorf("once more: %v, %d events", err, w.events(u.Account, audit.TokenRevoked))
	}
}

// S26: a rotated token gives back no place in the quotas, which its successor has.
func TestS26OrphansGiveBackWhatTheyCounted(t *testing.T) {
	w := newWorld(t)
	boss, _ := w.login(w.acc, w.owner)
	w.issue(boss, authority.Request{Scope: scope.Full()})
	u := w.orphans(0)
	u.Status, u.Version = account.Active, 2
	if err := w.table.Commit(t.Context(), u.Replace()); err != nil {
		t.Fatal(err)
	}
	by, _ := w.login(w.acc, u)
	made, _ := w.issue(by, authority.Request{Scope: scope.Full()})
	if _, _, err := w.authority().Rotate(t.Context(), by, audit.ViaAPI, audit.Origin{}, made.Handle(), authority.Rotation{Overlap: time.Hour}); err != nil {
		t.Fatal(err)
	}
	u.Status, u.Version = account.Removed, 3
	if err := w.table.Commit(t.Context(), u.Replace()); err != nil {
		t.Fatal(err)
	}
	if err := w.authority().RevokeOrphans(t.Context(), u.Account, u.ID); err != nil {
		t.Fatal(err)
	}
	if counted, listed := w.counts(u); counted != [2]int64{1, 0} || listed != counted {
		t.Errorf("counted %v, listed %v", counted, listed)
	}
	if n := w.events(u.Account, audit.TokenRevoked); n != 2 {
		t.Errorf("%d events", n)
	}
}

// Nobody's tokens are revoked who is not removed.
func TestNobodyElsesTokensAreOrphans(t *testing.T) {
	w := newWorld(t)
	by, _ := w.login(w.acc, w.owner)
	_, c := w.issue(by, authority.Request{Scope: scope.Full()})
	for _, user := range []string{w.owner.ID, "usr_0000000000000000"} {
		if err := w.authority().RevokeOrphans(t.Context(), w.acc.ID, user); err != nil {
			t.Error(err)
		}
	}
	w.verify(c)
}

// P1: a principal whose credential has ended since it was verified is no longer good for a change.
func TestP1APrincipalIsGoodAsLongAsItsCredential(t *testing.T) {
	w := newWorld(t)
	by, _ := w.login(w.acc, w.owner)
	made, c := w.issue(by, authority.Request{Scope: scope.Full()})
	for _, p := range []authority.Principal{by, w.verify(c)} {
		items, err := w.table.Get(t.Context(), p.Record())
		if err != nil {
			t.Fatal(err)
		}
		check, err := p.Still(items[0], w.clock.Now())
		if err != nil || w.table.Commit(t.Context(), check) != nil {
			t.Errorf("%v", err)
		}
		if _, err := p.Still(nil, w.clock.Now()); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("without a record: %v", err)
		}
		if p.Kind == token.Session {
			continue
		}
		if err := w.authority().Revoke(t.Context(), by, audit.ViaAPI, audit.Origin{}, made.Handle()); err != nil {
			t.Fatal(err)
		}
		if err := w.table.Commit(t.Context(), check); err == nil {
			t.Error("the condition holds for a token that was revoked")
		}
		if items, err = w.table.Get(t.Context(), p.Record()); err != nil {
			t.Fatal(err)
		}
		if _, err := p.Still(items[0], w.clock.Now()); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("revoked: %v", err)
		}
	}
	items, err := w.table.Get(t.Context(), by.Record())
	if err != nil {
		t.Fatal(err)
	}
	for at, good := range map[time.Duration]bool{account.DefaultSessionLife - time.Second: true, account.DefaultSessionLife: false} {
		if _, err := by.Still(items[0], w.clock.Now().Add(at).Truncate(time.Second)); (err == nil) != good {
			t.Errorf("after %s: %v", at, err)
		}
	}
}

// S9: nor is one whose session has not been used for too long, however long it may yet live.
func TestS9AnIdleSessionIsGoodForNothing(t *testing.T) {
	w := newWorld(t)
	sessions := session.Sessions{Table: w.table, Now: w.clock.Now}
	basis := session.Basis{Account: w.acc.ID, User: w.owner.ID, Life: account.DefaultSessionLife, Idle: time.Hour, Standing: standing.Of(w.acc, w.owner)}
	_, c, err := sessions.Start(t.Context(), w.form, basis, audit.ViaAPI, audit.Origin{})
	if err != nil {
		t.Fatal(err)
	}
	by := w.verify(c)
	items, err := w.table.Get(t.Context(), by.Record())
	if err != nil {
		t.Fatal(err)
	}
	for idle, good := range map[time.Duration]bool{time.Hour - time.Second: true, time.Hour: false} {
		if _, err := by.Still(items[0], w.clock.Now().Add(idle)); (err == nil) != good {
			t.Errorf("after %s: %v", idle, err)
		}
	}
}
