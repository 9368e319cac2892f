package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

// invite invites somebody, and gives their id.
func (s *client) invite(session, email, role string) string {
	s.Helper()
	r := s.post("/v1/users", session, map[string]any{"email": email, "role": role})
	s.want(r, http.StatusCreated)
	if r.header.Get("Location") != "users/"+r.text("id") || r.text("status") != "invited" || r.text("invitedUntil") == "" {
		s.Errorf("%s, Location %s", r.body, r.header.Get("Location"))
	}
	return r.text("id")
}

// linkIn gives the link in the newest mail to the address that has one; empty where there is none.
func (s *client) linkIn(email string) string {
	s.Helper()
	if all := s.links(email); len(all) > 0 {
		return all[0]
	}
	return ""
}

const newPassword = "nine copper kettles on the stove"

// join sets the first password with a link.
func (s *client) join(link string) response {
	s.Helper()
	return s.setPassword(link, newPassword)
}

// S24: somebody is invited by mail, sets a password with the link, once, and logs in with it.
func TestTheInvitedSetAPasswordAndLogIn(t *testing.T) {
	for _, email := range []string{"mia@example.com", "mia+keys@example.com", "zoë.müller@example.com"} {
		s := newClient(t)
		boss := s.login()
		id := s.invite(boss, email, "admin")
		login := map[string]any{"name": email, "password": newPassword, "returnToken": true}
		s.want(s.post("/v1/login", "", login), http.StatusUnauthorized)
		link := s.linkIn(email)
		if link == "" {
			t.Fatalf("%s: no mail with a link among %d", email, len(s.mails()))
		}
		s.want(s.join(link), http.StatusOK)
		s.refused("used", s.join(link), http.StatusUnprocessableEntity, "link")
		r := s.post("/v1/login", "", login)
		s.want(r, http.StatusOK)
		me := s.get("/v1/me", r.text("token"))
		s.want(me, http.StatusOK)
		if me.text("id") != id || me.text("status") != "active" || me.text("role") != "admin" || me.text("email") != email {
			t.Error(me.body)
		}
		s.want(s.get("/v1/users", r.text("token")), http.StatusOK)
		s.refused("invited again", s.post("/v1/users/"+id+"/invite", boss, nil), http.StatusConflict, "")
	}
}

// An invitation that is sent again ends the link before it; it goes out once a minute, and each link ends after seven days.
func TestAnInvitationIsSentAgain(t *testing.T) {
	s := newClient(t)
	boss := s.login()
	id := s.invite(boss, "mia@example.com", "member")
	s.invite(boss, "max@example.com", "member")
	first, other := s.linkIn("mia@example.com"), s.linkIn("max@example.com")
	s.want(s.post("/v1/users/"+id+"/invite", boss, nil), http.StatusTooManyRequests)
	s.advance(time.Minute)
	r := s.post("/v1/users/"+id+"/invite", boss, nil)
	s.want(r, http.StatusAccepted)
	until, err := time.Parse(time.RFC3339, r.text("invitedUntil"))
	if err != nil {
		t.Fatal(err)
	}
	second := s.linkIn("mia@example.com")
	if first == second || second == "" || !until.Equal(s.service.clock.Now().Add(7*24*time.Hour)) {
		t.Fatalf("no other link was mailed, or not for a week: %s", r.body)
	}
	s.refused("the former link", s.join(first), http.StatusUnprocessableEntity, "link")
	s.advance(7*24*time.Hour - time.Minute)
	s.refused("a week old", s.join(other), http.StatusUnprocessableEntity, "link")
	s.advance(time.Minute - time.Second)
	s.want(s.join(second), http.StatusOK)
}

