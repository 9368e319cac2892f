package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"keyfob/internal/gateway"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

// problem is what every refusal but a 401 says.
type problem struct {
	Status  int
	Message string
	Errors  []struct{ Code, Message, Field string }
}

// refused checks that an answer is the status, and a problem about the field; empty for any.
func (s *client) refused(what string, r response, status int, field string) {
	s.Helper()
	if r.status != status {
		s.Errorf("%s: %d %s, want %d", what, r.status, r.body, status)
		return
	}
	if status == http.StatusUnauthorized {
		if r.body != unauthenticated {
			s.Errorf("%s: %s", what, r.body)
		}
		return
	}
	var p problem
	err := json.Unmarshal([]byte(r.body), &p)
	if err != nil || p.Status != status || p.Message == "" || len(p.Errors) == 0 || r.header.Get("Content-Type") != "application/problem+json" {
		s.Errorf("%s: not a problem: %v %s", what, r.header, r.body)
		return
	}
	if field != "" && p.Errors[0].Field != field {
		s.Errorf("%s: about %q, want %q: %s", what, p.Errors[0].Field, field, r.body)
	}
}

// S24, C18: each bad body is refused with a problem that names the field, and nothing is made.
func TestS24BadBodiesAreRefusedByField(t *testing.T) {
	s := newClient(t)
	session := s.login()
	long := strings.Repeat("x", 10_000)
	for _, c := range []struct {
		method, path, body string
		status             int
		field              string
	}{
		{"POST", "/v1/tokens", "", 400, "body"},
		{"POST", "/v1/tokens", "[]", 400, "body"},
		{"POST", "/v1/tokens", `{"scope":"full"}`, 400, "name"},
		{"POST", "/v1/tokens", `{"name":"","scope":"full"}`, 400, "name"},
		{"POST", "/v1/tokens", `{"name":null,"scope":"full"}`, 400, "name"},
		{"POST", "/v1/tokens", `{"name":1,"scope":"full"}`, 400, "name"},
		{"POST", "/v1/tokens", `{"name":"` + long + `","scope":"full"}`, 400, "name"},
		{"POST", "/v1/tokens", `{"name":"a\u0000b","scope":"full"}`, 400, "name"},
		{"POST", "/v1/tokens", `{"name":"a\r\nb","scope":"full"}`, 400, "name"},
		{"POST", "/v1/tokens", `{"name":"a\u202eb","scope":"full"}`, 400, "name"},
		{"POST", "/v1/tokens", `{"name":" a","scope":"full"}`, 400, "name"},
		{"POST", "/v1/tokens", "{\"name\":\"\xff\",\"scope\":\"full\"}", 400, "body"},
		{"POST", "/v1/tokens", `{"name":"a","scope":"full","description":"` + long + `"}`, 400, "description"},
		{"POST", "/v1/tokens", `{"name":"a","scope":"full","nme":1}`, 400, "nme"},
		{"POST", "/v1/tokens", `{"name":"a","name":"b","scope":"full"}`, 400, "name"},
		{"POST", "/v1/tokens", `{"name":"a","scope":"full"} {}`, 400, "body"},
		{"POST", "/v1/tokens", `{"name":"a","scope":"full","autoPurge":"2h"}`, 400, "autoPurge"},
		{"POST", "/v1/tokens", `{"name":"a","scope":"full","autoPurge":3600}`, 400, "autoPurge"},
		{"POST", "/v1/tokens", `{"name":"a","scope":"full","expiresAt":"tomorrow"}`, 400, "expiresAt"},
		{"POST", "/v1/tokens", `{"name":"a","scope":"full","expiresAt":"2020-01-01T00:00:00Z"}`, 422, "expiresAt"},
		{"POST", "/v1/tokens", `{"name":"a","scope":"full","autoPurge":"1h","expiresAt":"2036-01-01T00:00:00Z"}`, 422, "expiresAt"},
		{"POST", "/v1/tokens", `{"name":"a","scope":"full","expiresAt":"9999-12-31T23:59:59-01:00"}`, 422, "expiresAt"},
		{"POST", "/v1/tokens", `{"name":"a","scope":"full","autoPurge":""}`, 400, "autoPurge"},
		{"POST", "/v1/tokens", `{"name":"a","scope":"full","autoPurge":null}`, 400, "autoPurge"},
		{"POST", "/v1/tokens", `{"name":"a","scope":"custom","grants":{"exports":[{"id":"b","actions":null}]}}`, 400, "grants.exports[0].actions"},
		{"POST", "/v1/tokens", `{"name":"a"}`, 422, "scope"},
		{"POST", "/v1/tokens", `{"name":"a","scope":"all"}`, 422, "scope"},
		{"POST", "/v1/tokens", `{"name":"a","scope":"full","grants":{}}`, 422, "grants"},
		{"POST", "/v1/tokens", `{"name":"a","scope":"custom"}`, 422, "grants"},
		{"POST", "/v1/tokens", `{"name":"a","scope":"custom","grants":{"files":[]}}`, 400, "grants.files"},
		{"POST", "/v1/tokens", `{"name":"a","scope":"custom","grants":{"exports":[""]}}`, 400, "grants.exports[0].id"},
		{"POST", "/v1/tokens", `{"name":"a","scope":"custom","grants":{"exports":["a",{"id":"b","actions":["delete"]}]}}`, 400, "grants.exports[1].actions[0]"},
		{"POST", "/v1/tokens", `{"name":"a","scope":"custom","grants":{"exports":[{"id":"b","actions":[]}]}}`, 400, "grants.exports[0].actions"},
		{"POST", "/v1/tokens", `{"name":"a","scope":"custom","grants":{"exports":[{"id":"b","what":1}]}}`, 400, "grants.exports[0].what"},
		{"POST", "/v1/tokens", `{"name":"a","scope":"custom","grants":{"exports":[7]}}`, 400, "grants.exports[0]"},
		{"POST", "/v1/tokens", `{"name":"` + strings.Repeat("x", 100<<10) + `"}`, 413, "body"},
		{"POST", "/api/v1/api/key", `{"description":1}`, 400, "description"},
		{"POST", "/api/v1/api/key", `{"name":"x"}`, 400, "name"},
		{"POST", "/api/v1/search", `{"from":-1}`, 400, "from"},
		{"POST", "/api/v1/search", `{"size":101}`, 400, "size"},
		{"POST", "/api/v1/search", `{"size":"10"}`, 400, "size"},
		{"POST", "/api/v1/search", `{"sise":10}`, 400, "sise"},
		{"PUT", "/v1/exports/a", `{}`, 400, "name"},
		{"PUT", "/v1/exports/a", `{"name":"a","id":"b"}`, 400, "id"},
		{"PUT", "/v1/exports/a%20b", `{"name":"a"}`, 400, "id"},
		{"PUT", "/v1/exports/" + strings.Repeat("a", 65), `{"name":"a"}`, 400, "id"},
		{"PUT", "/v1/files/a", `{"name":"a"}`, 404, ""},
		{"POST", "/v1/login", `{"password":"x"}`, 400, "name"},
		{"POST", "/v1/login", `{"name":"owner@example.com"}`, 400, "password"},
		{"POST", "/v1/login", `{"name":"owner@example.com","password":"x","otp":"1"}`, 400, "otp"},
		{"POST", "/v1/login", `{"name":"` + long + `","password":"x"}`, 400, "name"},
		{"POST", "/v1/login", `{"name":"owner@example.com","password":"x","returnToken":"true"}`, 400, "returnToken"},
		{"POST", "/v1/revoke", `{}`, 400, "token"},
		{"POST", "/v1/revoke", `{"token":7}`, 400, "token"},
	} {
		header := http.Header{"Content-Type": {"application/json"}, "Authorization": {"Bearer " + session}}
		s.refused(c.method+" "+c.path+" "+c.body[:min(len(c.body), 90)], s.do(c.method, c.path, header, c.body), c.status, c.field)
	}
	if listed := s.get("/v1/tokens", session); !strings.Contains(listed.body, `"tokens":[]`) {
		t.Errorf("something was made: %s", listed.body)
	}
}

