package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/descope/virtualwebauthn"

	"keyfob/internal/openapi/openapitest"
)

// app enrols an authenticator app in the session, and gives its secret and the recovery codes. The time goes on past the
// code that it took.
func (s *client) app(session string) (secret string, codes []string) {
	s.Helper()
	made := s.post("/v1/me/factors/totp", session, nil)
	s.want(made, http.StatusCreated)
	secret = made.text("secret")
	r := s.post("/v1/me/factors/totp/confirm", session, map[string]any{"code": s.code(secret)})
	s.want(r, http.StatusOK)
	s.advance(time.Minute)
	return secret, s.list(r, "recoveryCodes")
}

// list gives a list of texts of a JSON object.
func (s *client) list(r response, name string) (all []string) {
	s.Helper()
	var m map[string]json.RawMessage
	if err := json.Unmarshal([]byte(r.body), &m); err != nil {
		s.Fatal(err)
	}
	if m[name] != nil {
		if err := json.Unmarshal(m[name], &all); err != nil {
			s.Fatal(err)
		}
	}
	return all
}

// shows shows a factor to unlock the session.
func (s *client) shows(session, factor, code string) response {
	s.Helper()
	return s.post("/v1/login/unlock", session, proofOf(factor, code))
}

// proofOf is the body that shows a factor.
func proofOf(factor, code string) map[string]any {
	return map[string]any{"factors": []any{map[string]any{"factor": factor, "password": code}}}
}

var mailedCode = regexp.MustCompile(`(?m)^ +([0-9]{6})\r?$`)

// mailed gives the code of the newest mail that has one.
func (s *client) mailed() string {
	s.Helper()
	for _, m := range s.mails() {
		if found := mailedCode.FindStringSubmatch(m.Text); found != nil {
			return found[1]
		}
	}
	s.Fatal("no mail has a code")
	return ""
}

// R2: what Circularo's clients send and read to unlock, to the letter, on the old paths and the new; and what is refused
// names its field.
func TestR2UnlockingHasTheExactShapes(t *testing.T) {
	s := newClient(t)
	secret, codes := s.app(s.login())
	session := s.login()
	r := s.post("/v1/login", "", map[string]any{"name": testEmail, "password": testPassword, "returnToken": true})
	if !strings.Contains(r.body, `"factors":["totp","recovery"]`) || !strings.Contains(r.body, `"isUnlocked":false`) || !strings.Contains(r.body, `"rights":[]`) {
		t.Errorf("the login: %s", r.body)
	}
	for _, test := range []struct {
		body          string
		status        int
		field, answer string
	}{
		{`{}`, 400, "factors", ""},
		{`{"factors":[]}`, 400, "factors", ""},
		{`{"factors":[{"factor":"sms","password":"1"}]}`, 400, "factors[0].factor", ""},
		{`{"factors":[{"factor":"totp","password":"1"},{"factor":"totp","password":"2"}]}`, 400, "factors[1].factor", ""},
		{`{"factors":[{"factor":"totp"}]}`, 400, "factors[0].password", ""},
		{`{"factors":[{"factor":"totp","password":"1","credential":{}}]}`, 400, "factors[0].credential", ""},
		{`{"factors":[{"factor":"passkey","password":"1"}]}`, 400, "factors[0].password", ""},
		{`{"factors":[{"factor":"totp","password":123456}]}`, 400, "factors[0].password", ""},
		{`{"factors":[{"factor":"totp","password":"1","code":"2"}]}`, 400, "factors[0].code", ""},
		{`{"factors":[{"factor":"totp","password":"000000"}]}`, 422, "factors[0].password", ""},
		{`{"factors":[{"factor":"passkey","credential":{}}]}`, 422, "factors[0].credential", ""},
		{`{"factors":[{"factor":"totp","password":"` + s.code(secret) + `"},{"factor":"recovery","password":"` + codes[0] + `"}]}`, 200, "",
			`{"isUnlocked":true,"factors":[{"factor":"totp","unlocked":true},{"factor":"recovery","unlocked":true}]}`},
		{`{"factors":[{"factor":"totp","password":"000000"}]}`, 409, "", ""},
	} {
		r := s.do("POST", "/api/v1/login/unlock?token="+session, http.Header{"Content-Type": {"application/json"}}, test.body)
		if test.field != "" {
			s.refused(test.body, r, test.status, test.field)
		}
		if r.status != test.status || test.answer != "" && r.body != test.answer {
			t.Errorf("%s: %d %s", test.body, r.status, r.body)
		}
		if r.header.Get("Set-Cookie") != "" {
			t.Errorf("%s: a cookie for who has none", test.body)
		}
	}
	s.want(s.get("/v1/tokens", session), http.StatusOK) // the same token, now open
	if r := s.get("/api/v1/login?token="+session, ""); !strings.Contains(r.body, `"isUnlocked":true`) || strings.Contains(r.body, `"factors"`) {
		t.Errorf("the state: %s", r.body)
	}
	key, _ := s.create(session, full("deploy"))
	if r := s.shows(key, "totp", "123456"); r.status != 403 || !strings.Contains(r.body, "needs_session") {
		t.Errorf("a token: %d %s", r.status, r.body)
	}
	if r := s.post("/v1/login/challenge", key, map[string]any{"factor": "email"}); r.status != 403 {
		t.Errorf("a token: %d %s", r.status, r.body)
	}
	s.want(s.post("/v1/login/unlock", "", proofOf("totp", "123456")), http.StatusUnauthorized)
}

