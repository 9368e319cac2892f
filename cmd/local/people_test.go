package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// somebody has an operator make a user of the account, and logs them in.
func (s *client) somebody(session, name, role string) (id, credential string) {
	s.Helper()
	account := s.get("/v1/account", session).text("id")
	out := s.operate(`{"command":"user.create","account":"` + account + `","email":"` + name + `@example.com","role":"` + role + `","password":"` + testPassword + `"}`)
	var made struct{ User struct{ ID string } }
	if err := json.Unmarshal([]byte(out), &made); err != nil || made.User.ID == "" {
		s.Fatal(out, err)
	}
	return made.User.ID, s.enter(name, testPassword)
}

// enter logs a user in.
func (s *client) enter(name, password string) string {
	s.Helper()
	r := s.post("/v1/login", "", map[string]any{"name": name + "@example.com", "password": password, "returnToken": true})
	s.want(r, http.StatusOK)
	return r.text("token")
}

// turn changes a user.
func (s *client) turn(session, user, body string) response {
	s.Helper()
	return s.patch("/v1/users/"+user, session, "", body)
}

// R3, S23, P1: a token follows its creator. It loses what the role loses at once, gets it back, and is refused while its
// creator is disabled.
func TestR3TokensFollowTheirCreator(t *testing.T) {
	s := newClient(t)
	boss := s.login()
	id, session := s.somebody(boss, "admin", "admin")
	canonical, _ := s.create(session, full("deploy"))
	key := s.post("/api/v1/api/key?token="+session, "", nil).text("id")
	role := func(want string) {
		t.Helper()
		for _, credential := range []string{canonical, key, session} {
			r := s.get("/v1/tokenInfo", credential)
			s.want(r, http.StatusOK)
			if r.text("role") != want {
				t.Errorf("%s, want a %s", r.body, want)
			}
		}
	}
	role("admin")
	s.want(s.get("/v1/users", canonical), http.StatusOK)

	s.want(s.turn(boss, id, `{"role":"member"}`), http.StatusOK)
	role("member")
	s.want(s.get("/v1/users", canonical), http.StatusForbidden)
	s.want(s.get("/v1/tokens", key), http.StatusForbidden)
	s.want(s.post("/api/v1/api/key?token="+key, "", nil), http.StatusForbidden)
	s.want(s.get("/v1/exports", key), http.StatusOK)

	s.want(s.turn(boss, id, `{"role":"admin"}`), http.StatusOK)
	role("admin")
	s.want(s.get("/v1/users", canonical), http.StatusOK)

	s.want(s.turn(boss, id, `{"status":"disabled"}`), http.StatusOK)
	for _, credential := range []string{canonical, key, session} {
		s.want(s.get("/v1/tokenInfo", credential), http.StatusUnauthorized)
	}
	s.want(s.get("/api/v1/tokenInfo?token="+key, ""), http.StatusUnauthorized)

	s.want(s.turn(boss, id, `{"status":"active"}`), http.StatusOK)
	for _, credential := range []string{canonical, key} {
		s.want(s.get("/v1/tokenInfo", credential), http.StatusOK)
	}
	s.want(s.get("/v1/tokenInfo", session), http.StatusUnauthorized) // it has ended for good
}

// P1: the account's policy about members reaches their tokens at once, too.
func TestP1TokensFollowThePolicy(t *testing.T) {
	s := newClient(t)
	boss := s.login()
	s.want(s.patch("/v1/account", boss, "", `{"policy":{"issuers":"everyone"}}`), http.StatusOK)
	_, session := s.somebody(boss, "member", "member")
	secret, _ := s.create(session, full("deploy"))
	s.want(s.get("/v1/tokens", secret), http.StatusOK)
	s.want(s.patch("/v1/account", boss, "", `{"policy":{"issuers":"admins"}}`), http.StatusOK)
	s.want(s.get("/v1/tokens", secret), http.StatusForbidden)
	s.want(s.get("/v1/tokens", session), http.StatusForbidden)
	s.want(s.get("/v1/exports", secret), http.StatusOK)
}

// P1: from the answer to a demotion or a disabling on, no request succeeds that the old role would have let through.
func TestP1NoRequestOutrunsADemotion(t *testing.T) {
	for _, c := range []struct {
		change string
		status int
	}{{`{"role":"member"}`, http.StatusForbidden}, {`{"status":"disabled"}`, http.StatusUnauthorized}} {
		s := newClient(t)
		boss := s.login()
		id, session := s.somebody(boss, "admin", "admin")
		secret, _ := s.create(session, full("deploy"))
		done := make(chan struct{})
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				for {
					late := false
					select {
					case <-done:
						late = true
					default:
					}
					r := s.get("/v1/users", secret)
					if late && r.status != c.status {
						t.Errorf("after %s: %d", c.change, r.status)
					}
					if late {
						return
					}
				}
			})
		}
		r := s.turn(boss, id, c.change)
		close(done)
		all.Wait()
		s.want(r, http.StatusOK)
	}
}

