package infratest

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"keyfob/internal/api"
	"keyfob/internal/authorizer"
	"keyfob/internal/factor/passkey"
	"keyfob/internal/functions"
	"keyfob/internal/mail"
	"keyfob/internal/password"
	"keyfob/internal/table"
	"keyfob/internal/table/bolt"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
)

// S31's other half: what the functions really do with the table, each through its own handler, is within what their
// policies let them. A permission that is missing would show on AWS only.
func TestS31NoFunctionNeedsMoreThanItMay(t *testing.T) {
	s := newService(t)
	s.invoke("OperatorFunction", `{"command":"account.create","account":{"name":"Example Ltd"},"owner":{"email":"owner@example.com","name":"Olivia Example","password":"seven lanterns over a quiet river"}}`)
	s.request("LoginFunction", 401, "POST /v1/login", "", `{"name":"owner@example.com","password":"another river altogether"}`)
	s.request("LoginFunction", 401, "POST /v1/login", "", `{"name":"nobody@example.com","password":"another river altogether"}`)
	session := s.request("LoginFunction", 200, "POST /api/v1/login", "", `{"name":"owner@example.com","password":"seven lanterns over a quiet river","returnToken":true}`)["token"].(string)
	s.request("LoginFunction", 200, "GET /v1/login", session, "")
	s.imports(session)
	s.revealable(session)

	made := s.request("CreateTokenFunction", 201, "POST /v1/tokens", session, `{"name":"Deploy","autoPurge":"1h","scope":"full"}`)
	tok := made["token"].(string)
	other := s.request("CreateTokenFunction", 200, "POST /api/v1/api/key", tok, "")["id"].(string)
	third := s.request("CreateTokenFunction", 200, "POST /api/v1/api/key", session, "")["id"].(string)

	s.request("ListTokensFunction", 200, "GET /v1/tokens", tok, "")
	s.request("ListTokensFunction", 200, "GET /api/v1/api/key", session, "")
	s.request("ListTokensFunction", 200, "GET /v1/tokens/{id}", session, "", made["id"].(string))
	s.request("TokenInfoFunction", 200, "GET /v1/tokenInfo", tok, "")

	s.request("ResourcesFunction", 201, "PUT /v1/{category}/{id}", tok, `{"name":"Orders"}`, "exports", "exp1")
	s.request("ResourcesFunction", 200, "PUT /v1/{category}/{id}", tok, `{"name":"All orders"}`, "exports", "exp1")
	s.request("ResourcesFunction", 200, "GET /v1/{category}/{id}", tok, "", "exports", "exp1")
	s.request("ResourcesFunction", 200, "GET /v1/{category}", tok, "", "exports")
	s.request("SearchFunction", 200, "POST /api/v1/search", tok, `{"from":0,"size":10}`)
	s.catalogue(session, tok)
	s.request("ResourcesFunction", 204, "DELETE /v1/{category}/{id}", tok, "", "exports", "exp1")

	s.request("AuditFunction", 200, "GET /v1/audit", session, "")
	s.request("AuditFunction", 200, "GET /v1/tokens/{id}/audit", tok, "", made["id"].(string))
	s.auditAsCreator(session, made["id"].(string))
	s.people(session)

	s.request("RevokeFunction", 204, "DELETE /v1/tokens/{id}", session, "", made["id"].(string))
	s.request("RevokeFunction", 200, "POST /v1/revoke", "", `{"token":"`+other+`"}`)
	named := s.request("CreateTokenFunction", 201, "POST /v1/tokens", session, `{"name":"Named","scope":"full"}`)
	s.request("RevokeFunction", 200, "DELETE /api/v1/api/key/{token}", named["token"].(string), "", named["id"].(string))
	s.request("RevokeFunction", 200, "DELETE /api/v1/api/key/{token}", "", "", third)
	s.request("LogoutFunction", 200, "POST /v1/logout", session, "")
	again := s.request("LoginFunction", 200, "POST /v1/login", "", `{"name":"owner@example.com","password":"seven lanterns over a quiet river","returnToken":true}`)["token"].(string)
	s.request("RevokeFunction", 200, "POST /v1/revoke", "", `{"token":"`+again+`"}`)
	s.disavow(s.request("LoginFunction", 200, "POST /v1/login", "", `{"name":"owner@example.com","password":"seven lanterns over a quiet river","returnToken":true}`)["token"].(string))
	s.leaks()
	s.joining()
	s.notify()
	s.upkeep()

	s.compare()
}

