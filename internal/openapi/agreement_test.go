package openapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"keyfob/internal/openapi/openapitest"
	"keyfob/internal/scope"
	"keyfob/internal/text"
)

const jsonType = "application/json"

// A request of a route, apart from what the route needs anyhow.
type request struct{ params, query, mediaType, body string }

func bodies(list ...string) []request {
	var all []request
	for _, b := range list {
		all = append(all, request{mediaType: jsonType, body: b})
	}
	return all
}

func queries(list ...string) []request {
	var all []request
	for _, q := range list {
		all = append(all, request{query: q})
	}
	return all
}

// requests walks the boundaries of what each route takes, on both sides.
func requests() map[string][]request {
	token := func(members string) string { return `{"name":"a","scope":"full"` + members + `}` }
	custom := func(grants string) string { return `{"name":"a","scope":"custom","grants":` + grants + `}` }
	grants := func(n int) string {
		list := make([]string, n)
		for i := range list {
			list[i] = fmt.Sprintf(`"id-%d"`, i)
		}
		return custom(`{"exports":[` + strings.Join(list, ",") + `]}`)
	}
	text1 := func(n int) string { return strings.Repeat("é", n) }
	put := bodies(`{"name":"a"}`, `{"name":"`+text1(text.MaxName)+`","description":""}`, `{"name":"`+text1(text.MaxName+1)+`"}`, `{"name":""}`, `{}`,
		`{"name":" a"}`, `{"name":"a","description":"`+text1(text.MaxDescription)+`"}`, `{"name":"a","description":"`+text1(text.MaxDescription+1)+`"}`,
		`{"name":"a","id":"orders"}`, `{"name":["a"]}`, `[]`, `"a"`, ``, `{`)
	put = append(put, request{mediaType: "text/plain", body: `{"name":"a"}`}, request{body: `{"name":"a"}`})
	for i := range put {
		put[i].params = "category=exports id=orders"
	}
	for _, params := range []string{"category=exports id=.orders", "category=exports id=" + strings.Repeat("a", scope.MaxIDLen), "category=exports id=" + strings.Repeat("a", scope.MaxIDLen+1), "category=flows id=a", "category=exports id=a%20b"} {
		put = append(put, request{params: params, mediaType: jsonType, body: `{"name":"a"}`})
	}
	login := func(members string) string {
		return `{"name":"owner@example.com","password":"` + ownersPassword + `"` + members + `}`
	}
	revoke := append(bodies(`{"token":"x"}`, `{"token":"x","token_type_hint":"access_token"}`, `{"token":""}`, `{}`, `{"token":1}`, `{"token":"x","other":1}`, ``),
		request{mediaType: "application/x-www-form-urlencoded", body: "token=x"},
		request{mediaType: "application/x-www-form-urlencoded", body: "token=x&other=1"},
		request{mediaType: "application/x-www-form-urlencoded", body: "token_type_hint=x"},
		request{mediaType: "text/plain", body: "token=x"})
	search := append(bodies(`{}`, `{"from":0,"size":10}`, `{"from":1000000}`, `{"from":1000001}`, `{"from":-1}`, `{"size":0}`, `{"size":100}`, `{"size":101}`, `{"size":-1}`,
		`{"size":1.5}`, `{"size":"1"}`, `{"query":"`+strings.Repeat("a", 200)+`"}`, `{"query":"`+strings.Repeat("a", 201)+`"}`, `{"query":1}`, `{"sort":"id"}`), request{}, request{body: `{}`}, request{mediaType: "text/plain", body: `{"size":1}`}, request{mediaType: "text/plain", body: `size=1`})
	pages := queries("", "limit=1", "limit=100", "limit=0", "limit=101", "limit=-1", "limit=x", "limit=1.5", "cursor=%21", "after=1")
	category := func(name string) []request {
		var all []request
		for _, p := range pages {
			p.params = "category=" + name
			all = append(all, p)
		}
		return all
	}
	return map[string][]request{
		"POST /v1/login": bodies(login(""), login(`,"returnToken":true`), login(`,"returnToken":false`), login(`,"returnToken":"yes"`), login(`,"tenant":1`),
			login(`,"other":1`), `{"name":"","password":"x"}`, `{"name":"x","password":""}`, `{"name":"x"}`, `{"password":"x"}`, `{"name":["x"],"password":"x"}`, ``, `[]`),
		"POST /api/v1/login": {
			{mediaType: jsonType, body: login("")}, {mediaType: "text/plain;charset=UTF-8", body: login(`,"returnToken":true`)}, {body: login(`,"returnToken":true`)},
			{mediaType: "text/plain;charset=UTF-8", body: `name=owner@example.com`}, {mediaType: "text/plain", body: login(`,"other":1`)}, {},
		},
		"POST /v1/tokens": bodies(token(""), token(`,"description":"d"`), token(`,"description":1`), token(`,"other":1`), `{"name":"a"}`, `{"scope":"full"}`,
			`{"name":"","scope":"full"}`, `{"name":"`+text1(text.MaxName+1)+`","scope":"full"}`, `{"name":"a","scope":"all"}`, `{"name":"a","scope":"integration"}`,
			token(`,"autoPurge":"1h"`), token(`,"autoPurge":"4h"`), token(`,"autoPurge":"1d"`), token(`,"autoPurge":"4d"`), token(`,"autoPurge":"10d"`),
			token(`,"autoPurge":"30d"`), token(`,"autoPurge":"never"`), token(`,"autoPurge":"2h"`), token(`,"autoPurge":3600`),
			token(`,"expiresAt":"2031-01-02T03:04:05Z"`), token(`,"expiresAt":"2031-01-02T03:04:05.5+02:00"`), token(`,"expiresAt":"2031-01-02"`), token(`,"expiresAt":"tomorrow"`),
			token(`,"expiresAt":1924992000`), token(`,"expiresAt":"2031-13-02T03:04:05Z"`), token(`,"autoPurge":"1h","expiresAt":"2031-01-02T03:04:05Z"`),
			token(`,"grants":{}`), `{"name":"a","scope":"custom"}`, custom(`{}`), custom(`{"exports":[]}`), custom(`{"exports":["a",{"id":"b"},{"id":"c","actions":["read","read"]}],"mcpServers":["d"]}`),
			custom(`{"flows":["a"]}`), custom(`{"exports":"a"}`), custom(`{"exports":[1]}`), custom(`{"exports":[""]}`), custom(`{"exports":[".a"]}`), custom(`{"exports":["a b"]}`),
			custom(`{"exports":[{"id":"`+strings.Repeat("a", scope.MaxIDLen)+`"}]}`), custom(`{"exports":[{"id":"`+strings.Repeat("a", scope.MaxIDLen+1)+`"}]}`),
			custom(`{"exports":[{}]}`), custom(`{"exports":[{"id":"a","actions":[]}]}`), custom(`{"exports":[{"id":"a","actions":["fly"]}]}`), custom(`{"exports":[{"id":"a","actions":"read"}]}`),
			custom(`{"exports":[{"id":"a","other":1}]}`), custom(`[]`), grants(scope.MaxGrants), grants(scope.MaxGrants+1), ``, `[]`, `{"name":`),
		"POST /api/v1/api/key":           append(bodies(`{}`, `{"description":"d"}`, `{"description":" d"}`, `{"description":1}`, `{"name":"a"}`, `[]`), request{}, request{body: `{}`}),
		"POST /v1/revoke":                revoke,
		"DELETE /api/v1/api/key/{token}": {{params: "token=x"}},
		"PUT /v1/{category}/{id}":        put,
		"GET /v1/{category}/{id}":        {{params: "category=exports id=orders"}, {params: "category=flows id=orders"}, {params: "category=exports id=.orders"}},
		"DELETE /v1/{category}/{id}":     {{params: "category=flows id=a"}, {params: "category=exports id=.a"}},
		"GET /v1/tokens/{id}":            {{params: "id=tok_1"}, {params: "id=ses_EXAMPLEexample01"}},
		"DELETE /v1/tokens/{id}":         {{params: "id=tok_1"}, {params: "id=ses_EXAMPLEexample01"}},
		"POST /api/v1/search":            search,
		"GET /v1/tokens":                 pages,
		"GET /api/v1/api/key":            pages,
		"GET /v1/{category}":             append(category("exports"), category("flows")...),
		"GET /v1/tokenInfo":              {{}},
		"GET /v1/login":                  {{}},
		"GET /v1/logout":                 {{}},
	}
}

