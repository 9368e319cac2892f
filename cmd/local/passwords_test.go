package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"keyfob/internal/mail/mailbox"
)

// Passwords are set by links from mails, and changed by who has them: S1, S2, S5, S8, C16 through the whole service.

const freshPassword = "nine bridges under a loud moon"

// linked is a user as an operator's answer shows one.
type linked struct {
	ID, Email, Status, Link, Password, ExpiresAt string
}

// operatorUser gives the user in an operator's answer.
func (s *client) operatorUser(command string) linked {
	s.Helper()
	var answer struct {
		User, Owner *linked
		Account     struct{ ID string }
	}
	out := s.operate(command)
	if err := json.Unmarshal([]byte(out), &answer); err != nil || answer.User == nil && answer.Owner == nil {
		s.Fatal(out, err)
	}
	if answer.User == nil {
		return *answer.Owner
	}
	return *answer.User
}

var linkPattern = regexp.MustCompile(`/password#(kfl_[a-z0-9]+_[0-9A-Za-z]{65})`)

// secretOf gives the link in a text as it is presented: what follows the #.
func (s *client) secretOf(text string) string {
	s.Helper()
	m := linkPattern.FindStringSubmatch(text)
	if m == nil {
		s.Fatalf("no link in %q", text)
	}
	return m[1]
}

// links gives the links in the mails to the address, newest first.
func (s *client) links(to string) []string {
	s.Helper()
	var all []string
	for _, m := range s.mailsTo(to) {
		if linkPattern.MatchString(m.Text) {
			all = append(all, s.secretOf(m.Text))
		}
	}
	return all
}

func (s *client) mailsTo(to string) []mailbox.Stored {
	s.Helper()
	var all []mailbox.Stored
	for _, m := range s.mails() {
		if strings.Contains(m.To, to) {
			all = append(all, m)
		}
	}
	return all
}

// setPassword uses a link.
func (s *client) setPassword(link, password string) response {
	s.Helper()
	return s.post("/v1/password/set", "", map[string]any{"link": link, "password": password})
}

// forgot asks for a link.
func (s *client) forgot(name, tenant string) response {
	s.Helper()
	body := map[string]any{"name": name}
	if tenant != "" {
		body["tenant"] = tenant
	}
	return s.post("/v1/password/reset", "", body)
}

// ended fails the test unless a link is refused as every link that does not work.
func (s *client) ended(what string, r response) {
	s.Helper()
	if r.status != http.StatusUnprocessableEntity || !strings.Contains(r.body, `"link_ended"`) || !strings.Contains(r.body, `"link"`) {
		s.Errorf("%s: %d %s", what, r.status, r.body)
	}
}

// logs reports whether the password opens the account.
func (s *client) opens(email, password string) bool {
	s.Helper()
	r := s.post("/v1/login", "", map[string]any{"name": email, "password": password, "returnToken": true})
	if r.status != http.StatusOK && r.status != http.StatusUnauthorized {
		s.Fatalf("%d %s", r.status, r.body)
	}
	return r.status == http.StatusOK
}

// S8: who is invited gets a link by mail, and the operator another to the same end; whichever is used first is the last.
func TestS8AnInvitationSetsAPasswordOnce(t *testing.T) {
	s := newClient(t)
	made := s.operatorUser(`{"command":"account.create","account":{"name":"Blue"},"owner":{"email":"blue+tag@example.com","name":"Blue Owner"}}`)
	if made.Status != "invited" || made.Password != "" || made.ExpiresAt != "2026-11-28T20:00:00Z" {
		t.Errorf("%+v", made)
	}
	mailed := s.links("blue+tag@example.com")
	if len(mailed) != 1 || mailed[0] == s.secretOf(made.Link) {
		t.Fatalf("%v", mailed)
	}
	if s.opens("blue+tag@example.com", freshPassword) {
		t.Error("in without a password")
	}
	for _, refused := range []string{"short", "Blue Blue Blue Blue", "passwordpassword"} { // the link outlives them
		if r := s.setPassword(mailed[0], refused); r.status != http.StatusUnprocessableEntity || !strings.Contains(r.body, `"password"`) {
			t.Errorf("%q: %d %s", refused, r.status, r.body)
		}
	}
	for _, path := range []string{"/v1/password/set?link=" + mailed[0], "/password"} { // a look at it uses nothing up
		s.get(path, "")
	}
	r := s.setPassword(mailed[0], freshPassword)
	s.want(r, http.StatusOK)
	if r.text("name") != "blue+tag@example.com" || !strings.HasPrefix(r.text("tenant"), "acc_") || r.header.Get("Set-Cookie") != "" || strings.Contains(r.body, "kf") {
		t.Errorf("%v %s", r.header, r.body)
	}
	s.ended("the operator's", s.setPassword(s.secretOf(made.Link), testPassword))
	s.ended("the mail's again", s.setPassword(mailed[0], testPassword))
	if !s.opens("blue+tag@example.com", freshPassword) || s.opens("blue+tag@example.com", testPassword) {
		t.Error("the password is not the one that was set")
	}
}