// compare holds what the functions did against what they may do.
func (s *service) compare() {
	s.t.Helper()
	for function, actions := range s.did {
		for action, keys := range actions {
			for _, p := range slices.Sorted(maps.Keys(keys)) {
				if !slices.Contains(strings.Fields(may[function][action]), p) {
					s.t.Errorf("%s needs %s on %s", function, action, p)
				}
			}
		}
	}
}

// service is the functions around one table that notes what each of them does.
type service struct {
	t        *testing.T
	table    *bolt.Table
	mu       sync.Mutex // guards sent and did: the sweep does several things at once
	sent     []mail.Message
	leaked   []string                              // what else was found in public
	handlers map[string]lambda.Handler             // by logical id
	did      map[string]map[string]map[string]bool // by function, action and prefix
	headers  map[string]string                     // of the requests that come, besides the usual ones
	ahead    time.Duration                         // of the functions' clock
}

func newService(t *testing.T) *service {
	store, err := bolt.Open(filepath.Join(t.TempDir(), "table"), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	s := &service{t: t, table: store, handlers: map[string]lambda.Handler{}, did: map[string]map[string]map[string]bool{}}
	keys := ring(t)
	config := func(function string) api.Config {
		return api.Config{
			Table: noting{store, s, function}, Sender: s, Keys: sealing{keys, s, function}, Hasher: password.NewHasher(1), Form: token.Form{Brand: "kf", Realm: "us"},
			Now: func() time.Time { return time.Now().Add(s.ahead) }, Log: slog.New(slog.DiscardHandler), URL: "https://keys.example.com", Passkeys: passkey.Keys{},
		}
	}
	routes, err := authorizer.ParseRoutes(read(t, "authorizer/routes.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]string{}
	for _, f := range load(t, "template.yaml", nil).Functions {
		ids[f.CodeURI] = f.LogicalID
	}
	made, err := functions.Handlers(func(code string) (api.Config, error) { return config(ids[code]), nil }, routes)
	if err != nil {
		t.Fatal(err)
	}
	for code, h := range made {
		s.handlers[ids[code]] = h
	}
	return s
}

// catalogue drives what the integrations and the runs of the resource exp1 need, which a session has moved into an app.
func (s *service) catalogue(session, tok string) {
	s.t.Helper()
	for _, id := range []string{"app", "shop"} {
		s.request("ResourcesFunction", 201, "PUT /v1/integrations/{id}", session, `{"name":"Shop","app":true}`, id)
		s.request("ResourcesFunction", 200, "PUT /v1/{category}/{id}", session, `{"name":"Orders","integration":"`+id+`"}`, "exports", "exp1")
	}
	s.request("ResourcesFunction", 200, "PUT /v1/{category}/{id}", tok, `{"name":"Orders","integration":"shop","description":"Daily."}`, "exports", "exp1")
	s.request("ResourcesFunction", 200, "GET /v1/integrations", tok, "")
	s.request("ResourcesFunction", 200, "GET /v1/integrations/{id}", tok, "", "shop")
	s.request("RunFunction", 202, "POST /v1/{category}/{id}/run", tok, "", "exports", "exp1")
	s.request("RunFunction", 200, "GET /v1/{category}/{id}/debugLogs", tok, "", "exports", "exp1")
	s.request("ResourcesFunction", 200, "PUT /v1/{category}/{id}", session, `{"name":"Orders","integration":""}`, "exports", "exp1")
	s.request("ResourcesFunction", 204, "DELETE /v1/integrations/{id}", session, "", "shop")
}

// imports drives what the import of tokens needs, also where a quota is reached.
func (s *service) imports(session string) {
	s.t.Helper()
	acc := s.request("TokenInfoFunction", 200, "GET /v1/tokenInfo", session, "")["accountId"].(string)
	for line, quota := range []string{"", "tokensPerAccount", "tokensPerUser"} {
		items, err := s.table.Get(s.t.Context(), key.Account(acc).Key())
		if err != nil {
			s.t.Fatal(err)
		}
		limited := maps.Clone(items[0])
		limited[cmp.Or(quota, "unused")] = table.N(0)
		if err := s.table.Commit(s.t.Context(), table.Replace(limited, limited.Version())); err != nil {
			s.t.Fatal(err)
		}
		got := s.invoke("OperatorFunction", encode(s.t, map[string]any{"command": "tokens.import", "account": acc, "rows": []any{map[string]any{
			"line": line + 2, "id": fmt.Sprint(line), "hash": strings.Repeat("0a", 32), "name": "Deploy", "owner": "owner@example.com",
		}}}))
		if imported := got["imported"] == 1.0; imported != (quota == "") {
			s.t.Fatal(got)
		}
		if err := s.table.Commit(s.t.Context(), table.Replace(items[0], limited.Version()+1)); err != nil {
			s.t.Fatal(err)
		}
	}
}

// Send implements mail.Sender.
func (s *service) Send(_ context.Context, m mail.Message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent = append(s.sent, m)
	return nil
}

func (s *service) invoke(function, payload string) map[string]any {
	s.t.Helper()
	out, err := s.handlers[function].Invoke(s.t.Context(), []byte(payload))
	var answer map[string]any
	if err == nil {
		err = json.Unmarshal(out, &answer)
	}
	if err != nil {
		s.t.Fatalf("%s: %v: %s", function, err, out)
	}
	return answer
}

// request takes one request past the authorizer, where there is a credential, to its function.
func (s *service) request(function string, status int, route, credential, body string, params ...string) map[string]any {
	s.t.Helper()
	method, resource, _ := strings.Cut(route, " ")
	path, named := resource, map[string]string{}
	for _, v := range params {
		name, _, _ := strings.Cut(path[strings.Index(path, "{")+1:], "}")
		named[name], path = v, strings.Replace(path, "{"+name+"}", v, 1)
	}
	event := map[string]any{
		"type": "REQUEST", "methodArn": "arn:aws:execute-api:us-east-1:123456789012:a1b2c3d4e5/live/" + method + path,
		"resource": resource, "path": path, "httpMethod": method, "pathParameters": named, "body": body,
		"headers": map[string]string{"Authorization": "Bearer " + credential, "Content-Type": "application/json"}, "stageVariables": map[string]string{"keyfob": "own"},
	}
	maps.Copy(event["headers"].(map[string]string), s.headers)
	if credential != "" {
		verdict := s.invoke("AuthorizerFunction", encode(s.t, event))
		event["requestContext"] = map[string]any{"authorizer": verdict["context"]}
	}
	answer := s.invoke(function, encode(s.t, event))
	if answer["statusCode"] != float64(status) {
		s.t.Fatalf("%s: %v, want %d: %v", route, answer["statusCode"], status, answer["body"])
	}
	var content map[string]any
	_ = json.Unmarshal([]byte(answer["body"].(string)), &content) // some answers have none
	return content
}

// auditAsCreator reads a token's trail as the session's user would who has no right but to tokens of their own.
func (s *service) auditAsCreator(session, handle string) {
	s.t.Helper()
	event := map[string]any{
		"type": "REQUEST", "methodArn": "arn:aws:execute-api:us-east-1:123456789012:a1b2c3d4e5/live/GET/v1/tokens/" + handle + "/audit",
		"resource": "/v1/tokens/{id}/audit", "path": "/v1/tokens/" + handle + "/audit", "httpMethod": "GET",
		"pathParameters": map[string]string{"id": handle}, "headers": map[string]string{"Authorization": "Bearer " + session},
	}
	claims := s.invoke("AuthorizerFunction", encode(s.t, event))["context"].(map[string]any)
	claims["role"], claims["issuers"] = "member", "everyone"
	event["requestContext"] = map[string]any{"authorizer": claims}
	if answer := s.invoke("AuditFunction", encode(s.t, event)); answer["statusCode"] != 200.0 {
		s.t.Fatalf("%v", answer)
	}
}

// people has an owner change a user and the policy, each in every way there is.
func (s *service) people(session string) {
	s.t.Helper()
	me := s.request("AccountFunction", 200, "GET /v1/me", session, "")["id"].(string)
	account := s.request("AccountFunction", 200, "GET /v1/account", session, "")["id"].(string)
	user := s.invoke("OperatorFunction", `{"command":"user.create","account":"`+account+`","email":"admin@example.com","role":"admin","password":"nine bridges under a loud moon"}`)["user"].(map[string]any)["id"].(string)
	s.invoke("OperatorFunction", `{"command":"account.license","account":"`+account+`","apiManagement":false}`)
	s.invoke("OperatorFunction", `{"command":"account.license","account":"`+account+`","apiManagement":true}`)
	in := s.request("LoginFunction", 200, "POST /v1/login", "", `{"name":"admin@example.com","password":"nine bridges under a loud moon","returnToken":true}`)["token"].(string)
	for range 2 {
		s.request("CreateTokenFunction", 200, "POST /api/v1/api/key", in, "")
	}
	s.request("AccountFunction", 200, "GET /v1/users", session, "")
	s.request("AccountFunction", 200, "GET /v1/users/{id}", session, "", user)
	s.request("AccountFunction", 200, "PATCH /v1/me", session, `{"developerMode":true}`)
	for _, change := range []string{`{"role":"owner"}`, `{"role":"member"}`, `{"status":"disabled"}`, `{"status":"active"}`} {
		s.request("AccountFunction", 200, "PATCH /v1/users/{id}", session, change, user)
	}
	s.request("AccountFunction", 409, "PATCH /v1/users/{id}", session, `{"role":"member"}`, me)
	for _, change := range []string{`{"queryCredentials":false}`, `{"queryCredentials":true}`} {
		s.request("AccountFunction", 200, "PATCH /v1/account", session, `{"policy":`+change+`}`)
	}
}

// upkeep has credentials carry what is marked as not carried yet, and a token purged.
func (s *service) upkeep() {
	s.t.Helper()
	again := s.request("LoginFunction", 200, "POST /v1/login", "", `{"name":"owner@example.com","password":"seven lanterns over a quiet river","returnToken":true}`)["token"].(string)
	s.request("CreateTokenFunction", 201, "POST /v1/tokens", again, `{"name":"Nightly","autoPurge":"1h","scope":"full"}`)
	records, err := s.table.Changes(s.t.Context(), "", 10_000)
	if err != nil {
		s.t.Fatal(err)
	}
	last := map[table.Key]table.Record{}
	for _, r := range records {
		last[r.Change.Keys.Key()] = r
	}
	var batch []table.Record
	for k, r := range last {
		it := r.Change.NewImage
		switch {
		case it == nil:
		case strings.HasPrefix(k.PK, key.PrefixAccount):
			it["behind"], it["role"], it["issuers"] = table.Bool(true), table.S("member"), table.S("everyone")
			if strings.HasPrefix(k.SK, key.PrefixUser) {
				delete(it, "issuers")
			}
			if err := s.table.Commit(s.t.Context(), table.Replace(it, it.Version())); err != nil {
				s.t.Fatal(err)
			}
			batch = append(batch, r)
		case strings.HasPrefix(k.PK, key.PrefixToken):
			r.EventName, r.UserIdentity, r.Change.OldImage, r.Change.NewImage = table.Remove, table.TTLIdentity(), it, nil
			batch = append(batch, r)
		}
	}
	if failed := s.invoke("UpkeepFunction", encode(s.t, table.StreamEvent{Records: batch}))["batchItemFailures"].([]any); len(failed) != 0 || len(batch) < 3 {
		s.t.Fatalf("%d records, failed: %v", len(batch), failed)
	}
}

// notify feeds all that has happened to the function that tells people of it.
func (s *service) notify() {
	s.t.Helper()
	records, err := s.table.Changes(s.t.Context(), "", 10_000)
	if err != nil {
		s.t.Fatal(err)
	}
	if failed := s.invoke("NotifyFunction", encode(s.t, table.StreamEvent{Records: records}))["batchItemFailures"].([]any); len(failed) != 0 || len(s.sent) == 0 {
		s.t.Fatalf("%d mails, failed: %v", len(s.sent), failed)
	}
}

func encode(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// noting is the table as one function has it. It notes each operation as the action that table/dynamo makes of it.
type noting struct {
	table.Table
	service  *service
	function string
}

func (n noting) note(action, pk string) {
	n.service.mu.Lock()
	defer n.service.mu.Unlock()
	did := n.service.did
	if did[n.function] == nil {
		did[n.function] = map[string]map[string]bool{}
	}
	if did[n.function][action] == nil {
		did[n.function][action] = map[string]bool{}
	}
	did[n.function][action][pk[:strings.Index(pk, "#")+1]] = true
}

func (n noting) Get(ctx context.Context, keys ...table.Key) ([]table.Item, error) {
	action := "GetItem"
	if len(keys) > 1 {
		action = "BatchGetItem"
	}
	for _, k := range keys {
		n.note(action, k.PK)
	}
	return n.Table.Get(ctx, keys...)
}

func (n noting) Query(ctx context.Context, q table.Query) (table.Page, error) {
	n.note("Query", q.PK)
	return n.Table.Query(ctx, q)
}

func (n noting) Commit(ctx context.Context, ops ...table.Op) error {
	actions := map[table.Kind]string{table.KindPut: "PutItem", table.KindDelete: "DeleteItem", table.KindCheck: "ConditionCheckItem"}
	for _, op := range ops {
		n.note(actions[op.Kind], op.Key.PK)
	}
	return n.Table.Commit(ctx, ops...)
}
