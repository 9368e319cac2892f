package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// A cursor is taken only where it was given: not for another filter, another list, by another account, nor changed.
func TestC15ACursorBelongsToItsTrail(t *testing.T) {
	s := newClient(t)
	session := s.login()
	_, handle := s.create(session, full("deploy"))
	_, other := s.create(session, full("other"))
	for range 3 {
		s.want(s.patch("/v1/tokens/"+handle, session, "", `{"description":"`+fmt.Sprint(s.service.Stats().Table.Reads)+`"}`), http.StatusOK)
		s.advance(time.Second)
	}
	const query = "limit=1&action=token&since=2026-11-21T20:00:00Z"
	account, trail := "/v1/audit", "/v1/tokens/"+handle+"/audit"
	_, cursor := s.happenings(session, account+"?"+query)
	_, ofToken := s.happenings(session, trail+"?"+query)
	if cursor == "" || ofToken == "" {
		t.Fatal("there is no second page")
	}
	s.want(s.get(account+"?"+query+"&cursor="+cursor, session), http.StatusOK)
	s.want(s.get(account+"?format=csv&"+query+"&cursor="+cursor, session), http.StatusOK)
	s.want(s.get(trail+"?"+query+"&cursor="+ofToken, session), http.StatusOK)
	for what, path := range map[string]string{
		"no filter":          account + "?cursor=" + cursor,
		"another action":     account + "?action=token.edited&since=2026-11-21T20:00:00Z&cursor=" + cursor,
		"another time":       account + "?action=token&since=2026-11-21T20:00:01Z&cursor=" + cursor,
		"a filter more":      account + "?" + query + "&until=2027-01-01T00:00:00Z&cursor=" + cursor,
		"the token's list":   trail + "?" + query + "&cursor=" + cursor,
		"the account's list": account + "?" + query + "&cursor=" + ofToken,
		"another token":      "/v1/tokens/" + other + "/audit?" + query + "&cursor=" + ofToken,
		"by way of a filter": account + "?tokenId=" + handle + "&" + query + "&cursor=" + ofToken,
		"another list":       "/v1/tokens?cursor=" + cursor,
		"two":                account + "?" + query + "&cursor=" + cursor + "&cursor=" + cursor,
		"longer":             account + "?" + query + "&cursor=" + cursor + "AAAA",
		"shorter":            account + "?" + query + "&cursor=" + cursor[4:],
		"padded":             account + "?" + query + "&cursor=" + cursor + "%3D",
		"very long":          account + "?" + query + "&cursor=" + strings.Repeat(cursor, 100),
	} {
		s.refused(what, s.get(path, session), 400, "cursor")
	}
	for i := range cursor {
		changed := []byte(cursor)
		if changed[i]++; changed[i] == '{' || changed[i] == '[' || changed[i] == ':' || changed[i] == '`' {
			changed[i] = 'A'
		}
		s.refused(fmt.Sprintf("changed at %d", i), s.get(account+"?"+query+"&cursor="+url.QueryEscape(string(changed)), session), 400, "cursor")
	}
	s.refused("another account", s.get(account+"?"+query+"&cursor="+cursor, s.tenant("elsewhere")), 400, "cursor")
}

// tenant has an operator make another account, and logs its owner in.
func (s *client) tenant(name string) string {
	s.Helper()
	s.operate(`{"command":"account.create","account":{"name":"` + name + `"},"owner":{"email":"` + name + `@example.com","name":"Olga","password":"` + testPassword + `"}}`)
	return s.enter(name, testPassword)
}

