package main

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// P1: networks rule tokens and sessions, each by its own list, from the answer on: whoever is outside is refused, and told so
// rather than that the credential is none.
func TestP1NetworksRuleTokensAndSessionsAtOnce(t *testing.T) {
	s := newClient(t)
	boss := s.login()
	_, inSession := s.somebody(boss, "admin", "admin")
	secret, _ := s.create(inSession, full("deploy"))
	away := s.from("127.0.9.9")
	forbidden := func(r response) bool {
		return r.status == http.StatusForbidden && strings.Contains(r.body, `"network_forbids"`)
	}
	s.want(away.get("/v1/tokenInfo", secret), http.StatusOK)

	s.policy(boss, `{"tokenNetworks":["127.0.0.0/24","2001:db8::/32"]}`)
	if r := away.get("/v1/tokenInfo", secret); !forbidden(r) {
		t.Errorf("a token from outside: %d %s", r.status, r.body)
	}
	if r := away.get("/api/v1/tokenInfo?token="+secret, ""); !forbidden(r) {
		t.Errorf("in the query: %d %s", r.status, r.body)
	}
	s.want(s.get("/v1/tokenInfo", secret), http.StatusOK)
	s.want(away.get("/v1/tokenInfo", inSession), http.StatusOK)
	// A new one is under the same rule.
	second, _ := s.create(inSession, full("second"))
	if r := away.get("/v1/tokens", second); !forbidden(r) {
		t.Errorf("a new token from outside: %d %s", r.status, r.body)
	}

	s.policy(boss, `{"tokenNetworks":[],"loginNetworks":["127.0.0.1"]}`)
	s.want(away.get("/v1/tokenInfo", secret), http.StatusOK)
	if r := away.get("/v1/tokenInfo", inSession); !forbidden(r) {
		t.Errorf("a session from outside: %d %s", r.status, r.body)
	}
	if r := away.get("/v1/tokenInfo", boss); !forbidden(r) {
		t.Errorf("the owner's own from outside: %d %s", r.status, r.body)
	}
	s.want(s.get("/v1/tokenInfo", inSession), http.StatusOK)
	// What is no credential stays a 401 from anywhere.
	s.want(away.get("/v1/tokenInfo", secret[:len(secret)-1]+"x"), http.StatusUnauthorized)

	s.policy(boss, `{"loginNetworks":[]}`)
	s.want(away.get("/v1/tokenInfo", inSession), http.StatusOK)
}

// Nobody gets in from outside of the networks for logins, with the right password or without, and it is told alike.
func TestNobodyLogsInFromOutside(t *testing.T) {
	s := newClient(t)
	boss := s.login()
	s.policy(boss, `{"loginNetworks":["127.0.0.0/24"]}`)
	away := s.from("127.0.9.9")
	right := map[string]any{"name": testEmail, "password": testPassword, "returnToken": true}
	wrong := map[string]any{"name": testEmail, "password": "wrong horse battery", "returnToken": true}
	a, b := away.post("/v1/login", "", right), away.post("/v1/login", "", wrong)
	if a.status == http.StatusOK || a.comparable() != b.comparable() {
		t.Errorf("right: %s\nwrong: %s", a.comparable(), b.comparable())
	}
	s.want(s.post("/v1/login", "", right), http.StatusOK)
}

// A list that would keep out who asks for it is refused, and changes nothing; the operator is the way out where everybody
// is locked out all the same.
func TestALockOutIsRefusedAndTheOperatorIsTheWayOut(t *testing.T) {
	s := newClient(t)
	boss := s.login()
	account := s.get("/v1/account", boss)
	secret, _ := s.create(boss, full("deploy"))
	r := s.patch("/v1/account", boss, "", `{"policy":{"loginNetworks":["198.51.100.0/24"]}}`)
	if r.status != http.StatusUnprocessableEntity || !strings.Contains(r.body, `"locks_out"`) || !strings.Contains(r.body, `"policy.loginNetworks"`) {
		t.Errorf("%d %s", r.status, r.body)
	}
	if r := s.get("/v1/account", boss); r.body != account.body {
		t.Errorf("%s", r.body)
	}
	id := account.text("id")
	out := s.operate(`{"command":"account.policy","account":"` + id + `","policy":{"loginNetworks":["198.51.100.0/24"],"tokenNetworks":["198.51.100.0/24"]}}`)
	if !strings.Contains(out, `"loginNetworks":["198.51.100.0/24"]`) {
		t.Fatal(out)
	}
	for _, credential := range []string{boss, secret} {
		if r := s.get("/v1/account", credential); r.status != http.StatusForbidden {
			t.Errorf("%d %s", r.status, r.body)
		}
	}
	if out := s.operate(`{"command":"account.policy","account":"` + id + `","policy":{"loginNetworks":[],"tokenNetworks":[]}}`); !strings.Contains(out, `"loginNetworks":[]`) {
		t.Fatal(out)
	}
	s.want(s.get("/v1/account", boss), http.StatusOK)
	if r := s.get("/v1/audit?action=account.changed", boss); strings.Count(r.body, `"operator"`) < 2 || !strings.Contains(r.body, "198.51.100.0/24") {
		t.Errorf("%s", r.body)
	}
	for _, c := range []struct{ command, field string }{
		{`{"command":"account.policy","policy":{"mfaRequired":true}}`, "account"},
		{`{"command":"account.policy","account":"acc_0123456789ABCDEF","policy":{"mfaRequired":true}}`, "account"},
		{`{"command":"account.policy","account":"` + id + `"}`, "policy"},
		{`{"command":"account.policy","account":"` + id + `","policy":{"tokenNetworks":["a"]}}`, "policy.tokenNetworks[0]"},
		{`{"command":"mail.resume"}`, "email"},
	} {
		if out := s.operate(c.command); !strings.Contains(out, `"field":"`+c.field+`"`) {
			t.Errorf("%s: %s", c.command, out)
		}
	}
}