// An invitation that is withdrawn ends its link, and the e-mail can be invited again.
func TestAnInvitationIsWithdrawn(t *testing.T) {
	s := newClient(t)
	boss := s.login()
	id := s.invite(boss, "mia@example.com", "member")
	link := s.linkIn("mia@example.com")
	s.refused("twice", s.post("/v1/users", boss, map[string]any{"email": "MIA@example.com", "role": "member"}), http.StatusConflict, "email")
	s.want(s.delete("/v1/users/"+id, boss), http.StatusNoContent)
	s.refused("withdrawn", s.join(link), http.StatusUnprocessableEntity, "link")
	s.want(s.get("/v1/users/"+id, boss), http.StatusNotFound)
	s.want(s.post("/v1/users/"+id+"/invite", boss, nil), http.StatusNotFound)
	s.invite(boss, "mia@example.com", "member")
	s.refused("still", s.join(link), http.StatusUnprocessableEntity, "link")
	s.want(s.join(s.linkIn("mia@example.com")), http.StatusOK)
}

// P1: a user who is removed is nobody at once: the tokens and sessions are refused, and the user is on no list. The tokens
// are then revoked one after the other, of which nobody is mailed but of the removal.
func TestP1TheRemovedAreNobodyAtOnce(t *testing.T) {
	s := newClient(t)
	boss := s.login()
	id, session := s.somebody(boss, "mia", "admin")
	again := s.enter("mia", testPassword)
	var credentials []string
	for range 25 {
		secret, _ := s.create(session, full("deploy"))
		credentials = append(credentials, secret)
	}
	kept, _ := s.create(boss, full("kept"))
	before := len(s.mailsOf("revoked"))
	s.want(s.delete("/v1/users/"+id, boss), http.StatusNoContent)
	for _, credential := range append(credentials, session, again) {
		s.want(s.get("/v1/tokenInfo", credential), http.StatusUnauthorized)
	}
	gone, never := s.get("/v1/users/"+id, boss), s.get("/v1/users/usr_0000000000000000", boss)
	if gone.status != http.StatusNotFound || gone.comparable() != never.comparable() {
		t.Errorf("%s\n%s", gone.comparable(), never.comparable())
	}
	if list := s.get("/v1/users", boss); strings.Contains(list.body, id) {
		t.Error(list.body)
	}
	s.want(s.post("/v1/login", "", map[string]any{"name": "mia@example.com", "password": testPassword}), http.StatusUnauthorized)
	s.want(s.turn(boss, id, `{"status":"active"}`), http.StatusNotFound)
	s.want(s.delete("/v1/users/"+id, boss), http.StatusNotFound)

	if after := len(s.mailsOf("revoked")); after != before {
		t.Errorf("%d mails of tokens that the removal revoked", after-before)
	}
	var listed struct{ Tokens []struct{ Name string } }
	r := s.get("/v1/tokens", boss)
	if err := json.Unmarshal([]byte(r.body), &listed); err != nil || len(listed.Tokens) != 1 || listed.Tokens[0].Name != "kept" {
		t.Errorf("%s, %v", r.body, err)
	}
	s.want(s.get("/v1/tokenInfo", kept), http.StatusOK)
	revoked := s.get("/v1/audit?action=token.revoked&limit=100", boss)
	if n := strings.Count(revoked.body, `"token.revoked"`); n != 25 {
		t.Errorf("%d revocations in %s", n, revoked.body)
	}
	told := s.mailsTo("mia@example.com")
	s.invite(boss, "mia@example.com", "member")
	if len(told) == 0 || !strings.Contains(told[0].Subject, "removed") {
		t.Errorf("mia was told of %v", told)
	}
}

