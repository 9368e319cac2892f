package openapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"keyfob/internal/account"
	"keyfob/internal/openapi/openapitest"
	"keyfob/internal/people"
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
	events := queries("", "limit=1", "limit=100", "limit=0", "limit=1001", "limit=1000&format=csv", "limit=x", "cursor=%21", "after=1",
		"actor=usr_EXAMPLEexample01", "actor=tok_EXAMPLEexample01", "actor=ses_EXAMPLEexample01", "actor=acc_EXAMPLEexample01", "actor=usr_1", "actor=",
		"action=token", "action=token.created", "action=notice.rejected", "action=token.", "action=token.flown", "action=", "action=Token",
		"since=2030-01-02T03:04:05Z", "since=2030-01-02T03:04:05.678%2B02:00", "until=2030-01-02", "until=tomorrow", "since=1", "until=",
		"since=2030-01-02T03:04:05Z&until=2030-01-02T03:04:05Z", "format=csv", "format=json", "format=xml", "format=")
	tokens := append([]request{}, events...)
	for i := range tokens {
		tokens[i].params = "id=tok_1"
	}
	events = append(events, queries("tokenId=tok_EXAMPLEexample01", "tokenId=ses_EXAMPLEexample01", "tokenId=tok_1", "tokenId=")...)
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
		"POST /v1/login/unlock":   unlocks(),
		"POST /v1/users":          invitations(),
		"POST /v1/password/set":   bodies(`{}`, `{"link":"x"}`, `{"password":"x"}`, `{"link":"","password":"x"}`, `{"link":"x","password":""}`, `{"link":1,"password":"x"}`, `{"link":"x","password":"x","other":1}`, `[]`, ``),
		"POST /v1/password/reset": resets(),
		"POST /v1/me/password": bodies(`{}`, `{"current":"x"}`, `{"password":"x"}`, `{"current":"","password":"x"}`, `{"current":"x","password":""}`, `{"current":1,"password":"x"}`,
			`{"current":"x","password":"x","other":1}`, `[]`, ``, `{"current":"`+ownersPassword+`","password":"seven lanterns over a quiet river"}`),
		"POST /v1/tokens": bodies(token(""), token(`,"description":"d"`), token(`,"description":1`), token(`,"other":1`), `{"name":"a"}`, `{"scope":"full"}`,
			`{"name":"","scope":"full"}`, `{"name":"`+text1(text.MaxName+1)+`","scope":"full"}`, `{"name":"a","scope":"all"}`, `{"name":"a","scope":"integration"}`,
			token(`,"autoPurge":"1h"`), token(`,"autoPurge":"4h"`), token(`,"autoPurge":"1d"`), token(`,"autoPurge":"4d"`), token(`,"autoPurge":"10d"`),
			token(`,"autoPurge":"30d"`), token(`,"autoPurge":"never"`), token(`,"autoPurge":"2h"`), token(`,"autoPurge":3600`),
			token(`,"expiresAt":"2031-01-02T03:04:05Z"`), token(`,"expiresAt":"2031-01-02T03:04:05.5+02:00"`), token(`,"expiresAt":"2031-01-02"`), token(`,"expiresAt":"tomorrow"`),
			token(`,"expiresAt":1924992000`), token(`,"expiresAt":"2031-13-02T03:04:05Z"`), token(`,"autoPurge":"1h","expiresAt":"2031-01-02T03:04:05Z"`),
			token(`,"expiresIn":1`), token(`,"expiresIn":0`), token(`,"expiresIn":-1`), token(`,"expiresIn":1.5`), token(`,"expiresIn":"60"`), token(`,"expiresIn":99999999999`),
			token(`,"expiresIn":1,"autoPurge":"1h"`), token(`,"expiresIn":1,"expiresAt":"2031-01-02T03:04:05Z"`), token(`,"revealable":false`), token(`,"revealable":"no"`),
			token(`,"grants":{}`), `{"name":"a","scope":"custom"}`, custom(`{}`), custom(`{"exports":[]}`), custom(`{"exports":["a",{"id":"b"},{"id":"c","actions":["read","read"]}],"mcpServers":["d"]}`),
			custom(`{"flows":["a"]}`), custom(`{"exports":"a"}`), custom(`{"exports":[1]}`), custom(`{"exports":[""]}`), custom(`{"exports":[".a"]}`), custom(`{"exports":["a b"]}`),
			custom(`{"exports":[{"id":"`+strings.Repeat("a", scope.MaxIDLen)+`"}]}`), custom(`{"exports":[{"id":"`+strings.Repeat("a", scope.MaxIDLen+1)+`"}]}`),
			custom(`{"exports":[{}]}`), custom(`{"exports":[{"id":"a","actions":[]}]}`), custom(`{"exports":[{"id":"a","actions":["fly"]}]}`), custom(`{"exports":[{"id":"a","actions":"read"}]}`),
			custom(`{"exports":[{"id":"a","other":1}]}`), custom(`[]`), grants(scope.MaxGrants), grants(scope.MaxGrants+1), ``, `[]`, `{"name":`),
		"POST /v1/integrations/{id}/tokens": made("id=shop", `{"name":"a"}`, `{"name":"a","autoPurge":"1h"}`, `{"name":"a","scope":"full"}`, `{"name":"a","grants":{}}`, `{}`, ``),
		"PATCH /v1/tokens/{id}": made("id=fresh", `{}`, `{"name":"b"}`, `{"name":""}`, `{"name":1}`, `{"description":""}`, `{"description":"d"}`, `{"other":1}`, `{"id":"x"}`,
			`{"autoPurge":"1h"}`, `{"autoPurge":"2h"}`, `{"expiresIn":1}`, `{"expiresIn":0}`, `{"expiresIn":1.5}`, `{"expiresAt":"2031-01-02T03:04:05Z"}`, `{"autoPurge":"1h","expiresIn":1}`,
			`{"scope":"full"}`, `{"scope":"custom"}`, `{"scope":"custom","grants":{"exports":["a"]}}`, `{"grants":{}}`, `{"scope":"full","grants":{}}`, `{"scope":"integration"}`, `{"revealable":true}`, ``, `[]`),
		"POST /v1/tokens/{id}/rotate": made("id=fresh", ``, `{}`, `{"overlapSeconds":0}`, `{"overlapSeconds":60}`, `{"overlapSeconds":-1}`, `{"overlapSeconds":"60"}`, `{"overlapSeconds":1.5}`,
			`{"overlap":60}`, `{"autoPurge":"4d"}`, `{"autoPurge":"5d"}`, `{"expiresIn":60}`, `{"expiresIn":0}`, `{"expiresAt":"2031-01-02T03:04:05Z"}`, `{"expiresIn":1,"autoPurge":"1h"}`, `[]`),
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
		"GET /v1/audit":                  events,
		"GET /v1/tokens/{id}/audit":      tokens,
		"GET /v1/{category}":             append(category("exports"), category("flows")...),
		"GET /v1/account":                {{}},
		"PATCH /v1/account":              policies(),
		"GET /v1/users":                  pages,
		"GET /v1/users/{id}":             {{params: "id=usr_1"}, {params: "id=tok_EXAMPLEexample01"}},
		"PATCH /v1/users/{id}":           {{params: "id=usr_1", mediaType: jsonType, body: `{"role":"member"}`}},
		"GET /v1/me":                     {{}},
		"PATCH /v1/me":                   bodies(`{"developerMode":true}`, `{"developerMode":false}`, `{"developerMode":"on"}`, `{"developerMode":null}`, `{"name":"a"}`, `{}`, ``, `[]`),
		"GET /v1/tokenInfo":              {{}},
		"GET /v1/login":                  {{}},
		"GET /v1/logout":                 {{}},
	}
}

