package authorizer_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"keyfob/internal/scope"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

// record gives the record of the token as it is now.
func (w *world) record(t *testing.T, secret string) table.Item {
	t.Helper()
	c, err := w.form.Parse(secret)
	if err != nil {
		t.Fatal(err)
	}
	return w.table.items[key.Token(c.ID().String()).Key()]
}

// K9: whatever API asks, and whatever the decision, a use is noted with where it comes from, as far as the event tells.
func TestK9AUseIsNotedFromEveryEventForm(t *testing.T) {
	identity := map[string]any{"requestId": "r1", "identity": map[string]any{"sourceIp": "203.0.113.7", "userAgent": "curl/8.5.0"}}
	with := func(secret string, context any) map[string]any {
		m := maps.Clone(bearer(secret))
		m["requestContext"] = context
		return m
	}
	for name, c := range map[string]struct {
		event func(secret string) []byte
		known bool
	}{
		"REST": {func(s string) []byte { return rest("GET", "/v1/tokenInfo", "/v1/tokenInfo", with(s, identity)) }, true},
		"REST, denied": {func(s string) []byte {
			return rest("POST", "/v1/tokens", "/v1/tokens", with(s, identity))
		}, true},
		"REST, without an identity": {func(s string) []byte {
			return rest("GET", "/v1/tokenInfo", "/v1/tokenInfo", with(s, map[string]any{"identity": nil, "http": nil}))
		}, false},
		"HTTP 1.0": {func(s string) []byte {
			m := with(s, identity)
			m["version"] = "1.0"
			return rest("GET", "/v1/tokenInfo", "/v1/tokenInfo", m)
		}, true},
		"HTTP 2.0": {func(s string) []byte {
			b, _ := json.Marshal(map[string]any{
				"version": "2.0", "type": "REQUEST", "routeArn": arn, "routeKey": "GET /anything", "headers": map[string]string{"authorization": "Bearer " + s},
				"requestContext": map[string]any{"requestId": "r1", "http": map[string]string{"method": "GET", "sourceIp": "203.0.113.7", "userAgent": "curl/8.5.0"}},
			})
			return b
		}, true},
		"TOKEN": {func(s string) []byte {
			return fmt.Appendf(nil, `{"type":"TOKEN","methodArn":%q,"authorizationToken":"Bearer %s"}`, arn, s)
		}, false},
	} {
		w := newWorld(t)
		narrow, err := scope.Custom(scope.Grant{Category: scope.Exports, ID: "orders", Actions: scope.Read})
		if err != nil {
			t.Fatal(err)
		}
		secret := w.token(t, narrow)
		if _, err := w.ask(t, c.event(secret)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		it := w.record(t, secret)
		if it.Int("used") != w.now.Unix() || (len(it.List("networks")) == 1) != c.known || w.table.reads != 1 {
			t.Errorf("%s: %d reads, %v", name, w.table.reads, it)
		}
		events := 0
		for k, e := range w.table.items {
			if strings.HasPrefix(k.PK, key.PrefixAudit) {
				events++
				if e.String("type") != "token.accessed" || e.String("ip") != "203.0.113.7" || e.String("agent") != "curl/8.5.0" || e.String("request") != "r1" {
					t.Errorf("%s: %v", name, e)
				}
			}
		}
		if (events == 1) != c.known {
			t.Errorf("%s: %d events", name, events)
		}
	}
}

// What cannot be noted changes no answer, and is logged without the secret.
func TestAUseThatCannotBeNotedIsStillAnswered(t *testing.T) {
	w := newWorld(t)
	secret, old := w.token(t, scope.Full()), w.token(t, scope.Full())
	w.record(t, old)["rotatedOut"] = table.N(1)
	w.table.full = errors.New("the table takes nothing")
	for presented, want := range map[string]string{secret: "Allow", old: "Unauthorized"} {
		if got := w.effect(t, rest("GET", "/v1/tokenInfo", "/v1/tokenInfo", bearer(presented))); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	log := w.logged.String()
	if strings.Count(log, "the table takes nothing") != 2 || strings.Contains(log, secret[len(secret)-20:]) || !strings.Contains(log, `"level":"WARN"`) {
		t.Errorf("%s", log)
	}
}

// S21: with the account's policy against it, a credential in the query string is refused like an invalid one. On an
// attached API, what is called token there is no credential.
func TestS21AQueryCredentialIsRefusedWhereThePolicySaysSo(t *testing.T) {
	w := newWorld(t)
	secret := w.token(t, scope.Full())
	query := map[string]any{"multiValueQueryStringParameters": map[string][]string{"token": {secret}}}
	for _, off := range []bool{false, true} {
		w.record(t, secret)["noQuery"] = table.Bool(off)
		want := map[bool]string{false: "Allow", true: "Unauthorized"}[off]
		if got := w.effect(t, rest("GET", "/api/v1/login", "/api/v1/login", query)); got != want {
			t.Errorf("in the query, switched off %t: %s", off, got)
		}
		if got := w.effect(t, rest("GET", "/api/v1/login", "/api/v1/login", bearer(secret))); got != "Allow" {
			t.Errorf("in the header, switched off %t: %s", off, got)
		}
	}
}
