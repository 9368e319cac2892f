package main

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// C2: a token with auto purge stops working when it is due, to the second, and its record goes by itself.
func TestC2AutoPurgeEndsATokenToTheSecond(t *testing.T) {
	s := newClient(t)
	session := s.login()
	for choice, life := range map[string]time.Duration{"1h": time.Hour, "4h": 4 * time.Hour} {
		r := s.post("/v1/tokens", session, map[string]any{"name": "x", "scope": "full", "autoPurge": choice})
		s.want(r, http.StatusCreated)
		if r.text("autoPurge") != choice || r.text("purgeAt") != r.text("expiresAt") || r.text("purgeAt") == "" {
			t.Errorf("%s: %s", choice, r.body)
		}
		secret, handle := r.text("token"), r.text("id")
		s.advance(life - 2*time.Second) // a request takes its time, and the clock runs
		s.want(s.get("/v1/tokenInfo", secret), http.StatusOK)
		s.advance(3 * time.Second)
		s.want(s.get("/v1/tokenInfo", secret), http.StatusUnauthorized)
		session = s.login() // the one before has been idle for too long
		s.want(s.get("/v1/tokens/"+handle, session), http.StatusNotFound)
		if list := s.get("/v1/tokens", session); strings.Contains(list.body, handle) {
			t.Errorf("%s: still listed", choice)
		}
	}
	s.refused("an unknown choice", s.post("/v1/tokens", session, map[string]any{"name": "x", "scope": "full", "autoPurge": "2h"}), 400, "autoPurge")
	s.refused("with an instant", s.post("/v1/tokens", session, map[string]any{"name": "x", "scope": "full", "autoPurge": "1h", "expiresAt": "2099-01-01T00:00:00Z"}), 422, "expiresAt")
	s.refused("with a length", s.post("/v1/tokens", session, map[string]any{"name": "x", "scope": "full", "autoPurge": "1h", "expiresIn": 60}), 422, "expiresIn")
}

// C3: longer than an hour needs the licence, which the operator gives and takes.
func TestC3TheLicenceIsNeededForLongerThanAnHour(t *testing.T) {
	s := newClient(t)
	session := s.login()
	account := s.get("/v1/tokenInfo", session).text("accountId")
	if answer := s.operate(`{"command":"account.license","account":"` + account + `","apiManagement":false}`); strings.Contains(answer, "errors") {
		t.Fatal(answer)
	}
	for _, choice := range []string{"4h", "30d", "never"} {
		r := s.post("/v1/tokens", session, map[string]any{"name": "x", "scope": "full", "autoPurge": choice})
		s.refused(choice, r, 402, "autoPurge")
		if !strings.Contains(r.body, "licence") {
			t.Errorf("it does not say why: %s", r.body)
		}
	}
	s.refused("the default", s.post("/v1/tokens", session, full("x")), 402, "")
	s.refused("a kept key", s.post("/api/v1/api/key", session, nil), 402, "")
	s.create(session, map[string]any{"name": "x", "scope": "full", "autoPurge": "1h"})
	s.operate(`{"command":"account.license","account":"` + account + `","apiManagement":true}`)
	s.create(session, map[string]any{"name": "x", "scope": "full", "autoPurge": "30d"})
}

// C17: a token that is never purged stays in the list, and can still be shown.
func TestC17ATokenForEverStaysInTheList(t *testing.T) {
	s := newClient(t)
	session := s.login()
	s.policy(session, `{"revealable":true}`)
	s.want(s.patch("/v1/me", session, "", `{"developerMode":true}`), http.StatusOK)
	secret, handle := s.create(session, map[string]any{"name": "for ever", "scope": "full", "autoPurge": "never", "revealable": true})
	s.advance(3 * 365 * 24 * time.Hour)
	session = s.login()
	list := s.get("/v1/tokens", session)
	if !strings.Contains(list.body, handle) || !strings.Contains(list.body, `"autoPurge":"never"`) || !strings.Contains(list.body, `"revealable":true`) {
		t.Errorf("%s", list.body)
	}
	r := s.post("/v1/tokens/"+handle+"/reveal", session, map[string]any{"reason": "three years on"})
	if s.want(r, http.StatusOK); r.text("token") != secret {
		t.Error("another secret")
	}
	s.want(s.get("/v1/tokenInfo", secret), http.StatusOK)
}