// made gives the bodies for the thing that the parameter names.
func made(param string, list ...string) []request {
	all := bodies(list...)
	for i := range all {
		all[i].params = param
	}
	return all
}

// invitations walks the boundaries of an invitation. Each address is invited once.
func invitations() []request {
	invite := func(i int, name, role string) string {
		return fmt.Sprintf(`{"email":"user-%d@example.com"%s,"role":%q}`, i, name, role)
	}
	longest := "@example.com"
	return bodies(invite(1, ``, "member"), invite(2, `,"name":"Nora"`, "admin"), invite(3, `,"name":"a"`, "owner"), invite(4, `,"name":"`+strings.Repeat("é", text.MaxName)+`"`, "member"),
		invite(5, `,"name":"`+strings.Repeat("é", text.MaxName+1)+`"`, "member"), invite(6, `,"name":" a"`, "member"), invite(7, `,"name":1`, "member"), invite(8, `,"other":1`, "member"),
		invite(9, ``, "king"), invite(10, ``, ""), `{"email":"nora@example.com"}`, `{"role":"member"}`, `{"email":"","role":"member"}`, `{"email":1,"role":"member"}`,
		`{"email":"`+strings.Repeat("a", account.MaxEmail-len(longest))+longest+`","name":"a","role":"member"}`, `{"email":"`+strings.Repeat("a", account.MaxEmail-len(longest)+1)+longest+`","name":"a","role":"member"}`, ``, `[]`)
}

