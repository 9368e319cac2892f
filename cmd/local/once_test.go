package main

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// keyed sends a POST request under an Idempotency-Key.
func (s *client) keyed(path, credential, key, body string) response {
	s.Helper()
	return s.do("POST", path, http.Header{
		"Authorization": {"Bearer " + credential}, "Content-Type": {"application/json"}, "Idempotency-Key": {key},
	}, body)
}

// S27: the same key gives the same answer, to the byte, one token, one event and one mail; with another body it is refused.
func TestS27ARepeatedRequestIsCarriedOutOnce(t *testing.T) {
	s := newClient(t)
	session := s.login()
	const body = `{"name":"x","scope":"full"}`
	first := s.keyed("/v1/tokens", session, "k1", body)
	s.want(first, http.StatusCreated)
	s.advance(time.Minute)
	for _, same := range []string{body, `{ "scope": "full", "name": "x" }`} {
		if again := s.keyed("/v1/tokens", session, "k1", same); again.comparable() != first.comparable() {
			t.Errorf("%s\nis not\n%s", again.comparable(), first.comparable())
		}
	}
	s.refused("another body", s.keyed("/v1/tokens", session, "k1", `{"name":"y","scope":"full"}`), 409, "Idempotency-Key")
	rotated := s.keyed("/v1/tokens/"+first.text("id")+"/rotate", session, "k2", "{}")
	s.want(rotated, http.StatusCreated)
	if again := s.keyed("/v1/tokens/"+first.text("id")+"/rotate", session, "k2", "{}"); again.comparable() != rotated.comparable() {
		t.Errorf("%s\nis not\n%s", again.comparable(), rotated.comparable())
	}
	key := s.keyed("/api/v1/api/key", session, "k3", "")
	if again := s.keyed("/api/v1/api/key", session, "k3", ""); again.text("id") != key.text("id") || key.text("id") == "" {
		t.Errorf("%s is not %s", again.body, key.body)
	}
	if n := len(s.mails()); n != 3 {
		t.Errorf("%d mails", n)
	}
	for what, bad := range map[string]string{"empty": "", "long": strings.Repeat("k", 256), "with a space": "a b"} {
		s.refused(what, s.keyed("/v1/tokens", session, bad, body), 400, "Idempotency-Key")
	}
}

// S26: the quota of the account's policy holds through the API.
func TestS26TheQuotaIsThePolicys(t *testing.T) {
	s := newClient(t)
	session := s.login()
	s.policy(session, `{"tokensPerUser":3}`)
	for i := range 3 {
		s.create(session, full(strconv.Itoa(i)))
	}
	r := s.post("/v1/tokens", session, full("x"))
	s.refused("a fourth", r, 409, "")
	if !strings.Contains(r.body, "user_quota_reached") {
		t.Error(r.body)
	}
}

// S27: a key stands for one request about one thing.
func TestS27AKeyStandsForOneThing(t *testing.T) {
	s := newClient(t)
	session := s.login()
	_, one := s.create(session, full("one"))
	_, two := s.create(session, full("two"))
	s.want(s.keyed("/v1/tokens/"+one+"/rotate", session, "k", "{}"), http.StatusCreated)
	s.refused("another token", s.keyed("/v1/tokens/"+two+"/rotate", session, "k", "{}"), 409, "Idempotency-Key")
	for _, id := range []string{"shop", "store"} {
		s.want(s.put("/v1/integrations/"+id, session, map[string]any{"name": id}), http.StatusCreated)
	}
	first := s.keyed("/v1/integrations/shop/tokens", session, "k2", `{"name":"x"}`)
	s.want(first, http.StatusCreated)
	s.refused("another integration", s.keyed("/v1/integrations/store/tokens", session, "k2", `{"name":"x"}`), 409, "Idempotency-Key")
	s.refused("another route", s.keyed("/v1/tokens", session, "k2", `{"name":"x","scope":"full"}`), 409, "Idempotency-Key")
	s.policy(session, `{"revealable":true}`)
	s.want(s.patch("/v1/me", session, "", `{"developerMode":true}`), http.StatusOK)
	_, a := s.create(session, map[string]any{"name": "a", "scope": "full", "revealable": true})
	_, b := s.create(session, map[string]any{"name": "b", "scope": "full", "revealable": true})
	shown := s.keyed("/v1/tokens/"+a+"/reveal", session, "k3", `{"reason":"why"}`)
	s.want(shown, http.StatusOK)
	if again := s.keyed("/v1/tokens/"+a+"/reveal", session, "k3", `{"reason":"why"}`); again.comparable() != shown.comparable() {
		t.Errorf("%s is not %s", again.body, shown.body)
	}
	if n := strings.Count(s.get("/v1/tokens/"+a+"/audit", session).body, "token.revealed"); n != 1 {
		t.Errorf("%d showings recorded", n)
	}
	s.refused("another token", s.keyed("/v1/tokens/"+b+"/reveal", session, "k3", `{"reason":"why"}`), 409, "Idempotency-Key")
}