// K2: 180 days by default, full scope, one token for every endpoint.
func TestK2TheDefaultLifeIs180Days(t *testing.T) {
	s := newClient(t)
	session := s.login()
	r := s.post("/v1/tokens", session, full("x"))
	s.want(r, http.StatusCreated)
	made, err := time.Parse(time.RFC3339, r.text("createdAt"))
	if err != nil {
		t.Fatal(err)
	}
	ends, err := time.Parse(time.RFC3339, r.text("expiresAt"))
	if d := ends.Sub(made) - 180*24*time.Hour; err != nil || d < 0 || d > 2*time.Second {
		t.Errorf("from %v to %v", made, ends)
	}
	for _, path := range []string{"/v1/tokenInfo", "/v1/tokens", "/v1/exports", "/v1/audit", "/v1/users", "/v1/account", "/api/v1/api/key"} {
		s.want(s.get(path, r.text("token")), http.StatusOK)
	}
	s.policy(session, `{"defaultLifeSeconds":86400,"maxLifeSeconds":172800}`)
	capped := s.post("/api/v1/api/key", session, nil)
	s.want(capped, http.StatusOK)
	s.advance(48*time.Hour + 2*time.Second)
	s.want(s.get("/v1/tokenInfo", capped.text("id")), http.StatusUnauthorized) // ten years, but for the policy
	s.want(s.get("/v1/tokenInfo", r.text("token")), http.StatusOK)             // it was made before
}

// K6: an expired token stays to be seen until somebody deletes it; a new one replaces it.
func TestK6AnExpiredTokenStaysVisible(t *testing.T) {
	s := newClient(t)
	session := s.login()
	secret, handle := s.create(session, map[string]any{"name": "x", "scope": "full", "expiresIn": 3600})
	s.advance(time.Hour + time.Second)
	s.want(s.get("/v1/tokenInfo", secret), http.StatusUnauthorized)
	s.advance(22 * time.Hour)
	session = s.login()
	r := s.get("/v1/tokens/"+handle, session)
	if s.want(r, http.StatusOK); r.text("status") != "expired" {
		t.Errorf("%s", r.body)
	}
	s.refused("a longer life", s.patch("/v1/tokens/"+handle, session, "", `{"expiresIn":7200}`), 409, "expiresIn")
	s.want(s.post("/v1/tokens/"+handle+"/rotate", session, nil), http.StatusCreated)
	s.want(s.delete("/v1/tokens/"+handle, session), http.StatusNoContent)
	if list := s.get("/v1/tokens", session); strings.Contains(list.body, `"id":"`+handle) {
		t.Errorf("still listed: %s", list.body)
	}
}

// C2, C10: a rotation under a shorter policy still deletes what was to be deleted by itself.
func TestC2ACutLifeIsStillPurged(t *testing.T) {
	s := newClient(t)
	session := s.login()
	_, handle := s.create(session, map[string]any{"name": "x", "scope": "full", "autoPurge": "30d"})
	s.policy(session, `{"maxLifeSeconds":864000}`)
	r := s.post("/v1/tokens/"+handle+"/rotate", session, nil)
	s.want(r, http.StatusCreated)
	if r.text("purgeAt") == "" || r.text("purgeAt") != r.text("expiresAt") {
		t.Errorf("%s", r.body)
	}
	s.refused("no id", s.put("/v1/exports/q", session, map[string]any{"name": "x", "integration": "*"}), 400, "integration")
}