// S23, S12: the account changes hands when both want it.
func TestS23AnAccountIsHandedOver(t *testing.T) {
	s := newClient(t)
	boss := s.login()
	me := s.get("/v1/me", boss).text("id")
	id, session := s.somebody(boss, "mia", "member")
	_, other := s.somebody(boss, "max", "member")
	path := "/v1/account/handover"
	none := s.get(path, boss)
	s.want(none, http.StatusOK)
	if none.body != `{"handover":null}` {
		t.Error(none.body)
	}
	s.want(s.delete(path, boss), http.StatusNotFound)
	s.want(s.post(path, session, map[string]any{"to": id}), http.StatusForbidden)
	s.refused("to nobody", s.post(path, boss, map[string]any{"to": "usr_0000000000000000"}), http.StatusUnprocessableEntity, "to")
	s.refused("to an owner", s.post(path, boss, map[string]any{"to": me}), http.StatusUnprocessableEntity, "to")
	offered := s.post(path, boss, map[string]any{"to": id})
	s.want(offered, http.StatusCreated)
	s.want(s.post(path, boss, map[string]any{"to": id}), http.StatusConflict)
	for credential, want := range map[string]string{boss: offered.body, session: offered.body, other: none.body} {
		if r := s.get(path, credential); r.body != want {
			t.Errorf("%s, want %s", r.body, want)
		}
	}
	s.want(s.delete(path, session), http.StatusNoContent) // declined
	s.want(s.post(path+"/accept", session, nil), http.StatusNotFound)

	s.want(s.post(path, boss, map[string]any{"to": id}), http.StatusCreated)
	s.want(s.post(path+"/accept", other, nil), http.StatusNotFound)
	s.want(s.post(path+"/accept", boss, nil), http.StatusNotFound)
	s.advance(5*time.Minute + time.Second)
	s.want(s.post(path+"/accept", session, nil), http.StatusForbidden)
	session = s.enter("mia", testPassword)
	secret, _ := s.create(s.login(), full("the giver's"))
	s.want(s.post(path+"/accept", secret, nil), http.StatusForbidden)
	accepted := s.post(path+"/accept", session, map[string]any{})
	s.want(accepted, http.StatusOK)
	if accepted.text("id") != id || accepted.text("role") != "owner" || s.get("/v1/me", boss).text("role") != "admin" || s.get("/v1/tokenInfo", secret).text("role") != "admin" {
		t.Errorf("%s, the giver: %s, %s", accepted.body, s.get("/v1/me", boss).body, s.get("/v1/tokenInfo", secret).body)
	}
	s.want(s.post(path+"/accept", session, nil), http.StatusNotFound)
	s.want(s.delete("/v1/users/"+id, session), http.StatusConflict) // the last owner now
	s.want(s.delete("/v1/users/"+me, session), http.StatusNoContent)
	s.want(s.get("/v1/me", boss), http.StatusUnauthorized)
}

// P1: a suspended account opens nothing and lets nobody in, which looks like a wrong password; resumed, its tokens open
// again what they did, and its people log in.
func TestP1ASuspendedAccountOpensNothing(t *testing.T) {
	s := newClient(t)
	boss := s.login()
	acc := s.get("/v1/account", boss).text("id")
	_, session := s.somebody(boss, "mia", "admin")
	secret, _ := s.create(session, full("deploy"))
	elsewhere := s.tenant("elsewhere")
	login := func(password string) response {
		return s.post("/v1/login", "", map[string]any{"name": "mia@example.com", "password": password, "returnToken": true})
	}
	wrong := login("not the password at all")
	for range 2 {
		if answer := s.operate(`{"command":"account.suspend","account":"` + acc + `"}`); !strings.Contains(answer, `"status":"suspended"`) {
			t.Fatal(answer)
		}
		for _, credential := range []string{boss, session, secret} {
			s.want(s.get("/v1/tokenInfo", credential), http.StatusUnauthorized)
		}
		if r := login(testPassword); r.comparable() != wrong.comparable() {
			t.Errorf("%s\n%s", r.comparable(), wrong.comparable())
		}
	}
	s.want(s.get("/v1/tokenInfo", elsewhere), http.StatusOK)
	s.mails()
	for range 2 {
		if answer := s.operate(`{"command":"account.resume","account":"` + acc + `"}`); !strings.Contains(answer, `"status":"active"`) {
			t.Fatal(answer)
		}
	}
	s.want(s.get("/v1/tokenInfo", secret), http.StatusOK)
	for _, credential := range []string{boss, session} {
		s.want(s.get("/v1/tokenInfo", credential), http.StatusUnauthorized)
	}
	s.want(login(testPassword), http.StatusOK)
	s.want(s.get("/v1/me", s.login()), http.StatusOK)
	if answer := s.operate(`{"command":"account.suspend","account":"acc_0000000000000000"}`); !strings.Contains(answer, `"errors"`) {
		t.Error(answer)
	}
}

