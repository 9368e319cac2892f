package api_test

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"keyfob/internal/api"
	"keyfob/internal/authority"
	"keyfob/internal/gateway"
	"keyfob/internal/password"
	"keyfob/internal/table"
	"keyfob/internal/table/bolt"
	"keyfob/internal/token"
)

var form = token.Form{Brand: "kf", Realm: "us"}

// deployment is a configuration over a real embedded table, at a fixed time.
func deployment(t testing.TB) (api.Config, table.Table) {
	t.Helper()
	now := func() time.Time { return time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC) }
	db, err := bolt.Open(filepath.Join(t.TempDir(), "table"), now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return api.Config{Table: db, Form: form, Now: now, Hasher: password.NewHasher(2), Log: slog.New(slog.NewJSONHandler(io.Discard, nil))}, db
}

// owner makes an account and gives the claims of its owner's session, as the authorizer would.
func owner(t testing.TB, c api.Config) (claims map[string]string) {
	t.Helper()
	out, err := api.Operator(c).Invoke(t.Context(), []byte(`{"command":"account.create","account":{"name":"Example Ltd"},"owner":{"email":"owner@example.com","name":"Olivia","password":"correct horse battery"}}`))
	if err != nil {
		t.Fatal(err)
	}
	var made struct{ Account, Owner struct{ ID string } }
	if err := json.Unmarshal(out, &made); err != nil || made.Owner.ID == "" {
		t.Fatalf("%s: %v", out, err)
	}
	login := event(t, "POST", "/v1/login", nil, nil, `{"name":"owner@example.com","password":"correct horse battery","returnToken":true}`)
	answer := invoke(t, api.Login(c), login)
	var in struct{ Token string }
	if err := json.Unmarshal([]byte(answer.Body), &in); err != nil || in.Token == "" {
		t.Fatalf("%+v", answer)
	}
	a := authority.Authority{Table: c.Table, Now: c.Now, Form: c.Form}
	p, denial, err := a.Verify(t.Context(), in.Token)
	if err != nil || denial != authority.None {
		t.Fatal(denial, err)
	}
	claims = map[string]string{}
	for _, c := range p.Claims() {
		claims[c.Name] = c.Value
	}
	return claims
}

type answer struct {
	StatusCode        int
	Headers           map[string]string
	MultiValueHeaders map[string][]string
	Body              string
}

