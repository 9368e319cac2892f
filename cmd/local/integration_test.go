package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"keyfob/internal/scope"
)

// C13: tokens create, read, update and delete, but neither create nor delete what belongs to an Integration App, of which
// they update the description only. People may.
func TestC13IntegrationAppData(t *testing.T) {
	s := newClient(t)
	session := s.login()
	full, _ := s.create(session, map[string]any{"name": "full", "scope": "full", "autoPurge": "1h"})
	s.want(s.put("/v1/integrations/app", session, map[string]any{"name": "App", "app": true}), 201)
	s.want(s.put("/v1/integrations/own", session, map[string]any{"name": "Own"}), 201)
	for id, in := range map[string]string{"in": "app", "free": "", "new": ""} {
		s.want(s.put("/v1/exports/"+id, session, map[string]any{"name": "Thing", "integration": in}), 201)
	}
	custom := s.narrow(session, map[string]any{"exports": []any{"in", "free", "new"}})
	s.want(s.delete("/v1/exports/new", session), 204)
	thing := func(name, integration string) map[string]any {
		return map[string]any{"name": name, "description": "Said by " + name, "integration": integration}
	}
	type want struct {
		status int
		fields []string // of the refusal
	}
	refused := func(fields ...string) want { return want{403, fields} }
	for _, c := range []struct {
		method, path string
		body         map[string]any
		token        want
		person       int
		undo         func()
	}{
		{"GET", "/v1/exports/in", nil, want{200, nil}, 200, nil},
		{"PUT", "/v1/exports/in", thing("Thing", "app"), want{200, nil}, 200, nil},
		{"PUT", "/v1/exports/in", thing("Other", "app"), refused("name"), 200, func() { s.put("/v1/exports/in", session, thing("Thing", "app")) }},
		{"PUT", "/v1/exports/in", thing("Thing", "own"), refused("integration"), 200, func() { s.put("/v1/exports/in", session, thing("Thing", "app")) }},
		{"PUT", "/v1/exports/in", map[string]any{"name": "Other"}, refused("name"), 200, func() { s.put("/v1/exports/in", session, thing("Thing", "app")) }},
		{"PUT", "/v1/exports/free", thing("Thing", "app"), refused("integration"), 200, func() { s.put("/v1/exports/free", session, thing("Thing", "")) }},
		{"PUT", "/v1/exports/new", thing("New", "app"), refused("integration"), 201, func() { s.delete("/v1/exports/new", session) }},
		{"DELETE", "/v1/exports/in", nil, refused(""), 204, func() { s.put("/v1/exports/in", session, thing("Thing", "app")) }},
		{"PUT", "/v1/exports/free", thing("Free", "own"), want{200, nil}, 200, func() { s.put("/v1/exports/free", session, thing("Thing", "")) }},
		{"PUT", "/v1/exports/new", thing("New", "own"), want{201, nil}, 201, func() { s.delete("/v1/exports/new", session) }},
		{"DELETE", "/v1/exports/free", nil, want{204, nil}, 204, func() { s.put("/v1/exports/free", session, thing("Thing", "")) }},
		{"PUT", "/v1/exports/free", thing("Free", "nowhere"), want{422, []string{"integration"}}, 422, nil},
	} {
		for kind, token := range map[string]string{"full": full, "custom": custom} {
			r := s.send(c.method, c.path, token, c.body)
			why, fields := code(r)
			in := map[string]any{"/v1/exports/in": "app"}[c.path]
			if in == nil {
				in = ""
			}
			if kind == "custom" && c.body["integration"] != nil && c.body["integration"] != in {
				// A grant on a resource does not reach to its integration.
				if r.status != 403 || why != "needs_full_scope" {
					t.Errorf("%s token: %s %s %v: %d %s", kind, c.method, c.path, c.body, r.status, r.body)
				}
				continue
			}
			if r.status != c.token.status || r.status >= 400 && !slices.Equal(fields, c.token.fields) || r.status == 403 && why != "integration_app" {
				t.Errorf("%s token: %s %s %v: %d %s, want %+v", kind, c.method, c.path, c.body, r.status, r.body, c.token)
			}
			if c.undo != nil && r.status < 300 {
				c.undo()
			}
		}
		if r := s.send(c.method, c.path, session, c.body); r.status != c.person {
			t.Errorf("a person: %s %s %v: %d %s, want %d", c.method, c.path, c.body, r.status, r.body, c.person)
		}
		if c.undo != nil {
			c.undo()
		}
	}
	s.appItself(session, full)
}