// resets walks the boundaries of what asks for a link. Each is for another name.
func resets() []request {
	return bodies(`{"name":"a@example.com"}`, `{"name":"nobody","tenant":""}`, `{"name":"b@example.com","tenant":"acc_EXAMPLEexample01"}`, `{"name":"c","tenant":"`+strings.Repeat("a", account.MaxEmail)+`"}`,
		`{"name":"d","tenant":"`+strings.Repeat("a", account.MaxEmail+1)+`"}`, `{"name":"e","tenant":1}`, `{"name":"`+strings.Repeat("a", account.MaxEmail)+`"}`,
		`{"name":"`+strings.Repeat("a", account.MaxEmail+1)+`"}`, `{"name":""}`, `{}`, `{"name":["a"]}`, `{"name":"f","other":1}`, ``, `[]`)
}

// unlocks walks what is no list of factors, however the session is.
func unlocks() []request {
	shown := func(factors ...string) string { return `{"factors":[` + strings.Join(factors, ",") + `]}` }
	five := slices.Repeat([]string{`{"factor":"totp","password":"1"}`}, 5)
	return bodies(`{}`, `{"factors":{}}`, `{"factors":"totp"}`, shown(), shown(five...), shown(`{}`), shown(`{"password":"1"}`), shown(`{"factor":"sms","password":"1"}`), shown(`{"factor":1,"password":"1"}`),
		shown(`{"factor":"totp","password":1}`), shown(`{"factor":"totp","password":""}`), shown(`{"factor":"totp","password":"1","other":1}`),
		shown(`{"factor":"recovery","password":"`+strings.Repeat("1", 101)+`"}`), shown(`{"factor":"passkey","credential":"x"}`), ``, `[]`)
}

