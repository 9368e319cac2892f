package main

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// operate carries out an operator's command, as somebody with an IAM identity would.
func (s *client) operate(command string) string {
	s.Helper()
	answer, err := s.service.Invoke(s.Context(), "functions/operator", []byte(command))
	if err != nil {
		s.Fatal(err)
	}
	return string(answer)
}

// patch sends a PATCH request, on the condition of an entity tag where there is one.
func (s *client) patch(path, credential, etag, body string) response {
	s.Helper()
	header := http.Header{"Authorization": {"Bearer " + credential}, "Content-Type": {"application/json"}}
	if etag != "" {
		header.Set("If-Match", etag)
	}
	return s.do("PATCH", path, header, body)
}

// policy changes the account's policy by the JSON object's members.
func (s *client) policy(session, members string) {
	s.Helper()
	s.want(s.patch("/v1/account", session, "", `{"policy":`+members+`}`), http.StatusOK)
}

// keyed sends a POST request under an Idempotency-Key.
func (s *client) keyed(path, credential, key, body string) response {
	s.Helper()
	return s.do("POST", path, http.Header{
		"Authorization": {"Bearer " + credential}, "Content-Type": {"application/json"}, "Idempotency-Key": {key},
	}, body)
}

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

// C6: name, description, auto purge and scope are a token's fields, and of these only the description may be left out.
func TestC6TheFieldsOfAToken(t *testing.T) {
	s := newClient(t)
	session := s.login()
	r := s.post("/v1/tokens", session, map[string]any{"name": "Deploy", "description": "From the build server.", "autoPurge": "4d", "scope": "full"})
	s.want(r, http.StatusCreated)
	shown := s.get("/v1/tokens/"+r.text("id"), session)
	for name, want := range map[string]string{"name": "Deploy", "description": "From the build server.", "autoPurge": "4d", "scope": "full", "status": "active"} {
		if shown.text(name) != want || r.text(name) != want {
			t.Errorf("%s is %q, want %q", name, shown.text(name), want)
		}
	}
	s.refused("without a name", s.post("/v1/tokens", session, map[string]any{"autoPurge": "4d", "scope": "full"}), 400, "name")
	s.refused("without a scope", s.post("/v1/tokens", session, map[string]any{"name": "x", "autoPurge": "4d"}), 422, "scope")
	s.policy(session, `{"defaultLifeSeconds":0}`)
	s.refused("without a life, where there is no default", s.post("/v1/tokens", session, full("x")), 400, "autoPurge")
	s.create(session, map[string]any{"name": "x", "autoPurge": "never", "scope": "full"})
}

// C8, K7: a revoked token is refused by the next request and gone from the list; what the advice says works: make the new
// one, roll out, delete the old.
func TestC8RevokingTakesEffectAtOnce(t *testing.T) {
	s := newClient(t)
	session := s.login()
	old, oldHandle := s.create(session, full("old"))
	s.want(s.get("/v1/tokenInfo", old), http.StatusOK)
	fresh, _ := s.create(session, full("new"))
	s.want(s.get("/v1/tokenInfo", old), http.StatusOK)
	s.want(s.delete("/v1/tokens/"+oldHandle, session), http.StatusNoContent)
	s.want(s.get("/v1/tokenInfo", old), http.StatusUnauthorized)
	s.want(s.get("/v1/tokenInfo", fresh), http.StatusOK)
}

// K7: a revoked token vanishes; its trail stays.
func TestK7ARevokedTokenVanishes(t *testing.T) {
	s := newClient(t)
	session := s.login()
	_, handle := s.create(session, full("x"))
	s.want(s.delete("/v1/tokens/"+handle, session), http.StatusNoContent)
	s.want(s.get("/v1/tokens/"+handle, session), http.StatusNotFound)
	if list := s.get("/v1/tokens", session); strings.Contains(list.body, handle) {
		t.Error("still listed")
	}
	if trail := s.get("/v1/tokens/"+handle+"/audit", session); trail.status != http.StatusOK || !strings.Contains(trail.body, "token.revoked") {
		t.Errorf("the trail: %d %s", trail.status, trail.body)
	}
	s.want(s.delete("/v1/tokens/"+handle, session), http.StatusNoContent) // S18
	s.refused("editing it", s.patch("/v1/tokens/"+handle, session, "", `{"name":"y"}`), 404, "")
	s.refused("rotating it with an overlap", s.post("/v1/tokens/"+handle+"/rotate", session, map[string]any{"overlapSeconds": 60}), 409, "overlapSeconds")
}

