package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"keyfob/internal/credential"
)

// user has an operator make a user with the test's password, and gives the user's id.
func (s *client) user(account, email, role string) string {
	s.Helper()
	out := s.operate(fmt.Sprintf(`{"command":"user.create","account":%q,"email":%q,"role":%q,"password":%q}`, account, email, role, testPassword))
	var made struct{ User struct{ ID string } }
	if err := json.Unmarshal([]byte(out), &made); err != nil || made.User.ID == "" {
		s.Fatal(out, err)
	}
	return made.User.ID
}

// account has an operator make an account with an owner of the e-mail and the test's password, and gives its id.
func (s *client) account(email string) string {
	s.Helper()
	out := s.operate(fmt.Sprintf(`{"command":"account.create","account":{"name":"Other Ltd"},"owner":{"email":%q,"password":%q}}`, email, testPassword))
	var made struct{ Account struct{ ID string } }
	if err := json.Unmarshal([]byte(out), &made); err != nil || made.Account.ID == "" {
		s.Fatal(out, err)
	}
	return made.Account.ID
}

// attempt tries to log in for a bearer.
func (s *client) attempt(name, password, tenant string) response {
	s.Helper()
	body := map[string]any{"name": name, "password": password, "returnToken": true}
	if tenant != "" {
		body["tenant"] = tenant
	}
	return s.post("/v1/login", "", body)
}

// namesIn gives the names of a JSON object's members, and of those of its members user and settings, in order.
func namesIn(t testing.TB, body string) string {
	t.Helper()
	var all map[string]any
	if err := json.Unmarshal([]byte(body), &all); err != nil {
		t.Fatal(body, err)
	}
	names := slices.Sorted(maps.Keys(all))
	for _, inner := range []string{"user", "settings"} {
		object, _ := all[inner].(map[string]any)
		names = append(names, inner+": "+strings.Join(slices.Sorted(maps.Keys(object)), " "))
	}
	return strings.Join(names, ", ")
}

// browser is what a dashboard in a browser sends with its cookie.
func browser(cookie string) http.Header {
	return http.Header{"Cookie": {cookie}, "Content-Type": {"application/json"}, "Sec-Fetch-Site": {"same-origin"}}
}

// cookieLogin logs in as a browser does, and gives the cookie it sends from then on.
func (s *client) cookieLogin() string {
	s.Helper()
	r := s.post("/v1/login", "", map[string]any{"name": testEmail, "password": testPassword})
	s.want(r, http.StatusOK)
	value, _, _ := strings.Cut(r.header.Get("Set-Cookie"), ";")
	return value
}

