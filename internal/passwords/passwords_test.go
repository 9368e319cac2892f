package passwords_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/fault"
	"keyfob/internal/link"
	"keyfob/internal/password"
	"keyfob/internal/passwords"
	"keyfob/internal/standing"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
)

// S8: an invited user joins by the link: with the password, a verified address, and no session.
func TestS8AnInvitedUserJoinsByTheLink(t *testing.T) {
	w := newWorld(t)
	u := w.person(w.acc, "ivo+tag@example.com", account.Invited)
	text := w.link(u, link.Invitation)
	joined, err := w.SetByLink(t.Context(), text, fresh, audit.ViaAPI, audit.Origin{IP: "192.0.2.9"})
	if err != nil || joined.ID != u.ID || joined.Email != u.Email {
		t.Fatalf("%+v, %v", joined, err)
	}
	is := w.stored(u)
	if is.Status != account.Active || !is.Verified || is.Behind || !w.opens(u, fresh) || is.Role != u.Role {
		t.Errorf("%+v", is)
	}
	events := w.events(u, audit.UserJoined)
	if len(events) != 1 || events[0].Subject.ID != u.ID || events[0].Actor.User != u.ID || events[0].Origin.IP != "192.0.2.9" {
		t.Errorf("%+v", events)
	}
	w.refused("again", w.set(text, fresh), "link", "link_ended")
	if n := len(w.events(u, audit.PasswordChanged)) + len(w.events(u, audit.SessionStarted)); n != 0 {
		t.Errorf("%d more events", n)
	}
}

// P1: what an invited user was given before, such as tokens of another system, works when the password is acknowledged.
func TestP1TheTokensOfWhoJoinsFollow(t *testing.T) {
	w := newWorld(t)
	u := w.person(w.acc, "ivo@example.com", account.Invited)
	c := w.form.New(token.API)
	digest := c.Digest()
	it := table.Item{
		"account": table.S(u.Account), "user": table.S(u.ID), "name": table.S("deploy"), "digest": table.B(digest.Bytes()), "scope": table.S("*"),
		"created": table.N(w.now().UnixMilli()), "edition": table.N(1),
	}
	standing.Of(w.acc, u).Put(it)
	for k, item := range map[table.Key]table.Item{
		key.Token(c.ID().String()).Key():                                       it,
		key.UserToken{User: u.ID, Created: w.now(), ID: c.ID().String()}.Key(): {},
	} {
		item[table.AttrPK], item[table.AttrSK] = table.S(k.PK), table.S(k.SK)
		w.commit(table.Create(item))
	}
	ended := func() bool {
		items, err := w.table.Get(t.Context(), key.Token(c.ID().String()).Key())
		if err != nil || items[0] == nil {
			t.Fatal(items, err)
		}
		return standing.From(items[0]).Ended()
	}
	if !ended() {
		t.Fatal("the token of somebody who has not joined works")
	}
	if err := w.set(w.link(u, link.Invitation), fresh); err != nil || ended() {
		t.Errorf("%v", err)
	}
}

// S8: a reset ends all sessions before it is acknowledged, leaves the second factors alone and logs nobody in.
func TestS8AResetEndsAllSessionsAndTouchesNoFactors(t *testing.T) {
	w := newWorld(t)
	w.user.Factors = true
	w.commit(w.user.Replace())
	w.user.Version++
	one, two := w.login(w.user), w.login(w.user)
	other := w.person(w.acc, "other@example.com", account.Active)
	bystander := w.login(other)
	if err := w.set(w.link(w.user, link.Reset), fresh); err != nil {
		t.Fatal(err)
	}
	if w.alive(one) || w.alive(two) || !w.alive(bystander) {
		t.Error("the sessions that are left are not the right ones")
	}
	if is := w.stored(w.user); !is.Factors || is.Status != account.Active || !w.opens(w.user, fresh) || w.opens(w.user, old) {
		t.Errorf("%+v", is)
	}
	if n := len(w.events(w.user, audit.PasswordChanged)); n != 1 {
		t.Errorf("%d events", n)
	}
	if n := len(w.events(w.user, audit.SessionStarted)); n != 3 {
		t.Errorf("%d sessions were started", n)
	}
}

// S1, S2: a password that may not be chosen is refused, and the link lives on.
func TestS1ALinkOutlivesARefusedPassword(t *testing.T) {
	w := newWorld(t)
	text := w.link(w.user, link.Reset)
	for plain, code := range map[string]string{
		"short": "too_short", strings.Repeat("x", 1025): "too_long", "passwordpassword": "common", "olivia@example.com": "contextual",
		"ExampleLtd2030!!": "contextual", "Olivia Olivia 12": "contextual", "\xff" + fresh: "not_text",
	} {
		w.refused(code, w.set(text, plain), "password", code)
	}
	if w.opens(w.user, "short") || !w.opens(w.user, old) {
		t.Error("a refused password was set")
	}
	if err := w.set(text, fresh); err != nil {
		t.Error(err)
	}
}

