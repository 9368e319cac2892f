package disavowal_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/disavowal"
	"keyfob/internal/fault"
	"keyfob/internal/scope"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
)

// P1, P5: whoever says that it was not them ends the token at once, with an event in their name, and once. Finding the link
// before that changed nothing.
func TestP1ALinkEndsItsTokenOnce(t *testing.T) {
	w := newWorld(t)
	by, _ := w.login(w.owner)
	made, c := w.issue(by, "deploy")
	text := w.mint(w.last(audit.TokenCreated), w.admin)
	before := len(w.events(audit.Types()...))
	for range 3 {
		f, err := w.Find(t.Context(), text)
		if err != nil || f.Kind != disavowal.Tokens || len(f.Tokens) != 1 || f.Tokens[0] != (disavowal.Token{Handle: made.Handle(), Name: "deploy"}) ||
			f.Who != "Olivia" || f.Reader.ID != w.admin.ID || f.Event.Origin.IP != "203.0.113.7" || f.Account.Name != "Example Ltd" {
			t.Fatalf("%+v, %v", f, err)
		}
	}
	if !w.alive(c) || len(w.events(audit.Types()...)) != before {
		t.Error("finding the link changed something")
	}
	w.use(text)
	if w.alive(c) {
		t.Error("the token is taken still")
	}
	e := w.last(audit.TokenRevoked)
	if e.Actor != (audit.Actor{User: w.admin.ID, Via: audit.ViaMail}) || e.Origin != from || e.Subject.ID != made.Handle() || !strings.Contains(e.Note, w.last(audit.TokenCreated).ID) {
		t.Errorf("%+v", e)
	}
	w.refused("used", text, fault.Gone, "link_used")
	if n := len(w.events(audit.TokenRevoked)); n != 1 {
		t.Errorf("%d events", n)
	}
	if n := w.count(); n != 0 {
		t.Errorf("%d tokens are counted", n)
	}
}

// count gives how many tokens count against the account's quota.
func (w *world) count() int64 {
	w.Helper()
	items, err := w.Table.Get(w.Context(), key.AccountQuota(w.acc.ID).Key())
	if err != nil {
		w.Fatal(err)
	}
	return items[0].Int("tokens")
}

// Of a rotation both tokens end; and what a token was rotated to since its mail ends with it, or a rotation were a way out.
func TestP1ALinkEndsWhatItsTokensWereRotatedTo(t *testing.T) {
	w := newWorld(t)
	by, _ := w.login(w.owner)
	one, c1 := w.issue(by, "deploy")
	created := w.mint(w.last(audit.TokenCreated), w.admin)
	two, c2 := w.rotate(by, one, time.Hour)
	rotated := w.mint(w.last(audit.TokenRotated), w.admin)
	f, err := w.Find(t.Context(), rotated)
	if err != nil || len(f.Tokens) != 2 || f.Tokens[0].Handle != one.Handle() || f.Tokens[1].Handle != two.Handle() {
		t.Fatalf("%+v, %v", f, err)
	}
	w.advance(2 * time.Hour) // the first is refused by the clock
	_, c3 := w.rotate(by, two, time.Hour)
	_, other := w.issue(by, "another")
	f = w.use(created)
	if len(f.Tokens) != 3 || !f.Tokens[0].Ended || f.Tokens[1].Ended || f.Tokens[2].Ended {
		t.Errorf("%+v", f.Tokens)
	}
	if w.alive(c1) || w.alive(c2) || w.alive(c3) || !w.alive(other) || w.count() != 1 || len(w.events(audit.TokenRevoked)) != 2 {
		t.Errorf("%t %t %t %t, %d counted, %d events", w.alive(c1), w.alive(c2), w.alive(c3), w.alive(other), w.count(), len(w.events(audit.TokenRevoked)))
	}
	// The other mail's link is of no use, says so, and is used up; that is recorded too.
	f = w.use(rotated)
	for _, tok := range f.Tokens {
		if !tok.Ended {
			t.Errorf("%+v", tok)
		}
	}
	if e := w.last(audit.UserChanged); e.Subject.ID != w.admin.ID || e.Actor.Via != audit.ViaMail || !strings.Contains(e.Note, "Nothing was left") {
		t.Errorf("%+v", e)
	}
	w.refused("used", rotated, fault.Gone, "link_used")
}

