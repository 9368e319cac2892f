package main

import (
	"encoding/base32"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"keyfob/internal/token"
	"keyfob/internal/totp"
)

// mySession is a session as the list shows it.
type mySession struct {
	ID, CreatedAt, LastSeenAt, ExpiresAt, IP, UserAgent, Via string
	Current, Unlocked                                        bool
}

// sessions lists the caller's sessions.
func (s *client) sessions(credential string) (all []mySession) {
	s.Helper()
	for path := "/v1/me/sessions?limit=100"; ; {
		r := s.get(path, credential)
		s.want(r, http.StatusOK)
		var page struct {
			Sessions []mySession
			Cursor   string
		}
		if err := json.Unmarshal([]byte(r.body), &page); err != nil {
			s.Fatal(err)
		}
		all = append(all, page.Sessions...)
		if page.Cursor == "" {
			return all
		}
		path = "/v1/me/sessions?limit=100&cursor=" + page.Cursor
	}
}

// handle gives the public name of a session that is presented.
func (s *client) handle(credential string) string {
	s.Helper()
	return s.get("/v1/tokenInfo", credential).text("id")
}

// S9: idle and absolute time-outs to the second, as the policy said when the session began; the next call is a 401.
func TestS9ASessionEndsToTheSecond(t *testing.T) {
	s := newClient(t)
	session := s.login()
	s.advance(time.Hour - time.Second)
	s.want(s.get("/v1/tokenInfo", session), http.StatusOK)
	s.advance(time.Hour - time.Second)
	s.want(s.get("/v1/tokenInfo", session), http.StatusOK) // the use before has kept it
	s.advance(time.Hour)
	s.want(s.get("/v1/tokenInfo", session), http.StatusUnauthorized)
	s.want(s.get("/v1/login", session), http.StatusUnauthorized)

	session = s.login()
	for range 24*2 - 1 {
		s.advance(30 * time.Minute)
		s.want(s.get("/v1/tokenInfo", session), http.StatusOK)
	}
	s.advance(30*time.Minute - time.Second)
	s.want(s.get("/v1/tokenInfo", session), http.StatusOK)
	s.advance(time.Second)
	s.want(s.get("/v1/tokenInfo", session), http.StatusUnauthorized) // however much it was used

	before := s.login()
	s.policy(before, `{"sessionIdleSeconds":120,"sessionLifeSeconds":600}`)
	after := s.login()
	s.advance(2*time.Minute - time.Second)
	s.want(s.get("/v1/tokenInfo", after), http.StatusOK)
	s.advance(2 * time.Minute)
	s.want(s.get("/v1/tokenInfo", after), http.StatusUnauthorized)
	s.want(s.get("/v1/tokenInfo", before), http.StatusOK)
	after = s.login()
	for range 9 {
		s.advance(time.Minute)
		s.want(s.get("/v1/tokenInfo", after), http.StatusOK)
	}
	s.advance(time.Minute - time.Second)
	s.want(s.get("/v1/tokenInfo", after), http.StatusOK)
	s.advance(time.Second)
	s.want(s.get("/v1/tokenInfo", after), http.StatusUnauthorized)
}

// S9: everything that takes a session's ground away ends it before that is acknowledged.
func TestS9LogoutAndDisablingEndSessionsAtOnce(t *testing.T) {
	s := newClient(t)
	boss := s.login()
	user := s.user(s.get("/v1/account", boss).text("id"), "max@example.com", "member")
	first, second := s.enter("max", testPassword), s.enter("max", testPassword)
	s.want(s.post("/v1/logout", first, nil), http.StatusOK)
	s.want(s.get("/v1/tokenInfo", first), http.StatusUnauthorized)
	s.want(s.get("/v1/tokenInfo", second), http.StatusOK)
	s.want(s.turn(boss, user, `{"status":"disabled"}`), http.StatusOK)
	s.want(s.get("/v1/tokenInfo", second), http.StatusUnauthorized)
	s.want(s.turn(boss, user, `{"status":"active"}`), http.StatusOK)
	s.want(s.get("/v1/tokenInfo", second), http.StatusUnauthorized)
}