// Bad paths, queries and credentials: a 4xx that says so, or the exact 401.
func TestBadPathsAndQueriesAreRefused(t *testing.T) {
	s := newClient(t)
	session := s.login()
	_, handle := s.create(session, full("deploy"))
	for _, c := range []struct {
		method, path, credential string
		status                   int
		field                    string
	}{
		{"GET", "/v1/tokens/tok_0000000000000000", session, 404, ""},
		{"GET", "/v1/tokens/" + handle + "0", session, 404, ""},
		{"GET", "/v1/tokens/ses_0000000000000000", session, 404, ""},
		{"GET", "/v1/tokens/%2e%2e%2f", session, 404, ""},
		{"GET", "/v1/tokens/a%2Fb", session, 404, ""},
		{"DELETE", "/v1/tokens/tok_0000000000000000", session, 404, ""},
		{"GET", "/v1/tokens?limit=0", session, 400, "limit"},
		{"GET", "/v1/tokens?limit=101", session, 400, "limit"},
		{"GET", "/v1/tokens?limit=x", session, 400, "limit"},
		{"GET", "/v1/tokens?limit=", session, 400, "limit"},
		{"GET", "/v1/tokens?limit=%2B5", session, 400, "limit"},
		{"GET", "/v1/tokens?limit=1&limit=2", session, 400, "limit"},
		{"GET", "/v1/tokens?cursor=zzzz", session, 400, "cursor"},
		{"GET", "/v1/tokens?page=2", session, 400, "page"},
		{"GET", "/v1/exports?cursor=AAAA", session, 400, "cursor"},
		{"GET", "/v1/files", session, 404, ""},
		{"GET", "/v1/files/a", session, 404, ""},
		{"GET", "/v1/exports/nothing", session, 404, ""},
		{"GET", "/v1/exports/*", session, 403, ""},
		{"GET", "/v1/exports/" + strings.Repeat("a", 300), session, 404, ""},
		{"GET", "/v1/exports/" + strings.Repeat("a", 600), session, 403, ""},
		{"PUT", "/v1/exports/a*", session, 403, ""},
		{"DELETE", "/v1/exports/nothing", session, 404, ""},
		{"GET", "/nothing", session, 404, ""},
		{"GET", "/v1/tokens/a/b/c", session, 404, ""},
		{"PATCH", "/v1/tokenInfo", session, 404, ""},
		{"GET", "/v1/tokens", "", 401, ""},
		{"GET", "/v1/files", "", 401, ""},
		{"GET", "/v1/tokenInfo", strings.Repeat("x", 8000), 401, ""},
	} {
		s.refused(c.method+" "+c.path, s.send(c.method, c.path, c.credential, nil), c.status, c.field)
	}
}