// S6: fifty at once, over HTTP: one success, and the code is spent.
func TestS6FiftyUsesOfACodeOverHTTP(t *testing.T) {
	s := newClient(t)
	secret, codes := s.app(s.login())
	race := func(factor, code string) (won int) {
		sessions := make([]string, 50)
		for i := range sessions {
			sessions[i] = s.login()
		}
		var all sync.WaitGroup
		var mu sync.Mutex
		for _, session := range sessions {
			all.Go(func() {
				r := s.shows(session, factor, code)
				mu.Lock()
				defer mu.Unlock()
				switch r.status {
				case 200:
					won++
				case 422, 429:
				default:
					t.Errorf("%d %s", r.status, r.body)
				}
			})
		}
		all.Wait()
		return won
	}
	if won := race("totp", s.code(secret)); won != 1 {
		t.Errorf("an app's code was taken %d times", won)
	}
	s.advance(6 * time.Hour)
	if won := race("recovery", codes[0]); won != 1 {
		t.Errorf("a recovery code was taken %d times", won)
	}
	s.advance(6 * time.Hour)
	s.want(s.shows(s.login(), "recovery", codes[0]), http.StatusUnprocessableEntity)
	s.want(s.shows(s.login(), "recovery", codes[1]), http.StatusOK)
}

// S7: a locked session is good for nothing but to be unlocked, asked about and left; of every route in the OpenAPI document.
// One that has to enrol can do that besides.
func TestS7ALockedSessionWalksEveryRoute(t *testing.T) {
	s := newClient(t)
	boss := s.login()
	secret, _ := s.app(boss)
	locked := s.login()
	known := []string{
		"GET /v1/login", "GET /api/v1/login", "GET /v1/logout", "POST /v1/logout", "GET /api/v1/logout", "POST /api/v1/logout",
		"POST /v1/login/unlock", "POST /api/v1/login/unlock", "POST /v1/login/challenge", "POST /api/v1/login/challenge",
	}
	walk := func(session, code string, known []string) {
		t.Helper()
		refused := 0
		paths := openapitest.Load(t).Spec().Paths.Map()
		for _, path := range slices.Sorted(maps.Keys(paths)) {
			for method, operation := range paths[path].Operations() {
				if operation.Security != nil && (len(*operation.Security) == 0 || len((*operation.Security)[0]) == 0) {
					continue // open to all
				}
				if slices.Contains(known, method+" "+path) {
					continue
				}
				target := regexp.MustCompile(`\{[a-zA-Z]+\}`).ReplaceAllString(path, "exports")
				r := s.do(method, target, http.Header{"Authorization": {"Bearer " + session}, "Content-Type": {"application/json"}}, "{}")
				if r.status != http.StatusForbidden || !strings.Contains(r.body, code) {
					t.Errorf("%s %s: %d %s", method, path, r.status, r.body)
				}
				refused++
			}
		}
		if refused < 40 {
			t.Errorf("only %d routes", refused)
		}
	}
	walk(locked, "session_locked", known)
	s.want(s.get("/v1/login", locked), http.StatusOK)
	s.want(s.shows(locked, "totp", s.code(secret)), http.StatusOK)
	s.want(s.get("/v1/tokens", locked), http.StatusOK)

	s.want(s.patch("/v1/account", locked, "", `{"policy":{"mfaRequired":true}}`), http.StatusOK)
	_, enrolling := s.somebody(locked, "member", "member")
	if r := s.get("/v1/login", enrolling); !strings.Contains(r.body, `"enrol":true`) || !strings.Contains(r.body, `"factors":[]`) {
		t.Errorf("the state: %s", r.body)
	}
	walk(enrolling, "factor_required", append(known,
		"GET /v1/me/factors", "POST /v1/me/factors/totp", "POST /v1/me/factors/totp/confirm", "POST /v1/me/factors/email",
		"POST /v1/me/factors/email/confirm", "POST /v1/me/factors/passkeys", "POST /v1/me/factors/passkeys/confirm"))
	s.app(enrolling)
	s.want(s.get("/v1/me", enrolling), http.StatusOK)
}

