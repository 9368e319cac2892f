package openapi_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"keyfob/internal/openapi/openapitest"
	"keyfob/internal/scope"
	"keyfob/internal/text"
)

// at gives the requests the same path parameters.
func at(params string, list ...request) []request {
	for i := range list {
		list[i].params = params
	}
	return list
}

// The boundaries of what integrations, members of them, and runs take, on both sides, in the order in which they are asked for.
func TestTheDocumentAllowsWhatIntegrationsAndRunsTake(t *testing.T) {
	d := openapitest.Load(t)
	s := start(t)
	pages := queries("", "limit=1", "limit=100", "limit=0", "limit=101", "limit=x", "cursor=%21", "after=1")
	long := strings.Repeat("é", text.MaxName+1)
	for _, of := range []struct {
		route    string
		requests []request
	}{
		{"PUT /v1/integrations/{id}", at("id=shop", append(bodies(`{"name":"Shop"}`, `{"name":"Shop","description":"","app":true}`, `{"name":"Shop","app":"true"}`, `{"name":"Shop","app":null}`,
			`{"app":true}`, `{"name":"`+long+`"}`, `{"name":"Shop","resources":1}`, `[]`, ``), request{mediaType: "text/plain", body: `{"name":"Shop"}`})...)},
		{"PUT /v1/integrations/{id}", at("id=.shop", bodies(`{"name":"Shop"}`)...)},
		{"PUT /v1/integrations/{id}", at("id="+strings.Repeat("a", scope.MaxIDLen), bodies(`{"name":"Shop"}`)...)},
		{"PUT /v1/integrations/{id}", at("id="+strings.Repeat("a", scope.MaxIDLen+1), bodies(`{"name":"Shop"}`)...)},
		{"GET /v1/integrations", pages},
		{"GET /v1/integrations/{id}", at("id=shop", request{})},
		{"GET /v1/integrations/{id}", at("id=.shop", request{})},
		{"PUT /v1/{category}/{id}", at("category=exports id=orders", bodies(`{"name":"a","integration":"shop"}`, `{"name":"a","integration":""}`, `{"name":"a","integration":"a b"}`,
			`{"name":"a","integration":".a"}`, `{"name":"a","integration":1}`, `{"name":"a","integration":null}`, `{"name":"a","integration":["shop"]}`)...)},
		{"POST /v1/{category}/{id}/run", at("category=exports id=orders", append(bodies(`{}`, `{"wait":true}`, `[]`), request{}, request{mediaType: "text/plain", body: `{}`})...)},
		{"POST /v1/{category}/{id}/run", at("category=flows id=orders", request{})},
		{"POST /v1/{category}/{id}/run", at("category=exports id=.orders", request{})},
		{"GET /v1/{category}/{id}/debugLogs", at("category=exports id=orders", pages...)},
		{"GET /v1/{category}/{id}/debugLogs", at("category=flows id=orders", request{})},
		{"DELETE /v1/integrations/{id}", at("id=shop", request{})},
		{"DELETE /v1/integrations/{id}", at("id=.shop", request{})},
	} {
		for _, r := range of.requests {
			x := s.send(t, of.route, params(r.params), r.query, r.mediaType, r.body)
			if err := d.Check(x); err != nil {
				t.Errorf("%s %v: %v", of.route, r, err)
			}
			allowed := d.CheckRequest(x.Request, x.Sent)
			if took := x.Response.StatusCode < http.StatusBadRequest; (allowed == nil) != took {
				t.Errorf("%s %.200v: answered %d %.200s; the document: %v", of.route, r, x.Response.StatusCode, x.Received, allowed)
			}
		}
	}
}

// What the catalogue shows and refuses for reasons that no schema knows is described, too.
func TestTheDocumentDescribesWhatIntegrationsAndRunsShow(t *testing.T) {
	d := openapitest.Load(t)
	s := start(t)
	check := func(status int, route, p, query, body string) string {
		t.Helper()
		mediaType := ""
		if body != "" {
			mediaType = jsonType
		}
		x := s.send(t, route, params(p), query, mediaType, body)
		if err := d.Check(x); err != nil || x.Response.StatusCode != status {
			t.Errorf("%s: %d %s: %v", route, x.Response.StatusCode, x.Received, err)
		}
		var page struct{ Cursor string }
		_ = json.Unmarshal(x.Received, &page) // some answers have none
		return page.Cursor
	}
	const one, log, run = "category=exports id=orders", "GET /v1/{category}/{id}/debugLogs", "POST /v1/{category}/{id}/run"
	check(422, "PUT /v1/{category}/{id}", one, "", `{"name":"Orders","integration":"shop"}`)
	check(201, "PUT /v1/integrations/{id}", "id=shop", "", `{"name":"Shop","app":true}`)
	check(201, "PUT /v1/integrations/{id}", "id=office", "", `{"name":"Office"}`)
	check(200, "GET /v1/integrations", "", "limit=1&cursor="+check(200, "GET /v1/integrations", "", "limit=1", ""), "")
	check(201, "PUT /v1/{category}/{id}", one, "", `{"name":"Orders","integration":"shop"}`)
	check(200, "GET /v1/{category}/{id}", one, "", "")
	check(200, "GET /v1/{category}", "category=exports", "", "")
	check(200, "POST /api/v1/search", "", "", "")
	check(409, "DELETE /v1/integrations/{id}", "id=shop", "", "")
	check(202, run, one, "", "")
	check(202, run, one, "", "{}")
	check(200, log, one, "limit=1&cursor="+check(200, log, one, "limit=1", ""), "")
	check(404, run, "category=apis id=orders", "", "")
	s.claims["kind"], s.claims["tokenId"] = "token", "tok_EXAMPLEexample01"
	check(403, "DELETE /v1/{category}/{id}", one, "", "")
	check(403, "PUT /v1/{category}/{id}", one, "", `{"name":"Other"}`)
	check(403, "PUT /v1/integrations/{id}", "id=office", "", `{"name":"Other","app":true}`)
	check(403, "DELETE /v1/integrations/{id}", "id=shop", "", "")
	s.claims["scope"] = "exports:orders:w"
	check(200, "PUT /v1/{category}/{id}", one, "", `{"name":"Orders","description":"All.","integration":"shop"}`)
}