// appItself goes on with the Integration App itself, which the resource exports/in belongs to.
func (s *client) appItself(session, token string) {
	s.Helper()
	for _, c := range []struct {
		body  map[string]any
		id    string
		field string // "" where a token may
	}{
		{map[string]any{"name": "App", "description": "Kept by its maker.", "app": true}, "app", ""},
		{map[string]any{"name": "Other", "app": true}, "app", "name"},
		{map[string]any{"name": "App"}, "app", "app"},
		{map[string]any{"name": "Own", "app": true}, "own", "app"},
		{map[string]any{"name": "New", "app": true}, "new", "app"},
		{map[string]any{"name": "Renamed"}, "own", ""},
	} {
		r := s.put("/v1/integrations/"+c.id, token, c.body)
		if why, fields := code(r); c.field == "" && r.status != 200 || c.field != "" && (r.status != 403 || why != "integration_app" || fields[0] != c.field) {
			s.Errorf("%s %v: %d %s", c.id, c.body, r.status, r.body)
		}
	}
	s.refused("an app, by a token", s.delete("/v1/integrations/app", token), 403, "")
	s.refused("an app with resources", s.delete("/v1/integrations/app", session), 409, "")
	s.want(s.delete("/v1/exports/in", session), 204)
	s.refused("an app without, by a token", s.delete("/v1/integrations/app", token), 403, "")
	s.want(s.delete("/v1/integrations/app", session), 204)
	s.refused("an app that is gone", s.delete("/v1/integrations/app", session), 404, "")
	s.want(s.delete("/v1/integrations/own", token), 204)
}

// C14: an integration's token runs that integration's exports and imports and reads their debug logs. What else there is
// is to it as if it were not, and it neither creates, reads, updates nor deletes.
func TestC14IntegrationTokensOnlyRunAndReadLogs(t *testing.T) {
	s := newClient(t)
	session := s.login()
	for _, id := range []string{"shop", "office"} {
		s.want(s.put("/v1/integrations/"+id, session, map[string]any{"name": id, "app": id == "shop"}), 201)
	}
	for path, in := range map[string]string{
		"exports/orders": "shop", "imports/orders": "shop", "exports/files": "office", "exports/free": "", "connections/con": "shop", "apis/api": "shop", "mcpServers/mcp": "shop",
	} {
		s.want(s.put("/v1/"+path, session, map[string]any{"name": "Thing", "integration": in}), 201)
	}
	s.refused("of no integration", s.post("/v1/integrations/nowhere/tokens", session, map[string]any{"name": "tile", "autoPurge": "1h"}), 404, "")
	made := s.post("/v1/integrations/shop/tokens", session, map[string]any{"name": "tile", "autoPurge": "1d"})
	s.want(made, 201)
	token, handle := made.text("token"), made.text("id")
	if made.text("scope") != "integration" || made.text("integration") != "shop" {
		t.Errorf("%s", made.body)
	}
	for _, path := range []string{"/v1/exports/orders", "/v1/imports/orders"} {
		ran := s.post(path+"/run", token, nil)
		s.want(ran, 202)
		log := s.get(path+"/debugLogs", token)
		s.want(log, 200)
		if !strings.Contains(log.body, ran.text("runId")) || !strings.Contains(log.body, handle) || ran.text("status") != "accepted" {
			t.Errorf("%s: ran %s, logged %s", path, ran.body, log.body)
		}
	}
	for _, action := range []struct{ method, of string }{{"POST", "/run"}, {"GET", "/debugLogs"}} {
		absent := s.send(action.method, "/v1/exports/nothing"+action.of, token, nil)
		s.refused("absent", absent, 404, "")
		for _, path := range []string{"exports/files", "exports/free", "imports/files"} {
			if r := s.send(action.method, "/v1/"+path+action.of, token, nil); r.comparable() != absent.comparable() {
				t.Errorf("%s%s: %s, absent: %s", path, action.of, r.comparable(), absent.comparable())
			}
		}
	}
	for _, call := range []string{
		"GET /v1/exports/orders", "PUT /v1/exports/orders", "DELETE /v1/exports/orders", "GET /v1/exports/nothing", "PUT /v1/exports/nothing", "DELETE /v1/exports/nothing",
		"GET /v1/exports", "GET /v1/imports", "POST /api/v1/search", "GET /v1/integrations", "GET /v1/integrations/shop", "PUT /v1/integrations/shop", "DELETE /v1/integrations/shop",
		"POST /v1/connections/con/run", "GET /v1/connections/con/debugLogs", "POST /v1/apis/api/run", "POST /v1/mcpServers/mcp/run", "GET /v1/mcpServers/mcp/debugLogs",
		"GET /v1/tokens", "POST /v1/tokens", "GET /v1/tokens/" + handle, "DELETE /v1/tokens/" + handle, "POST /v1/integrations/shop/tokens", "POST /api/v1/api/key", "GET /v1/login",
	} {
		method, path, _ := strings.Cut(call, " ")
		var body map[string]any
		if method == "PUT" || method == "POST" && !strings.HasSuffix(path, "/run") && !strings.HasPrefix(path, "/api/") {
			body = map[string]any{"name": "Mine"}
		}
		if strings.HasSuffix(path, "/v1/tokens") && method == "POST" {
			body["scope"] = "full"
		}
		r := s.send(method, path, token, body)
		if why, _ := code(r); r.status != 403 || why != string(scope.OutsideScope) && why != string(scope.NeedsFullScope) {
			t.Errorf("%s: %d %s", call, r.status, r.body)
		}
	}
	s.want(s.get("/v1/exports/orders", session), 200)
	// A resource that leaves is out of reach at once, and one that joins is in it.
	s.want(s.put("/v1/exports/orders", session, map[string]any{"name": "Orders", "integration": "office"}), 200)
	s.want(s.put("/v1/exports/free", session, map[string]any{"name": "Free", "integration": "shop"}), 200)
	s.refused("what has left", s.post("/v1/exports/orders/run", token, nil), 404, "")
	s.refused("the log of what has left", s.get("/v1/exports/orders/debugLogs", token), 404, "")
	s.want(s.post("/v1/exports/free/run", token, nil), 202)
}

