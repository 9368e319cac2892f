package authorizer_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/scope"
	"keyfob/internal/session"
	"keyfob/internal/standing"
	"keyfob/internal/table"
)

// sessionOf stores a session with what its user and account lend to it.
func (w *world) sessionOf(t *testing.T, s standing.Standing) string {
	t.Helper()
	s.Role, s.Issuers = scope.Owner, scope.IssuersAdmins
	sessions := session.Sessions{Table: w.table, Now: func() time.Time { return w.now }}
	_, c, err := sessions.Start(t.Context(), w.form, session.Basis{Account: "acc_1", User: "usr_1", Life: time.Hour, Standing: s}, audit.ViaAPI, audit.Origin{})
	if err != nil {
		t.Fatal(err)
	}
	return c.Plaintext().Reveal()
}

// forms are the events that the kinds of attached APIs send, from the address where they tell of one.
func forms(secret, ip string) map[string][]byte {
	identity := bearer(secret)
	identity["stageVariables"] = nil
	identity["requestContext"] = map[string]any{"identity": map[string]any{"sourceIp": ip}}
	http, _ := json.Marshal(map[string]any{
		"version": "2.0", "type": "REQUEST", "routeArn": arn, "routeKey": "GET /orders", "headers": map[string]string{"authorization": "Bearer " + secret},
		"requestContext": map[string]any{"http": map[string]string{"method": "GET", "sourceIp": ip}},
	})
	return map[string][]byte{
		"REQUEST": rest("GET", "/orders", "/orders", identity), "HTTP 2.0": http,
		"TOKEN": fmt.Appendf(nil, `{"type":"TOKEN","authorizationToken":"Bearer %s","methodArn":%q}`, secret, arn),
	}
}

// said gives what an answer comes to, and the code that goes with a refusal.
func said(t *testing.T, w *world, event []byte) (allowed bool, code string) {
	t.Helper()
	a, err := w.ask(t, event)
	if err != nil {
		t.Fatal(err)
	}
	if a.IsAuthorized != nil {
		return *a.IsAuthorized, a.Context["code"]
	}
	return a.PolicyDocument.Statement[0].Effect == "Allow", a.Context["code"]
}

// R2: an attached API knows nothing of locks, so the authorizer lets no session through that has one.
func TestR2ALockedSessionReachesNoAttachedAPI(t *testing.T) {
	w := newWorld(t)
	for want, s := range map[scope.Reason]standing.Standing{
		scope.Allowed:       {},
		scope.SessionLocked: {Factors: true},
		scope.NeedsFactor:   {NeedsFactors: true},
	} {
		for form, event := range forms(w.sessionOf(t, s), "192.0.2.1") {
			if allowed, code := said(t, w, event); allowed != (want == scope.Allowed) || code != string(want) {
				t.Errorf("%s, which should be %q: %t, %q", form, want, allowed, code)
			}
		}
	}
	both := standing.Standing{Factors: true, NeedsFactors: true}
	if _, code := said(t, w, forms(w.sessionOf(t, both), "192.0.2.1")["REQUEST"]); code != string(scope.SessionLocked) {
		t.Errorf("one who has a factor is asked for another: %s", code)
	}
}

// R2: on Keyfob's own API the functions are told of the lock, by claims that they take.
func TestR2TheLockIsAmongTheClaims(t *testing.T) {
	w := newWorld(t)
	for lock, s := range map[scope.Lock]standing.Standing{scope.Open: {}, scope.Locked: {Factors: true}, scope.Enrol: {NeedsFactors: true}} {
		a, err := w.ask(t, rest("GET", "/v1/login", "/v1/login", bearer(w.sessionOf(t, s))))
		if err != nil || a.PolicyDocument.Statement[0].Effect != "Allow" {
			t.Errorf("%q: %+v, %v", lock, a, err)
			continue
		}
		p, err := authority.FromClaims(a.Context)
		if err != nil || p.Holder.Lock != lock || (a.Context["rights"] == "") != (lock != scope.Open) {
			t.Errorf("%q: %v, %v", lock, a.Context, err)
		}
		want := map[bool]string{true: "Allow", false: "Deny"}[lock != scope.Locked]
		if got := w.effect(t, rest("POST", "/v1/me/factors/totp", "/v1/me/factors/totp", bearer(w.sessionOf(t, s)))); got != want {
			t.Errorf("%q enrols a factor: %s", lock, got)
		}
	}
}

// Where the policy names networks, whatever does not come from one of them is refused with the reason: also what does not
// tell where it comes from. It is no use that anybody would remember.
func TestACredentialFromOutsideItsNetworksIsForbidden(t *testing.T) {
	office := account.ListOf("192.0.2.0/24", "2001:db8::/32")
	for _, c := range []struct {
		ip    string
		where bool // TOKEN events do not say where they come from
	}{{"192.0.2.7", true}, {"::ffff:192.0.2.7", true}, {"2001:db8::7", true}, {"203.0.113.7", false}, {"2001:db9::7", false}, {"", false}, {"unknown", false}} {
		w := newWorld(t)
		secret := w.token(t, scope.Full())
		w.record(t, secret)["tokenNetworks"] = table.S(office)
		for name, events := range map[string]map[string][]byte{
			"a token": forms(secret, c.ip), "a session": forms(w.sessionOf(t, standing.Standing{LoginNetworks: office}), c.ip),
			"a session of others' networks": forms(w.sessionOf(t, standing.Standing{TokenNetworks: "198.51.100.0/24"}), c.ip),
		} {
			for form, event := range events {
				want := c.where && form != "TOKEN" || name == "a session of others' networks"
				if allowed, code := said(t, w, event); allowed != want || (code == string(scope.NetworkForbids)) == want {
					t.Errorf("%s from %q, %s: %t, %q", name, c.ip, form, allowed, code)
				}
			}
		}
		if used := w.record(t, secret)["used"] != nil; used != c.where {
			t.Errorf("a token's use from %q was noted: %t", c.ip, used)
		}
	}
	w := newWorld(t)
	secret := w.token(t, scope.Full())
	w.record(t, secret)["tokenNetworks"] = table.S(office)
	a, err := w.ask(t, rest("GET", "/v1/tokenInfo", "/v1/tokenInfo", bearer(secret)))
	if err != nil || a.Context["code"] != "network_forbids" || a.Context["message"] == "" || a.Context["challenge"] == "" {
		t.Errorf("%v, %v", a.Context, err)
	}
}
