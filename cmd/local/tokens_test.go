package main

import (
	"net/http"
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
	if mails := s.mailsOf("were imported"); len(mails) != 1 || !strings.Contains(mails[0].Text, "The first of them is Laravel 2.") {
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