// policies walks the boundaries of what an account's policy may be. Each leaves a default life of one second.
func policies() []request {
	policy := func(members string) string { return `{"policy":{"defaultLifeSeconds":1` + members + `}}` }
	all := bodies(`{}`, `{"policy":{}}`, `{"policy":null}`, `{"name":"a"}`, `{"policy":[]}`, ``, policy(``), policy(`,"other":1`),
		`{"policy":{"defaultLifeSeconds":0}}`, `{"policy":{"defaultLifeSeconds":1.5}}`, fmt.Sprintf(`{"policy":{"defaultLifeSeconds":%d}}`, people.MaxLife+1),
		policy(`,"issuers":"everyone"`), policy(`,"issuers":"admins"`), policy(`,"issuers":"nobody"`), policy(`,"revealable":true`), policy(`,"revealable":1`),
		policy(`,"queryCredentials":false`), policy(`,"queryCredentials":true`), policy(`,"queryCredentials":null`), policy(`,"maxLifeSeconds":null`))
	all = append(all, bodies(policy(`,"mfaRequired":false`), policy(`,"mfaRequired":"no"`), policy(`,"mfaRequired":null`), policy(`,"mutedMails":[]`), policy(`,"mutedMails":["token.created"]`),
		policy(`,"mutedMails":["token.revealed"]`), policy(`,"mutedMails":["token.created","token.created"]`), policy(`,"mutedMails":"token.created"`), policy(`,"mutedMails":[1]`))...)
	for _, name := range []string{"tokenNetworks", "loginNetworks"} {
		networks := func(n int) string {
			list := []string{`"192.0.2.0/24"`} // which the requests are from
			for i := range n - 1 {
				list = append(list, fmt.Sprintf(`"2001:db8:%x::/48"`, i))
			}
			return strings.Join(list, ",")
		}
		for _, list := range []string{`[` + networks(people.MaxNetworks) + `]`, `[` + networks(people.MaxNetworks+1) + `]`, `["192.0.2.7"]`, `["192.0.2.0/24","192.0.2.0/24"]`, `["example.com"]`, `[""]`, `["192.0.2.7 "]`, `[1]`, `"192.0.2.7"`, `[]`} {
			all = append(all, bodies(policy(fmt.Sprintf(`,%q:%s`, name, list)))...)
		}
	}
	for name, bounds := range map[string][2]int{
		"maxLifeSeconds": {0, people.MaxLife}, "maxOverlapSeconds": {0, people.MaxLife}, "tokensPerAccount": {1, account.MaxTokens}, "tokensPerUser": {1, account.MaxTokens},
		"sessionIdleSeconds": {people.MinSessionIdle, people.MaxSessionIdle}, "sessionLifeSeconds": {people.MinSessionLife, people.MaxSessionLife},
	} {
		least, most := bounds[0], bounds[1]
		for _, n := range []int{least - 1, least, least + 1, most, most + 1} {
			all = append(all, bodies(policy(fmt.Sprintf(`,%q:%d`, name, n)))...)
		}
		all = append(all, bodies(policy(fmt.Sprintf(`,%q:"1"`, name)))...)
	}
	return all
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
	s.register(t)
	// The resource has to be there to be shown, and the session to end last.
	for _, route := range []string{
		"POST /v1/login", "POST /api/v1/login", "POST /v1/login/unlock", "POST /v1/users", "POST /v1/password/set", "POST /v1/password/reset", "POST /v1/me/password", "POST /v1/tokens", "POST /v1/integrations/{id}/tokens", "PATCH /v1/tokens/{id}", "POST /v1/tokens/{id}/rotate", "POST /api/v1/api/key", "POST /v1/revoke", "DELETE /api/v1/api/key/{token}",
		"PUT /v1/{category}/{id}", "GET /v1/{category}/{id}", "DELETE /v1/{category}/{id}", "GET /v1/tokens/{id}", "DELETE /v1/tokens/{id}",
		"POST /api/v1/search", "GET /v1/tokens", "GET /api/v1/api/key", "GET /v1/{category}", "GET /v1/account", "PATCH /v1/account", "GET /v1/users", "GET /v1/users/{id}", "PATCH /v1/users/{id}", "GET /v1/me", "PATCH /v1/me",
		"GET /v1/tokenInfo", "GET /v1/login", "GET /v1/logout",
		"GET /v1/audit", "GET /v1/tokens/{id}/audit",
	} {
		for _, r := range requests()[route] {
			if r.params == "id=fresh" {
				r.params = "id=" + s.fresh(t)
			}
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
	people := check(200, "GET /v1/users", "", "", "")["users"].([]any)
	owner := fmt.Sprint("id=", people[0].(map[string]any)["id"])
	check(200, "GET /v1/users/{id}", owner, "", "")
	check(200, "PATCH /v1/users/{id}", owner, "", `{"role":"owner","status":"active"}`)
	check(409, "PATCH /v1/users/{id}", owner, "", `{"status":"disabled"}`)
	check(400, "PATCH /v1/users/{id}", owner, "", `{}`)
	check(400, "PATCH /v1/users/{id}", owner, "", `{"role":"king"}`)
	check(200, "PATCH /v1/account", "", "", `{"policy":{"maxLifeSeconds":31536000}}`)
	check(422, "PATCH /v1/account", "", "", `{"policy":{"defaultLifeSeconds":31536001}}`)
	check(200, "GET /v1/account", "", "", "")
	check(200, "PATCH /v1/me", "", "", `{"developerMode":true}`)
	check(200, "GET /v1/me", "", "", "")
	check(200, "GET /v1/tokenInfo", "", "", "")
	check(200, "GET /v1/login", "", "", "")
	check(204, "DELETE /v1/tokens/{id}", id, "", "")
	for _, route := range []string{"GET /v1/audit", "GET /v1/tokens/{id}/audit"} {
		if page := check(200, route, id, "", ""); len(page["events"].([]any)) < 2 {
			t.Errorf("%s: %v", route, page)
		}
		page := check(200, route, id, "limit=1&format=json&action=token", "")
		check(200, route, id, fmt.Sprintf("action=token&cursor=%v", page["cursor"]), "")
		check(422, route, id, "since=2030-01-02T03:04:05Z&until=2030-01-02T03:04:04Z", "")
		if x := s.send(t, route, params(id), "format=csv&limit=1", "", ""); d.Check(x) != nil || x.Response.StatusCode != 200 || x.Response.Header.Get("Link") == "" {
			t.Errorf("%s: %v, %+v", route, d.Check(x), x.Response)
		}
	}
	check(404, "GET /v1/tokens/{id}", id, "", "")
	check(200, "POST /v1/revoke", "", "", fmt.Sprintf(`{"token":%q}`, full["token"]))
	check(204, "DELETE /v1/{category}/{id}", "category=exports id=orders", "", "")
	check(404, "DELETE /v1/{category}/{id}", "category=exports id=orders", "", "")
	check(401, "POST /v1/login", "", "", `{"name":"owner@example.com","password":"wrong"}`)
	check(413, "POST /v1/tokens", "", "", `{"name":"`+strings.Repeat("a", 64<<10)+`"}`)
	check(200, "POST /v1/logout", "", "", "")
}
