package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"keyfob/internal/notice"
)

// of counts the mails to the address whose text has it.
func (s *client) of(to, text string) (n int) {
	s.Helper()
	for _, m := range s.mails() {
		if m.To == to && strings.Contains(m.Text, text) {
			n++
		}
	}
	return n
}

// People are mailed before a token ends: seven days and one day, unless the policy says otherwise.
func TestPeopleAreMailedBeforeATokenEnds(t *testing.T) {
	s := newClient(t)
	session := s.login()
	s.create(session, map[string]any{"name": "deploy", "scope": "full", "expiresIn": 8 * 24 * 3600})
	s.advance(23 * time.Hour)
	if n := s.of(testEmail, "expires in"); n != 0 {
		t.Fatalf("%d reminders too early", n)
	}
	s.advance(time.Hour)
	if n := s.of(testEmail, `API token "deploy" expires in 7 days`); n != 1 {
		t.Errorf("%d reminders of seven days", n)
	}
	s.advance(5*24*time.Hour + 23*time.Hour)
	s.advance(time.Hour)
	if n := s.of(testEmail, `API token "deploy" expires in 24 hours`); n != 1 {
		t.Errorf("%d reminders of the last day", n)
	}
	s.advance(25 * time.Hour)
	if n := s.of(testEmail, "expires in"); n != 2 {
		t.Errorf("%d reminders in all", n)
	}

	session = s.login()
	for body, field := range map[string]string{
		`[2]`: "policy.reminderDays[0]", `[7,7]`: "policy.reminderDays[1]", `[30,14,7,3,1,30]`: "policy.reminderDays", `["7"]`: "policy.reminderDays[0]", `7`: "policy.reminderDays",
	} {
		r := s.do("PATCH", "/v1/account", http.Header{"Authorization": {"Bearer " + session}, "Content-Type": {"application/json"}}, `{"policy":{"reminderDays":`+body+`}}`)
		if s.want(r, http.StatusBadRequest); !strings.Contains(r.body, `"field":"`+field+`"`) {
			t.Errorf("%s: %s", body, r.body)
		}
	}
	s.want(s.send("PATCH", "/v1/account", session, map[string]any{"policy": map[string]any{"reminderDays": []int{3}}}), http.StatusOK)
	s.create(session, map[string]any{"name": "nightly", "scope": "full", "expiresIn": 8 * 24 * 3600})
	s.advance(4 * 24 * time.Hour)
	s.advance(24 * time.Hour)
	s.advance(48 * time.Hour)
	if n := s.of(testEmail, `API token "nightly" expires in 3 days`); n != 1 || s.of(testEmail, `"nightly" expires`) != 1 {
		t.Errorf("%d reminders of three days, %d in all", n, s.of(testEmail, `"nightly" expires`))
	}
}

// P6: many mails in a short time become a digest, which tells of each event once and whose links work.
func TestP6ManyMailsBecomeADigestThroughTheService(t *testing.T) {
	s := newClient(t)
	session := s.login()
	before := len(s.mails())
	var last string
	for i := range notice.Burst + 7 {
		last, _ = s.create(session, full(fmt.Sprintf("token-%02d", i)))
	}
	if n := len(s.mails()) - before; n > notice.Burst {
		t.Errorf("%d mails at once", n)
	}
	s.advance(notice.Window)
	for i := range notice.Burst + 7 {
		if n := s.of(testEmail, fmt.Sprintf(`"token-%02d" was created`, i)); n != 1 {
			t.Errorf("token %d is in %d mails", i, n)
		}
	}
	digest := s.mails()[0]
	if !strings.HasPrefix(digest.EventID, "dgs_") || strings.Count(digest.Text, "evt_") != strings.Count(digest.Text, " was created") {
		t.Fatalf("%s:\n%s", digest.EventID, digest.Text)
	}
	_, after, found := strings.Cut(digest.Text, fmt.Sprintf(`"token-%02d" was created`, notice.Burst+6))
	_, after, _ = strings.Cut(after, s.service.URL+"/disavow/")
	link, _, _ := strings.Cut(after, "\n")
	if !found || link == "" {
		t.Fatalf("no link in\n%s", digest.Text)
	}
	s.want(s.get("/v1/tokenInfo", last), http.StatusOK)
	s.want(s.post("/disavow/"+link, "", nil), http.StatusOK)
	s.want(s.get("/v1/tokenInfo", last), http.StatusUnauthorized)
}

// P6: mails that the mail service does not take are sent when it does, once each; and those behind them are not held up.
func TestP6MailsThatCannotBeSentAreSentLater(t *testing.T) {
	s := newClient(t)
	session := s.login()
	s.mails()
	folder := filepath.Join(s.service.dir, mailFolder)
	if err := os.Rename(folder, folder+".away"); err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		s.create(session, full(fmt.Sprintf("token-%02d", i)))
	}
	for range 10 {
		s.advance(time.Minute)
	}
	if err := os.Rename(folder+".away", folder); err != nil {
		t.Fatal(err)
	}
	for range 60 {
		s.advance(time.Minute)
	}
	for i := range 5 {
		if n := s.of(testEmail, fmt.Sprintf(`"token-%02d" was created`, i)); n != 1 {
			t.Errorf("token %d is in %d mails", i, n)
		}
	}
}

// People choose which ordinary mails they want, in a fresh session; the others of the account get theirs all the same.
func TestPeopleMuteMailsForThemselvesThroughTheService(t *testing.T) {
	s := newClient(t)
	boss := s.login()
	s.somebody(boss, "admin", "admin")
	admin := s.enter("admin", testPassword)
	r := s.send("PATCH", "/v1/me", admin, map[string]any{"mutedMails": []string{"token.created"}})
	if s.want(r, http.StatusOK); !strings.Contains(r.body, `"mutedMails":["token.created"]`) {
		t.Error(r.body)
	}
	s.create(boss, full("quiet"))
	if got := s.told(0, `"quiet" was created`); got != "owner" {
		t.Errorf("told: %s", got)
	}
	for body, field := range map[string]string{`["token.leaked"]`: "mutedMails[0]", `["token.created","token.created"]`: "mutedMails[1]", `"token.created"`: "mutedMails"} {
		r := s.do("PATCH", "/v1/me", http.Header{"Authorization": {"Bearer " + admin}, "Content-Type": {"application/json"}}, `{"mutedMails":`+body+`}`)
		if s.want(r, http.StatusBadRequest); !strings.Contains(r.body, `"field":"`+field+`"`) {
			t.Errorf("%s: %s", body, r.body)
		}
	}
	s.advance(6 * time.Minute)
	r = s.send("PATCH", "/v1/me", admin, map[string]any{"mutedMails": []string{}})
	if s.want(r, http.StatusForbidden); !strings.Contains(r.body, "fresh_login_required") {
		t.Error(r.body)
	}
}

// S32: an owner sees among the users who is not written to any more, and why.
func TestS32OwnersSeeWhoIsNotWrittenTo(t *testing.T) {
	s := newClient(t)
	boss := s.login()
	id, _ := s.somebody(boss, "second", "admin")
	if r := s.get("/v1/users", boss); strings.Contains(r.body, "mailHeld") {
		t.Error(r.body)
	}
	if !s.feedback(s.returned("bounce", "Second@example.com")) {
		t.Fatal("it was not seen through")
	}
	for _, path := range []string{"/v1/users", "/v1/users/" + id} {
		if r := s.get(path, boss); strings.Count(r.body, `"mailHeld":{"reason":"bounce","since":"`) != 1 {
			t.Errorf("%s: %s", path, r.body)
		}
	}
}
