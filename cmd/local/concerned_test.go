package main

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// everyoneTold gives the names before the @ of all who were mailed of anything since so many mails ago, in order.
func (s *client) everyoneTold(before int) string {
	s.Helper()
	mails := s.mails()
	var names []string
	for _, m := range mails[:len(mails)-before] {
		name, _, _ := strings.Cut(m.To, "@")
		names = append(names, strings.Trim(name, "<\" "))
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// about gives the ids that the account's events of the type are about, newest first.
func (s *client) about(session, action string) (ids []string) {
	s.Helper()
	r := s.get("/v1/audit?limit=100&action="+action, session)
	s.want(r, http.StatusOK)
	var trail struct {
		Events []struct {
			Type    string
			Subject struct{ ID string }
			Also    []struct{ ID string }
		}
	}
	if err := json.Unmarshal([]byte(r.body), &trail); err != nil {
		s.Fatal(r.body, err)
	}
	for _, e := range trail.Events {
		if e.Type != action {
			s.Errorf("asked for %s: %s", action, e.Type)
		}
		ids = append(ids, e.Subject.ID)
	}
	return ids
}

// R1: a person is told of a login from a network that they have not logged in from, once, and nobody else is; where they have
// ever been, and where they log in for the first time of all, is not new.
func TestR1ALoginFromANewNetworkIsMailed(t *testing.T) {
	s := newClient(t)
	boss := s.login()
	s.somebody(boss, "second", "owner")
	id, _ := s.somebody(boss, "mia", "member")
	away := s.from("127.0.1.1")
	for i, step := range []struct {
		who  *client
		told string
	}{{s, ""}, {away, "mia"}, {away, ""}, {s.from("127.0.1.200"), ""}, {s, ""}, {s.from("127.0.2.1"), "mia"}} {
		n := len(s.mails())
		step.who.enter("mia", testPassword)
		if got := s.told(n, "A login from a new network"); got != step.told || s.everyoneTold(n) != step.told {
			t.Errorf("step %d: told %q and in all %q, want %q", i, got, s.everyoneTold(n), step.told)
		}
	}
	told := s.mailsOf("A login from a new network")
	if len(told) != 2 || !strings.Contains(told[1].Text, "127.0.1.1") || !strings.Contains(told[1].Text, "Go-http-client") {
		t.Errorf("the mails are %+v", told)
	}
	n := len(s.mails())
	s.want(away.attempt("mia@example.com", "wrong horse battery", ""), http.StatusUnauthorized)
	s.want(s.from("127.0.3.1").attempt("mia@example.com", "wrong horse battery", ""), http.StatusUnauthorized)
	if got := s.everyoneTold(n); got != "" {
		t.Errorf("of wrong passwords %q were told", got)
	}
	r := s.get("/v1/audit?limit=100&action=session.novel", boss)
	if strings.Count(r.body, `"session.novel"`) != 2 || strings.Count(r.body, id) < 2 || !strings.Contains(r.body, "127.0.1.1") {
		t.Errorf("the trail: %s", r.body)
	}
}

// C12, C15: of what happens to somebody they and the owners are told, of what happens to the account the owners are, and
// nobody else; and each is in the account's trail, about whom it concerns.
func TestPeopleAreToldOfWhatConcernsThem(t *testing.T) {
	s := newClient(t)
	boss := s.login()
	account := s.get("/v1/account", boss).text("id")
	s.somebody(boss, "second", "owner")
	s.somebody(boss, "admin", "admin")
	max, _ := s.somebody(boss, "max", "member")
	mia := s.invite(boss, "mia@example.com", "admin")
	link := s.linkIn("mia@example.com")
	enter := func() string { return s.attempt("mia@example.com", newPassword, "").text("token") }
	var session, secret string
	var codes []string
	offer := func() {
		s.want(s.post("/v1/account/handover", s.login(), map[string]any{"to": mia}), http.StatusCreated)
	}
	wrong := func() {
		locked := enter()
		for range 5 {
			s.want(s.shows(locked, "totp", "000000"), http.StatusUnprocessableEntity)
		}
	}
	const everybody, owners = "mia owner second", "owner second"
	for _, c := range []struct {
		action, about string // about: the subject; empty where it is not a user
		do            func()
		told, says    string
	}{
		{"user.joined", mia, func() { s.want(s.join(link), 200) }, everybody, ""},
		{"factor.enrolled", mia, func() { session = enter(); secret, codes = s.app(session) }, everybody, "second factor"},
		{"factor.refused", "", wrong, everybody, "second factor"},
		{"codes.used", mia, func() { s.advance(20 * time.Minute); s.want(s.shows(enter(), "recovery", codes[0]), 200) }, everybody, "recovery code"},
		{"codes.renewed", mia, func() {
			session = enter()
			s.want(s.shows(session, "totp", s.code(secret)), 200)
			s.want(s.post("/v1/me/factors/codes", session, nil), 200)
		}, everybody, "recovery codes"},
		{"factor.removed", mia, func() { s.want(s.delete("/v1/me/factors/totp", session), 204) }, everybody, "removed"},
		{"password.changed", mia, func() {
			s.want(s.post("/v1/me/password", session, map[string]any{"current": newPassword, "password": freshPassword}), 204)
		}, everybody, "password"},
		{"user.removed", max, func() { s.want(s.delete("/v1/users/"+max, s.login()), 204) }, "max owner second", "removed"},
		{"account.changed", account, func() { s.policy(s.login(), `{"revealable":true}`) }, owners, "changed"},
		{"handover.offered", mia, offer, everybody, "ownership"},
		{"handover.withdrawn", mia, func() { s.want(s.delete("/v1/account/handover", session), 204) }, everybody, "no more"},
		{"handover.offered", mia, offer, everybody, "ownership"},
		{"handover.accepted", mia, func() {
			s.want(s.post("/v1/account/handover/accept", s.attempt("mia@example.com", freshPassword, "").text("token"), nil), 200)
		}, everybody, "passed on"},
		{"account.suspended", account, func() { s.operate(`{"command":"account.suspend","account":"` + account + `"}`) }, "mia second", ""},
		{"account.resumed", account, func() { s.operate(`{"command":"account.resume","account":"` + account + `"}`) }, "mia second", ""},
	} {
		before := 0
		reader := s.attempt("second@example.com", testPassword, "").text("token")
		if reader != "" {
			before = len(s.about(reader, c.action))
		}
		n := len(s.mails())
		c.do()
		if got := s.everyoneTold(n); got != c.told {
			t.Errorf("of %s %q were told, want %q", c.action, got, c.told)
		}
		for _, m := range s.mails()[:len(s.mails())-n] {
			if !strings.Contains(m.Subject, c.says) {
				t.Errorf("%s: the subject is %q", c.action, m.Subject)
			}
		}
		reader = s.attempt("second@example.com", testPassword, "").text("token")
		if reader == "" {
			continue // suspended: the trail is read when it is resumed
		}
		ids := s.about(reader, c.action)
		if len(ids) != before+1 || c.about != "" && ids[0] != c.about {
			t.Errorf("%s: the trail went from %d to %v, want one more about %s", c.action, before, ids, c.about)
		}
	}
	if ids := s.about(s.attempt("second@example.com", testPassword, "").text("token"), "account.suspended"); len(ids) != 1 || ids[0] != account {
		t.Errorf("account.suspended: %v", ids)
	}
}