// S1: 1,024 bytes are accepted and all of them count; a pair of 73 bytes that differs in the last one is two passwords.
func TestS1APasswordIsNeverCut(t *testing.T) {
	w := newWorld(t)
	unit := "kettle-brave-83-moss-opal-"
	for _, n := range []int{73, password.MaxBytes} {
		plain := strings.Repeat(unit+"quartz.vivid_", 40)[:n-1]
		if err := w.set(w.link(w.user, link.Reset), plain+"a"); err != nil {
			t.Fatal(err)
		}
		if !w.opens(w.user, plain+"a") || w.opens(w.user, plain+"b") || w.opens(w.user, plain) || w.opens(w.user, plain+"aa") {
			t.Errorf("%d bytes do not all count", n)
		}
	}
}

// S8: of 50 parallel uses of one link, each with a password of its own, exactly one succeeds, and it is that one's.
func TestS8OfFiftyUsesOfALinkOneSucceeds(t *testing.T) {
	w := newWorld(t)
	text := w.link(w.user, link.Reset)
	var all sync.WaitGroup
	var won atomic.Int64
	var winner atomic.Value
	for i := range 50 {
		plain := fresh + strings.Repeat(" and on", i)
		all.Go(func() {
			err := w.set(text, plain)
			if err == nil {
				won.Add(1)
				winner.Store(plain)
				return
			}
			w.refused("a use that came too late", err, "link", "link_ended")
		})
	}
	all.Wait()
	if won.Load() != 1 || len(w.events(w.user, audit.PasswordChanged)) != 1 {
		t.Fatalf("%d succeeded, %d events", won.Load(), len(w.events(w.user, audit.PasswordChanged)))
	}
	if !w.opens(w.user, winner.Load().(string)) {
		t.Error("the password is another's than the one whose use succeeded")
	}
}

// Wherever the process ends, the link and the password stand together, and Finish ends the sessions that are left.
func TestP1WhatAnInterruptedResetLeavesIsFinished(t *testing.T) {
	const all = 5 // the password, the sessions that learn of it, the mark that says so, and the ends of two
	for commits := range all + 1 {
		w := newWorld(t)
		one, two := w.login(w.user), w.login(w.user)
		text := w.link(w.user, link.Reset)
		f := &failing{Table: w.table}
		f.left.Store(int64(commits))
		_, err := w.on(f).SetByLink(t.Context(), text, fresh, audit.ViaAPI, audit.Origin{})
		if done := commits == all; done != (err == nil) || !done && !fault.Is(err, fault.Unavailable) {
			t.Fatalf("%d commits: %v", commits, err)
		}
		if commits == 0 {
			if !w.opens(w.user, old) || !w.alive(one) || !w.alive(two) {
				t.Error("nothing was committed, and yet something is other than it was")
			}
			if err := w.set(text, fresh); err != nil {
				t.Errorf("the link again: %v", err)
			}
			continue
		}
		w.advance(time.Minute)
		later := w.login(w.stored(w.user))
		for range 3 {
			if err := w.Finish(t.Context(), w.events(w.user, audit.PasswordChanged)[0]); err != nil {
				t.Fatal(err)
			}
		}
		if !w.opens(w.user, fresh) || w.alive(one) || w.alive(two) || !w.alive(later) {
			t.Errorf("after %d commits: %t, %t, %t", commits, w.alive(one), w.alive(two), w.alive(later))
		}
	}
}

// S5: the passwords of one login name are under one salt, whichever way they are set.
func TestS5ThePasswordsOfOneLoginNameShareASalt(t *testing.T) {
	w := newWorld(t)
	acc, second := w.account("OLIVIA@example.com")
	_, stranger := w.account("other@example.com")
	invited := w.person(acc, "ivo@example.com", account.Invited)
	salt := func(u account.User) string { return strings.Split(w.stored(u).PasswordHash, "$")[4] }
	if salt(w.user) != salt(second) || salt(w.user) == salt(stranger) {
		t.Error("as they were made")
	}
	if err := w.set(w.link(second, link.Reset), fresh); err != nil {
		t.Fatal(err)
	}
	if err := w.change(w.login(w.user), old, "eleven kites above a green hill"); err != nil {
		t.Fatal(err)
	}
	if salt(w.user) != salt(second) {
		t.Error("as they were changed")
	}
	if err := w.set(w.link(invited, link.Invitation), fresh); err != nil {
		t.Fatal(err)
	}
	if salt(invited) == salt(w.user) || salt(invited) == salt(stranger) {
		t.Error("two login names share a salt")
	}
	var hashes []string
	for _, u := range []account.User{w.user, second} {
		hashes = append(hashes, w.stored(u).PasswordHash)
	}
	if match, err := password.Match(hashes, fresh); err != nil || match[0] || !match[1] {
		t.Errorf("%v, %v", match, err)
	}
}

// S1: eight characters are enough where the account enforces a second factor, and only there.
func TestS1TheLeastLengthIsTheAccounts(t *testing.T) {
	w := newWorld(t)
	for mfa, want := range map[bool]bool{false: false, true: true} {
		acc := w.acc
		acc.Policy.MFA = mfa
		_, err := passwords.Chosen(t.Context(), &account.Accounts{Table: w.table}, w.Hasher, "k8#vQ2!x", acc, w.user)
		if (err == nil) != want {
			t.Errorf("with MFA %t: %v", mfa, err)
		}
	}
}
