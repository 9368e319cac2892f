package authorizer_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	"keyfob/internal/authorizer"
	"keyfob/internal/fault"
	"keyfob/internal/scope"
	"keyfob/internal/token"
)

func TestRoutesAreReadAsALibraryReadsThem(t *testing.T) {
	text, err := os.ReadFile("../../authorizer/routes.yaml")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	if err := yaml.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	got, err := authorizer.ParseRoutes(text)
	if err != nil || len(got) != len(want) || len(got) == 0 {
		t.Fatalf("%d routes, want %d: %v", len(got), len(want), err)
	}
	for route, permission := range want {
		p, _ := scope.ParsePermission(permission)
		if !cmp.Equal(got[route], p, cmp.AllowUnexported(scope.Permission{})) {
			t.Errorf("%s: %+v, want %+v", route, got[route], p)
		}
	}
	for _, bad := range []string{"", "GET /v1/a", "GET /v1/a: nothing", "/v1/a: valid", "GET v1/a: valid", "GET /v1/a: valid\nGET /v1/a: valid"} {
		if _, err := authorizer.ParseRoutes([]byte(bad)); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}

// S19, K5: whatever is not one valid credential is the same error, to the letter the one that the gateway answers
// with 401. P2: and what is malformed costs no read.
func TestS19EverythingInvalidIsTheSameUnauthorized(t *testing.T) {
	w := newWorld(t)
	good := w.token(t, scope.Full())
	foreign := token.Form{Brand: "kf", Realm: "eu"}.New(token.API).Plaintext().Reveal()
	unknown := w.form.New(token.API).Plaintext().Reveal()
	headers := func(values ...string) map[string]any {
		return map[string]any{"multiValueHeaders": map[string][]string{"authorization": values}}
	}
	for _, c := range []struct {
		name  string
		more  map[string]any
		reads int
	}{
		{"missing", nil, 0},
		{"empty", headers(""), 0},
		{"basic", headers("Basic eDp5"), 0},
		{"malformed", headers("Bearer " + good[1:]), 0},
		{"another realm's", headers("Bearer " + foreign), 0},
		{"two headers", headers("Bearer "+good, "Bearer "+good), 0},
		{"header and query", map[string]any{"multiValueHeaders": map[string][]string{"Authorization": {"Bearer " + good}}, "multiValueQueryStringParameters": map[string][]string{"token": {good}}}, 0},
		{"in the query of /v1", map[string]any{"multiValueQueryStringParameters": map[string][]string{"token": {good}}}, 0},
		{"a very long one", headers("Bearer " + strings.Repeat("x", 100_000)), 0},
		{"unknown", headers("Bearer " + unknown), 1},
	} {
		w.table.reads = 0
		if got := w.effect(t, rest("GET", "/v1/tokenInfo", "/v1/tokenInfo", c.more)); got != "Unauthorized" {
			t.Errorf("%s: %s", c.name, got)
		}
		if w.table.reads != c.reads {
			t.Errorf("%s: %d reads, want %d", c.name, w.table.reads, c.reads)
		}
	}
}

// P7: what cannot be decided is a failure, not a refusal and not a yes.
func TestP7AFailureIsNotAnAnswer(t *testing.T) {
	w := newWorld(t)
	good := w.token(t, scope.Full())
	w.table.fail = fault.Retry(errors.New("down"))
	for name, event := range map[string][]byte{
		"table down":   rest("GET", "/v1/tokenInfo", "/v1/tokenInfo", bearer(good)),
		"not JSON":     []byte("{"),
		"not an event": []byte("{}"),
	} {
		a, err := w.ask(t, event)
		if err == nil || err.Error() == "Unauthorized" {
			t.Errorf("%s: %+v, %v", name, a, err)
		}
		if err != nil && strings.Contains(err.Error(), good) {
			t.Errorf("%s: the error holds the secret", name)
		}
		if n := strings.Count(w.logged.String(), `"Undecided":1`); n != 1 {
			t.Errorf("%s: measured %d times", name, n)
		}
		w.logged.Reset()
	}
	// What was decided is not measured, however it was decided.
	w.table.fail = nil
	for _, presented := range []string{good, good[:len(good)-1]} {
		_, _ = w.ask(t, rest("GET", "/v1/tokenInfo", "/v1/tokenInfo", bearer(presented)))
	}
	if log := w.logged.String(); strings.Contains(log, "_aws") || strings.Count(log, "\n") != 2 {
		t.Errorf("%s", log)
	}
}

// The policy names the one method that was asked about, for whoever turns caching on.
func TestThePolicyIsNoWiderThanTheDecision(t *testing.T) {
	w := newWorld(t)
	good := w.token(t, scope.Full())
	event := rest("GET", "/v1/tokens/{id}", "/v1/tokens/tok_1", bearer(good))
	a, err := w.ask(t, event)
	if err != nil {
		t.Fatal(err)
	}
	want := "arn:aws:execute-api:us-east-1:123456789012:abc123/live/GET/v1/tokens/tok_1"
	if s := a.PolicyDocument.Statement; len(s) != 1 || s[0].Effect != "Allow" || s[0].Action != "execute-api:Invoke" || len(s[0].Resource) != 1 || s[0].Resource[0] != want {
		t.Errorf("%+v", a.PolicyDocument)
	}
	for _, path := range []string{"/v1/exports/*", "/v1/exports/a?", "/v1/exports/${x}"} {
		if got := w.effect(t, rest("GET", "/v1/{category}/{id}", path, bearer(good))); got != "Deny" {
			t.Errorf("%s: %s, want Deny, since the policy would match other paths", path, got)
		}
	}
}

// S20: a valid token outside its scope gets a Deny with what the 403 says.
func TestS20ADenialSaysWhyInItsContext(t *testing.T) {
	w := newWorld(t)
	orders, err := scope.Custom(scope.Grant{Category: scope.Exports, ID: "orders", Actions: scope.Read})
	if err != nil {
		t.Fatal(err)
	}
	narrow := w.token(t, orders)
	at := func(category, id string) map[string]any {
		m := bearer(narrow)
		m["pathParameters"] = map[string]string{"category": category, "id": id}
		return m
	}
	for _, c := range []struct{ method, resource, category, id, want string }{
		{"GET", "/v1/{category}/{id}", "exports", "orders", ""},
		{"GET", "/v1/{category}", "exports", "", ""},
		{"PUT", "/v1/{category}/{id}", "exports", "orders", "outside_scope"},
		{"GET", "/v1/{category}/{id}", "exports", "other", "outside_scope"},
		{"GET", "/v1/{category}/{id}", "imports", "orders", "outside_scope"},
		{"POST", "/v1/tokens", "", "", "needs_full_scope"},
		{"GET", "/attached/{anything}", "", "", "needs_full_scope"},
	} {
		a, err := w.ask(t, rest(c.method, c.resource, "/x", at(c.category, c.id)))
		if err != nil {
			t.Fatal(err)
		}
		effect := map[bool]string{true: "Allow", false: "Deny"}[c.want == ""]
		if got := a.PolicyDocument.Statement[0].Effect; got != effect || a.Context["code"] != c.want {
			t.Errorf("%s %s on %s/%s: %s, %v", c.method, c.resource, c.category, c.id, got, a.Context)
		}
		if c.want != "" && (a.Context["challenge"] != `Bearer realm="us", error="insufficient_scope"` || a.Context["message"] == "") {
			t.Errorf("%s %s: context %v", c.method, c.resource, a.Context)
		}
	}
}

// The authorizer understands what each kind of API sends, with header names in any case.
func TestEveryEventFormIsUnderstood(t *testing.T) {
	w := newWorld(t)
	good, sess := w.token(t, scope.Full()), w.session(t)
	httpEvent := func(headers map[string]string, cookies []string) []byte {
		b, _ := json.Marshal(map[string]any{
			"version": "2.0", "type": "REQUEST", "routeArn": strings.Replace(arn, "/live/", "/$default/", 1), "routeKey": "GET /anything", "rawPath": "/anything",
			"rawQueryString": "token=mine", "headers": headers, "cookies": cookies, "requestContext": map[string]any{"http": map[string]string{"method": "GET"}, "stage": "$default"},
		})
		return b
	}
	for name, event := range map[string][]byte{
		"REST, one value":  rest("GET", "/v1/tokenInfo", "/v1/tokenInfo", map[string]any{"headers": map[string]string{"AUTHORIZATION": "bearer " + good}}),
		"REST, several":    rest("GET", "/v1/tokenInfo", "/v1/tokenInfo", bearer(good)),
		"REST, both":       rest("GET", "/v1/tokenInfo", "/v1/tokenInfo", map[string]any{"headers": map[string]string{"Authorization": "Bearer " + good}, "multiValueHeaders": map[string][]string{"Authorization": {"Bearer " + good}}}),
		"REST, query":      rest("GET", "/api/v1/tokenInfo", "/api/v1/tokenInfo", map[string]any{"queryStringParameters": map[string]string{"token": sess}}),
		"REST, cookie":     rest("GET", "/v1/tokenInfo", "/v1/tokenInfo", map[string]any{"headers": map[string]string{"Cookie": "__Host-keyfob=" + sess}}),
		"REST, attached":   rest("GET", "/orders", "/orders", map[string]any{"headers": map[string]string{"Authorization": "Bearer " + good}, "queryStringParameters": map[string]string{"token": "mine"}, "stageVariables": nil}),
		"TOKEN":            fmt.Appendf(nil, `{"type":"TOKEN","authorizationToken":"Bearer %s","methodArn":%q}`, good, arn),
		"HTTP 2.0, header": httpEvent(map[string]string{"authorization": "Bearer " + good}, nil),
		"HTTP 2.0, cookie": httpEvent(nil, []string{"a=b", "__Host-keyfob=" + sess}),
	} {
		w.table.reads = 0
		a, err := w.ask(t, event)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		allowed := a.IsAuthorized != nil && *a.IsAuthorized || len(a.PolicyDocument.Statement) == 1 && a.PolicyDocument.Statement[0].Effect == "Allow"
		if !allowed || a.Context["userId"] != "usr_1" || a.Context["accountId"] != "acc_1" || a.Context["rights"] == "" {
			t.Errorf("%s: %+v", name, a)
		}
		if w.table.reads != 1 {
			t.Errorf("%s: %d reads", name, w.table.reads)
		}
	}
	a, err := w.ask(t, httpEvent(map[string]string{"authorization": "Bearer x"}, nil))
	if err != nil || a.IsAuthorized == nil || *a.IsAuthorized {
		t.Errorf("an HTTP API's invalid credential: %+v, %v", a, err)
	}
}

// routes.yaml is about Keyfob's own API: on another one a path that reads the same needs full scope, and a parameter
// called token is no credential.
func TestAnAttachedAPIsRoutesAreItsOwn(t *testing.T) {
	w := newWorld(t)
	orders, err := scope.Custom(scope.Grant{Category: scope.Exports, ID: "orders", Actions: scope.Read})
	if err != nil {
		t.Fatal(err)
	}
	narrow, good := w.token(t, orders), w.token(t, scope.Full())
	for _, route := range []string{"GET /v1/tokenInfo", "GET /v1/{category}", "POST /api/v1/search"} {
		method, path, _ := strings.Cut(route, " ")
		event := func(text string, own bool) []byte {
			m := bearer(text)
			m["pathParameters"] = map[string]string{"category": "exports"}
			if !own {
				m["stageVariables"] = nil
			}
			return rest(method, path, path, m)
		}
		if own, other := w.effect(t, event(narrow, true)), w.effect(t, event(narrow, false)); own != "Allow" || other != "Deny" {
			t.Errorf("%s: %s on our own API, %s on another", route, own, other)
		}
		if got := w.effect(t, event(good, false)); got != "Allow" {
			t.Errorf("%s: a full token on another API: %s", route, got)
		}
	}
	query := rest("POST", "/api/v1/search", "/api/v1/search", map[string]any{"queryStringParameters": map[string]string{"token": good}, "stageVariables": map[string]string{"other": "x"}})
	if got := w.effect(t, query); got != "Unauthorized" {
		t.Errorf("another API's parameter: %s", got)
	}
}

// A method longer than a policy can name is denied, not answered with a policy that API Gateway cannot take.
func TestAMethodTooLongForAPolicyIsDenied(t *testing.T) {
	w := newWorld(t)
	good := w.token(t, scope.Full())
	for name, event := range map[string][]byte{
		"a long path":       rest("GET", "/v1/{category}/{id}", "/v1/exports/"+strings.Repeat("a", 600), bearer(good)),
		"long without form": fmt.Appendf(nil, `{"type":"TOKEN","authorizationToken":"Bearer %s","methodArn":"%s"}`, good, strings.Repeat("a", 600)),
	} {
		a, err := w.ask(t, event)
		if err != nil || a.PolicyDocument.Statement[0].Effect != "Deny" || len(a.PolicyDocument.Statement[0].Resource[0]) > 512 {
			t.Errorf("%s: %+v, %v", name, a, err)
		}
	}
}

// The audit trail is told of the dashboard only where the session came in its cookie.
func TestOnlyTheCookieIsTheDashboard(t *testing.T) {
	w := newWorld(t)
	good, sess := w.token(t, scope.Full()), w.session(t)
	for via, headers := range map[string]map[string]string{
		"dashboard": {"Cookie": "__Host-keyfob=" + sess, "Sec-Fetch-Site": "same-origin"},
		"api":       {"Authorization": "Bearer " + good, "Cookie": "a=b", "Sec-Fetch-Site": "same-origin"},
	} {
		a, err := w.ask(t, rest("POST", "/v1/tokens", "/v1/tokens", map[string]any{"headers": headers}))
		if err != nil || a.Context["via"] != via {
			t.Errorf("%+v, %v; want %s", a, err, via)
		}
	}
}

func FuzzNoEventIsAPanicOrAYes(f *testing.F) {
	w := newWorld(f)
	good := w.token(f, scope.Full())
	wrong := w.form.Format(token.API, token.ID{}, "").Plaintext().Reveal()
	if c, err := w.form.Parse(good); err == nil {
		wrong = w.form.Format(token.API, c.ID(), strings.Repeat("0", token.SecretLen)).Plaintext().Reveal()
	}
	for _, text := range []string{wrong, good[:len(good)-1], w.form.New(token.API).Plaintext().Reveal()} {
		f.Add(rest("GET", "/v1/tokenInfo", "/v1/tokenInfo", bearer(text)))
		f.Add(fmt.Appendf(nil, `{"type":"TOKEN","authorizationToken":"Bearer %s","methodArn":"a"}`, text))
		f.Add(fmt.Appendf(nil, `{"version":"2.0","routeArn":"a","routeKey":"GET /a","headers":{"authorization":"Bearer %s"},"rawQueryString":"%%zz"}`, text))
	}
	f.Fuzz(func(t *testing.T, event []byte) {
		out, err := w.handler.Invoke(t.Context(), event)
		if err == nil && (strings.Contains(string(out), `"Allow"`) || strings.Contains(string(out), `"isAuthorized":true`)) && !strings.Contains(string(event), good) {
			t.Fatalf("allowed: %s", out)
		}
	})
}

// BenchmarkAuthorizer is the handler alone, beside a table that answers at once.
func BenchmarkAuthorizer(b *testing.B) {
	w := newWorld(b)
	event := rest("GET", "/v1/tokenInfo", "/v1/tokenInfo", map[string]any{
		"headers":           map[string]string{"Authorization": "Bearer " + w.token(b, scope.Full()), "Accept": "*/*", "Host": "keys.example.com", "User-Agent": "curl/8.5.0", "X-Forwarded-For": "192.0.2.1", "X-Forwarded-Port": "443", "X-Forwarded-Proto": "https"},
		"multiValueHeaders": map[string][]string{"Authorization": {"Bearer " + w.token(b, scope.Full())}, "Accept": {"*/*"}, "Host": {"keys.example.com"}, "User-Agent": {"curl/8.5.0"}, "X-Forwarded-For": {"192.0.2.1"}, "X-Forwarded-Port": {"443"}, "X-Forwarded-Proto": {"https"}},
		"requestContext":    map[string]any{"accountId": "123456789012", "apiId": "abc123", "stage": "live", "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef", "identity": map[string]any{"sourceIp": "192.0.2.1", "userAgent": "curl/8.5.0"}},
	})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.handler.Invoke(b.Context(), event); err != nil {
			b.Fatal(err)
		}
	}
}