// A person sees the sessions they have, where they were begun and when they were last used, and ends them one by one or all.
func TestSessionsAreListedAndEnded(t *testing.T) {
	s := newClient(t)
	here, there := s.login(), s.from("127.0.1.1").login()
	cookie := s.cookieLogin()
	s.advance(5 * time.Minute)
	s.want(s.get("/v1/tokenInfo", here), http.StatusOK)
	all := s.sessions(here)
	if len(all) != 3 || !all[0].Current || all[0].ID != s.handle(here) || all[1].Current || all[2].Current {
		t.Fatalf("%+v", all)
	}
	if all[0].LastSeenAt != "2026-11-21T20:05:00Z" || all[0].CreatedAt != "2026-11-21T20:00:00Z" || all[0].ExpiresAt != "2026-11-22T20:00:00Z" || all[0].IP != "127.0.0.1" || !all[0].Unlocked || all[0].Via != "api" {
		t.Errorf("%+v", all[0])
	}
	far := slices.IndexFunc(all, func(m mySession) bool { return m.IP == "127.0.1.1" })
	dashboard := slices.IndexFunc(all, func(m mySession) bool { return m.Via == "dashboard" })
	if far < 0 || dashboard < 0 || all[far].LastSeenAt != "2026-11-21T20:00:00Z" || strings.Contains(fmt.Sprint(all), "kfs_") {
		t.Fatalf("%+v", all)
	}
	s.want(s.delete("/v1/me/sessions/"+all[far].ID, here), http.StatusNoContent)
	s.want(s.get("/v1/tokenInfo", there), http.StatusUnauthorized)
	if n := len(s.sessions(here)); n != 2 {
		t.Errorf("%d sessions are left", n)
	}
	// One's own, in a browser, takes the cookie along.
	r := s.do("DELETE", "/v1/me/sessions/"+all[dashboard].ID, browser(cookie), "")
	if r.status != 204 || !strings.Contains(r.header.Get("Set-Cookie"), "__Host-keyfob=; Path=/; Max-Age=0") {
		t.Errorf("%d %v", r.status, r.header)
	}
	s.want(s.do("GET", "/v1/login", browser(cookie), ""), http.StatusUnauthorized)

	for range 12 {
		s.cookieLogin()
	}
	if n := len(s.sessions(here)); n != 13 {
		t.Errorf("%d sessions are listed", n)
	}
	secret, _ := s.create(here, full("deploy"))
	r = s.delete("/v1/me/sessions", here)
	if r.status != 200 || r.body != `{"ended":12}` {
		t.Errorf("%d %s", r.status, r.body)
	}
	if left := s.sessions(here); len(left) != 1 || !left[0].Current {
		t.Errorf("%+v", left)
	}
	s.want(s.get("/v1/tokenInfo", secret), http.StatusOK)
	s.refused("a token", s.get("/v1/me/sessions", secret), 403, "")
	s.refused("a token", s.delete("/v1/me/sessions", secret), 403, "")
	s.want(s.delete("/v1/me/sessions/"+s.handle(here), here), http.StatusNoContent)
	s.want(s.get("/v1/tokenInfo", here), http.StatusUnauthorized)
}

// S22: a session that is not one's own is answered as one that is not there, to the byte: another tenant's, another user's,
// one that has ended, a token, and what is none at all.
func TestS22AnotherTenantsSessionIsNotThere(t *testing.T) {
	s := newClient(t)
	boss := s.login()
	s.user(s.get("/v1/account", boss).text("id"), "max@example.com", "member")
	colleague, stranger, gone := s.enter("max", testPassword), s.tenant("elsewhere"), s.login()
	goneID := s.handle(gone)
	s.want(s.post("/v1/logout", gone, nil), http.StatusOK)
	_, tokenID := s.create(boss, full("deploy"))
	first := s.delete("/v1/me/sessions/"+token.Form{Brand: "kf", Realm: "us"}.New(token.Session).Handle(), boss)
	for what, id := range map[string]string{
		"another tenant's": s.handle(stranger), "a colleague's": s.handle(colleague), "one that has ended": goneID, "a token": tokenID, "nothing": "x",
	} {
		if r := s.delete("/v1/me/sessions/"+id, boss); r.status != 404 || r.comparable() != first.comparable() {
			t.Errorf("%s: %s, want %s", what, r.comparable(), first.comparable())
		}
	}
	for _, credential := range []string{stranger, colleague} {
		s.want(s.get("/v1/tokenInfo", credential), http.StatusOK)
	}
	if n := len(s.sessions(boss)); n != 1 {
		t.Errorf("%d sessions are listed", n)
	}
	s.refused("a cursor of another's list", s.get("/v1/me/sessions?cursor=AAAA", boss), 400, "cursor")
	s.refused("an unknown parameter", s.get("/v1/me/sessions?user=x", boss), 400, "user")
}

// code gives the authenticator app's code at the service's time.
func (s *client) code(secret string) string {
	s.Helper()
	raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(secret)
	if err != nil {
		s.Fatal(err)
	}
	return totp.Secret(raw).Code(totp.Step(s.service.clock.Now()))
}