// S23: a rotation is no way out, however many there are: the link ends what is taken, and goes through what has ended, also
// where the store has deleted it.
func TestS23ALinkReachesWhatItsTokenWasRotatedTo(t *testing.T) {
	for _, purged := range []bool{false, true} {
		w := newWorld(t)
		by, _ := w.login(w.owner)
		tok, c := w.issue(by, "deploy")
		text := w.mint(w.last(audit.TokenCreated), w.admin)
		for range 40 {
			w.advance(time.Second)
			before := tok
			tok, c = w.rotate(by, tok, 0)
			if purged {
				w.commit(table.Delete(key.Token(before.ID.String()).Key(), table.Anything()))
			}
		}
		if !w.alive(c) {
			t.Fatal("the last token is not taken")
		}
		w.use(text)
		if w.alive(c) {
			t.Errorf("purged %t: the last token is taken still", purged)
		}
	}
}

// A line that cannot be followed to its end is not said to have nothing left, and its link not used up.
func TestALineIsBounded(t *testing.T) {
	w := newWorld(t)
	by, _ := w.login(w.owner)
	tok, c := w.issue(by, "deploy")
	text := w.mint(w.last(audit.TokenCreated), w.admin)
	for range 260 {
		w.advance(time.Second)
		tok, c = w.rotate(by, tok, 0)
	}
	w.refused("too long", text, fault.Gone, "line_too_long")
	w.refused("too long", text, fault.Gone, "line_too_long")
	if !w.alive(c) {
		t.Error("the last token has ended")
	}
}

// S23: the link is good for what its reader may end themselves, at the moment it is used.
func TestS23ALinkIsWorthWhatItsReaderMayDo(t *testing.T) {
	w := newWorld(t)
	by, _ := w.login(w.owner)
	_, c := w.issue(by, "deploy")
	text := w.mint(w.last(audit.TokenCreated), w.admin)
	w.change(&w.admin, func(u *account.User) { u.Role = scope.Member })
	w.refused("demoted", text, fault.Gone, "role_forbids")
	w.change(&w.admin, func(u *account.User) { u.Status = account.Disabled })
	w.refused("disabled", text, fault.Gone, "user_ended")
	w.change(&w.admin, func(u *account.User) { u.Status, u.Verified = account.Active, false })
	w.refused("not verified", text, fault.Gone, "user_ended")
	if !w.alive(c) {
		t.Fatal("the token has ended")
	}
	w.change(&w.admin, func(u *account.User) { u.Role, u.Verified = scope.Admin, true })
	w.use(text)
	if w.alive(c) {
		t.Error("the token is taken still")
	}

	// One's own token one may end whatever one's role is.
	w.advance(time.Second) // so that what is made now comes last
	mine, _ := w.login(w.admin)
	_, own := w.issue(mine, "mine")
	text = w.mint(w.last(audit.TokenCreated), w.admin)
	w.change(&w.admin, func(u *account.User) { u.Role = scope.Member })
	w.use(text)
	if w.alive(own) {
		t.Error("one's own token is taken still")
	}
}

// A demotion at the same moment is not outrun: the commit rests on the reader as they were read.
func TestS23ADemotionIsNotOutrun(t *testing.T) {
	w := newWorld(t)
	by, _ := w.login(w.owner)
	_, c := w.issue(by, "deploy")
	text := w.mint(w.last(audit.TokenCreated), w.admin)
	d := *w.Disavowals
	d.Table = &between{Table: w.Table, before: func() { w.change(&w.admin, func(u *account.User) { u.Role = scope.Member }) }}
	if _, err := d.Use(t.Context(), text, from); !fault.Is(err, fault.Gone) || !w.alive(c) {
		t.Errorf("%v; alive: %t", err, w.alive(c))
	}
}

// between does something before the first commit, and fails those that it is told to.
type between struct {
	table.Table
	before func()
	fail   func(ops []table.Op) error
}

func (b *between) Commit(ctx context.Context, ops ...table.Op) error {
	if before := b.before; before != nil {
		b.before = nil
		before()
	}
	if b.fail != nil {
		if err := b.fail(ops); err != nil {
			return err
		}
	}
	return b.Table.Commit(ctx, ops...)
}