// S7: skipped, swapped and repeated steps, over HTTP, of people and tenants.
func TestS7SkippedAndSwappedStepsUnlockNothing(t *testing.T) {
	s := newClient(t)
	boss := s.login()
	secret, codes := s.app(boss)
	s.account("other@example.com")
	stranger := s.attempt("other@example.com", testPassword, "").text("token")
	theirs, theirCodes := s.app(stranger)
	locked := s.login()
	for _, test := range []struct{ what, factor, code string }{
		{"another tenant's code", "totp", s.code(theirs)}, {"another tenant's recovery code", "recovery", theirCodes[0]},
		{"a code that was not mailed", "email", "000000"},
	} {
		if r := s.shows(locked, test.factor, test.code); r.status != 422 {
			t.Errorf("%s: %d %s", test.what, r.status, r.body)
		}
	}
	s.want(s.post("/v1/login/stepup", locked, map[string]any{"password": testPassword, "factors": proofOf("totp", s.code(secret))["factors"]}), http.StatusForbidden)
	s.want(s.post("/v1/me/factors/totp", locked, nil), http.StatusForbidden)
	s.want(s.delete("/v1/me/factors/totp", locked), http.StatusForbidden)
	for range 2 {
		s.want(s.shows(locked, "totp", "000000"), http.StatusUnprocessableEntity)
	}
	s.want(s.shows(locked, "totp", s.code(secret)), http.StatusUnauthorized) // five were wrong: the session is over
	s.advance(10 * time.Minute)
	s.want(s.shows(s.login(), "recovery", codes[3]), http.StatusOK)
}

// S12: five minutes to the second, for each of the routes that change factors.
func TestS12ChangingFactorsTakesALoginOfFiveMinutes(t *testing.T) {
	s := newClient(t)
	session := s.login()
	routes := []string{"POST totp", "POST email", "POST passkeys", "DELETE totp", "DELETE email", "DELETE passkeys/psk_EXAMPLEexample01", "POST codes"}
	tryAll := func(want bool) {
		t.Helper()
		for _, route := range routes {
			method, path, _ := strings.Cut(route, " ")
			r := s.send(method, "/v1/me/factors/"+path, session, nil)
			if stale := r.status == 403 && strings.Contains(r.body, "fresh_login_required"); stale == want {
				t.Errorf("%s: %d %s", route, r.status, r.body)
			}
		}
	}
	s.advance(5 * time.Minute)
	tryAll(true)
	s.advance(time.Second)
	tryAll(false)
	s.want(s.get("/v1/me/factors", session), http.StatusOK)
	s.want(s.post("/v1/login/stepup", session, map[string]any{"password": testPassword}), http.StatusOK)
	tryAll(true)
}

