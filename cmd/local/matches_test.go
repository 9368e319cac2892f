package main

import (
	"net/http"
	"testing"
	"time"
)

// C5: what is asked for on the condition of an edition is not done to another one, and an invitation is sent again for
// nothing but an empty body.
func TestC5PeopleAreTakenCareOfAsTheyWereRead(t *testing.T) {
	s := newClient(t)
	boss := s.login()
	r := s.post("/v1/users", boss, map[string]any{"email": "nora@example.com", "role": "member"})
	s.want(r, http.StatusCreated)
	nora, edition := r.text("id"), r.header.Get("ETag")
	ask := func(method, path, match, body string) response {
		t.Helper()
		header := http.Header{"Authorization": {"Bearer " + boss}, "If-Match": {match}, "Content-Type": {"application/json"}}
		return s.do(method, "/v1/users/"+path, header, body)
	}
	s.advance(time.Minute)
	s.want(ask("POST", nora+"/invite", `"99"`, ""), http.StatusPreconditionFailed)
	s.refused("a body", ask("POST", nora+"/invite", edition, `{"role":"owner"}`), http.StatusBadRequest, "role")
	s.want(ask("POST", nora+"/invite", edition, "{}"), http.StatusAccepted)

	mia, session := s.somebody(boss, "mia", "member")
	s.app(session)
	boss = s.login()
	s.want(ask("DELETE", mia+"/factors", `"99"`, ""), http.StatusPreconditionFailed)
	edition = s.get("/v1/users/"+mia, boss).header.Get("ETag")
	s.want(ask("DELETE", mia+"/factors", edition, ""), http.StatusNoContent)
}

// S33: whoever holds a link may end it.
func TestS33ALinkIsEndedByWhoeverPresentsIt(t *testing.T) {
	s := newClient(t)
	s.want(s.post("/v1/users", s.login(), map[string]any{"email": "nora@example.com", "role": "member"}), http.StatusCreated)
	links := s.links("nora@example.com")
	if len(links) != 1 {
		t.Fatalf("%d links", len(links))
	}
	secret := links[0]
	for range 2 {
		s.want(s.post("/v1/revoke", "", map[string]any{"token": secret}), http.StatusOK)
	}
	s.refused("it goes on", s.setPassword(secret, testPassword), http.StatusUnprocessableEntity, "link")
}