// S9, R2: at its unlock a cookie's session gets another id and another credential, and the old ones are dead; a bearer's
// session keeps its own. The session's end stays where it was.
func TestS9AnUnlockedCookieIsANewSession(t *testing.T) {
	s := newClient(t)
	session := s.login()
	made := s.post("/v1/me/factors/totp", session, nil)
	s.want(made, http.StatusCreated)
	app := made.text("secret")
	s.want(s.post("/v1/me/factors/totp/confirm", session, map[string]any{"code": s.code(app)}), http.StatusOK)
	s.advance(time.Minute)

	cookie := s.cookieLogin()
	state := s.do("GET", "/v1/login", browser(cookie), "")
	if !strings.Contains(state.body, `"isUnlocked":false`) || !strings.Contains(state.body, `"rights":[]`) || !strings.Contains(state.body, `"totp"`) || strings.Contains(state.body, "enrol") {
		t.Errorf("locked: %s", state.body)
	}
	if r := s.do("GET", "/v1/tokens", browser(cookie), ""); r.status != 403 || !strings.Contains(r.body, "session_locked") {
		t.Errorf("locked: %d %s", r.status, r.body)
	}
	body := fmt.Sprintf(`{"factors":[{"factor":"totp","password":%q}]}`, s.code(app))
	r := s.do("POST", "/v1/login/unlock", browser(cookie), body)
	s.want(r, http.StatusOK)
	set, err := http.ParseSetCookie(r.header.Get("Set-Cookie"))
	if err != nil || set.MaxAge != 86400 {
		t.Fatalf("%v, %v", r.header, err)
	}
	renewed := set.Name + "=" + set.Value
	s.want(s.do("GET", "/v1/tokens", browser(renewed), ""), http.StatusOK)
	s.want(s.do("GET", "/v1/login", browser(cookie), ""), http.StatusUnauthorized)
	s.want(s.do("POST", "/v1/login/unlock", browser(cookie), body), http.StatusUnauthorized)
	if old, now := strings.Split(cookie, "_")[4][:16], strings.Split(renewed, "_")[4][:16]; old == now {
		t.Error("it has the id of before")
	}

	s.advance(time.Minute)
	bearer := s.attempt(testEmail, testPassword, "").text("token")
	s.want(s.get("/v1/tokens", bearer), http.StatusForbidden)
	s.want(s.post("/api/v1/login/unlock?token="+bearer, "", map[string]any{"factors": []any{map[string]any{"factor": "totp", "password": s.code(app)}}}), http.StatusOK)
	s.want(s.get("/v1/tokens", bearer), http.StatusOK)
	s.want(s.do("GET", "/v1/logout", browser(renewed), ""), http.StatusOK)

	// A locked session can be left.
	s.advance(time.Minute)
	locked := s.attempt(testEmail, testPassword, "").text("token")
	s.want(s.get("/v1/logout", locked), http.StatusOK)
	s.want(s.get("/v1/login", locked), http.StatusUnauthorized)
}

// S12: what takes a fresh login takes one of the last five minutes; a step-up makes one, of a cookie under another id.
func TestS12AStepUpIsAFreshLogin(t *testing.T) {
	s := newClient(t)
	session, cookie := s.login(), s.cookieLogin()
	enrol := func() int { return s.post("/v1/me/factors/totp", session, nil).status }
	s.advance(5 * time.Minute)
	if got := enrol(); got != 201 {
		t.Errorf("five minutes after the login: %d", got)
	}
	s.advance(time.Second)
	if got := enrol(); got != 403 {
		t.Errorf("a second later: %d", got)
	}
	s.refused("a wrong password", s.post("/v1/login/stepup", session, map[string]any{"password": "wrong horse battery"}), 422, "password")
	if got := enrol(); got != 403 {
		t.Errorf("after a wrong password: %d", got)
	}
	r := s.post("/v1/login/stepup", session, map[string]any{"password": testPassword})
	s.want(r, http.StatusOK)
	if !strings.Contains(r.body, `"isUnlocked":true`) || len(r.header["Set-Cookie"]) != 0 || strings.Contains(r.body, "kfs_") {
		t.Errorf("%s", r.body)
	}
	s.advance(5 * time.Minute)
	if got := enrol(); got != 201 {
		t.Errorf("five minutes after the step-up: %d", got)
	}
	s.advance(time.Second)
	if got := enrol(); got != 403 {
		t.Errorf("a second later: %d", got)
	}
	r = s.do("POST", "/v1/login/stepup", browser(cookie), fmt.Sprintf(`{"password":%q}`, testPassword))
	set, err := http.ParseSetCookie(r.header.Get("Set-Cookie"))
	if r.status != 200 || err != nil || set.MaxAge != 86400-602 {
		t.Fatalf("%d %v %s", r.status, r.header, r.body)
	}
	s.want(s.do("GET", "/v1/login", browser(cookie), ""), http.StatusUnauthorized)
	s.want(s.do("POST", "/v1/me/factors/totp", browser(set.Name+"="+set.Value), `{}`), http.StatusCreated)
	// S4: guesses are slowed down as those of logins are.
	for range 5 {
		s.post("/v1/login/stepup", session, map[string]any{"password": "wrong horse battery"})
	}
	s.want(s.post("/v1/login/stepup", session, map[string]any{"password": testPassword}), http.StatusTooManyRequests)
	secret, _ := s.create(session, full("deploy"))
	s.refused("a token", s.post("/v1/login/stepup", secret, map[string]any{"password": testPassword}), 403, "")
}