func event(t testing.TB, method, resource string, params, claims map[string]string, body string) []byte {
	t.Helper()
	e := map[string]any{
		"resource": resource, "path": resource, "httpMethod": method, "pathParameters": params,
		"multiValueHeaders": map[string][]string{"Content-Type": {"application/json"}},
		"body":              base64.StdEncoding.EncodeToString([]byte(body)), "isBase64Encoded": true,
		"requestContext": map[string]any{"requestId": "r-1", "identity": map[string]string{"sourceIp": "192.0.2.7"}, "authorizer": claims},
	}
	b, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func invoke(t testing.TB, h lambda.Handler, payload []byte) answer {
	t.Helper()
	out, err := h.Invoke(t.Context(), payload)
	if err != nil {
		t.Fatalf("the function failed: %v", err)
	}
	var a answer
	if err := json.Unmarshal(out, &a); err != nil {
		t.Fatal(err)
	}
	return a
}

// held is what every answer has to be: a 2xx or 4xx, a problem that says something, the security headers, no secret.
func held(t *testing.T, a answer) {
	t.Helper()
	if a.StatusCode < 200 || a.StatusCode >= 500 || a.StatusCode >= 300 && a.StatusCode < 400 {
		t.Fatalf("%+v", a)
	}
	if a.Headers["Cache-Control"] != "no-store" || a.Headers["X-Content-Type-Options"] != "nosniff" {
		t.Fatalf("without its security headers: %+v", a)
	}
	if a.Headers["Content-Type"] == "text/html; charset=utf-8" {
		if !strings.HasPrefix(a.Body, "<!DOCTYPE html>") || !strings.Contains(a.Headers["Content-Security-Policy"], "style-src 'sha256-") {
			t.Fatalf("a page that is none: %+v", a)
		}
	} else if a.StatusCode >= 400 && a.StatusCode != 401 {
		var p struct {
			Message string
			Errors  []struct{ Code, Message string }
		}
		if err := json.Unmarshal([]byte(a.Body), &p); err != nil || p.Message == "" || len(p.Errors) == 0 || p.Errors[0].Code == "" {
			t.Fatalf("a problem that says nothing: %+v", a)
		}
	}
	if a.StatusCode == 401 && a.Body != gateway.Unauthenticated {
		t.Fatalf("%+v", a)
	}
}

// fuzz tries a function's routes with any body, path parameter, query and header.
func fuzz(f *testing.F, function func(api.Config) *gateway.Function, seeds ...string) {
	c, _ := deployment(f)
	claims := owner(f, c)
	h := function(c)
	routes := h.Routes()
	for i := range routes {
		for _, s := range append(seeds, "", "{}", "[]", `{"name":"\u0000"}`, `{"x":`) {
			f.Add(i, s, "exports", "a", "application/json")
		}
	}
	f.Fuzz(func(t *testing.T, route int, body, param, query, header string) {
		method, resource, _ := strings.Cut(routes[(route%len(routes)+len(routes))%len(routes)], " ")
		var e map[string]any
		if err := json.Unmarshal(event(t, method, resource, map[string]string{"id": param, "category": param, "token": param, "link": param}, claims, body), &e); err != nil {
			t.Fatal(err)
		}
		e["multiValueHeaders"] = map[string][]string{"content-type": {header}, "User-Agent": {header}, "Origin": {header}, "Accept": {query}}
		e["multiValueQueryStringParameters"] = map[string][]string{"limit": {query}, "cursor": {query}}
		payload, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		held(t, invoke(t, h, payload))
	})
}

func FuzzLogin(f *testing.F) {
	// Without both a name and a password nothing is hashed, so that the fuzzer is not held up by argon2id.
	fuzz(f, api.Login, `{"name":"owner@example.com"}`, `{"name":1}`, `{"password":"x","returnToken":"yes"}`)
}
func FuzzLogout(f *testing.F) { fuzz(f, api.Logout) }
func FuzzCreateToken(f *testing.F) {
	fuzz(f, api.CreateToken, `{"name":"a","scope":"full"}`, `{"name":"a","scope":"custom","grants":{"exports":["a",{"id":"b","actions":["read"]}]}}`,
		`{"name":"a","scope":"full","autoPurge":"1h","expiresAt":"2031-01-01T00:00:00Z"}`, `{"description":"x"}`)
}
func FuzzListTokens(f *testing.F) { fuzz(f, api.ListTokens) }
func FuzzAccount(f *testing.F) {
	fuzz(f, api.Account, `{"role":"member"}`, `{"status":"disabled"}`, `{"policy":{"maxLifeSeconds":0}}`, `{"policy":{"issuers":"everyone","defaultLifeSeconds":1}}`, `{"developerMode":true}`)
}
func FuzzTokenInfo(f *testing.F) { fuzz(f, api.TokenInfo) }
func FuzzRevoke(f *testing.F)    { fuzz(f, api.Revoke, `{"token":"kf_us_x"}`, `token=x&token=y`) }
func FuzzAudit(f *testing.F)     { fuzz(f, api.Audit) }
func FuzzResources(f *testing.F) {
	fuzz(f, api.Resources, `{"name":"Orders","description":"x","integration":"a"}`, `{"name":"Shop","app":true}`)
}
func FuzzRun(f *testing.F) { fuzz(f, api.Run) }
func FuzzSearch(f *testing.F) {
	fuzz(f, api.Search, `{"from":0,"size":10}`, `{"from":-1}`, `{"query":"x"}`)
}

func FuzzOperator(f *testing.F) {
	c, _ := deployment(f)
	h := api.Operator(c)
	f.Add([]byte(`{"command":"account.create","account":{"name":"A"},"owner":{"email":"a@example.com","password":"short"}}`))
	f.Add([]byte(`{"command":"x"}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		out, err := h.Invoke(t.Context(), payload)
		if err != nil || !json.Valid(out) {
			t.Fatalf("%s: %v", out, err)
		}
	})
}

func FuzzNotify(f *testing.F) {
	c, _ := deployment(f)
	h := api.Notify(c)
	f.Add([]byte(`{"Records":[{"eventName":"INSERT","dynamodb":{"SequenceNumber":"1","Keys":{"pk":{"S":"aud#x"}},"NewImage":{"id":{"S":"x"}}}}]}`))
	f.Add([]byte(`{"Records":[{"eventName":"INSERT","dynamodb":{"SequenceNumber":"1","Keys":{"pk":{"SS":["x"]}}}}]}`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		out, err := h.Invoke(t.Context(), payload)
		if err == nil && !strings.Contains(string(out), `"batchItemFailures":[`) {
			t.Fatalf("an answer that does not list its failures would be taken for success: %s", out)
		}
	})
}