// params reads "category=exports id=orders".
func params(text string) map[string]string {
	all := map[string]string{}
	for pair := range strings.FieldsSeq(text) {
		name, value, _ := strings.Cut(pair, "=")
		all[name] = value
	}
	return all
}

func TestTheDocumentAllowsWhatTheHandlersTakeAndNothingElse(t *testing.T) {
	d := openapitest.Load(t)
	s := start(t)
	taken, refused := 0, 0
	// The resource has to be there to be shown, and the session to end last.
	for _, route := range []string{
		"POST /v1/login", "POST /api/v1/login", "POST /v1/tokens", "POST /api/v1/api/key", "POST /v1/revoke", "DELETE /api/v1/api/key/{token}",
		"PUT /v1/{category}/{id}", "GET /v1/{category}/{id}", "DELETE /v1/{category}/{id}", "GET /v1/tokens/{id}", "DELETE /v1/tokens/{id}",
		"POST /api/v1/search", "GET /v1/tokens", "GET /api/v1/api/key", "GET /v1/{category}", "GET /v1/tokenInfo", "GET /v1/login", "GET /v1/logout",
	} {
		for _, r := range requests()[route] {
			x := s.send(t, route, params(r.params), r.query, r.mediaType, r.body)
			if err := d.Check(x); err != nil {
				t.Errorf("%v: %v", r, err)
			}
			allowed := d.CheckRequest(x.Request, x.Sent)
			took := x.Response.StatusCode < http.StatusBadRequest
			if (allowed == nil) != took {
				t.Errorf("%s %.200v: answered %d %.200s; the document: %v", route, r, x.Response.StatusCode, x.Received, allowed)
			}
			if took {
				taken++
			} else {
				refused++
			}
		}
	}
	if taken < 40 || refused < 80 {
		t.Errorf("%d were taken and %d refused", taken, refused)
	}
}

