package main

import (
	"fmt"
	"net/http"
	"testing"
	"time"
)

// S8: of fifty who use the link of an invitation at once, one sets the password, and theirs it is.
func TestS8OfFiftyUsesOfAnInvitationOneSucceeds(t *testing.T) {
	s := newClient(t)
	boss := s.login()
	id := s.invite(boss, "mia@example.com", "member")
	link := s.linkIn("mia@example.com")
	password := func(i int) string { return fmt.Sprintf("%s %d", newPassword, i) }
	winner := make(chan int, 50)
	won := s.atOnce("an invitation", func(i int) response {
		r := s.setPassword(link, password(i))
		if r.status == http.StatusOK {
			winner <- i
		}
		return r
	})
	if won != 1 {
		t.Fatalf("%d set a password", won)
	}
	s.want(s.attempt("mia@example.com", password(<-winner), ""), http.StatusOK)
	if ids := s.about(boss, "user.joined"); len(ids) != 1 || ids[0] != id {
		t.Errorf("the trail has %v", ids)
	}
}

// S6, S7: of fifty who show the same recovery code or mailed code in one session at once, one is let in; the code is used up,
// and the session is open.
func TestS6OfFiftyUsesOfACodeInOneSessionOneSucceeds(t *testing.T) {
	for _, factor := range []string{"recovery", "email"} {
		s := newClient(t)
		session := s.login()
		s.want(s.post("/v1/me/factors/email", session, nil), http.StatusAccepted)
		r := s.post("/v1/me/factors/email/confirm", session, map[string]any{"code": s.mailed()})
		s.want(r, http.StatusOK)
		codes := s.list(r, "recoveryCodes")
		s.advance(time.Minute)
		locked := s.login()
		code := map[string]string{"recovery": codes[0], "email": s.mailed()}[factor]
		if won := s.atOnce(factor, func(int) response { return s.shows(locked, factor, code) }); won != 1 {
			t.Errorf("%s: %d were taken", factor, won)
		}
		s.want(s.get("/v1/tokens", locked), http.StatusOK)
		body := proofOf(factor, code)
		body["password"] = testPassword
		s.refused(factor+" in the open session", s.post("/v1/login/stepup", locked, body), 422, "factors[0].password")
		s.advance(20 * time.Minute)
		again := s.login()
		s.refused(factor+" again", s.shows(again, factor, code), 422, "factors[0].password")
		if ids := s.about(locked, "codes.used"); len(ids) != map[string]int{"recovery": 1}[factor] {
			t.Errorf("%s: the trail has %v", factor, ids)
		}
	}
}
