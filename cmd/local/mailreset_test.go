package main

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// S8: whoever reads somebody's mail sets their password, and is let in by no code that comes to the same mailbox, until
// something else was shown.
func TestS8TheMailboxAloneOpensNoAccount(t *testing.T) {
	s := newClient(t)
	session := s.login()
	s.want(s.post("/v1/me/factors/email", session, nil), http.StatusAccepted)
	r := s.post("/v1/me/factors/email/confirm", session, map[string]any{"code": s.mailed()})
	s.want(r, http.StatusOK)
	codes := s.list(r, "recoveryCodes")
	const chosen = "seven lanterns over a quiet river"
	s.want(s.forgot(testEmail, ""), http.StatusAccepted)
	s.want(s.setPassword(s.links(testEmail)[0], chosen), http.StatusOK)
	s.advance(time.Minute)

	login := func() response {
		t.Helper()
		r := s.post("/v1/login", "", map[string]any{"name": testEmail, "password": chosen, "returnToken": true})
		s.want(r, http.StatusOK)
		return r
	}
	before := len(s.mails())
	r = login()
	if !strings.Contains(r.body, `"factors":["recovery"]`) || len(s.mails()) != before {
		t.Errorf("%s; %d mails", r.body, len(s.mails())-before)
	}
	session = r.text("token")
	for path, want := range map[string]struct {
		field string
		body  map[string]any
	}{
		"/v1/login/challenge": {"factor", map[string]any{"factor": "email"}},
		"/v1/login/unlock":    {"factors[0].factor", proofOf("email", "123456")},
	} {
		r := s.post(path, session, want.body)
		s.refused(path, r, http.StatusUnprocessableEntity, want.field)
		if !strings.Contains(r.body, `"mail_not_enough"`) {
			t.Errorf("%s: %s", path, r.body)
		}
	}
	s.want(s.shows(session, "recovery", codes[0]), http.StatusOK)
	r = login()
	if !strings.Contains(r.body, `"factors":["email","recovery"]`) {
		t.Errorf("%s", r.body)
	}
	s.want(s.shows(r.text("token"), "email", s.mailed()), http.StatusOK)
}