// R1: exactly the members that Circularo's clients read, and what they mean, for every kind of login.
func TestR1TheExactMembers(t *testing.T) {
	s := newClient(t)
	const open = "isUnlocked, logged, rights, settings, tenant, user, user: email id name role, settings: accountName expiresAt idleSeconds issuers realm"
	const locked = "enrol, factors, isUnlocked, logged, rights, settings, tenant, user, user: email id name role, settings: accountName expiresAt idleSeconds issuers realm"
	with := func(members string) string {
		return strings.Replace(members, "tenant, user,", "tenant, token, user,", 1)
	}
	bearer := s.attempt(testEmail, testPassword, "")
	session := bearer.text("token")
	cookie := s.post("/api/v1/login", "", map[string]any{"name": testEmail, "password": testPassword})
	for what, c := range map[string]struct {
		r    response
		want string
	}{
		"a bearer": {bearer, with(open)}, "a cookie": {cookie, open},
		"GET": {s.get("/v1/login", session), open}, "GET with a query": {s.get("/api/v1/login?token="+session, ""), open},
	} {
		if got := namesIn(t, c.r.body); c.r.status != 200 || got != c.want {
			t.Errorf("%s: %d, members\n%s, want\n%s", what, c.r.status, got, c.want)
		}
	}
	var state struct {
		Logged, IsUnlocked bool
		Settings           struct {
			ExpiresAt   time.Time
			IdleSeconds *int
			Realm       string
		}
		Rights []string
	}
	if err := json.Unmarshal([]byte(bearer.body), &state); err != nil || !state.Logged || !state.IsUnlocked || state.Settings.Realm != "us" || len(state.Rights) == 0 ||
		*state.Settings.IdleSeconds != 3600 || !state.Settings.ExpiresAt.Equal(s.service.clock.Now().Add(24*time.Hour).Truncate(time.Second)) {
		t.Errorf("%s, %v", bearer.body, err)
	}
	secret, _ := s.create(session, full("deploy"))
	if r := s.get("/v1/login", secret); r.status != 200 || namesIn(t, r.body) != open || !strings.Contains(r.body, `"idleSeconds":null`) || !strings.Contains(r.body, `"isUnlocked":true`) {
		t.Errorf("a token: %s", r.body)
	}
	// The account asks for a second factor: logins can only enrol one, those that are under way too.
	s.want(s.patch("/v1/account", session, "", `{"policy":{"mfaRequired":true}}`), http.StatusOK)
	bearer = s.attempt(testEmail, testPassword, "")
	for what, c := range map[string]struct {
		r    response
		want string
	}{"a bearer": {bearer, with(locked)}, "GET": {s.get("/v1/login", bearer.text("token")), locked}, "GET before": {s.get("/v1/login", session), locked}} {
		if got := namesIn(t, c.r.body); got != c.want {
			t.Errorf("who has to enrol, %s: %d, members\n%s, want\n%s", what, c.r.status, got, c.want)
		}
		for _, want := range []string{`"isUnlocked":false`, `"enrol":true`, `"factors":[]`, `"rights":[]`} {
			if !strings.Contains(c.r.body, want) {
				t.Errorf("who has to enrol, %s: no %s in %s", what, want, c.r.body)
			}
		}
	}
	for _, path := range []string{"/v1/tokens", "/v1/tokenInfo", "/v1/me", "/v1/exports", "/v1/me/sessions", "/v1/nothing"} {
		if r := s.get(path, session); r.status != 403 || !strings.Contains(r.body, "factor_required") {
			t.Errorf("GET %s by who has to enrol: %d %s", path, r.status, r.body)
		}
	}
	s.want(s.get("/v1/tokenInfo", secret), http.StatusOK) // tokens are not people
	s.want(s.post("/v1/logout", session, nil), http.StatusOK)
	s.want(s.get("/v1/login", session), http.StatusUnauthorized)
}

// S5: whoever it is that cannot log in, and why ever, the answer is the same to the byte.
func TestS5RefusedLoginsAreAlikeToTheByte(t *testing.T) {
	s := newClient(t)
	boss := s.login()
	mine := s.get("/v1/account", boss).text("id")
	disabled := s.user(mine, "disabled@example.com", "member")
	s.want(s.turn(boss, disabled, `{"status":"disabled"}`), http.StatusOK)
	s.operate(`{"command":"user.create","account":"` + mine + `","email":"invited@example.com","role":"member"}`)
	suspended := s.account("suspended@example.com")
	s.operate(`{"command":"account.suspend","account":"` + suspended + `"}`)
	twice := s.account("twice@example.com")
	s.user(mine, "twice@example.com", "member")
	var first response
	for i, c := range []struct{ name, password, tenant string }{
		{"nobody@example.com", testPassword, ""},
		{testEmail, "wrong horse battery", ""},
		{"disabled@example.com", testPassword, ""},
		{"invited@example.com", testPassword, ""},
		{"suspended@example.com", testPassword, ""},
		{"suspended@example.com", testPassword, suspended},
		{testEmail, testPassword, suspended},
		{testEmail, testPassword, "acc_0000000000000000"},
		{testEmail, testPassword, strings.Repeat("x", 3000)},
		{"twice@example.com", "wrong horse battery", ""},
		{"twice@example.com", "wrong horse battery", twice},
		{"twice@example.com", strings.Repeat("x", 2000), twice},
	} {
		s.advance(10 * time.Minute)
		r := s.attempt(c.name, c.password, c.tenant)
		if i == 0 {
			first = r
		}
		if r.status != 401 || r.body != unauthenticated || r.comparable() != first.comparable() {
			t.Errorf("%s of %q: %s, want %s", c.name, c.tenant, r.comparable(), first.comparable())
		}
	}
	r := s.attempt("twice@example.com", testPassword, "")
	s.refused("a name of two accounts", r, 422, "tenant")
	if !strings.Contains(r.body, twice) || !strings.Contains(r.body, mine) || !strings.Contains(r.body, `"required"`) {
		t.Errorf("%s", r.body)
	}
	for _, tenant := range []string{twice, mine} {
		if r := s.attempt("twice@example.com", testPassword, tenant); r.text("tenant") != tenant {
			t.Errorf("%s: %d %s", tenant, r.status, r.body)
		}
	}
}

