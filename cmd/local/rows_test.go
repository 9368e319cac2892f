package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"keyfob/internal/token"
)

// The rows of the systems that Keyfob stands in for, each against the whole running service.

const unauthenticated = `{"message":"Unauthenticated."}`

// login logs the owner in and gives the session's credential.
func (s *client) login() string {
	s.Helper()
	r := s.post("/v1/login", "", map[string]any{"name": testEmail, "password": testPassword, "returnToken": true})
	s.want(r, http.StatusOK)
	return r.text("token")
}

// create makes a token and gives it with its handle.
func (s *client) create(session string, body map[string]any) (secret, handle string) {
	s.Helper()
	r := s.post("/v1/tokens", session, body)
	s.want(r, http.StatusCreated)
	return r.text("token"), r.text("id")
}

func full(name string) map[string]any { return map[string]any{"name": name, "scope": "full"} }

// C1: every API request carries the token as a bearer.
func TestC1RequestsCarryABearerToken(t *testing.T) {
	s := newClient(t)
	secret, _ := s.create(s.login(), full("deploy"))
	for _, scheme := range []string{"Bearer ", "bearer ", "BEARER "} {
		s.want(s.do("GET", "/v1/tokenInfo", http.Header{"Authorization": {scheme + secret}}, ""), http.StatusOK)
	}
	for name, header := range map[string]http.Header{
		"missing": nil, "empty": {"Authorization": {""}}, "basic": {"Authorization": {"Basic eDp5"}}, "bare": {"Authorization": {secret}},
		"two": {"Authorization": {"Bearer " + secret, "Bearer " + secret}},
	} {
		if r := s.do("GET", "/v1/tokenInfo", header, ""); r.status != 401 || r.body != unauthenticated {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
	}
	r := s.do("GET", "/api/v1/tokenInfo?token="+secret, http.Header{"Authorization": {"Bearer " + secret}}, "")
	if r.status != 401 {
		t.Errorf("header and query together: %d", r.status)
	}
}

// C7: tokenInfo names the user and the scope; it is 401 for whatever is not a valid token.
func TestC7TokenInfoTellsAValidTokenFromAnyOther(t *testing.T) {
	s := newClient(t)
	session := s.login()
	me := s.get("/v1/tokenInfo", session).text("_userId")
	secret, handle := s.create(session, full("deploy"))
	r := s.get("/v1/tokenInfo", secret)
	s.want(r, http.StatusOK)
	if r.text("_userId") != me || me == "" || r.text("scope") != "*" || r.text("id") != handle {
		t.Errorf("full: %s", r.body)
	}
	s.want(s.put("/v1/exports/orders", session, map[string]any{"name": "Orders"}), http.StatusCreated)
	narrow, _ := s.create(session, map[string]any{"name": "narrow", "scope": "custom", "grants": map[string]any{"exports": []any{"orders"}}})
	r = s.get("/v1/tokenInfo", narrow)
	s.want(r, http.StatusOK)
	if r.text("_userId") != me || r.text("scope") != "custom" || !strings.Contains(r.body, "orders") {
		t.Errorf("custom: %s", r.body)
	}
	short, _ := s.create(session, map[string]any{"name": "short", "scope": "full", "autoPurge": "1h"})
	gone, goneHandle := s.create(session, full("gone"))
	s.want(s.delete("/v1/tokens/"+goneHandle, session), http.StatusNoContent)
	s.advance(time.Hour)
	for name, presented := range map[string]string{
		"malformed": secret[1:], "expired": short, "revoked": gone, "unknown": token.Form{Brand: "kf", Realm: "us"}.New(token.API).Plaintext().Reveal(),
	} {
		if r := s.get("/v1/tokenInfo", presented); r.status != 401 || r.body != unauthenticated || r.header.Get("WWW-Authenticate") != `Bearer realm="us"` {
			t.Errorf("%s: %d %v %s", name, r.status, r.header, r.body)
		}
	}
	s.want(s.get("/v1/tokenInfo", secret), http.StatusOK)
}

// C9: another realm's token is refused, without a read.
func TestC9AnotherRealmsTokenIsRefused(t *testing.T) {
	s := newClient(t)
	eu := token.Form{Brand: "kf", Realm: "eu"}.New(token.API).Plaintext().Reveal()
	before := s.reads()
	if r := s.get("/v1/tokenInfo", eu); r.status != 401 || r.body != unauthenticated {
		t.Errorf("%d %s", r.status, r.body)
	}
	if after := s.reads(); after != before {
		t.Errorf("%d reads", after-before)
	}
}

// K3, S14: only a hash is stored: neither the table nor a log nor a mail holds a credential.
func TestK3OnlyAHashIsStored(t *testing.T) {
	s := newClient(t)
	session := s.login()
	secret, _ := s.create(session, full("deploy"))
	key := s.post("/api/v1/api/key?token="+session, "", nil).text("id")
	s.want(s.get("/v1/tokenInfo", secret), http.StatusOK)
	s.want(s.get("/api/v1/tokenInfo?token="+key, ""), http.StatusOK)
	if n := len(s.mails()); n != 4 {
		t.Errorf("%d mails, want one of each creation and one of each first use", n)
	}
	for _, canary := range []string{secret, key, session, testPassword} {
		tail := canary[len(canary)-16:]
		for _, file := range s.files() {
			if strings.Contains(file.content, tail) {
				t.Errorf("%s holds a secret", file.name)
			}
		}
	}
}

// K5: missing, invalid and expired credentials get exactly the same answer.
func TestK5AllInvalidCredentialsAreAnsweredAlike(t *testing.T) {
	s := newClient(t)
	session := s.login()
	expired, _ := s.create(session, map[string]any{"name": "short", "scope": "full", "autoPurge": "1h"})
	s.advance(time.Hour)
	for _, path := range []string{"/v1/tokenInfo", "/v1/tokens", "/v1/exports", "/v1/exports/a", "/v1/logout", "/v1/login", "/api/v1/api/key"} {
		var first response
		for i, presented := range []string{"", "nonsense", expired} {
			r := s.get(path, presented)
			if i == 0 {
				first = r
			}
			if r.status != 401 || r.body != unauthenticated || r.comparable() != first.comparable() {
				t.Errorf("%s %d: %s, want %s", path, i, r.comparable(), first.comparable())
			}
		}
	}
}

// R1: the login answers in the exact shape, and GET tells the same of a session.
func TestR1TheLoginsShape(t *testing.T) {
	s := newClient(t)
	r := s.post("/api/v1/login", "", map[string]any{"name": testEmail, "password": testPassword, "returnToken": true})
	s.want(r, http.StatusOK)
	var in struct {
		Logged, IsUnlocked bool
		Token, Tenant      string
		User, Settings     map[string]any
		Rights             []string
	}
	if err := json.Unmarshal([]byte(r.body), &in); err != nil {
		t.Fatal(err)
	}
	if !in.Logged || !in.IsUnlocked || !strings.HasPrefix(in.Token, "kfs_us_") || in.Tenant == "" || in.User["email"] != testEmail || len(in.Settings) == 0 || len(in.Rights) == 0 {
		t.Errorf("%s", r.body)
	}
	if len(r.header["Set-Cookie"]) != 0 {
		t.Error("a login that returns its token sets a cookie too")
	}
	again := s.get("/api/v1/login?token="+in.Token, "")
	s.want(again, http.StatusOK)
	if again.text("tenant") != in.Tenant || strings.Contains(again.body, in.Token) || !strings.Contains(again.body, `"logged":true`) {
		t.Errorf("%s", again.body)
	}
	s.want(s.post("/v1/login", "", map[string]any{"name": testEmail, "password": testPassword, "tenant": in.Tenant, "returnToken": true}), http.StatusOK)
	for name, body := range map[string]map[string]any{
		"wrong password": {"name": testEmail, "password": "wrong horse battery", "returnToken": true},
		"unknown name":   {"name": "nobody@example.com", "password": testPassword, "returnToken": true},
		"another tenant": {"name": testEmail, "password": testPassword, "tenant": "acc_0000000000000000", "returnToken": true},
	} {
		if r := s.post("/v1/login", "", body); r.status != 401 || r.body != unauthenticated {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
	}
	cookie := s.post("/v1/login", "", map[string]any{"name": testEmail, "password": testPassword})
	s.want(cookie, http.StatusOK)
	set := cookie.header.Get("Set-Cookie")
	if strings.Contains(cookie.body, "kfs_") || !strings.HasPrefix(set, "__Host-keyfob=kfs_us_") {
		t.Errorf("without returnToken: %s, %s", cookie.body, set)
	}
	value, _, _ := strings.Cut(set, ";")
	s.want(s.do("GET", "/v1/tokenInfo", http.Header{"Cookie": {value}}, ""), http.StatusOK)
	s.want(s.do("POST", "/v1/tokens", http.Header{"Cookie": {value}, "Content-Type": {"application/json"}, "Sec-Fetch-Site": {"cross-site"}}, `{"name":"x","scope":"full"}`), http.StatusUnauthorized)
	s.want(s.do("POST", "/v1/tokens", http.Header{"Cookie": {value}, "Content-Type": {"application/json"}, "Sec-Fetch-Site": {"same-origin"}}, `{"name":"x","scope":"full"}`), http.StatusCreated)
}

// R3: a key is made with or without a body, lives ten years, and may make another.
func TestR3KeysLiveTenYearsAndMakeOthers(t *testing.T) {
	s := newClient(t)
	session := s.login()
	var keys []string
	for _, body := range []map[string]any{{"description": "nightly export"}, nil, {}} {
		r := s.post("/api/v1/api/key?token="+session, "", body)
		s.want(r, http.StatusOK)
		keys = append(keys, r.text("id"))
	}
	r := s.post("/api/v1/api/key?token="+keys[0], "", nil)
	s.want(r, http.StatusOK)
	keys = append(keys, r.text("id"))
	for i, key := range keys {
		info := s.get("/api/v1/tokenInfo?token="+key, "")
		s.want(info, http.StatusOK)
		if info.text("scope") != "*" {
			t.Errorf("key %d: %s", i, info.body)
		}
	}
	s.advance(10*365*24*time.Hour - time.Hour)
	s.want(s.get("/api/v1/tokenInfo?token="+keys[0], ""), http.StatusOK)
	s.advance(4 * 24 * time.Hour)
	s.want(s.get("/api/v1/tokenInfo?token="+keys[0], ""), http.StatusUnauthorized)
}

// R4: logging out ends the session only.
func TestR4LogoutEndsTheSessionOnly(t *testing.T) {
	s := newClient(t)
	session, other := s.login(), s.login()
	key := s.post("/api/v1/api/key?token="+session, "", nil).text("id")
	s.want(s.get("/api/v1/logout?token="+session, ""), http.StatusOK)
	s.want(s.get("/api/v1/tokenInfo?token="+session, ""), http.StatusUnauthorized)
	s.want(s.get("/api/v1/tokenInfo?token="+key, ""), http.StatusOK)
	s.want(s.get("/v1/tokenInfo", other), http.StatusOK)
	s.want(s.get("/api/v1/logout?token="+key, ""), http.StatusOK)
	s.want(s.get("/api/v1/tokenInfo?token="+key, ""), http.StatusOK)
	s.want(s.post("/v1/logout", other, nil), http.StatusOK)
	s.want(s.get("/v1/tokenInfo", other), http.StatusUnauthorized)
}

// R5: API tokens are accepted wherever sessions are, in the query string too, but there on /api/v1 only.
func TestR5TokensAreAcceptedWhereSessionsAre(t *testing.T) {
	s := newClient(t)
	session := s.login()
	key := s.post("/api/v1/api/key?token="+session, "", nil).text("id")
	for _, presented := range []string{session, key} {
		for _, path := range []string{"/api/v1/login", "/api/v1/tokenInfo", "/api/v1/api/key"} {
			r := s.get(path+"?token="+presented, "")
			s.want(r, http.StatusOK)
			if r.header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s may be stored", path)
			}
		}
		s.want(s.post("/api/v1/search?token="+presented, "", map[string]any{"from": 0, "size": 10}), http.StatusOK)
		s.want(s.get("/v1/tokenInfo?token="+presented, ""), http.StatusUnauthorized)
	}
}

// R6: a search answers with what the token's user may see.
func TestR6SearchShowsWhatTheUserMaySee(t *testing.T) {
	s := newClient(t)
	session := s.login()
	for i := range 12 {
		s.want(s.put(fmt.Sprintf("/v1/exports/e%02d", i), session, map[string]any{"name": fmt.Sprintf("Export %d", i)}), http.StatusCreated)
	}
	r := s.post("/api/v1/search?token="+session, "", map[string]any{"from": 10, "size": 10})
	s.want(r, http.StatusOK)
	var found struct {
		From, Total int
		Results     []struct{ DocumentID, CreatedBy string }
		Users       map[string]struct{ Name string }
	}
	if err := json.Unmarshal([]byte(r.body), &found); err != nil {
		t.Fatal(err)
	}
	if found.From != 10 || found.Total != 12 || len(found.Results) != 2 || found.Results[0].DocumentID != "e10" || found.Users[found.Results[0].CreatedBy].Name == "" {
		t.Errorf("%s", r.body)
	}
	narrow, _ := s.create(session, map[string]any{"name": "narrow", "scope": "custom", "grants": map[string]any{"exports": []any{map[string]any{"id": "e03", "actions": []string{"read"}}}}})
	r = s.post("/api/v1/search?token="+narrow, "", map[string]any{"from": 0, "size": 10})
	s.want(r, http.StatusOK)
	if !strings.Contains(r.body, `"total":1`) || !strings.Contains(r.body, "e03") {
		t.Errorf("%s", r.body)
	}
	s.want(s.get("/v1/exports/e03", narrow), http.StatusOK)
	s.want(s.get("/v1/exports/e04", narrow), http.StatusForbidden)
	s.want(s.put("/v1/exports/e03", narrow, map[string]any{"name": "x"}), http.StatusForbidden)
	s.want(s.get("/v1/imports", narrow), http.StatusForbidden)
	if r := s.get("/v1/exports", narrow); r.status != 200 || strings.Contains(r.body, "e04") || !strings.Contains(r.body, "e03") {
		t.Errorf("%s", r.body)
	}
}

// R7: keys are listed, and the one presented is revoked at once with no other credential.
func TestR7APresentedKeyIsRevokedAtOnce(t *testing.T) {
	s := newClient(t)
	session := s.login()
	key := s.post("/api/v1/api/key?token="+session, "", map[string]any{"description": "nightly"}).text("id")
	listed := s.get("/api/v1/api/key?token="+session, "")
	s.want(listed, http.StatusOK)
	if !strings.Contains(listed.body, `"nightly"`) || !strings.Contains(listed.body, `"results":[`) || strings.Contains(listed.body, key) {
		t.Errorf("%s", listed.body)
	}
	for range 2 {
		s.want(s.delete("/api/v1/api/key/"+key, ""), http.StatusOK)
		s.want(s.get("/api/v1/tokenInfo?token="+key, ""), http.StatusUnauthorized)
	}
	if listed := s.get("/api/v1/api/key?token="+session, ""); strings.Contains(listed.body, "nightly") {
		t.Errorf("%s", listed.body)
	}
	body := s.post("/api/v1/api/key?token="+session, "", nil).text("id")
	s.want(s.post("/v1/revoke", "", map[string]any{"token": body}), http.StatusOK)
	s.want(s.get("/v1/tokenInfo", body), http.StatusUnauthorized)
	form := s.post("/api/v1/api/key?token="+session, "", nil).text("id")
	s.want(s.do("POST", "/v1/revoke", http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, "token="+form+"&token_type_hint=access_token"), http.StatusOK)
	s.want(s.get("/v1/tokenInfo", form), http.StatusUnauthorized)
	unknown := token.Form{Brand: "kf", Realm: "us"}.New(token.API).Plaintext().Reveal()
	if a, b := s.delete("/api/v1/api/key/"+unknown, ""), s.delete("/api/v1/api/key/"+key, ""); a.comparable() != b.comparable() {
		t.Errorf("an unknown key: %s; a revoked one: %s", a.comparable(), b.comparable())
	}
}
