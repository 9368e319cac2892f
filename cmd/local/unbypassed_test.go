package main

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// S8: who sets a forgotten password has proven to read the mail, and nothing more: the second factor is asked for as before,
// and no code of it counts twice.
func TestS8AResetIsNoWayAroundTheFactor(t *testing.T) {
	s := newClient(t)
	secret, _ := s.app(s.login())
	old := s.code(secret)
	s.want(s.shows(s.login(), "totp", old), http.StatusOK)
	s.want(s.forgot(testEmail, ""), http.StatusAccepted)
	s.want(s.setPassword(s.links(testEmail)[0], freshPassword), http.StatusOK)

	r := s.attempt(testEmail, freshPassword, "")
	s.want(r, http.StatusOK)
	for _, want := range []string{`"isUnlocked":false`, `"totp"`, `"rights":[]`} {
		if !strings.Contains(r.body, want) {
			t.Errorf("no %s in the login: %s", want, r.body)
		}
	}
	session := r.text("token")
	for _, path := range []string{"/v1/tokens", "/v1/me/factors", "/v1/me"} {
		if r := s.get(path, session); r.status != http.StatusForbidden || !strings.Contains(r.body, "session_locked") {
			t.Errorf("GET %s: %d %s", path, r.status, r.body)
		}
	}
	s.refused("a code that was used before the reset", s.shows(session, "totp", old), 422, "factors[0].password")
	s.advance(time.Minute)
	s.want(s.shows(session, "totp", s.code(secret)), http.StatusOK)
	factors := s.get("/v1/me/factors", session)
	s.want(factors, http.StatusOK)
	if !strings.Contains(factors.body, `"totp":{"enrolledAt":"2026-11-21T20:00:00Z"}`) || !strings.Contains(factors.body, `"recoveryCodes":10`) {
		t.Errorf("%s", factors.body)
	}
}

// S8: nobody sets a password for somebody else, whatever their role: it is set by who reads the mail or knows the former one.
func TestS8NobodySetsAnothersPassword(t *testing.T) {
	s := newClient(t)
	boss := s.login()
	id, _ := s.somebody(boss, "mia", "member")
	_, admin := s.somebody(boss, "max", "admin")
	for who, session := range map[string]string{"an owner": boss, "an admin": admin} {
		for _, body := range []string{`{"password":"` + freshPassword + `"}`, `{"role":"member","password":"` + freshPassword + `"}`} {
			s.refused(who, s.turn(session, id, body), http.StatusBadRequest, "password")
		}
		body := map[string]any{"email": "new@example.com", "role": "member", "password": freshPassword}
		s.refused(who+" who invites", s.post("/v1/users", session, body), http.StatusBadRequest, "password")
	}
	if s.opens("mia@example.com", freshPassword) || !s.opens("mia@example.com", testPassword) {
		t.Error("the password is another")
	}
}

// S12: who has a second factor shows it at a step-up, too; the password alone, a wrong code or a used one make no fresh login.
func TestS12AStepUpTakesTheFactorToo(t *testing.T) {
	s := newClient(t)
	session := s.login()
	secret, _ := s.app(session)
	s.advance(5 * time.Minute)
	stepUp := func(password, code string) response {
		t.Helper()
		body := map[string]any{"password": password}
		if code != "" {
			body["factors"] = proofOf("totp", code)["factors"]
		}
		return s.post("/v1/login/stepup", session, body)
	}
	stale := func(what string) {
		t.Helper()
		if r := s.post("/v1/me/factors/codes", session, nil); r.status != 403 || !strings.Contains(r.body, "fresh_login_required") {
			t.Errorf("after %s: %d %s", what, r.status, r.body)
		}
	}
	stale("nothing")
	s.refused("the password only", stepUp(testPassword, ""), 400, "factors")
	stale("the password only")
	s.refused("a wrong code", stepUp(testPassword, "000000"), 422, "factors[0].password")
	stale("a wrong code")
	s.refused("a wrong password", stepUp("wrong horse battery", s.code(secret)), 422, "password")
	stale("a wrong password")
	code := s.code(secret)
	s.want(stepUp(testPassword, code), http.StatusOK) // which the wrong password has not used up
	s.want(s.post("/v1/me/factors/codes", session, nil), http.StatusOK)
	s.refused("the same code again", stepUp(testPassword, code), 422, "factors[0].password")
	s.advance(5*time.Minute + time.Second)
	stale("the same code again")
	for _, n := range []int{1025, 50_000} {
		s.refused("a long password", stepUp(strings.Repeat("x", n), s.code(secret)), 422, "password")
	}
	stale("a long password")
	s.want(stepUp(testPassword, s.code(secret)), http.StatusOK)
}