// What was made is shown in every place where it can be seen.
func TestTheDocumentDescribesWhatTheHandlersShow(t *testing.T) {
	d := openapitest.Load(t)
	s := start(t)
	check := func(status int, route, p, query, body string) map[string]any {
		t.Helper()
		mediaType := ""
		if body != "" {
			mediaType = jsonType
		}
		x := s.send(t, route, params(p), query, mediaType, body)
		if err := d.Check(x); err != nil || x.Response.StatusCode != status {
			t.Errorf("%s: %d %s: %v", route, x.Response.StatusCode, x.Received, err)
		}
		answer := map[string]any{}
		if len(x.Received) > 0 {
			if err := json.Unmarshal(x.Received, &answer); err != nil {
				t.Error(err)
			}
		}
		return answer
	}
	check(201, "PUT /v1/{category}/{id}", "category=exports id=orders", "", `{"name":"Orders"}`)
	check(200, "PUT /v1/{category}/{id}", "category=exports id=orders", "", `{"name":"Orders","description":"All of them."}`)
	check(200, "GET /v1/{category}/{id}", "category=exports id=orders", "", "")
	check(201, "PUT /v1/{category}/{id}", "category=exports id=parts", "", `{"name":"Parts"}`)
	full := check(201, "POST /v1/tokens", "", "", `{"name":"Full","scope":"full","autoPurge":"1h"}`)
	made := check(201, "POST /v1/tokens", "", "", `{"name":"Custom","scope":"custom","grants":{"exports":["orders",{"id":"parts","actions":["read"]}]}}`)
	check(200, "POST /api/v1/api/key", "", "", "")
	id := fmt.Sprint("id=", made["id"])
	check(200, "GET /v1/tokens/{id}", id, "", "")
	for _, list := range []string{"GET /v1/tokens", "GET /api/v1/api/key", "GET /v1/{category}"} {
		page := check(200, list, "category=exports", "limit=1", "")
		cursor, _ := page["cursor"].(string)
		if cursor == "" {
			t.Errorf("%s: no cursor", list)
		}
		check(200, list, "category=exports", "limit=1&cursor="+cursor, "")
	}
	if found := check(200, "POST /api/v1/search", "", "", `{"size":1}`); found["total"] != 2.0 || len(found["users"].(map[string]any)) != 1 {
		t.Error(found)
	}
	check(200, "GET /v1/tokenInfo", "", "", "")
	check(200, "GET /v1/login", "", "", "")
	check(204, "DELETE /v1/tokens/{id}", id, "", "")
	check(404, "GET /v1/tokens/{id}", id, "", "")
	check(200, "POST /v1/revoke", "", "", fmt.Sprintf(`{"token":%q}`, full["token"]))
	check(204, "DELETE /v1/{category}/{id}", "category=exports id=orders", "", "")
	check(404, "DELETE /v1/{category}/{id}", "category=exports id=orders", "", "")
	check(401, "POST /v1/login", "", "", `{"name":"owner@example.com","password":"wrong"}`)
	check(413, "POST /v1/tokens", "", "", `{"name":"`+strings.Repeat("a", 64<<10)+`"}`)
	check(200, "POST /v1/logout", "", "", "")
}
