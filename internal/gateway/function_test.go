package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"keyfob/internal/fault"
)

// answer is a proxy response as API Gateway reads it.
type answer struct {
	StatusCode int
	Headers    map[string]string
	Body       string
}

func function(log *strings.Builder, origin string, h Handler) *Function {
	return NewFunction(Config{Log: slog.New(slog.NewJSONHandler(log, nil)), Now: time.Now, Realm: "us", Origin: origin}, Routes{"GET /v1/thing/{id}": h})
}

func call(t *testing.T, ctx context.Context, f *Function, more map[string]any) answer {
	t.Helper()
	e := map[string]any{"resource": "/v1/thing/{id}", "path": "/v1/thing/kf_us_secretsecretsecret", "httpMethod": "GET"}
	for name, value := range more {
		e[name] = value
	}
	payload, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	out, err := f.Invoke(ctx, payload)
	if err != nil {
		t.Fatalf("the function failed: %v", err)
	}
	var p answer
	if err := json.Unmarshal(out, &p); err != nil {
		t.Fatal(err)
	}
	return p
}

func refusing(err error) Handler {
	return func(context.Context, *Request) (Response, error) { return Response{}, err }
}

// The one table from kinds to statuses: each kind has its own, and what has none is a bare 500.
func TestEachKindHasItsStatusAndUnknownErrorsTellNothing(t *testing.T) {
	for kind := fault.Internal; kind <= fault.Unavailable; kind++ {
		if statuses[kind] == 0 {
			t.Errorf("kind %d has no status", kind)
		}
	}
	for _, c := range []struct {
		err    error
		status int
		want   string // in the body
		header string // "Name: value"
	}{
		{fault.Bad("name", "required", "name is required."), 400, `"errors":[{"code":"required","message":"name is required.","field":"name"}]`, "Content-Type: application/problem+json"},
		{fault.Refused("scope", "conflicting", "x"), 422, `"field":"scope"`, ""},
		{fault.New(fault.Unauthenticated, "", "anything"), 401, Unauthenticated, `WWW-Authenticate: Bearer realm="us"`},
		{fault.New(fault.Forbidden, "role_forbids", "No."), 403, `"code":"role_forbids"`, `WWW-Authenticate: Bearer realm="us", error="insufficient_scope"`},
		{fault.New(fault.NotFound, "not_found", "No."), 404, `"message":"No."`, ""},
		{fault.New(fault.Conflict, "conflict", "No."), 409, `"status":409`, ""},
		{fault.Slow(1500 * time.Millisecond), 429, `"code":"too_many_requests"`, "Retry-After: 2"},
		{fault.Retry(errors.New("dial tcp 10.0.0.1: the table's address")), 503, `"code":"unavailable"`, "Retry-After: 1"},
		{errors.New("a detail of ours"), 500, `"message":"Internal error."`, ""},
		{fault.New(fault.Internal, "x", "a detail of ours"), 500, `"message":"Internal error."`, ""},
		{fmt.Errorf("wrapped: %w", fault.New(fault.NotFound, "not_found", "No.")), 404, `"message":"No."`, ""},
	} {
		var log strings.Builder
		p := call(t, t.Context(), function(&log, "", refusing(c.err)), nil)
		if p.StatusCode != c.status || !strings.Contains(p.Body, c.want) {
			t.Errorf("%v: %d %s", c.err, p.StatusCode, p.Body)
		}
		if strings.Contains(p.Body, "of ours") || strings.Contains(p.Body, "10.0.0.1") {
			t.Errorf("%v: the cause is told: %s", c.err, p.Body)
		}
		if name, value, _ := strings.Cut(c.header, ": "); c.header != "" && p.Headers[name] != value {
			t.Errorf("%v: %s is %q", c.err, name, p.Headers[name])
		}
		if c.status == 401 && p.Body != Unauthenticated {
			t.Errorf("a 401 is %q", p.Body)
		}
	}
}

// S25: a panic, a deadline and nonsense are answers, not failures of the function.
func TestS25EverythingIsAnswered(t *testing.T) {
	var log strings.Builder
	p := call(t, t.Context(), function(&log, "", func(context.Context, *Request) (Response, error) { panic("boom") }), nil)
	if p.StatusCode != 500 || strings.Contains(p.Body, "boom") || !strings.Contains(log.String(), "boom") {
		t.Errorf("a panic: %d %s", p.StatusCode, p.Body)
	}
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	p = call(t, ctx, function(&log, "", func(ctx context.Context, _ *Request) (Response, error) { return Response{}, ctx.Err() }), nil)
	if p.StatusCode != http.StatusServiceUnavailable || p.Headers["Retry-After"] == "" {
		t.Errorf("a deadline: %d %v", p.StatusCode, p.Headers)
	}
	p = call(t, t.Context(), function(&log, "", refusing(nil)), map[string]any{"httpMethod": "TRACE"})
	if p.StatusCode != http.StatusNotFound {
		t.Errorf("an unknown route: %d", p.StatusCode)
	}
	for _, payload := range []string{"", "null", "[]", `{"body":"%%%","isBase64Encoded":true}`} {
		out, err := function(&log, "", refusing(nil)).Invoke(t.Context(), []byte(payload))
		if err != nil || !strings.Contains(string(out), `"statusCode":40`) {
			t.Errorf("%q: %s, %v", payload, out, err)
		}
	}
}