// S8: an invitation works until it ends, to the second; the operator can issue another one, which ends the former.
func TestS8AnInvitationEndsAfterSevenDays(t *testing.T) {
	s := newClient(t)
	account := s.get("/v1/account", s.login()).text("id")
	made := s.operatorUser(`{"command":"user.create","account":"` + account + `","email":"ivo@example.com","role":"member"}`)
	s.advance(7*24*time.Hour - time.Second)
	if r := s.setPassword(s.secretOf(made.Link), "short"); strings.Contains(r.body, "link_ended") {
		t.Errorf("a second before: %s", r.body)
	}
	s.advance(time.Second)
	s.ended("at its end", s.setPassword(s.secretOf(made.Link), freshPassword))
	again := s.operatorUser(fmt.Sprintf(`{"command":"user.link","account":%q,"user":%q}`, account, made.ID))
	third := s.operatorUser(fmt.Sprintf(`{"command":"user.link","account":%q,"user":%q}`, account, made.ID))
	s.ended("the one before the last", s.setPassword(s.secretOf(again.Link), freshPassword))
	s.want(s.setPassword(s.secretOf(third.Link), freshPassword), http.StatusOK)
}

// S8, S9: a forgotten password is set by a link from the mail. All sessions end, nobody is logged in by it.
func TestS8AForgottenPasswordIsSetByTheMailsLink(t *testing.T) {
	s := newClient(t)
	one, two := s.login(), s.login()
	secret, _ := s.create(one, full("deploy"))
	s.want(s.forgot("OWNER@example.com", ""), http.StatusAccepted)
	mailed := s.links(testEmail)
	if len(mailed) != 1 {
		t.Fatalf("%d links", len(mailed))
	}
	if !s.opens(testEmail, testPassword) {
		t.Error("asking for a link already changed something")
	}
	s.want(s.setPassword(mailed[0], freshPassword), http.StatusOK)
	for name, session := range map[string]string{"one": one, "another": two} {
		s.want(s.get("/v1/tokenInfo", session), http.StatusUnauthorized)
		_ = name
	}
	s.want(s.get("/v1/tokenInfo", secret), http.StatusOK) // tokens are no sessions
	if s.opens(testEmail, testPassword) || !s.opens(testEmail, freshPassword) {
		t.Error("the password is not the one that was set")
	}
	s.ended("again", s.setPassword(mailed[0], testPassword))
	told := 0
	for _, m := range s.mailsTo(testEmail) {
		if strings.Contains(strings.ToLower(m.Subject), "password") && !linkPattern.MatchString(m.Text) {
			told++
		}
	}
	if told != 1 {
		t.Errorf("%d mails tell of the change", told)
	}
}

// S8: a reset's link ends after 15 minutes, to the second, whoever has asked for another one in between; there is one a
// minute at most.
func TestS8AResetIsShortLivedWhoeverAsksAgain(t *testing.T) {
	s := newClient(t)
	s.want(s.forgot(testEmail, ""), http.StatusAccepted)
	first := s.links(testEmail)[0]
	s.want(s.forgot(testEmail, ""), http.StatusAccepted)
	if n := len(s.links(testEmail)); n != 1 {
		t.Errorf("%d links within a minute", n)
	}
	s.advance(15*time.Minute - time.Second)
	if r := s.setPassword(first, "short"); strings.Contains(r.body, "link_ended") {
		t.Errorf("a second before its end: %s", r.body)
	}
	s.want(s.forgot(testEmail, ""), http.StatusAccepted)
	second := s.links(testEmail)[0]
	if r := s.setPassword(first, "short"); strings.Contains(r.body, "link_ended") {
		t.Errorf("a stranger can end it: %s", r.body)
	}
	s.advance(time.Second)
	s.ended("the former at its end", s.setPassword(first, freshPassword))
	if r := s.setPassword(second, "short"); strings.Contains(r.body, "link_ended") {
		t.Errorf("the second, before its end: %s", r.body)
	}
	s.advance(15*time.Minute - time.Second)
	s.ended("at its end", s.setPassword(second, freshPassword))
	if !s.opens(testEmail, testPassword) {
		t.Error("the password is another")
	}
}