// S12: what could lock people out, or keep mails from them, takes a session and a fresh login; a token, or a login of long ago,
// changes what else there is.
func TestS12WhoIsLetInIsChangedWithAFreshLogin(t *testing.T) {
	s := newClient(t)
	boss := s.login()
	account := s.get("/v1/account", boss)
	secret, _ := s.create(boss, full("deploy"))
	s.advance(5*time.Minute + time.Second)
	for _, members := range []string{
		`{"mfaRequired":true}`, `{"loginNetworks":["127.0.0.0/8"]}`, `{"tokenNetworks":["127.0.0.0/8"]}`, `{"mutedMails":["token.created"]}`,
		`{"issuers":"everyone","mfaRequired":true}`,
	} {
		for credential, code := range map[string]string{boss: `"fresh_login_required"`, secret: `"needs_session"`} {
			if r := s.patch("/v1/account", credential, "", `{"policy":`+members+`}`); r.status != http.StatusForbidden || !strings.Contains(r.body, code) {
				t.Errorf("%s: %d %s", members, r.status, r.body)
			}
		}
	}
	if r := s.get("/v1/account", boss); r.body != account.body {
		t.Errorf("%s", r.body)
	}
	s.policy(boss, `{"issuers":"everyone","mfaRequired":false}`)
	s.policy(secret, `{"maxLifeSeconds":7776000}`)
	s.policy(s.login(), `{"mfaRequired":true}`)
	// Whoever turns it on has to enrol a factor, too, before anything else.
	if r := s.get("/v1/account", s.login()); r.status != http.StatusForbidden || !strings.Contains(r.body, `"factor_required"`) {
		t.Errorf("%d %s", r.status, r.body)
	}
}

// S22, C4: a policy is its own account's: another tenant's owner neither sees nor changes it, and it rules none of theirs;
// and no admin changes it.
func TestS22APolicyIsItsOwnAccountsAffair(t *testing.T) {
	s := newClient(t)
	boss := s.login()
	other := s.tenant("otherowner")
	secret, _ := s.create(other, full("theirs"))
	_, admin := s.somebody(boss, "admin", "admin")
	s.policy(boss, `{"loginNetworks":["127.0.0.0/24"],"tokenNetworks":["127.0.0.0/24"],"mutedMails":["token.created"]}`)
	away := s.from("127.0.9.9")
	for _, credential := range []string{other, secret} {
		s.want(away.get("/v1/tokenInfo", credential), http.StatusOK)
	}
	if r := s.get("/v1/account", other); !strings.Contains(r.body, `"loginNetworks":[],"mutedMails":[]`) {
		t.Errorf("%s", r.body)
	}
	if r := s.patch("/v1/account", admin, "", `{"policy":{"mfaRequired":true}}`); r.status != http.StatusForbidden {
		t.Errorf("an admin: %d %s", r.status, r.body)
	}
	n := len(s.mails())
	s.create(other, full("loud"))
	if got := s.told(n, "loud"); got != "otherowner" {
		t.Errorf("told: %s", got)
	}
}

// S24: what a policy may say is bounded, and what is wrong is named by its field.
func TestS24APolicyIsBoundedByField(t *testing.T) {
	s := newClient(t)
	boss := s.login()
	many := strings.Repeat(`"192.0.2.1",`, 20) + `"192.0.2.2"`
	for body, field := range map[string]string{
		`{"sessionIdleSeconds":59}`:                        "policy.sessionIdleSeconds",
		`{"sessionIdleSeconds":86401}`:                     "policy.sessionIdleSeconds",
		`{"sessionLifeSeconds":299}`:                       "policy.sessionLifeSeconds",
		`{"sessionLifeSeconds":2592001}`:                   "policy.sessionLifeSeconds",
		`{"sessionLifeSeconds":1e99}`:                      "policy.sessionLifeSeconds",
		`{"mfaRequired":"yes"}`:                            "policy.mfaRequired",
		`{"tokenNetworks":"192.0.2.0/24"}`:                 "policy.tokenNetworks",
		`{"tokenNetworks":[1]}`:                            "policy.tokenNetworks",
		`{"tokenNetworks":[` + many + `]}`:                 "policy.tokenNetworks",
		`{"tokenNetworks":["::/0","192.0.2.1","::1","x"]}`: "policy.tokenNetworks[3]",
		`{"loginNetworks":["192.0.2.1/24"]}`:               "policy.loginNetworks[0]",
		`{"loginNetworks":["::ffff:192.0.2.0/120"]}`:       "policy.loginNetworks[0]",
		`{"mutedMails":["token.created\r\nBcc: a@b.c"]}`:   "policy.mutedMails[0]",
		`{"mutedMail":[]}`:                                 "policy.mutedMail",
		`{}`:                                               "policy",
	} {
		r := s.patch("/v1/account", boss, "", `{"policy":`+body+`}`)
		if r.status != http.StatusBadRequest && r.status != http.StatusUnprocessableEntity || !strings.Contains(r.body, `"`+field) {
			t.Errorf("%s: %d %s, want %s named", body, r.status, r.body, field)
		}
	}
	s.policy(boss, `{"sessionIdleSeconds":60,"sessionLifeSeconds":300,"tokenNetworks":["2001:DB8::/32","192.0.2.1"]}`)
	if r := s.get("/v1/account", boss); !strings.Contains(r.body, `"tokenNetworks":["192.0.2.1/32","2001:db8::/32"]`) {
		t.Errorf("%s", r.body)
	}
}