// A suspended account's tokens are refused as it is, and would be taken again later: what is ended meanwhile is not.
func TestALinkWorksWhileTheAccountIsSuspended(t *testing.T) {
	w := newWorld(t)
	by, _ := w.login(w.owner)
	tok, _ := w.issue(by, "deploy")
	text := w.mint(w.last(audit.TokenCreated), w.admin)
	w.acc.Status = account.Suspended
	w.commit(w.acc.Replace())
	w.use(text)
	if e := w.last(audit.TokenRevoked); e.Subject.ID != tok.Handle() {
		t.Errorf("%+v", e)
	}
}

// Of many who use the link at the same time one ends the token; the others are told that it was used.
func TestALinkIsUsedOnceByManyAtOnce(t *testing.T) {
	for _, kind := range []disavowal.Kind{disavowal.Tokens, disavowal.Sessions} {
		w := newWorld(t)
		by, _ := w.login(w.owner)
		w.issue(by, "deploy")
		text := w.mint(w.last(audit.TokenCreated), w.admin)
		if kind == disavowal.Sessions {
			text = w.mint(w.about(audit.PasswordChanged, w.admin), w.admin)
		}
		var done, gone atomic.Int64
		var all sync.WaitGroup
		for range 16 {
			all.Go(func() {
				switch _, err := w.Use(context.Background(), text, from); {
				case err == nil:
					done.Add(1)
				case fault.Is(err, fault.Gone):
					gone.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		all.Wait()
		if done.Load() != 1 || gone.Load() != 15 || len(w.events(audit.TokenRevoked, audit.UserChanged)) != 1 {
			t.Errorf("%s: %d used it, %d were told, %d events", kind, done.Load(), gone.Load(), len(w.events(audit.TokenRevoked, audit.UserChanged)))
		}
	}
}

// S8, P1: of what concerns how somebody proves who they are, all of their sessions end, and nobody else's.
func TestP1ALinkEndsAllSessionsOfItsReader(t *testing.T) {
	w := newWorld(t)
	_, other := w.login(w.owner)
	by, a := w.login(w.admin)
	_, b := w.login(w.admin)
	_, tok := w.issue(by, "deploy")
	for _, typ := range []audit.Type{audit.PasswordChanged, audit.SessionNovel} {
		text := w.mint(w.about(typ, w.admin), w.admin)
		f, err := w.Find(t.Context(), text)
		if err != nil || f.Kind != disavowal.Sessions || len(f.Tokens) != 0 || typ == audit.PasswordChanged && !w.alive(a) {
			t.Errorf("%+v, %v", f, err)
		}
		w.use(text)
		if w.alive(a) || w.alive(b) || !w.alive(other) || !w.alive(tok) {
			t.Errorf("%s: %t %t %t %t", typ, w.alive(a), w.alive(b), w.alive(other), w.alive(tok))
		}
		if e := w.last(audit.UserChanged); e.Actor != (audit.Actor{User: w.admin.ID, Via: audit.ViaMail}) || e.Subject.ID != w.admin.ID {
			t.Errorf("%+v", e)
		}
		w.refused(string(typ), text, fault.Gone, "link_used")
	}
	for _, e := range w.events(audit.SessionEnded) {
		if e.Actor.Via != audit.ViaMail {
			t.Errorf("%+v", e)
		}
	}
}

// A crash on the way leaves the link good for another try: it is used up with what it ends, or after it.
func TestALinkThatFailedWorksAgain(t *testing.T) {
	w := newWorld(t)
	by, _ := w.login(w.owner)
	_, c := w.issue(by, "deploy")
	_, s := w.login(w.admin)
	for text, credential := range map[string]token.Credential{
		w.mint(w.last(audit.TokenCreated), w.admin):              c,
		w.mint(w.about(audit.PasswordChanged, w.admin), w.admin): s,
	} {
		d := *w.Disavowals
		d.Table = &between{Table: w.Table, fail: func(ops []table.Op) error {
			for _, op := range ops {
				if strings.HasPrefix(op.Key.PK, key.PrefixDisavowal) {
					return fault.Retry(errors.New("killed"))
				}
			}
			return nil
		}}
		if _, err := d.Use(t.Context(), text, from); !fault.Is(err, fault.Unavailable) {
			t.Errorf("%v", err)
		}
		if credential.Kind() == token.API && !w.alive(credential) {
			t.Error("the token has ended without its link being used up")
		}
		w.use(text)
		if w.alive(credential) {
			t.Error("it is taken still")
		}
	}
}

// A link works for seven days, to the second; then it is told for a while that it has expired, and then it is forgotten,
// whether the store has deleted it or not.
func TestALinkWorksForSevenDays(t *testing.T) {
	w := newWorld(t)
	by, _ := w.login(w.owner)
	w.issue(by, "deploy")
	text := w.mint(w.last(audit.TokenCreated), w.admin)
	minted := w.now().Truncate(time.Second)
	w.ns.Store(minted.Add(disavowal.Life - 1).UnixNano())
	if _, err := w.Find(t.Context(), text); err != nil {
		t.Error(err)
	}
	w.advance(1)
	w.refused("at its end", text, fault.Gone, "link_expired")
	w.ns.Store(minted.Add(2*disavowal.Life - 1).UnixNano())
	w.refused("a week later", text, fault.Gone, "link_expired")
	w.advance(1)
	w.refused("then", text, fault.NotFound, "not_found")
}

// S19: everything that is no link is refused alike; what is not even well formed, without a read.
func TestS19WhatIsNoLinkIsRefusedAlike(t *testing.T) {
	w := newWorld(t)
	by, c := w.login(w.owner)
	_, tok := w.issue(by, "deploy")
	text := w.mint(w.last(audit.TokenCreated), w.admin)
	parsed, err := w.Form.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	for what, other := range map[string]string{
		"nothing": "", "nonsense": "nonsense", "the whole URL": base + "/disavow/" + text, "cut": text[:len(text)-1], "one character more": text + "0",
		"another secret": w.Form.NewOf(token.Disavowal, parsed.ID()).Plaintext().Reveal(), "one that was never mailed": w.Form.New(token.Disavowal).Plaintext().Reveal(),
		"a link to set a password with": w.Form.NewOf(token.Link, parsed.ID()).Plaintext().Reveal(), "a session": c.Plaintext().Reveal(), "a token": tok.Plaintext().Reveal(),
		"another realm's": token.Form{Brand: "kf", Realm: "eu"}.NewOf(token.Disavowal, parsed.ID()).Plaintext().Reveal(), "a foreign token": "1|" + text,
	} {
		w.refused(what, other, fault.NotFound, "not_found")
	}
	for i := range len(text) {
		changed := []byte(text)
		changed[i] ^= 1
		if _, err := w.Find(t.Context(), string(changed)); !fault.Is(err, fault.NotFound) {
			t.Errorf("changed at %d: %v", i, err)
		}
	}
	if _, err := w.Find(t.Context(), text); err != nil {
		t.Error(err)
	}
	if _, err := w.Form.Present(text); err == nil {
		t.Error("it is taken for a credential")
	}
}

// S33: whoever holds a link, or finds one in public, ends the link; the token stays.
func TestS33WhoeverHoldsALinkMayEndIt(t *testing.T) {
	w := newWorld(t)
	by, _ := w.login(w.owner)
	_, c := w.issue(by, "deploy")
	presented, leaked := w.mint(w.last(audit.TokenCreated), w.admin), w.mint(w.last(audit.TokenCreated), w.admin)
	for range 2 {
		if err := w.WithdrawPresented(t.Context(), presented, audit.ViaAPI, from); err != nil {
			t.Fatal(err)
		}
		if found, err := w.WithdrawLeaked(t.Context(), leaked, "https://example.com/a", from); !found || err != nil {
			t.Fatal(found, err)
		}
	}
	w.refused("presented", presented, fault.Gone, "link_withdrawn")
	w.refused("found in public", leaked, fault.Gone, "link_withdrawn")
	for _, text := range []string{"", "nonsense", w.Form.New(token.Disavowal).Plaintext().Reveal(), c.Plaintext().Reveal()} {
		if found, err := w.WithdrawLeaked(t.Context(), text, "", from); found || err != nil {
			t.Errorf("%v, %v", found, err)
		}
	}
	all := w.events(audit.UserChanged)
	if len(all) != 2 || !w.alive(c) {
		t.Fatalf("%d events; alive: %t", len(all), w.alive(c))
	}
	for _, e := range all {
		if e.Subject.ID != w.admin.ID || e.Actor.User != "" || strings.Contains(e.Note, presented[8:]) || strings.Contains(e.Note, leaked[8:]) || !strings.Contains(e.Note, "(token.created)") {
			t.Errorf("%+v", e)
		}
	}
}