// S23: the last active owner cannot be demoted or disabled, by anybody, and of two who demote each other one stays.
func TestS23TheLastOwnerStays(t *testing.T) {
	s := newClient(t)
	boss := s.login()
	me := s.get("/v1/me", boss).text("id")
	for _, change := range []string{`{"role":"admin"}`, `{"status":"disabled"}`, `{"role":"member","status":"disabled"}`} {
		if r := s.turn(boss, me, change); r.status != http.StatusConflict || !strings.Contains(r.body, `"last_owner"`) {
			t.Errorf("%s: %d %s", change, r.status, r.body)
		}
	}
	other, second := s.somebody(boss, "second", "owner")
	for range 6 {
		var both sync.WaitGroup
		both.Go(func() { s.turn(boss, other, `{"role":"admin"}`) })
		both.Go(func() { s.turn(second, me, `{"role":"admin"}`) })
		both.Wait()
		mine, theirs := s.get("/v1/me", boss).text("role"), s.get("/v1/me", second).text("role")
		if (mine == "owner") == (theirs == "owner") {
			t.Fatalf("the two are %s and %s", mine, theirs)
		}
		// Back to two, for the next round.
		if mine == "owner" {
			s.want(s.turn(boss, other, `{"role":"owner"}`), http.StatusOK)
		} else {
			s.want(s.turn(second, me, `{"role":"owner"}`), http.StatusOK)
		}
	}
	s.want(s.turn(boss, me, `{"role":"admin"}`), http.StatusOK) // there is another
}

// S12: who is an owner is changed in a session whose login is at most five minutes old.
func TestS12OwnersAreMadeWithAFreshLogin(t *testing.T) {
	s := newClient(t)
	boss := s.login()
	id, _ := s.somebody(boss, "admin", "admin")
	secret, _ := s.create(boss, full("deploy"))
	if r := s.turn(secret, id, `{"role":"owner"}`); r.status != 403 || !strings.Contains(r.body, "needs_session") {
		t.Errorf("by token: %d %s", r.status, r.body)
	}
	s.advance(5*time.Minute + time.Second)
	if r := s.turn(boss, id, `{"role":"owner"}`); r.status != 403 || !strings.Contains(r.body, "fresh_login_required") {
		t.Errorf("late: %d %s", r.status, r.body)
	}
	s.want(s.turn(secret, id, `{"role":"member"}`), http.StatusOK)
	s.want(s.turn(s.login(), id, `{"role":"owner"}`), http.StatusOK)
}

// S22, S23: who sees and changes what: an admin does not touch owners, a member sees only themselves, and a stranger is
// answered like nobody.
func TestS22WhoSeesAndChangesWhom(t *testing.T) {
	s := newClient(t)
	boss := s.login()
	me := s.get("/v1/me", boss).text("id")
	admin, adminSession := s.somebody(boss, "admin", "admin")
	member, memberSession := s.somebody(boss, "member", "member")
	s.operate(`{"command":"account.create","account":{"name":"Other"},"owner":{"email":"other@example.com","password":"nine bridges under a loud moon"}}`)
	stranger := s.enter("other", "nine bridges under a loud moon")
	strangerID := s.get("/v1/me", stranger).text("id")

	absent := s.get("/v1/users/usr_0123456789ABCDEF", boss)
	s.want(absent, http.StatusNotFound)
	if r := s.get("/v1/users/"+strangerID, boss); r.comparable() != absent.comparable() {
		t.Errorf("a stranger: %s", r.comparable())
	}
	absent = s.turn(boss, "usr_0123456789ABCDEF", `{"role":"member"}`)
	s.want(absent, http.StatusNotFound)
	if r := s.turn(boss, strangerID, `{"role":"member"}`); r.comparable() != absent.comparable() {
		t.Errorf("a stranger: %s", r.comparable())
	}
	if r := s.get("/v1/users", stranger); strings.Count(r.body, `"usr_`) != 1 || !strings.Contains(r.body, strangerID) {
		t.Errorf("%s", r.body)
	}
	for _, c := range []struct {
		who, session, method, path, body string
		status                           int
	}{
		{"an admin", adminSession, "GET", "/v1/users", "", 200},
		{"an admin", adminSession, "GET", "/v1/users/" + me, "", 200},
		{"an admin", adminSession, "PATCH", "/v1/users/" + me, `{"role":"member"}`, 403},
		{"an admin", adminSession, "PATCH", "/v1/users/" + admin, `{"role":"owner"}`, 403},
		{"an admin", adminSession, "PATCH", "/v1/users/" + member, `{"role":"owner"}`, 403},
		{"an admin", adminSession, "PATCH", "/v1/account", `{"policy":{"revealable":true}}`, 403},
		{"an admin", adminSession, "GET", "/v1/account", "", 200},
		{"a member", memberSession, "GET", "/v1/users", "", 403},
		{"a member", memberSession, "GET", "/v1/users/" + member, "", 403},
		{"a member", memberSession, "PATCH", "/v1/users/" + member, `{"role":"admin"}`, 403},
		{"a member", memberSession, "GET", "/v1/me", "", 200},
		{"a member", memberSession, "PATCH", "/v1/me", `{"developerMode":true}`, 200},
		{"a token", s.post("/api/v1/api/key", boss, nil).text("id"), "GET", "/v1/me", "", 403},
		{"nobody", "", "GET", "/v1/users", "", 401},
	} {
		header := http.Header{}
		if c.session != "" {
			header.Set("Authorization", "Bearer "+c.session)
		}
		if c.body != "" {
			header.Set("Content-Type", "application/json")
		}
		if r := s.do(c.method, c.path, header, c.body); r.status != c.status {
			t.Errorf("%s: %s %s %s: %d %s", c.who, c.method, c.path, c.body, r.status, r.body)
		}
	}
}