// C10: edit, with an entity tag against two people at once.
func TestC10ATokenCanBeEdited(t *testing.T) {
	s := newClient(t)
	session := s.login()
	s.want(s.put("/v1/exports/orders", session, map[string]any{"name": "Orders"}), http.StatusCreated)
	secret, handle := s.create(session, full("deploy"))
	path := "/v1/tokens/" + handle
	etag := s.get(path, session).header.Get("ETag")
	r := s.patch(path, session, etag, `{"name":"release","description":"d","expiresIn":3600,"scope":"custom","grants":{"exports":[{"id":"orders","actions":["read"]}]}}`)
	s.want(r, http.StatusOK)
	if r.text("name") != "release" || r.text("scope") != "custom" || r.header.Get("ETag") == etag {
		t.Errorf("%v %s", r.header, r.body)
	}
	s.want(s.get("/v1/exports/orders", secret), http.StatusOK)
	s.refused("beyond the new scope", s.put("/v1/exports/orders", secret, map[string]any{"name": "x"}), 403, "")
	s.refused("stale", s.patch(path, session, etag, `{"name":"other"}`), 412, "If-Match")
	for field, body := range map[string]string{
		"name": `{"name":""}`, "description": `{"description":7}`, "scope": `{"scope":"some"}`, "grants": `{"scope":"full","grants":{}}`,
		"autoPurge": `{"autoPurge":"2h"}`, "expiresAt": `{"expiresAt":"yesterday"}`, "expiresIn": `{"autoPurge":"1h","expiresIn":60}`, "id": `{"id":"tok_x"}`,
		"grants.exports[1].id": `{"scope":"custom","grants":{"exports":["orders","none"]}}`,
	} {
		r := s.patch(path, session, "", body)
		if r.status < 400 || r.status > 422 || !strings.Contains(r.body, `"field":"`+field+`"`) {
			t.Errorf("%s: %d %s", body, r.status, r.body)
		}
	}
	s.refused("grants alone", s.patch(path, session, "", `{"grants":{}}`), 422, "scope")
	s.refused("a malformed tag", s.patch(path, session, "7", `{"name":"x"}`), 400, "If-Match")
	s.want(s.patch(path, session, `"7", `+s.get(path, session).header.Get("ETag"), `{"name":"y"}`), http.StatusOK)
	s.refused("nothing", s.patch(path, session, "", ""), 400, "body")
}

// C10, S17: "generate new": the same settings, a new secret, and the old one at once or after an overlap refused.
func TestC10ATokenCanBeRotated(t *testing.T) {
	s := newClient(t)
	session := s.login()
	old, handle := s.create(session, map[string]any{"name": "deploy", "scope": "full", "autoPurge": "10d", "description": "d"})
	r := s.post("/v1/tokens/"+handle+"/rotate", session, nil)
	s.want(r, http.StatusCreated)
	if r.text("name") != "deploy" || r.text("autoPurge") != "10d" || r.text("predecessor") != handle || r.text("token") == old || !strings.HasSuffix(r.header.Get("Location"), r.text("id")) {
		t.Errorf("%v %s", r.header, r.body)
	}
	s.want(s.get("/v1/tokenInfo", old), http.StatusUnauthorized)
	s.want(s.get("/v1/tokenInfo", r.text("token")), http.StatusOK)
	again := s.post("/v1/tokens/"+r.text("id")+"/rotate", session, map[string]any{"overlapSeconds": 600})
	s.want(again, http.StatusCreated)
	s.want(s.get("/v1/tokenInfo", r.text("token")), http.StatusOK)
	list := s.get("/v1/tokens", session).body
	for _, want := range []string{`"successor":"` + r.text("id") + `"`, `"predecessor":"` + handle + `"`, `"rotatedOutAt":"`, `"status":"rotated"`} {
		if !strings.Contains(list, want) {
			t.Errorf("the list has no %s: %s", want, list)
		}
	}
	s.advance(601 * time.Second)
	s.want(s.get("/v1/tokenInfo", r.text("token")), http.StatusUnauthorized)
	s.want(s.get("/v1/tokenInfo", again.text("token")), http.StatusOK)
	path := "/v1/tokens/" + again.text("id") + "/rotate"
	s.refused("too long", s.post(path, session, map[string]any{"overlapSeconds": 100 * 24 * 3600}), 422, "overlapSeconds")
	s.refused("negative", s.post(path, session, map[string]any{"overlapSeconds": -1}), 422, "overlapSeconds")
	s.refused("no number", s.post(path, session, map[string]any{"overlapSeconds": "1h"}), 400, "overlapSeconds")
	s.refused("twice", s.post("/v1/tokens/"+handle+"/rotate", session, nil), 409, "id")
	s.refused("unknown", s.post("/v1/tokens/tok_0123456789ABCDEF/rotate", session, nil), 404, "")
}