// S5: strangers and users, active or not, are answered with the same bytes; only who may log in gets a mail.
func TestS5AskingForALinkTellsNothing(t *testing.T) {
	s := newClient(t)
	session := s.login()
	account := s.get("/v1/account", session).text("id")
	s.operatorUser(`{"command":"user.create","account":"` + account + `","email":"invited@example.com","role":"member"}`)
	id, _ := s.somebody(session, "disabled", "member")
	s.want(s.turn(session, id, `{"status":"disabled"}`), http.StatusOK)
	before := len(s.links("invited@example.com"))
	want := s.forgot(testEmail, "")
	s.want(want, http.StatusAccepted)
	if want.body != `{"accepted":true}` {
		t.Errorf("%s", want.body)
	}
	for _, name := range []string{"nobody@example.com", "invited@example.com", "disabled@example.com", "no address", "owner@example.com\r\nBcc: x@example.com", "ümläut@example.com"} {
		if r := s.forgot(name, ""); r.comparable() != want.comparable() {
			t.Errorf("%q: %s, want %s", name, r.comparable(), want.comparable())
		}
	}
	if r := s.forgot("foreign@example.com", "acc_0000000000000000"); r.comparable() != want.comparable() {
		t.Errorf("an unknown tenant: %s", r.comparable())
	}
	for _, m := range s.mails() {
		if linkPattern.MatchString(m.Text) && !strings.Contains(m.To, testEmail) && !strings.Contains(m.To, "invited@") {
			t.Errorf("a link was mailed to %s", m.To)
		}
		if strings.ContainsAny(m.To+m.Subject, "\r\n") {
			t.Errorf("%q %q", m.To, m.Subject)
		}
	}
	if len(s.links("invited@example.com")) != before || len(s.links("disabled@example.com")) != 0 || len(s.links(testEmail)) != 1 {
		t.Error("links went to others than those who may log in")
	}
}

// S4: asking too often is slowed down, on a counter of its own.
func TestS4AskingForLinksIsSlowedDown(t *testing.T) {
	s := newClient(t)
	for range 5 {
		s.want(s.forgot(testEmail, ""), http.StatusAccepted)
	}
	r := s.forgot(testEmail, "")
	s.want(r, http.StatusTooManyRequests)
	if r.header.Get("Retry-After") == "" {
		t.Error("it does not say when to ask again")
	}
	if !s.opens(testEmail, testPassword) {
		t.Error("the login is slowed down")
	}
}