// S24: what is wrong with a request is named by its field, and a stale If-Match is refused.
func TestS24WhatIsWrongWithAChangeOfPeopleIsNamed(t *testing.T) {
	s := newClient(t)
	boss := s.login()
	id, _ := s.somebody(boss, "admin", "admin")
	user, account, me := "/v1/users/"+id, "/v1/account", "/v1/me"
	for _, c := range []struct {
		path, body string
		status     int
		field      string
	}{
		{user, `{}`, 400, "body"}, {user, ``, 400, "body"}, {user, `{"role":1}`, 400, "role"}, {user, `{"role":"king"}`, 400, "role"},
		{user, `{"role":null}`, 400, "role"}, {user, `{"status":"suspended"}`, 400, "status"}, {user, `{"email":"a@example.com"}`, 400, "email"},
		{account, `{}`, 400, "policy"}, {account, `{"policy":{}}`, 400, "policy"}, {account, `{"name":"x"}`, 400, "name"},
		{account, `{"policy":{"issuers":"all"}}`, 400, "policy.issuers"}, {account, `{"policy":{"maxLifeSeconds":null}}`, 400, "policy.maxLifeSeconds"},
		{account, `{"policy":{"maxLifeSeconds":1.5}}`, 400, "policy.maxLifeSeconds"}, {account, `{"policy":{"tokensPerUser":0}}`, 400, "policy.tokensPerUser"},
		{account, `{"policy":{"maxLifeSeconds":60,"defaultLifeSeconds":61}}`, 422, "policy.defaultLifeSeconds"},
		{me, `{}`, 400, "developerMode"}, {me, `{"developerMode":"on"}`, 400, "developerMode"}, {me, `{"role":"owner"}`, 400, "role"},
	} {
		s.refused(c.path+" "+c.body, s.patch(c.path, boss, "", c.body), c.status, c.field)
	}
	for path, body := range map[string]string{user: `{"role":"member"}`, account: `{"policy":{"revealable":true}}`, me: `{"developerMode":true}`} {
		etag := s.get(path, boss).header.Get("ETag")
		s.refused("stale "+path, s.patch(path, boss, `"0"`, body), 412, "If-Match")
		s.refused("malformed "+path, s.patch(path, boss, `3`, body), 400, "If-Match")
		r := s.patch(path, boss, etag, body)
		s.want(r, http.StatusOK)
		if now := s.get(path, boss); now.header.Get("ETag") != r.header.Get("ETag") || now.body != r.body || r.header.Get("ETag") == etag {
			t.Errorf("%s: %s %s", path, r.header.Get("ETag"), now.header.Get("ETag"))
		}
	}
}

// C3: an operator gives and takes the licence; the account shows it.
func TestTheAccountShowsItsLicence(t *testing.T) {
	s := newClient(t)
	boss := s.login()
	id := s.get("/v1/account", boss).text("id")
	for _, on := range []string{"false", "true"} {
		s.operate(`{"command":"account.license","account":"` + id + `","apiManagement":` + on + `}`)
		if r := s.get("/v1/account", boss); !strings.Contains(r.body, `"apiManagement":`+on) {
			t.Errorf("%s", r.body)
		}
	}
}