// C14: debug logs come newest first in pages of their own list, for 30 days, and end with their resource.
func TestC14DebugLogsArePaged(t *testing.T) {
	s := newClient(t)
	session := s.login()
	for _, id := range []string{"orders", "parts"} {
		s.want(s.put("/v1/exports/"+id, session, map[string]any{"name": "Thing"}), 201)
	}
	var runs []string
	for range 5 {
		s.advance(time.Second)
		r := s.post("/v1/exports/orders/run", session, map[string]any{})
		s.want(r, 202)
		runs = append([]string{r.text("runId")}, runs...)
	}
	s.refused("a field", s.post("/v1/exports/orders/run", session, map[string]any{"wait": true}), 400, "wait")
	var seen []string
	query := "?limit=2"
	for {
		page := s.get("/v1/exports/orders/debugLogs"+query, session)
		s.want(page, 200)
		var log struct {
			Entries []struct{ RunID, Message string }
		}
		if err := json.Unmarshal([]byte(page.body), &log); err != nil {
			t.Fatal(err)
		}
		for _, e := range log.Entries {
			seen = append(seen, e.RunID)
			if e.Message != "Run requested." {
				t.Error(e.Message)
			}
		}
		cursor := page.text("cursor")
		if cursor == "" {
			break
		}
		s.refused("another list's cursor", s.get("/v1/exports/parts/debugLogs?cursor="+cursor, session), 400, "cursor")
		for _, bad := range []string{cursor[1:], cursor + "A", strings.ToLower(cursor), strings.Replace(cursor, cursor[:1], string(cursor[0]^1), 1)} {
			s.refused("a cursor that was tampered with", s.get("/v1/exports/orders/debugLogs?cursor="+bad, session), 400, "cursor")
		}
		query = "?limit=2&cursor=" + cursor
	}
	if !slices.Equal(seen, runs) {
		t.Errorf("%v, want %v", seen, runs)
	}
	s.want(s.delete("/v1/exports/orders", session), 204)
	s.want(s.put("/v1/exports/orders", session, map[string]any{"name": "Orders again"}), 201)
	if r := s.get("/v1/exports/orders/debugLogs", session); r.body != `{"entries":[]}` {
		t.Errorf("%s", r.body)
	}
}
