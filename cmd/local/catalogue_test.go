package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"keyfob/internal/scope"
)

// code gives the first error's code of a problem, and the fields of all of them.
func code(r response) (code string, fields []string) {
	var p problem
	if json.Unmarshal([]byte(r.body), &p) == nil {
		for _, e := range p.Errors {
			code, fields = p.Errors[0].Code, append(fields, e.Field)
		}
	}
	return code, fields
}

// ids gives the ids of a list's or a search's members.
func ids(r response, list string) []string {
	var page map[string]json.RawMessage
	var members []struct{ ID string }
	_ = json.Unmarshal([]byte(r.body), &page)
	_ = json.Unmarshal(page[list], &members)
	all := []string{}
	for _, m := range members {
		all = append(all, m.ID)
	}
	return all
}

// narrow makes a token of custom scope.
func (s *client) narrow(session string, grants map[string]any) string {
	s.Helper()
	secret, _ := s.create(session, map[string]any{"name": "narrow", "scope": "custom", "autoPurge": "1h", "grants": grants})
	return secret
}

// C5: a custom token reaches the instances that it names, by the actions that it names, in each of the five categories, and
// nothing else; a category it names nothing of grants nothing.
func TestC5CustomTokensReachWhatTheyName(t *testing.T) {
	s := newClient(t)
	session := s.login()
	for _, category := range scope.Categories() {
		for _, id := range []string{"named", "other"} {
			s.want(s.put(fmt.Sprintf("/v1/%s/%s", category, id), session, map[string]any{"name": "Thing"}), 201)
		}
	}
	for _, granted := range scope.Categories() {
		for _, actions := range []scope.Actions{scope.Read, scope.Write, scope.Run, scope.AllActions} {
			grant := any(map[string]any{"id": "named", "actions": actions.Names()})
			if actions == scope.AllActions {
				grant = "named"
			}
			s.reaches(s.narrow(session, map[string]any{string(granted): []any{grant}}), granted, actions)
		}
	}
	s.reaches(s.narrow(session, map[string]any{"exports": []any{}}), "", 0)
}

// reaches goes through all that there is with a token that may do the actions to granted/named.
func (s *client) reaches(token string, granted scope.Category, actions scope.Actions) {
	s.Helper()
	check := func(method, path string, body map[string]any, want int) response {
		s.Helper()
		r := s.send(method, path, token, body)
		if why, _ := code(r); r.status != want || want == 403 && why != string(scope.OutsideScope) {
			s.Errorf("%v of %s/named: %s %s: %d %s, want %d", actions.Names(), granted, method, path, r.status, r.body, want)
		}
		return r
	}
	either := func(may bool, then int) int {
		if may {
			return then
		}
		return 403
	}
	found := []string{}
	for _, category := range scope.Categories() {
		runs := category == scope.Exports || category == scope.Imports
		for _, id := range []string{"named", "other"} {
			mine := category == granted && id == "named"
			may := func(a scope.Actions) bool { return mine && actions&a != 0 }
			path := fmt.Sprintf("/v1/%s/%s", category, id)
			ran, read := 202, 200
			if !runs {
				ran, read = 404, 404
			}
			check("GET", path, nil, either(may(scope.Read), 200))
			check("PUT", path, map[string]any{"name": "Thing"}, either(may(scope.Write), 200))
			check("POST", path+"/run", nil, either(may(scope.Run), ran))
			check("GET", path+"/debugLogs", nil, either(may(scope.Read), read))
			check("DELETE", path, nil, either(may(scope.Write), 204))
			if may(scope.Write) {
				check("PUT", path, map[string]any{"name": "Thing"}, 201)
			}
		}
		reads := category == granted && actions&scope.Read != 0
		list := check("GET", "/v1/"+string(category), nil, either(reads, 200))
		if got := ids(list, "resources"); reads && !slices.Equal(got, []string{"named"}) {
			s.Errorf("the list of %s shows %v", category, got)
		} else if reads {
			found = append(found, got...)
		}
	}
	search := check("POST", "/api/v1/search", map[string]any{"size": 100}, either(len(found) > 0, 200))
	if got := ids(search, "results"); !slices.Equal(got, found) {
		s.Errorf("the search shows %v, want %v", got, found)
	}
	for _, path := range []string{"/v1/integrations", "/v1/integrations/shop"} {
		if why, _ := code(s.get(path, token)); why != string(scope.NeedsFullScope) {
			s.Errorf("%s: %s", path, why)
		}
	}
}

// A write-only token is not told who registered what it writes.
func TestC5AWriteOnlyTokenIsShownWhatItSent(t *testing.T) {
	s := newClient(t)
	session := s.login()
	s.want(s.put("/v1/exports/orders", session, map[string]any{"name": "Orders"}), 201)
	for action, knows := range map[string]bool{"write": false, "read": true} {
		token := s.narrow(session, map[string]any{"exports": []any{map[string]any{"id": "orders", "actions": []string{"write", action}}}})
		r := s.put("/v1/exports/orders", token, map[string]any{"name": "Mine"})
		s.want(r, 200)
		if r.text("name") != "Mine" || r.text("updatedAt") == "" || knows != (r.text("createdBy") != "") || knows != (r.text("createdAt") != "") {
			t.Errorf("with %s: %s", action, r.body)
		}
	}
}
