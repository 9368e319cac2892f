package trail_test

import (
	"fmt"
	"testing"
	"time"

	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/fault"
	"keyfob/internal/scope"
	"keyfob/internal/table/bolt"
	"keyfob/internal/trail"
)

// Who may read an account's trail, and who the trail of a token.
func TestC15WhoMayReadATrail(t *testing.T) {
	w := newWorld(t)
	w.happened(event(audit.TokenCreated, start, maxine, session, deploy), event(audit.TokenCreated, start, olivia, session, nightly))
	w.record(deploy, accountID, maxine, time.Time{})
	w.record(nightly, accountID, olivia, time.Time{})
	custom, err := scope.Custom(scope.Grant{Category: scope.Exports, ID: "a", Actions: scope.Read})
	if err != nil {
		t.Fatal(err)
	}
	narrow := owner
	narrow.Holder.Scope = custom
	for name, c := range map[string]struct {
		who                   authority.Principal
		account, made, others fault.Kind
	}{
		"owner":                         {owner, 0, 0, 0},
		"admin":                         {by("usr_000000000000000a", scope.Admin, scope.IssuersAdmins), 0, 0, 0},
		"a member who may make tokens":  {by(maxine, scope.Member, scope.IssuersEveryone), fault.Forbidden, 0, fault.NotFound},
		"one who may not":               {by(maxine, scope.Member, scope.IssuersAdmins), fault.Forbidden, fault.Forbidden, fault.Forbidden},
		"an owner's token with a scope": {narrow, fault.Forbidden, fault.Forbidden, fault.Forbidden},
		"an unknown role":               {by(maxine, "guest", scope.IssuersEveryone), fault.Forbidden, fault.Forbidden, fault.Forbidden},
	} {
		for what, at := range map[string]struct {
			read
			want fault.Kind
		}{"the account's": {w.account(c.who), c.account}, "their own token's": {w.token(c.who, deploy), c.made}, "olivia's token's": {w.token(c.who, nightly), c.others}} {
			page, err := at.read(trail.Filter{}, 10, "")
			if err == nil && (at.want != 0 || len(page.Events) == 0) || err != nil && (fault.KindOf(err) != at.want || page.Events != nil) {
				t.Errorf("%s, %s: %v, %v", name, what, page, err)
			}
		}
	}
}

// A token's trail outlives the token, for those who may read every trail; for who made it, until its record goes, by the
// clock and not when the store comes to it.
func TestC15ATrailOutlivesItsToken(t *testing.T) {
	w := newWorld(t)
	w.happened(event(audit.TokenCreated, start, maxine, session, deploy), event(audit.TokenRevoked, start.Add(time.Second), maxine, session, deploy))
	member := by(maxine, scope.Member, scope.IssuersEveryone)
	due := start.Add(time.Hour)
	w.record(deploy, accountID, maxine, due)
	w.now.Store(due.Add(-time.Second).UnixNano())
	if got, _ := w.all(w.token(member, deploy), trail.Filter{}, 10); len(got) != 2 {
		t.Errorf("its creator sees %v", got)
	}
	w.now.Store(due.UnixNano())
	if _, err := w.token(member, deploy)(trail.Filter{}, 10, ""); !fault.Is(err, fault.NotFound) {
		t.Errorf("its creator, when it is due: %v", err)
	}
	if n, err := w.Table.(*bolt.Table).Purge(t.Context()); err != nil || n != 1 {
		t.Fatalf("%d purged, %v", n, err)
	}
	if _, err := w.token(member, deploy)(trail.Filter{}, 10, ""); !fault.Is(err, fault.NotFound) {
		t.Errorf("its creator, when it is gone: %v", err)
	}
	if got, _ := w.all(w.token(owner, deploy), trail.Filter{}, 10); len(got) != 2 {
		t.Errorf("the owner sees %v", got)
	}
}

// S22: what the account never had, what is another's, and what is no handle at all are refused alike.
func TestAnUnknownAForeignAndAMalformedTokenAreOneAnswer(t *testing.T) {
	w := newWorld(t)
	foreign := audit.New(audit.TokenCreated, start, foreignID, audit.Actor{Via: audit.ViaAPI}, audit.Origin{}, audit.Subject{Kind: "token", ID: nightly})
	w.happened(foreign, event(audit.TokenCreated, start, olivia, session, deploy))
	w.record(nightly, foreignID, maxine, time.Time{})
	want := fmt.Sprint(fault.New(fault.NotFound, "not_found", "There is no such token."))
	for _, who := range []authority.Principal{owner, by(maxine, scope.Member, scope.IssuersEveryone)} {
		for _, handle := range []string{unknown(1), nightly, "", "tok_", session, deploy + "0", "../" + deploy, olivia} {
			if _, err := w.token(who, handle)(trail.Filter{}, 10, ""); !fault.Is(err, fault.NotFound) || fmt.Sprint(err) != want {
				t.Errorf("%q: %v", handle, err)
			}
		}
	}
	// One that is there has an empty page where the filter leaves nothing.
	for _, f := range []trail.Filter{{Actor: maxine}, {Action: "session"}, {Since: ptr(start.Add(time.Hour))}, {Until: ptr(start)}} {
		if page, err := w.token(owner, deploy)(f, 10, ""); err != nil || len(page.Events) != 0 {
			t.Errorf("%+v: %v, %v", f, page, err)
		}
	}
	// As a filter of the account's trail, a stranger's token is one that nothing is about.
	for _, handle := range []string{unknown(1), nightly} {
		if page, err := w.account(owner)(trail.Filter{Token: handle}, 10, ""); err != nil || len(page.Events) != 0 {
			t.Errorf("%s: %v, %v", handle, page, err)
		}
	}
}