// C11: a token that was made so is shown again to an owner in developer mode, soon after the login and with a reason; and
// the showing is recorded.
func TestC11ATokenIsShownAgain(t *testing.T) {
	s := newClient(t)
	session := s.login()
	s.refused("where the policy does not allow it", s.post("/v1/tokens", session, map[string]any{"name": "x", "scope": "full", "revealable": true}), 422, "revealable")
	s.policy(session, `{"revealable":true}`)
	secret, handle := s.create(session, map[string]any{"name": "shown", "scope": "full", "revealable": true})
	_, plain := s.create(session, full("plain"))
	path := "/v1/tokens/" + handle + "/reveal"
	why := map[string]any{"reason": "moving the job"}
	s.refused("without developer mode", s.post(path, session, why), 403, "")
	s.want(s.patch("/v1/me", session, "", `{"developerMode":true}`), http.StatusOK)
	s.refused("without a reason", s.post(path, session, map[string]any{}), 400, "reason")
	s.refused("with a token", s.post(path, secret, why), 403, "")
	s.refused("one that was not made so", s.post("/v1/tokens/"+plain+"/reveal", session, why), 409, "id")
	r := s.post(path, session, why)
	s.want(r, http.StatusOK)
	if r.text("token") != secret {
		t.Errorf("%s", r.body)
	}
	if trail := s.get("/v1/tokens/"+handle+"/audit", session); strings.Count(trail.body, "token.revealed") != 1 || !strings.Contains(trail.body, "moving the job") {
		t.Errorf("%s", trail.body)
	}
	s.advance(5*time.Minute + time.Second)
	s.refused("with an old login", s.post(path, session, why), 403, "")
	for _, f := range s.files() {
		if strings.Contains(f.content, secret) {
			t.Errorf("%s holds the secret", f.name)
		}
	}
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

// C18: 201 on creation, 422 for full access with lists and for neither, 403 for a known token without the right scope,
// and errors with code, message and field.
func TestC18TheShapesOfErrors(t *testing.T) {
	s := newClient(t)
	session := s.login()
	s.refused("both", s.post("/v1/tokens", session, map[string]any{"name": "x", "scope": "full", "grants": map[string]any{"exports": []any{}}}), 422, "grants")
	s.refused("neither", s.post("/v1/tokens", session, map[string]any{"name": "x"}), 422, "scope")
	s.refused("custom without lists", s.post("/v1/tokens", session, map[string]any{"name": "x", "scope": "custom"}), 422, "grants")
	narrow, _ := s.create(session, map[string]any{"name": "x", "scope": "custom", "grants": map[string]any{}})
	s.refused("without the scope", s.get("/v1/tokens", narrow), 403, "")
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

// R7: what the list of keys shows can be sent back to end one; that is no secret, so it takes a credential.
func TestR7AListedKeyIsRevokedByItsName(t *testing.T) {
	s := newClient(t)
	session := s.login()
	key := s.post("/api/v1/api/key", session, nil).text("id")
	var list struct{ Results []struct{ ID string } }
	if err := json.Unmarshal([]byte(s.get("/api/v1/api/key?token="+session, "").body), &list); err != nil || len(list.Results) != 1 {
		t.Fatal(list, err)
	}
	path := "/api/v1/api/key/" + list.Results[0].ID
	s.want(s.delete(path, ""), http.StatusUnauthorized)
	s.want(s.delete(path+"?token="+key[1:], ""), http.StatusUnauthorized)
	member := s.as(session, "member")
	s.refused("a member", s.delete(path, member), 403, "")
	s.want(s.get("/v1/tokenInfo", key), http.StatusOK)
	s.want(s.delete(path+"?token="+session, ""), http.StatusOK)
	s.want(s.get("/v1/tokenInfo", key), http.StatusUnauthorized)
	s.refused("nobody's", s.delete("/api/v1/api/key/tok_0123456789ABCDEF", session), 404, "")
}

// C3, K4: licence and the policy's maximum hold for imported tokens too, and one mail tells of an import.
func TestK4AnImportKeepsToThePolicy(t *testing.T) {
	s := newClient(t)
	session := s.login()
	s.policy(session, `{"maxLifeSeconds":3600}`)
	soon := s.service.clock.Now().Add(time.Hour).UTC().Format(time.DateTime)
	got := s.imports(session, foreignRow(2, "1", laravel, ""), foreignRow(3, "2", laravel, soon))
	if got.Imported != 1 || len(got.Refused) != 1 || got.Refused[0].Line != 2 || got.Refused[0].Field != "expiry" || got.Refused[0].Code != "too_long" {
		t.Errorf("%+v", got)
	}
	if mails := s.mails(); len(mails) != 1 || !strings.Contains(mails[0].Text, "The first of them is Laravel 2.") {
		t.Errorf("%d mails", len(mails))
	}
}

// A stale ETag revokes nothing, and what is no ETag is named.
func TestARevocationOfAnotherEditionIsRefused(t *testing.T) {
	s := newClient(t)
	session := s.login()
	secret, handle := s.create(session, full("x"))
	send := func(etag string) response {
		return s.do("DELETE", "/v1/tokens/"+handle, http.Header{"Authorization": {"Bearer " + session}, "If-Match": {etag}}, "")
	}
	s.refused("stale", send(`"7"`), 412, "If-Match")
	s.refused("malformed", send(`7`), 400, "If-Match")
	s.want(s.get("/v1/tokenInfo", secret), http.StatusOK)
	s.want(send(s.get("/v1/tokens/"+handle, session).header.Get("ETag")), http.StatusNoContent)
	s.want(s.get("/v1/tokenInfo", secret), http.StatusUnauthorized)
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

// R7, S17, S21, C15: the route that takes a listed name asks for a credential by itself, and all that holds for one that the
// authorizer has seen holds for it.
func TestR7ANamedRevocationIsAskedForLikeAnyOther(t *testing.T) {
	s := newClient(t)
	session := s.login()
	_, first := s.create(session, full("first"))
	_, second := s.create(session, full("second"))
	by, byHandle := s.create(session, full("by"))
	s.policy(session, `{"queryCredentials":false}`)
	s.want(s.delete("/api/v1/api/key/"+first+"?token="+by, ""), http.StatusUnauthorized)
	s.want(s.delete("/api/v1/api/key/"+first, by), http.StatusOK)
	if _, recently, networks := s.used(session, byHandle); !recently || len(networks) != 1 {
		t.Errorf("its use is not noted: %v", networks)
	}
	s.want(s.post("/v1/tokens/"+byHandle+"/rotate", session, nil), http.StatusCreated)
	s.want(s.delete("/api/v1/api/key/"+second, by), http.StatusUnauthorized)
	if said := s.events(session, byHandle); !strings.Contains(said, "token.reused") {
		t.Errorf("no alarm: %s", said)
	}
	if list := s.get("/api/v1/api/key", session).body; strings.Contains(list, byHandle) {
		t.Errorf("what was rotated out is listed as a key: %s", list)
	}
	r := s.do("POST", "/v1/login", http.Header{"Content-Type": {"application/json"}}, `{"name":"`+testEmail+`","password":"`+testPassword+`"}`)
	cookie, _, _ := strings.Cut(r.header.Get("Set-Cookie"), ";")
	s.want(s.do("DELETE", "/api/v1/api/key/"+second, http.Header{"Cookie": {cookie}, "Sec-Fetch-Site": {"cross-site"}}, ""), http.StatusUnauthorized)
	s.want(s.do("DELETE", "/api/v1/api/key/"+second, http.Header{"Cookie": {cookie}, "Sec-Fetch-Site": {"same-origin"}}, ""), http.StatusOK)
	if trail := s.get("/v1/tokens/"+second+"/audit", session).body; !strings.Contains(trail, `"via":"dashboard"`) {
		t.Errorf("%s", trail)
	}
}

// C12: that somebody else than its creator has opened a token's record is recorded and told.
func TestC12OpeningAnothersTokenIsTold(t *testing.T) {
	s := newClient(t)
	owner := s.login()
	_, handle := s.create(owner, full("x"))
	admin := s.as(owner, "admin")
	s.want(s.get("/v1/tokens/"+handle, owner), http.StatusOK)
	told := len(s.mailsOf("was accessed"))
	s.want(s.get("/v1/tokens/"+handle, admin), http.StatusOK)
	if said := s.events(owner, handle); told != 0 || !strings.Contains(said, "token.accessed") {
		t.Errorf("%d mails before, %s", told, said)
	}
	if mails := s.mailsOf("was accessed"); len(mails) != 2 || !strings.Contains(mails[0].Text, "Max Example") { // to the owner and the admin
		t.Errorf("%d mails", len(mails))
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