// The whole life of factors by mail and by an app, as the routes have it.
func TestFactorsFromTheFirstToTheLast(t *testing.T) {
	s := newClient(t)
	session, other := s.login(), s.login()
	if r := s.get("/v1/me/factors", session); r.body != `{"required":false,"totp":null,"email":null,"passkeys":[],"recoveryCodes":0}` {
		t.Errorf("none: %s", r.body)
	}
	r := s.post("/v1/me/factors/codes", session, nil)
	if r.status != 409 || !strings.Contains(r.body, "no_factor") {
		t.Errorf("codes without a factor: %d %s", r.status, r.body)
	}
	r = s.post("/v1/me/factors/email", session, nil)
	s.want(r, http.StatusAccepted)
	if r.text("expiresAt") != "2026-11-21T20:10:00Z" || r.text("factor") != "email" {
		t.Errorf("%s", r.body)
	}
	if r := s.post("/v1/me/factors/email", session, nil); r.status != 429 || r.header.Get("Retry-After") != "60" {
		t.Errorf("at once again: %d %v", r.status, r.header)
	}
	first := s.mailed()
	s.refused("a wrong code", s.post("/v1/me/factors/email/confirm", session, map[string]any{"code": "x"}), 422, "code")
	r = s.post("/v1/me/factors/email/confirm", session, map[string]any{"code": first})
	s.want(r, http.StatusOK)
	codes := s.list(r, "recoveryCodes")
	if len(codes) != 10 {
		t.Fatalf("%s", r.body)
	}
	if r := s.get("/v1/tokens", other); r.status != 403 || !strings.Contains(r.body, "session_locked") {
		t.Errorf("another session: %d", r.status)
	}

	// A login that only a mailed code unlocks has it mailed at once.
	s.advance(time.Minute)
	locked := s.login()
	code := s.mailed()
	if r := s.post("/v1/login/challenge", locked, map[string]any{"factor": "email"}); r.status != 429 {
		t.Errorf("asked for again at once: %d %s", r.status, r.body)
	}
	s.want(s.shows(other, "email", code), http.StatusUnprocessableEntity)
	s.want(s.shows(locked, "email", code), http.StatusOK)
	s.want(s.shows(s.login(), "recovery", codes[0]), http.StatusOK)
	if r := s.get("/v1/me/factors", locked); !strings.Contains(r.body, `"recoveryCodes":9`) || !strings.Contains(r.body, `"email":{"enrolledAt":"2026-11-21T20:00:00Z"}`) {
		t.Errorf("%s", r.body)
	}
	r = s.post("/v1/login/challenge", locked, map[string]any{"factor": "passkey"})
	s.refused("a passkey, of which there is none", r, 422, "factor")

	secret, none := s.app(locked)
	if len(none) != 0 {
		t.Error("the second factor came with codes")
	}
	if r := s.post("/v1/me/factors/totp", locked, nil); r.status != 409 || !strings.Contains(r.body, `"enrolled"`) {
		t.Errorf("a second app: %d %s", r.status, r.body)
	}
	s.want(s.patch("/v1/account", locked, "", `{"policy":{"mfaRequired":true}}`), http.StatusOK)
	s.want(s.delete("/v1/me/factors/email", locked), http.StatusNoContent)
	if r := s.delete("/v1/me/factors/totp", locked); r.status != 409 || !strings.Contains(r.body, "factor_required") {
		t.Errorf("the last: %d %s", r.status, r.body)
	}
	s.want(s.delete("/v1/me/factors/email", locked), http.StatusNotFound)
	r = s.post("/v1/me/factors/codes", locked, nil)
	s.want(r, http.StatusOK)
	s.want(s.shows(s.login(), "recovery", codes[1]), http.StatusUnprocessableEntity)
	s.want(s.shows(s.login(), "recovery", s.list(r, "recoveryCodes")[0]), http.StatusOK)
	s.want(s.patch("/v1/account", locked, "", `{"policy":{"mfaRequired":false}}`), http.StatusOK)
	s.want(s.delete("/v1/me/factors/totp", locked), http.StatusNoContent)
	s.want(s.get("/v1/tokens", s.login()), http.StatusOK)
	_ = secret
}

// The account's owner asks for a factor: who has none can only enrol, and a browser's session comes back as another one.
func TestAPolicyThatAsksForAFactorIsInForceAtOnce(t *testing.T) {
	s := newClient(t)
	boss := s.login()
	cookie := s.cookieLogin()
	s.app(boss)
	s.want(s.delete("/v1/me/factors/totp", boss), http.StatusNoContent)
	s.want(s.patch("/v1/account", boss, "", `{"policy":{"mfaRequired":true}}`), http.StatusOK)
	if r := s.do("GET", "/v1/tokens", browser(cookie), ""); r.status != 403 || !strings.Contains(r.body, "factor_required") {
		t.Errorf("%d %s", r.status, r.body)
	}
	r := s.do("POST", "/v1/me/factors/totp", browser(cookie), "{}")
	s.want(r, http.StatusCreated)
	r = s.do("POST", "/v1/me/factors/totp/confirm", browser(cookie), fmt.Sprintf(`{"code":%q}`, s.code(r.text("secret"))))
	s.want(r, http.StatusOK)
	set, err := http.ParseSetCookie(r.header.Get("Set-Cookie"))
	if err != nil || set.MaxAge <= 0 || set.MaxAge > 86400 {
		t.Fatalf("%v, %v", r.header, err)
	}
	s.want(s.do("GET", "/v1/tokens", browser(set.Name+"="+set.Value), ""), http.StatusOK)
	s.want(s.do("GET", "/v1/login", browser(cookie), ""), http.StatusUnauthorized)
}