// S22: another account's people are answered like people who do not exist, to the byte.
func TestS22AnothersPeopleAreNobody(t *testing.T) {
	s := newClient(t)
	boss := s.login()
	id, _ := s.somebody(boss, "mia", "member")
	guest := s.invite(boss, "guest@example.com", "member")
	stranger := s.tenant("elsewhere")
	const nobody = "usr_0000000000000000"
	for _, id := range []string{id, guest} {
		for what, ask := range map[string]func(id string) response{
			"reading":         func(id string) response { return s.get("/v1/users/"+id, stranger) },
			"changing":        func(id string) response { return s.turn(stranger, id, `{"role":"admin"}`) },
			"removing":        func(id string) response { return s.delete("/v1/users/"+id, stranger) },
			"inviting":        func(id string) response { return s.post("/v1/users/"+id+"/invite", stranger, nil) },
			"taking factors":  func(id string) response { return s.delete("/v1/users/"+id+"/factors", stranger) },
			"handing over to": func(id string) response { return s.post("/v1/account/handover", stranger, map[string]any{"to": id}) },
		} {
			theirs, none := ask(id), ask(nobody)
			if theirs.comparable() != none.comparable() || theirs.status != http.StatusNotFound && theirs.status != http.StatusUnprocessableEntity {
				t.Errorf("%s: %s\n%s", what, theirs.comparable(), none.comparable())
			}
		}
	}
	// The same e-mail may belong to both.
	s.invite(stranger, "mia@example.com", "member")
}

// S24, S32: what is no address or no name is refused by its field, so that nothing of it reaches a mail.
func TestS24InvitationsAreRefusedByField(t *testing.T) {
	s := newClient(t)
	boss := s.login()
	for _, c := range []struct {
		field string
		body  map[string]any
	}{
		{"email", map[string]any{"role": "member"}},
		{"email", map[string]any{"email": "mia@example.com\r\nBcc: eve@example.com", "role": "member"}},
		{"email", map[string]any{"email": "mia\u202e@example.com", "role": "member"}},
		{"email", map[string]any{"email": "Mia <mia@example.com>", "role": "member"}},
		{"name", map[string]any{"email": "mia@example.com", "name": "Mia\r\nBcc: eve@example.com", "role": "member"}},
		{"name", map[string]any{"email": "mia@example.com", "name": "Mia \u2067aiM", "role": "member"}},
		{"role", map[string]any{"email": "mia@example.com"}},
		{"role", map[string]any{"email": "mia@example.com", "role": "king"}},
		{"king", map[string]any{"email": "mia@example.com", "role": "member", "king": true}},
	} {
		s.refused(c.field, s.post("/v1/users", boss, c.body), http.StatusBadRequest, c.field)
	}
	id := s.invite(boss, "mia@example.com", "member")
	s.refused("activated by hand", s.turn(boss, id, `{"status":"active"}`), http.StatusUnprocessableEntity, "status")
	s.want(s.turn(boss, id, `{"role":"admin"}`), http.StatusOK)
	s.refused("of another version", s.do("DELETE", "/v1/users/"+id, http.Header{"Authorization": {"Bearer " + boss}, "If-Match": {`"1"`}}, ""), http.StatusPreconditionFailed, "If-Match")
}

// R2: second factors are taken from others only, and by who stands above them.
func TestR2FactorsAreTakenFromOthers(t *testing.T) {
	s := newClient(t)
	boss := s.login()
	me := s.get("/v1/me", boss).text("id")
	id, admin := s.somebody(boss, "mia", "admin")
	s.refused("one's own", s.delete("/v1/users/"+me+"/factors", boss), http.StatusConflict, "")
	s.want(s.delete("/v1/users/"+me+"/factors", admin), http.StatusForbidden)
	s.want(s.delete("/v1/users/"+id+"/factors", boss), http.StatusNoContent)
	s.want(s.get("/v1/me", admin), http.StatusOK) // there were none
	s.advance(5*time.Minute + time.Second)
	s.want(s.delete("/v1/users/"+id+"/factors", boss), http.StatusForbidden)
}