// S4: whoever guesses from one network is slowed down there, and the victim logs in from another at once.
func TestS4TheVictimLogsInFromAnotherNetwork(t *testing.T) {
	s := newClient(t)
	victim := s.from("127.0.1.1")
	slowed := 0
	for range 60 {
		r := s.attempt(testEmail, "wrong horse battery", "")
		switch r.status {
		case http.StatusTooManyRequests:
			slowed++
			if r.header.Get("Retry-After") == "" {
				t.Errorf("no Retry-After: %v", r.header)
			}
		case http.StatusUnauthorized:
		default:
			t.Fatalf("%d %s", r.status, r.body)
		}
		s.advance(time.Second)
		if r := victim.attempt(testEmail, testPassword, ""); r.status != http.StatusOK {
			t.Fatalf("the victim: %d %s", r.status, r.body)
		}
	}
	if slowed < 45 {
		t.Errorf("%d of 60 guesses were slowed down", slowed)
	}
	if r := s.attempt(testEmail, testPassword, ""); r.status != http.StatusTooManyRequests {
		t.Errorf("the right password in the attacker's network: %d", r.status)
	}
}

// S10: the cookie is bound to host, TLS and page, and counts for a change only where the browser vouches for the origin.
func TestS10TheCookieActsForItsOwnPageOnly(t *testing.T) {
	s := newClient(t)
	r := s.post("/v1/login", "", map[string]any{"name": testEmail, "password": testPassword})
	s.want(r, http.StatusOK)
	set := r.header["Set-Cookie"]
	if len(set) != 1 || !strings.HasPrefix(set[0], "__Host-keyfob=kfs_us_") {
		t.Fatalf("%v", set)
	}
	cookie, err := http.ParseSetCookie(set[0])
	if err != nil || !cookie.Secure || !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode || cookie.Path != "/" || cookie.Domain != "" || cookie.MaxAge != 86400 {
		t.Errorf("%+v, %v", cookie, err)
	}
	value := cookie.Name + "=" + cookie.Value
	origin := s.service.URL
	for what, c := range map[string]struct {
		header http.Header
		want   int
	}{
		"its own page":               {http.Header{"Sec-Fetch-Site": {"same-origin"}}, 201},
		"its own page, old browser":  {http.Header{"Origin": {origin}}, 201},
		"another site":               {http.Header{"Sec-Fetch-Site": {"cross-site"}}, 401},
		"another host of the site":   {http.Header{"Sec-Fetch-Site": {"same-site"}}, 401},
		"another page, old browser":  {http.Header{"Origin": {"https://evil.example"}}, 401},
		"an opaque origin":           {http.Header{"Origin": {"null"}}, 401},
		"nobody vouches":             {http.Header{}, 401},
		"vouched for twice":          {http.Header{"Sec-Fetch-Site": {"same-origin", "cross-site"}}, 401},
		"a simple form's, own page":  {http.Header{"Sec-Fetch-Site": {"same-origin"}, "Content-Type": {"text/plain"}}, 415},
		"a simple form's, elsewhere": {http.Header{"Sec-Fetch-Site": {"cross-site"}, "Content-Type": {"text/plain"}}, 401},
	} {
		header := c.header.Clone()
		header.Set("Cookie", value)
		if header.Get("Content-Type") == "" {
			header.Set("Content-Type", "application/json")
		}
		if r := s.do("POST", "/v1/tokens", header, `{"name":"x","scope":"full"}`); r.status != c.want {
			t.Errorf("%s: %d %s, want %d", what, r.status, r.body, c.want)
		}
	}
	// A login that would plant a cookie is not to be had by a simple request of another page.
	plant := s.do("POST", "/v1/login", http.Header{"Content-Type": {"text/plain"}}, fmt.Sprintf(`{"name":%q,"password":%q}`, testEmail, testPassword))
	if plant.status != http.StatusUnsupportedMediaType || len(plant.header["Set-Cookie"]) != 0 {
		t.Errorf("a planted cookie: %d %v", plant.status, plant.header)
	}
	// Nothing that is asked for with GET changes anything, but R4's logout.
	if err := s.service.Settle(s.Context()); err != nil { // what earlier changes have owed
		t.Fatal(err)
	}
	before := s.service.Stats().Table.Writes
	for _, path := range []string{"/v1/login", "/v1/me", "/v1/me/sessions", "/v1/me/factors", "/v1/tokens", "/v1/users", "/v1/account", "/v1/audit", "/v1/tokenInfo"} {
		if r := s.do("GET", path, http.Header{"Cookie": {value}, "Sec-Fetch-Site": {"cross-site"}}, ""); r.status != 200 || len(r.header["Set-Cookie"]) != 0 {
			t.Errorf("GET %s: %d", path, r.status)
		}
	}
	if after := s.service.Stats().Table.Writes; after != before {
		t.Errorf("%d writes by GET", after-before)
	}
	if r := s.do("GET", "/v1/logout", http.Header{"Cookie": {value}}, ""); r.status != 200 || r.header.Get("Set-Cookie") != credential.ClearCookie() {
		t.Errorf("logout: %d %v", r.status, r.header)
	}
	if r := s.do("GET", "/v1/login", http.Header{"Cookie": {value}}, ""); r.status != 401 || r.body != unauthenticated {
		t.Errorf("after the logout: %d %s", r.status, r.body)
	}
}