// S8: of 50 parallel uses of one link exactly one succeeds.
func TestS8OfFiftyUsesOfALinkOneSucceedsThroughTheService(t *testing.T) {
	s := newClient(t)
	s.want(s.forgot(testEmail, ""), http.StatusAccepted)
	link := s.links(testEmail)[0]
	var all sync.WaitGroup
	var won, refused atomic.Int64
	for i := range 50 {
		all.Go(func() {
			switch r := s.setPassword(link, fmt.Sprintf("%s %d", freshPassword, i)); r.status {
			case http.StatusOK:
				won.Add(1)
			case http.StatusUnprocessableEntity:
				refused.Add(1)
			default:
				t.Errorf("%d %s", r.status, r.body)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 || refused.Load() != 49 {
		t.Errorf("%d succeeded, %d were refused", won.Load(), refused.Load())
	}
}

// S8, S22: what is not this user's live link is refused alike, wherever it comes from.
func TestS8EveryOtherLinkIsRefusedAlike(t *testing.T) {
	s := newClient(t)
	session := s.login()
	secret, _ := s.create(session, full("deploy"))
	other := startTest(t) // another deployment of the same realm
	there := &client{t, other, s.http}
	there.want(there.forgot(testEmail, ""), http.StatusAccepted)
	s.want(s.forgot(testEmail, ""), http.StatusAccepted)
	link := s.links(testEmail)[0]
	want := s.setPassword(link[:len(link)-1]+"0", freshPassword)
	for what, text := range map[string]string{
		"another deployment's": there.links(testEmail)[0], "another realm's": strings.Replace(link, "kfl_us_", "kfl_eu_", 1), "a session": session,
		"a token": secret, "the whole URL": s.service.URL + "/password#" + link, "nonsense": "x", "very long": strings.Repeat("x", 60_000),
	} {
		r := s.setPassword(text, freshPassword)
		s.ended(what, r)
		if r.comparable() != want.comparable() {
			t.Errorf("%s: %s, want %s", what, r.comparable(), want.comparable())
		}
	}
	s.want(s.setPassword(link, freshPassword), http.StatusOK)
}

// S5, S8: an e-mail in several tenants: each gets a mail of its own, whose link is for that tenant only.
func TestS8AnEmailOfSeveralTenantsGetsALinkForEach(t *testing.T) {
	s := newClient(t)
	ours := s.get("/v1/account", s.login()).text("id")
	made := s.operate(`{"command":"account.create","account":{"name":"Second"},"owner":{"email":"` + testEmail + `","name":"Olga","password":"eleven kites above a green hill"}}`)
	var second struct{ Account struct{ ID string } }
	if err := json.Unmarshal([]byte(made), &second); err != nil {
		t.Fatal(made, err)
	}
	s.want(s.forgot(testEmail, ""), http.StatusAccepted)
	mailed := s.links(testEmail)
	if len(mailed) != 2 {
		t.Fatalf("%d links", len(mailed))
	}
	r := s.setPassword(mailed[0], freshPassword)
	s.want(r, http.StatusOK)
	changed := r.text("tenant")
	for _, tenant := range []string{ours, second.Account.ID} {
		r := s.post("/v1/login", "", map[string]any{"name": testEmail, "password": freshPassword, "tenant": tenant, "returnToken": true})
		if (r.status == http.StatusOK) != (tenant == changed) {
			t.Errorf("%s: %d", tenant, r.status)
		}
	}
	s.advance(time.Minute)
	s.want(s.forgot(testEmail, second.Account.ID), http.StatusAccepted)
	if n := len(s.links(testEmail)); n != 3 {
		t.Errorf("%d links after one tenant was named", n)
	}
	s.want(s.setPassword(s.links(testEmail)[0], freshPassword+"!"), http.StatusOK)
}

// C16: a user changes the password with the one they have. All other sessions end, this one goes on, and a mail tells of it.
func TestC16AUserChangesThePassword(t *testing.T) {
	s := newClient(t)
	here, there := s.login(), s.login()
	change := func(credential, current, password string) response {
		return s.post("/v1/me/password", credential, map[string]any{"current": current, "password": password})
	}
	secret, _ := s.create(here, full("deploy"))
	s.want(change("", testPassword, freshPassword), http.StatusUnauthorized)
	s.want(change(secret, testPassword, freshPassword), http.StatusForbidden) // a token is no session
	if r := change(here, freshPassword, freshPassword); r.status != http.StatusUnprocessableEntity || !strings.Contains(r.body, `"wrong_password"`) || !strings.Contains(r.body, `"current"`) {
		t.Errorf("%d %s", r.status, r.body)
	}
	if r := change(here, testPassword, "owner@example.com"); r.status != http.StatusUnprocessableEntity || !strings.Contains(r.body, `"contextual"`) {
		t.Errorf("%d %s", r.status, r.body)
	}
	s.want(change(here, testPassword, freshPassword), http.StatusNoContent)
	s.want(s.get("/v1/tokenInfo", here), http.StatusOK)
	s.want(s.get("/v1/tokenInfo", there), http.StatusUnauthorized)
	s.want(s.get("/v1/tokenInfo", secret), http.StatusOK)
	if s.opens(testEmail, testPassword) || !s.opens(testEmail, freshPassword) {
		t.Error("the password is not the one that was chosen")
	}
	told := false
	for _, m := range s.mailsTo(testEmail) {
		told = told || strings.Contains(strings.ToLower(m.Subject), "password")
	}
	if !told {
		t.Error("no mail tells of it")
	}
	s.want(s.get("/v1/tokenInfo", here), http.StatusOK) // also when all that follows is done
	for range 5 {
		change(here, testPassword, freshPassword)
	}
	s.want(change(here, freshPassword, testPassword), http.StatusTooManyRequests)
}

// S1: up to 1,024 bytes are accepted and all of them count at the login; one more is refused, not cut.
func TestS1LongPasswordsAreWholeOrRefused(t *testing.T) {
	s := newClient(t)
	account := s.get("/v1/account", s.login()).text("id")
	long := strings.Repeat("kettle-brave-83-moss-opal-quartz.vivid_", 40)
	for i, n := range []int{64, 73, 1024} {
		email := fmt.Sprintf("long%d@example.com", i)
		made := s.operatorUser(`{"command":"user.create","account":"` + account + `","email":"` + email + `","role":"member"}`)
		if n == 1024 {
			if r := s.setPassword(s.secretOf(made.Link), long[:1025]); r.status != http.StatusUnprocessableEntity || !strings.Contains(r.body, `"too_long"`) {
				t.Errorf("1,025 bytes: %d %s", r.status, r.body)
			}
		}
		s.want(s.setPassword(s.secretOf(made.Link), long[:n-1]+"a"), http.StatusOK)
		if !s.opens(email, long[:n-1]+"a") || s.opens(email, long[:n-1]+"b") || s.opens(email, long[:n-1]) {
			t.Errorf("of %d bytes not all count", n)
		}
	}
}

// S1, S2, S24: what may not be chosen is refused by field and reason, by link as by change.
func TestS2WhatMayNotBeChosenIsRefused(t *testing.T) {
	s := newClient(t)
	session := s.login()
	account := s.get("/v1/account", session).text("id")
	link := s.secretOf(s.operatorUser(`{"command":"user.create","account":"` + account + `","email":"rasmus@example.com","name":"Rasmus Vogel","role":"member"}`).Link)
	for plain, code := range map[string]string{
		"fourteen chars": "too_short", strings.Repeat("x", 1025): "too_long", "qwertyuiop123456789": "common", "Dragon!!!!!!!!!!!": "common",
		"rasmus.vogel.2026!": "contextual", "Vogel2026!!!!!!!": "contextual", "Keyfob-123456789": "contextual",
	} {
		if r := s.setPassword(link, plain); r.status != http.StatusUnprocessableEntity || !strings.Contains(r.body, `"`+code+`"`) {
			t.Errorf("%.20q: %d %s, want %s", plain, r.status, r.body, code)
		}
	}
	for _, body := range []string{``, `{}`, `[]`, `null`, `{"link":"x"}`, `{"password":"x"}`, `{"link":null,"password":"x"}`, `{"link":1,"password":"x"}`, `{"link":"x","password":"y","tenant":"z"}`} {
		if r := s.do("POST", "/v1/password/set", http.Header{"Content-Type": {"application/json"}}, body); r.status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", body, r.status, r.body)
		}
	}
	// S10: a page of another origin can send a form or a text without asking first.
	for _, path := range []string{"/v1/password/set", "/v1/password/reset"} {
		for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded"} {
			if r := s.do("POST", path, http.Header{"Content-Type": {kind}}, `{"link":"`+link+`","password":"`+freshPassword+`"}`); r.status != http.StatusUnsupportedMediaType {
				t.Errorf("%s as %s: %d %s", path, kind, r.status, r.body)
			}
		}
	}
	s.want(s.setPassword(link, freshPassword), http.StatusOK)
}

// P3, S29: a link is in its one mail, or its one answer, and nowhere else: not in the table, the events or the logs; nor is
// any password.
func TestP3ALinkIsInItsMailOnly(t *testing.T) {
	s := newClient(t)
	session := s.login()
	account := s.get("/v1/account", session).text("id")
	made := s.operatorUser(`{"command":"user.create","account":"` + account + `","email":"ivo@example.com","role":"member"}`)
	s.want(s.forgot(testEmail, ""), http.StatusAccepted)
	mailed := append(s.links(testEmail), s.links("ivo@example.com")...)
	shown := s.secretOf(made.Link)
	if len(mailed) != 2 {
		t.Fatalf("%d links", len(mailed))
	}
	trail := s.get("/v1/audit", session).body
	s.ended("a wrong one", s.setPassword(mailed[0][:len(mailed[0])-1]+"!", "canary of a long password"))
	s.want(s.setPassword(mailed[0], freshPassword), http.StatusOK)
	s.want(s.setPassword(mailed[1], freshPassword), http.StatusOK)
	s.mails() // all that is owed is done
	for _, canary := range append([]string{shown, freshPassword, "canary of a long password"}, mailed...) {
		tail := canary[len(canary)-20:]
		mails := 0
		for _, f := range s.files() {
			if !strings.Contains(f.content, tail) {
				continue
			}
			if strings.Contains(f.name, "mail") && strings.HasSuffix(f.name, ".json") {
				mails++
				continue
			}
			t.Errorf("%s… is in %s", canary[:8], f.name)
		}
		if want := map[bool]int{true: 1, false: 0}[canary == mailed[0] || canary == mailed[1]]; mails != want {
			t.Errorf("%s… is in %d mails, want %d", canary[:8], mails, want)
		}
		if strings.Contains(trail, tail) {
			t.Error("the audit trail has it")
		}
	}
}