// S11, S21: every answer carries the security headers, and no log line the path or the query.
func TestS11SecurityHeadersAndS21NoPathInTheLog(t *testing.T) {
	var log strings.Builder
	ok := func(context.Context, *Request) (Response, error) { return JSON(200, map[string]int{"a": 1}) }
	for _, h := range []Handler{ok, refusing(errors.New("x")), refusing(fault.New(fault.Unauthenticated, "", ""))} {
		p := call(t, t.Context(), function(&log, "", h), map[string]any{"multiValueQueryStringParameters": map[string][]string{"token": {"kf_us_secretsecretsecret"}}})
		for name, value := range map[string]string{
			"Cache-Control": "no-store", "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "Referrer-Policy": "no-referrer",
			"Strict-Transport-Security": "max-age=63072000; includeSubDomains", "X-Content-Type-Options": "nosniff",
		} {
			if p.Headers[name] != value {
				t.Errorf("%d: %s is %q", p.StatusCode, name, p.Headers[name])
			}
		}
	}
	if strings.Contains(log.String(), "secretsecret") {
		t.Errorf("the log holds the path or the query: %s", log.String())
	}
}

func TestOnlyTheDashboardsOriginMayReadAnswers(t *testing.T) {
	var log strings.Builder
	ok := func(context.Context, *Request) (Response, error) { return NoContent(), nil }
	for _, c := range []struct{ configured, sent, want string }{
		{"https://keys.example.com", "https://keys.example.com", "https://keys.example.com"},
		{"https://keys.example.com", "https://evil.example", ""},
		{"https://keys.example.com", "", ""},
		{"", "https://keys.example.com", ""},
		{"", "", ""},
	} {
		p := call(t, t.Context(), function(&log, c.configured, ok), map[string]any{"headers": map[string]string{"origin": c.sent}})
		if got := p.Headers["Access-Control-Allow-Origin"]; got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}

func TestACursorIsTakenOnlyByItsOwnList(t *testing.T) {
	get := func(cursor, limit string) (int, string, error) {
		return (&Request{query: map[string][]string{"cursor": {cursor}, "limit": {limit}}}).Page("acc_1")
	}
	c := Cursor("acc_1", "0001#x")
	if limit, position, err := get(c, "7"); err != nil || limit != 7 || position != "0001#x" {
		t.Errorf("%d, %q, %v", limit, position, err)
	}
	for _, bad := range []string{Cursor("acc_1", "\xff"), Cursor("acc_1", strings.Repeat("x", 513)), Cursor("acc_2", "0001#x"), c + "A", c[1:], "!", "AAAA"} {
		if _, _, err := get(bad, ""); !fault.Is(err, fault.Invalid) {
			t.Errorf("cursor %q: %v", bad, err)
		}
	}
	for i := range c {
		changed := []byte(c)
		changed[i] ^= 1 // base64url has pairs of characters that differ in the lowest bit
		if _, _, err := get(string(changed), "7"); !fault.Is(err, fault.Invalid) {
			t.Errorf("a cursor that was changed at %d: %v", i, err)
		}
	}
	other := &Request{query: map[string][]string{"limit": {"1000"}}}
	if limit, _, err := other.PageOf("acc_1", 200, 1000); err != nil || limit != 1000 {
		t.Errorf("a list with other bounds: %d, %v", limit, err)
	}
	if limit, _, err := (&Request{}).PageOf("acc_1", 200, 1000); err != nil || limit != 200 {
		t.Errorf("its default: %d, %v", limit, err)
	}
	if _, _, err := other.PageOf("acc_1", 200, 999); !fault.Is(err, fault.Invalid) {
		t.Errorf("over its bound: %v", err)
	}
	for _, bad := range []string{"0", "-1", "101", "x", "1.5", "99999999999999999999"} {
		if _, _, err := get("", bad); !fault.Is(err, fault.Invalid) {
			t.Errorf("limit %q: %v", bad, err)
		}
	}
}