// P4: when a token's auto purge is due it is refused and hidden at once, and its record and pointers go.
func TestP4APurgedTokenIsRefusedHiddenAndGone(t *testing.T) {
	s := newClient(t)
	session := s.login()
	secret, handle := s.create(session, map[string]any{"name": "short", "scope": "full", "autoPurge": "1h"})
	s.advance(time.Hour - time.Second)
	s.want(s.get("/v1/tokenInfo", secret), http.StatusOK)
	s.advance(time.Second)
	s.want(s.get("/v1/tokenInfo", secret), http.StatusUnauthorized)
	session = s.login() // the one before has been idle for too long
	s.want(s.get("/v1/tokens/"+handle, session), http.StatusNotFound)
	if listed := s.get("/v1/tokens", session); !strings.Contains(listed.body, `"tokens":[]`) {
		t.Errorf("%s", listed.body)
	}
	items, err := s.service.store.Get(t.Context(), key.Token(strings.TrimPrefix(handle, "tok_")).Key())
	if err != nil || items[0] != nil {
		t.Errorf("the record is still there: %v, %v", items, err)
	}
	account := s.get("/v1/tokenInfo", session).text("accountId")
	page, err := s.service.store.Query(t.Context(), table.Query{PK: key.PrefixAccountTokens + account, Limit: 1})
	if err != nil || len(page.Items) != 0 {
		t.Errorf("a pointer is still there: %v, %v", page, err)
	}
}

// K1, K7: the secret is in the answer that makes it and in no other; people are told by mail of each change, once.
func TestATokenIsShownOnceAndPeopleAreTold(t *testing.T) {
	s := newClient(t)
	session := s.login()
	secret, handle := s.create(session, full("deploy"))
	for _, path := range []string{"/v1/tokens", "/v1/tokens/" + handle, "/v1/tokenInfo", "/api/v1/api/key"} {
		for _, credential := range []string{session, secret} {
			if r := s.get(path, credential); r.status != 200 || strings.Contains(r.body, secret[len(secret)-20:]) {
				t.Errorf("%s: %d %s", path, r.status, r.body)
			}
		}
	}
	s.want(s.delete("/v1/tokens/"+handle, session), http.StatusNoContent)
	s.want(s.delete("/v1/tokens/"+handle, session), http.StatusNoContent)
	if r := s.get("/_local/mail", ""); strings.Count(r.body, `"subject"`) != 3 {
		t.Errorf("the mailbox does not have what was just owed: %s", r.body)
	}
	mails := s.mails()
	if len(mails) != 3 {
		t.Fatalf("%d mails, want 3", len(mails))
	}
	for i, want := range []string{"revoked", "accessed", "created"} { // accessed: the first use
		if m := mails[i]; m.To != testEmail || !strings.Contains(m.Subject, want) || !strings.Contains(m.Text, handle) || !strings.Contains(m.Text, "deploy") {
			t.Errorf("mail %d: %s %s\n%s", i, m.To, m.Subject, m.Text)
		}
	}
}

// A cursor is no secret, and one that somebody makes up is refused, not believed.
func TestMadeUpCursorsAreRefused(t *testing.T) {
	s := newClient(t)
	session := s.login()
	info := s.get("/v1/tokenInfo", session)
	account, user := info.text("accountId"), info.text("_userId")
	for path, cursors := range map[string][]string{
		"/v1/exports": {gateway.Cursor(account+"/exports", "imports#a"), gateway.Cursor(account+"/imports", "imports#a"), gateway.Cursor(account+"/exports", "exports#\xff")},
		"/v1/tokens":  {gateway.Cursor(account+"/"+user+"/own", "0001#a"), gateway.Cursor("acc_0000000000000000/"+user+"/all", "0001#a"), gateway.Cursor(account+"/"+user+"/all", strings.Repeat("x", 2000))},
	} {
		for _, cursor := range cursors {
			s.refused(path+" "+cursor, s.get(path+"?cursor="+cursor, session), 400, "cursor")
		}
	}
}