// C4: what a login may do follows role and policy: tokens are the owner's and the admins', and everyone's where the policy
// says so.
func TestC4RightsFollowRoleAndPolicy(t *testing.T) {
	s := newClient(t)
	boss := s.login()
	mine := s.get("/v1/account", boss).text("id")
	s.user(mine, "admin@example.com", "admin")
	s.user(mine, "member@example.com", "member")
	rights := func(session string) (list []string) {
		t.Helper()
		var state struct{ Rights []string }
		if err := json.Unmarshal([]byte(s.get("/v1/login", session).body), &state); err != nil {
			t.Fatal(err)
		}
		return state.Rights
	}
	admin, plain := s.enter("admin", testPassword), s.enter("member", testPassword)
	for who, c := range map[string]struct {
		session      string
		issue, owner bool
	}{"the owner": {boss, true, true}, "an admin": {admin, true, false}, "a member": {plain, false, false}} {
		has := rights(c.session)
		if slices.Contains(has, "tokens.issue") != c.issue || slices.Contains(has, "tokens.read") != c.issue || slices.Contains(has, "account.manage") != c.owner {
			t.Errorf("%s: %v", who, has)
		}
		want := map[bool]int{true: 201, false: 403}[c.issue]
		if r := s.post("/v1/tokens", c.session, full("of "+who)); r.status != want {
			t.Errorf("%s issues: %d", who, r.status)
		}
		if r := s.get("/v1/tokens", c.session); (r.status == 200) != c.issue {
			t.Errorf("%s lists: %d", who, r.status)
		}
	}
	s.policy(boss, `{"issuers":"everyone"}`)
	if has := rights(plain); !slices.Contains(has, "tokens.own") || slices.Contains(has, "tokens.read") {
		t.Errorf("a member, where everyone may: %v", has)
	}
	s.want(s.post("/v1/tokens", plain, full("mine")), http.StatusCreated)
}