// S22: a trail is for who may read it. Another's is answered as one that does not exist, to the byte.
func TestC15WhoReadsTrails(t *testing.T) {
	s := newClient(t)
	session := s.login()
	_, member := s.somebody(session, "max", "member")
	_, handle := s.create(session, full("deploy"))
	s.want(s.put("/v1/exports/orders", session, map[string]any{"name": "Orders"}), http.StatusCreated)
	narrow, _ := s.create(session, map[string]any{"name": "narrow", "scope": "custom", "grants": map[string]any{"exports": []any{"orders"}}})
	trail := "/v1/tokens/" + handle + "/audit"
	for what, credential := range map[string]string{"a member": member, "a token of custom scope": narrow} {
		s.refused(what, s.get("/v1/audit", credential), 403, "")
		s.refused(what, s.get(trail, credential), 403, "")
		s.refused(what, s.get("/v1/audit?format=csv", credential), 403, "")
	}
	s.refused("nobody", s.get("/v1/audit", ""), 401, "")
	s.refused("by query", s.get("/v1/audit?token="+session, ""), 401, "")

	s.policy(session, `{"issuers":"everyone"}`)
	_, own := s.create(member, full("mine"))
	s.refused("a member who makes tokens", s.get("/v1/audit", member), 403, "")
	if events, _ := s.happenings(member, "/v1/tokens/"+own+"/audit"); typesOf(events) != "token.created" {
		t.Errorf("the creator sees %v", events)
	}
	s.want(s.delete("/v1/tokens/"+own, session), http.StatusNoContent)
	if events, _ := s.happenings(member, "/v1/tokens/"+own+"/audit"); !strings.Contains(typesOf(events), "token.revoked") {
		t.Errorf("the creator sees %v once it is revoked", events)
	}
	stranger := s.tenant("elsewhere")
	absent := s.get("/v1/tokens/tok_0123456789ABCDEF/audit", session)
	s.refused("unknown", absent, 404, "")
	for what, r := range map[string]response{
		"another's":                    s.get(trail, member),
		"another account's":            s.get(trail, stranger),
		"another account's as CSV":     s.get(trail+"?format=csv", stranger),
		"another account's, filtered":  s.get(trail+"?action=token&since=2026-01-01T00:00:00Z", stranger),
		"not a handle":                 s.get("/v1/tokens/x/audit", session),
		"a session's":                  s.get("/v1/tokens/"+s.get("/v1/tokenInfo", session).text("id")+"/audit", session),
		"what has no trail, to member": s.get("/v1/tokens/tok_0123456789ABCDEF/audit", member),
		"the record of an unknown one": s.get("/v1/tokens/tok_0123456789ABCDEF", session),
	} {
		if r.comparable() != absent.comparable() {
			t.Errorf("%s: %s", what, r.comparable())
		}
	}
	for _, query := range []string{"tokenId=" + handle, "actor=" + handle, "actor=" + s.get("/v1/tokenInfo", session).text("_userId")} {
		if events, _ := s.happenings(stranger, "/v1/audit?"+query); len(events) != 0 {
			t.Errorf("a stranger sees %v", events)
		}
	}
	s.refused("what the path says already", s.get(trail+"?tokenId="+handle, session), 400, "tokenId")
}

// P3: whatever is done with secrets, none of them is in a trail.
func TestP3NoSecretIsInATrail(t *testing.T) {
	s := newClient(t)
	session := s.login()
	s.policy(session, `{"revealable":true}`)
	s.want(s.patch("/v1/me", session, "", `{"developerMode":true}`), http.StatusOK)
	secret, handle := s.create(session, map[string]any{"name": "shown", "scope": "full", "revealable": true})
	s.want(s.post("/v1/tokens/"+handle+"/reveal", session, map[string]any{"reason": "moving the job"}), http.StatusOK)
	s.want(s.get("/v1/audit", secret), http.StatusOK)
	next := s.post("/v1/tokens/"+handle+"/rotate", session, nil)
	s.want(next, http.StatusCreated)
	key := s.post("/api/v1/api/key?token="+session, "", nil).text("id")
	s.want(s.delete("/api/v1/api/key/"+key, ""), http.StatusOK)
	again := s.login()
	s.want(s.get("/v1/tokenInfo", secret), http.StatusUnauthorized)
	s.mails()
	var seen int
	for _, path := range []string{"/v1/audit", "/v1/tokens/" + handle + "/audit", "/v1/tokens/" + next.text("id") + "/audit"} {
		for _, query := range []string{"", "?format=csv", "?format=json"} {
			r := s.get(path+query, again)
			s.want(r, http.StatusOK)
			seen += strings.Count(r.body, "evt_")
			for _, canary := range []string{secret, next.text("token"), key, session, again, testPassword} {
				if canary == "" || strings.Contains(r.body, canary[len(canary)-16:]) || strings.Contains(fmt.Sprint(r.header), canary[len(canary)-16:]) {
					t.Errorf("%s%s holds a secret", path, query)
				}
			}
		}
	}
	if seen < 30 {
		t.Errorf("only %d events", seen)
	}
}