// A passkey by the routes, with an authenticator as browsers have them.
func TestAPasskeyOverHTTP(t *testing.T) {
	s := newClient(t)
	session := s.login()
	origin := strings.Replace(s.service.URL, "127.0.0.1", "localhost", 1)
	party := virtualwebauthn.RelyingParty{ID: "localhost", Name: "Keyfob", Origin: origin}
	device, key := virtualwebauthn.NewAuthenticator(), virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2)
	for len(key.Key.AttestationData()) != 77 { // virtualwebauthn leaves out a coordinate's leading zero byte, which no authenticator does
		key = virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2)
	}
	inner := func(r response) string {
		var m struct{ PublicKey json.RawMessage }
		if err := json.Unmarshal([]byte(r.body), &m); err != nil {
			t.Fatal(err)
		}
		return string(m.PublicKey)
	}
	r := s.post("/v1/me/factors/passkeys", session, nil)
	s.want(r, http.StatusCreated)
	creation, err := virtualwebauthn.ParseAttestationOptions(inner(r))
	if err != nil || creation.RelyingPartyID != "localhost" {
		t.Fatal(r.body, err)
	}
	answer := virtualwebauthn.CreateAttestationResponse(party, device, key, *creation)
	r = s.do("POST", "/v1/me/factors/passkeys/confirm", http.Header{"Authorization": {"Bearer " + session}, "Content-Type": {"application/json"}}, `{"name":"Laptop","credential":`+answer+`}`)
	s.want(r, http.StatusOK)
	id := r.text("id")
	if len(s.list(r, "recoveryCodes")) != 10 || r.text("factor") != "passkey" {
		t.Errorf("%s", r.body)
	}
	device.AddCredential(key)

	locked := s.login()
	r = s.post("/v1/login/challenge", locked, map[string]any{"factor": "passkey"})
	s.want(r, http.StatusOK)
	request, err := virtualwebauthn.ParseAssertionOptions(inner(r))
	if err != nil {
		t.Fatal(r.body, err)
	}
	key.Counter++
	proof := `{"factors":[{"factor":"passkey","credential":` + virtualwebauthn.CreateAssertionResponse(party, device, key, *request) + `}]}`
	header := func(session string) http.Header {
		return http.Header{"Authorization": {"Bearer " + session}, "Content-Type": {"application/json"}}
	}
	s.refused("in another session", s.do("POST", "/v1/login/unlock", header(s.login()), proof), 422, "factors[0].credential")
	s.want(s.do("POST", "/v1/login/unlock", header(locked), proof), http.StatusOK)
	if r := s.get("/v1/me/factors", locked); !strings.Contains(r.body, `"id":"`+id+`"`) || !strings.Contains(r.body, `"name":"Laptop"`) || strings.Contains(r.body, `"lastUsedAt":null`) {
		t.Errorf("%s", r.body)
	}
	s.want(s.delete("/v1/me/factors/passkeys/psk_EXAMPLEexample01", locked), http.StatusNotFound)
	s.want(s.delete("/v1/me/factors/passkeys/"+id, locked), http.StatusNoContent)
	s.want(s.get("/v1/tokens", s.login()), http.StatusOK)
}

// S14, S29: of an app's secret, recovery codes and mailed codes nothing is in the table, the logs, the trail or the mails, but
// for the mailed code in the one mail to its reader.
func TestS14FactorsSecretsAreNowhere(t *testing.T) {
	s := newClient(t)
	session := s.login()
	made := s.post("/v1/me/factors/totp", session, nil)
	s.want(made, http.StatusCreated)
	secret := made.text("secret")
	s.want(s.post("/v1/me/factors/totp/confirm", session, map[string]any{"code": "not-the-code-000"}), http.StatusUnprocessableEntity)
	r := s.post("/v1/me/factors/totp/confirm", session, map[string]any{"code": s.code(secret)})
	s.want(r, http.StatusOK)
	codes := s.list(r, "recoveryCodes")
	s.advance(time.Minute)
	locked := s.login()
	s.want(s.shows(locked, "recovery", "WRONG-"+codes[9]), http.StatusUnprocessableEntity)
	s.want(s.shows(locked, "recovery", codes[0]), http.StatusOK)
	s.mails()
	trail := s.get("/v1/audit?limit=100", locked)
	canaries := append([]string{secret, "not-the-code-000", string([]byte(secret)[:16])}, codes...)
	for _, c := range codes {
		canaries = append(canaries, strings.ReplaceAll(c, "-", ""))
	}
	for _, f := range append(s.files(), file{"the trail", trail.body}) {
		for i, canary := range canaries {
			if strings.Contains(f.content, canary) {
				t.Errorf("%s holds canary %d", f.name, i)
			}
		}
	}
}
