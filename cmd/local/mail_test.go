package main

import (
	"encoding/json"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"keyfob/internal/table/key"
)

// told gives the names before the @ of those who were mailed of the events of a subject since so many mails ago, in order.
func (s *client) told(before int, subject string) string {
	s.Helper()
	mails := s.mails()
	var names []string
	for _, m := range mails[:len(mails)-before] {
		if strings.Contains(m.Subject, subject) {
			name, _, _ := strings.Cut(m.To, "@")
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// feedback hands the feedback function an event, as SNS does, and reports whether it was seen through.
func (s *client) feedback(payload string) bool {
	s.Helper()
	r := s.do("POST", "/_local/lambda/2015-03-31/functions/feedback/invocations", http.Header{"Content-Type": {"application/json"}}, payload)
	s.want(r, http.StatusOK)
	return r.header.Get("X-Amz-Function-Error") == ""
}

// returned is a published event about the address in the place of the example's.
func (s *client) returned(file, address string) string {
	s.Helper()
	text, err := os.ReadFile("../../events/feedback/" + file + ".json")
	if err != nil {
		s.Fatal(err)
	}
	return strings.ReplaceAll(string(text), "owner@example.com", address)
}

// held counts the account's events of addresses that are not written to any more.
func (s *client) held(session string) int {
	s.Helper()
	r := s.get("/v1/audit?action=notice.suppressed", session)
	s.want(r, http.StatusOK)
	return strings.Count(r.body, `"notice.suppressed"`)
}

// S32: mail that came back for good, or was complained of, keeps further mail from its reader, and the other owners are
// told, once; a mail that only came late, and what is damaged or made up, does not.
func TestS32BouncesAndComplaintsSuppress(t *testing.T) {
	for _, c := range []struct {
		file           string
		seen, suppress bool
	}{
		{"bounce", true, true}, {"complaint", true, true}, {"transient", true, false}, {"delivery", true, false}, {"probe", true, false},
		{"bad-no-recipient", false, false}, {"bad-not-json", false, false}, {"bad-not-sns", false, false}, {"bad-recipient", false, false},
	} {
		t.Run(c.file, func(t *testing.T) {
			s := newClient(t)
			boss := s.login()
			s.somebody(boss, "second", "owner")
			s.somebody(boss, "admin", "admin")
			s.create(boss, full("before"))
			if got := s.told(0, `"before" was created`); got != "admin owner second" {
				t.Fatalf("told: %s", got)
			}
			n := len(s.mails())
			for range 10 { // SNS may bring it again
				if s.feedback(s.returned(c.file, "Second@Example.com")) != c.seen {
					t.Fatal("it was not seen through as it should have been")
				}
			}
			s.create(boss, full("after"))
			told, held, about := "admin owner second", 0, ""
			if c.suppress {
				told, held, about = "admin owner", 1, "owner"
			}
			if got := s.told(n, `"after" was created`); got != told {
				t.Errorf("told: %s, want %s", got, told)
			}
			if got := s.told(n, "are not delivered"); got != about {
				t.Errorf("told of it: %q, want %q", got, about)
			}
			if got := s.held(boss); got != held {
				t.Errorf("%d events, want %d", got, held)
			}
			if n := s.service.logsHold("second@example.com"); n != 0 {
				t.Errorf("%d lines of the log name an address", n)
			}
		})
	}
}

// logsHold counts the lines of the functions' logs that hold the text.
func (s *testService) logsHold(text string) int {
	content, err := os.ReadFile(s.dir + "/" + logFile)
	if err != nil {
		return -1
	}
	return strings.Count(strings.ToLower(string(content)), text)
}

// S32: an address is suppressed in every account in which it is somebody's, and in each its owners are told; the operator
// may resume it, in all of them.
func TestS32SuppressionHoldsInEveryAccountUntilTheOperatorResumes(t *testing.T) {
	s := newClient(t)
	boss := s.login()
	admin, _ := s.somebody(boss, "shared", "admin")
	other := s.tenant("otherowner")
	s.somebody(other, "shared2", "member")
	var made struct{ User struct{ ID string } }
	out := s.operate(`{"command":"user.create","account":"` + s.get("/v1/account", other).text("id") + `","email":"shared@example.com","role":"admin","password":"nine bridges under a loud moon"}`)
	if err := json.Unmarshal([]byte(out), &made); err != nil || made.User.ID == "" {
		t.Fatal(out, err)
	}
	n := len(s.mails())
	s.advance(time.Minute) // the example's bounce has happened then
	if !s.feedback(s.returned("bounce", "shared@example.com")) {
		t.Fatal("not seen through")
	}
	if got := s.told(n, "are not delivered"); got != "otherowner owner" {
		t.Errorf("told: %s", got)
	}
	for _, session := range []string{boss, other} {
		if got := s.held(session); got != 1 {
			t.Errorf("%d events", got)
		}
		s.create(session, full("kept back"))
	}
	if got := s.told(n, "kept back"); got != "otherowner owner" {
		t.Errorf("told: %s", got)
	}
	if r := s.get("/v1/users/"+admin, boss); strings.Contains(r.body, "suppress") {
		t.Errorf("%s", r.body)
	}
	for i, want := range []string{`"resumed":true`, `"resumed":false`} {
		if out := s.operate(`{"command":"mail.resume","email":"SHARED@example.com"}`); !strings.Contains(out, want) {
			t.Errorf("%d: %s", i, out)
		}
	}
	n = len(s.mails())
	s.create(boss, full("resumed"))
	s.create(other, full("resumed"))
	if got := s.told(n, "resumed"); got != "otherowner owner shared shared" {
		t.Errorf("told: %s", got)
	}
	if r := s.get("/v1/audit?action=notice.resumed", boss); strings.Count(r.body, `"notice.resumed"`) != 1 {
		t.Errorf("%s", r.body)
	}
	// What was published before the operator resumed is brought again in vain.
	s.feedback(s.returned("bounce", "shared@example.com"))
	items, err := s.service.store.Get(t.Context(), key.Suppression("shared@example.com").Key())
	if err != nil || items[0]["lifted"] == nil {
		t.Errorf("%v, %v", items, err)
	}
}

// C12, S32: who is mailed of what, by the service as a whole.
func TestC12TheRightPeopleAreMailed(t *testing.T) {
	s := newClient(t)
	boss := s.login()
	s.somebody(boss, "second", "owner")
	s.somebody(boss, "admin", "admin")
	member, _ := s.somebody(boss, "member", "member")
	s.mails()
	for _, c := range []struct {
		do      func()
		subject string
		want    string
	}{
		{func() { s.create(boss, full("deploy")) }, `"deploy" was created`, "admin owner second"},
		{func() { s.want(s.turn(boss, member, `{"role":"admin"}`), 200) }, "was changed", "member owner second"},
		{func() { s.want(s.turn(boss, member, `{"status":"disabled"}`), 200) }, "was changed", "member owner second"},
		{func() { s.want(s.turn(boss, member, `{"status":"active"}`), 200) }, "was changed", "member owner second"},
		{func() { s.want(s.patch("/v1/me", boss, "", `{"developerMode":true}`), 200) }, "was changed", ""},
		{func() { s.policy(boss, `{"revealable":true}`) }, "settings were changed", "owner second"},
	} {
		n := len(s.mails())
		c.do()
		if got := s.told(n, c.subject); got != c.want {
			t.Errorf("%s: told %q, want %q", c.subject, got, c.want)
		}
	}
}

// C12: what is muted is not mailed, what was not is; and no policy mutes an alarm.
func TestC12MutedMailsStayAway(t *testing.T) {
	s := newClient(t)
	boss := s.login()
	s.policy(boss, `{"mutedMails":["token.created","token.accessed"],"revealable":true}`)
	s.want(s.patch("/v1/me", boss, "", `{"developerMode":true}`), http.StatusOK)
	n := len(s.mails())
	r := s.post("/v1/tokens", boss, map[string]any{"name": "deploy", "scope": "full", "revealable": true})
	s.want(r, http.StatusCreated)
	handle := r.text("id")
	s.want(s.get("/v1/tokenInfo", r.text("token")), http.StatusOK)
	if got := s.told(n, "deploy"); got != "" {
		t.Errorf("told: %s", got)
	}
	s.want(s.post("/v1/tokens/"+handle+"/reveal", boss, map[string]any{"reason": "lost"}), http.StatusOK)
	if got := s.told(n, "shown in plaintext"); got != "owner" {
		t.Errorf("told: %s", got)
	}
	s.want(s.delete("/v1/tokens/"+handle, boss), http.StatusNoContent)
	if got := s.told(n, "was revoked"); got != "owner" {
		t.Errorf("told: %s", got)
	}
	for _, kind := range []string{"token.revealed", "token.leaked", "token.reused", "session.leaked", "account.changed", "password.changed", "factor.removed", "token.flown"} {
		r := s.patch("/v1/account", boss, "", `{"policy":{"mutedMails":["token.created","`+kind+`"]}}`)
		if r.status != http.StatusBadRequest || !strings.Contains(r.body, `"policy.mutedMails[1]"`) {
			t.Errorf("%s: %d %s", kind, r.status, r.body)
		}
	}
	s.policy(boss, `{"mutedMails":[]}`)
	s.create(boss, full("loud"))
	if got := s.told(n, `"loud" was created`); got != "owner" {
		t.Errorf("told: %s", got)
	}
}
