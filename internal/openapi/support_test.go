package openapi_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"keyfob/internal/api"
	"keyfob/internal/authority"
	"keyfob/internal/gateway"
	"keyfob/internal/openapi/openapitest"
	"keyfob/internal/password"
	"keyfob/internal/scope"
	"keyfob/internal/table/bolt"
	"keyfob/internal/token"
)

// A service is the deployed handlers over an embedded table, without a gateway and an authorizer before them: an
// owner's session stands behind each request.
type service struct {
	config api.Config
	byName map[string]*gateway.Function // by route
	claims map[string]string
}

const ownersPassword = "correct horse battery"

func start(t *testing.T) *service {
	t.Helper()
	now := func() time.Time { return time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC) }
	db, err := bolt.Open(filepath.Join(t.TempDir(), "table"), now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	s := &service{byName: map[string]*gateway.Function{}, config: api.Config{
		Table: db, Form: token.Form{Brand: "kf", Realm: "us"}, Now: now, Hasher: password.NewHasher(1), Log: slog.New(slog.DiscardHandler),
	}}
	for _, f := range functions(s.config) {
		for _, route := range f.Routes() {
			s.byName[route] = f
		}
	}
	if _, err := api.Operator(s.config).Invoke(t.Context(), []byte(`{"command":"account.create","account":{"name":"Example Ltd"},`+
		`"owner":{"email":"owner@example.com","name":"Olivia Example","password":"`+ownersPassword+`"}}`)); err != nil {
		t.Fatal(err)
	}
	in := s.send(t, "POST /v1/login", nil, "", "application/json", `{"name":"owner@example.com","password":"`+ownersPassword+`","returnToken":true}`)
	var session struct{ Token string }
	if err := json.Unmarshal(in.Received, &session); err != nil || session.Token == "" {
		t.Fatalf("%d %s", in.Response.StatusCode, in.Received)
	}
	a := authority.Authority{Table: db, Now: now, Form: s.config.Form}
	p, denial, err := a.Verify(t.Context(), session.Token)
	if err != nil || denial != authority.None {
		t.Fatal(denial, err)
	}
	s.claims = map[string]string{}
	for _, c := range p.Claims() {
		s.claims[c.Name] = c.Value
	}
	return s
}

// send makes the exchange that a client would have with the route's function.
func (s *service) send(t *testing.T, route string, params map[string]string, query, mediaType, body string) openapitest.Exchange {
	t.Helper()
	method, path, _ := strings.Cut(route, " ")
	target := path
	for name, value := range params {
		target = strings.Replace(target, "{"+name+"}", value, 1)
	}
	r := httptest.NewRequest(method, "https://keyfob.example.com"+target+"?"+query, nil)
	r.Header.Set("Authorization", "Bearer x")
	if mediaType != "" {
		r.Header.Set("Content-Type", mediaType)
	}
	return s.exchange(t, r, path, params, body)
}

// exchange hands a request to the function of the route with that path.
func (s *service) exchange(t *testing.T, r *http.Request, path string, params map[string]string, body string) openapitest.Exchange {
	t.Helper()
	payload, err := json.Marshal(map[string]any{
		"resource": path, "path": r.URL.Path, "httpMethod": r.Method, "pathParameters": params,
		"multiValueHeaders": r.Header, "multiValueQueryStringParameters": r.URL.Query(),
		"body": base64.StdEncoding.EncodeToString([]byte(body)), "isBase64Encoded": true,
		"requestContext": map[string]any{"requestId": "r-1", "identity": map[string]string{"sourceIp": "192.0.2.7"}, "authorizer": s.claims},
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.byName[r.Method+" "+path].Invoke(t.Context(), payload)
	if err != nil {
		t.Fatal(err)
	}
	var a struct {
		StatusCode        int
		Headers           map[string]string
		MultiValueHeaders map[string][]string
		Body              string
	}
	if err := json.Unmarshal(out, &a); err != nil {
		t.Fatal(err)
	}
	header := http.Header{}
	for name, value := range a.Headers {
		header.Set(name, value)
	}
	for name, values := range a.MultiValueHeaders {
		header[http.CanonicalHeaderKey(name)] = values
	}
	return openapitest.Exchange{
		Request: r, Sent: []byte(body), Response: &http.Response{StatusCode: a.StatusCode, Header: header}, Received: []byte(a.Body),
	}
}

// register puts what the requests' grants name into the catalogue.
func (s *service) register(t *testing.T) {
	t.Helper()
	things := []string{"exports/a", "exports/b", "exports/c", "mcpServers/d", "exports/" + strings.Repeat("a", scope.MaxIDLen)}
	for i := range scope.MaxGrants {
		things = append(things, fmt.Sprintf("exports/id-%d", i))
	}
	for _, thing := range things {
		category, id, _ := strings.Cut(thing, "/")
		if x := s.send(t, "PUT /v1/{category}/{id}", map[string]string{"category": category, "id": id}, "", "application/json", `{"name":"a"}`); x.Response.StatusCode != http.StatusCreated {
			t.Fatalf("%s: %d %s", thing, x.Response.StatusCode, x.Received)
		}
	}
	if x := s.send(t, "PUT /v1/integrations/{id}", map[string]string{"id": "shop"}, "", "application/json", `{"name":"Shop"}`); x.Response.StatusCode != http.StatusCreated {
		t.Fatalf("%d %s", x.Response.StatusCode, x.Received)
	}
}

// fresh makes a token and gives its handle.
func (s *service) fresh(t *testing.T) string {
	t.Helper()
	x := s.send(t, "POST /v1/tokens", nil, "", "application/json", `{"name":"a","scope":"full"}`)
	var made struct{ ID string }
	if err := json.Unmarshal(x.Received, &made); err != nil || made.ID == "" {
		t.Fatalf("%d %s", x.Response.StatusCode, x.Received)
	}
	return made.ID
}
