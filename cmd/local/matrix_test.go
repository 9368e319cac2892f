package main

import (
	"crypto/rand"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"keyfob/internal/openapi/openapitest"
	"keyfob/internal/token"
)

// S22: for every route of the OpenAPI document, each role with each kind of credential gets what the rules say for what
// is its own, a colleague's, an owner's, a stranger's and nobody's; the last two are answered with the same bytes, and
// what was refused has changed nothing.
//
// S23: no token ever does what its user may not do now. The members of the one account were admins when their tokens were
// made.
func TestS22S23EveryRoleCredentialAndRoute(t *testing.T) {
	m := newMatrix(t)
	before := m.standing()
	cells := 0
	known := maps.Clone(rules)
	paths := openapitest.Load(t).Spec().Paths.Map()
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		operations := paths[path].Operations()
		for _, method := range slices.Sorted(maps.Keys(operations)) {
			route, operation := method+" "+path, operations[method]
			r, ok := rules[route]
			if !ok {
				t.Errorf("%s: the matrix has no rule for it", route)
				continue
			}
			delete(known, route)
			if open := operation.Security != nil && (len(*operation.Security) == 0 || len((*operation.Security)[0]) == 0); open != (r.need == openToAll) {
				t.Errorf("%s: open in the document is %t", route, open)
			}
			for _, u := range m.users {
				cells += m.walk(route, r, u)
			}
		}
	}
	for route := range known {
		t.Errorf("%s: a rule for what is no route", route)
	}
	for what, is := range m.standing() {
		if is != before[what] {
			t.Errorf("%s: %s, was %s", what, is, before[what])
		}
	}
	for cell, answers := range m.answers {
		for credential, status := range answers {
			if status < 300 && answers[aSession] >= 300 {
				t.Errorf("%s: %s may (%d) what its user may not (%d)", cell, credential, status, answers[aSession])
			}
		}
	}
	t.Logf("%d cells", cells)
}

// walk goes through the cells of one route and one role.
func (m *matrix) walk(route string, r rule, u *user) (cells int) {
	m.Helper()
	_, path, _ := strings.Cut(route, " ")
	strangers := map[string]string{}
	for _, target := range targetsOf(route) {
		cell := strings.Join([]string{route, u.tenant.mark, u.email, target}, ", ")
		m.answers[cell] = map[string]int{}
		for _, credential := range presented {
			cells++
			what := cell + ", " + credential
			want := r.expect(path, credential, target, u.role)
			got, id := m.try(route, r, u, target, credential, want)
			m.answers[cell][credential] = got.status
			if want >= 300 {
				m.refused(what, got, want, "")
			} else if got.status != want {
				m.Errorf("%s: %d %s, want %d", what, got.status, got.body, want)
			}
			for _, word := range u.unknown(route, credential) {
				if strings.Contains(got.body, word) {
					m.Errorf("%s: it tells of %s: %s", what, word, got.body)
				}
			}
			switch same := strings.ReplaceAll(got.comparable(), id, "ID"); {
			case target == foreign:
				strangers[credential] = same
			case target == absent && same != strangers[credential]:
				m.Errorf("%s:\n%s\nbut a stranger's:\n%s", what, same, strangers[credential])
			}
		}
	}
	return cells
}

// unknown lists what no answer may have in it: whatever is the other account's; what the grants do not name; and of lists
// of tokens, those that are others' and not the role's to see.
func (u *user) unknown(route, credential string) []string {
	words := []string{u.tenant.other.mark, u.tenant.other.id}
	if credential == aReader {
		words = append(words, otherID)
	}
	if route == "GET /api/v1/api/key" || route == "GET /v1/tokens" && u.role&managers == 0 {
		words = slices.Concat(words, u.tenant.senior.made, u.tenant.junior.made)
	}
	return words
}

// kind gives what a route's path names.
func kind(route string) string {
	_, path, _ := strings.Cut(route, " ")
	switch {
	case path == "/v1/revoke", strings.Contains(path, "{token}"):
		return "presented"
	case path == "/v1/{category}", !strings.Contains(path, "{"):
		return ""
	case strings.HasPrefix(path, "/v1/me/"):
		return strings.Split(path, "/")[3]
	}
	return strings.Split(path, "/")[2]
}

func targetsOf(route string) []string {
	switch kind(route) {
	case "sessions":
		return []string{mine, colleagues, foreign, absent}
	case "presented", "integrations":
		return []string{mine, foreign, absent}
	case "tokens":
		return []string{mine, colleagues, anOwners, foreign, absent}
	case "users":
		return []string{colleagues, anOwners, foreign, absent}
	case "{category}":
		return []string{mine, colleagues, foreign, absent}
	}
	return []string{noTarget}
}

// whose gives the user that a target belongs to; nil for nobody.
func (u *user) whose(target string) *user {
	return map[string]*user{mine: u, colleagues: u.tenant.junior, anOwners: u.tenant.senior, foreign: u.tenant.other.senior}[target]
}

// try makes the request of a cell and cleans up after it. What is to be changed is the cell's own; what is not to be is
// there for all of them. It also gives the id that was asked for.
func (m *matrix) try(route string, r rule, u *user, target, credential string, want int) (response, string) {
	m.Helper()
	method, path, _ := strings.Cut(route, " ")
	secret, of := u.credentials[credential], kind(route)
	leaves := strings.HasSuffix(path, "/logout") && (credential == aSession || credential == aCookie)
	if leaves {
		secret = m.enter(u.email, testPassword)
	}
	id, body := m.target(route, u, target, want), r.body
	switch {
	case path == "/v1/revoke":
		body = `{"token":"` + id + `"}`
	case route == "POST /v1/users":
		body = `{"email":"` + rand.Text() + `@example.com","role":"member"}`
	case route == "PATCH /v1/users/{id}":
		body = map[bool]string{true: `{"role":"owner"}`, false: `{"role":"member"}`}[target == anOwners]
	}
	path = strings.NewReplacer("{category}", "exports", "{id}", id, "{token}", id, "{link}", id).Replace(path)
	header := http.Header{"Accept": {"application/json"}}
	switch {
	case credential == noneAtAll:
	case credential == aCookie:
		header.Set("Cookie", "__Host-keyfob="+secret)
		header.Set("Sec-Fetch-Site", "same-origin")
	case credential == aFullQuery && r.need != openToAll: // which takes no such parameter
		path += "?token=" + secret
	default:
		header.Set("Authorization", "Bearer "+secret)
	}
	if body != "" {
		header.Set("Content-Type", "application/json")
	}
	m.hold(fmt.Sprint(route, u.role, want))
	got := m.do(method, path, header, body)
	if leaves {
		m.want(m.get("/v1/tokenInfo", secret), http.StatusUnauthorized)
	}
	if got.status < 300 && (method == http.MethodPut || method == http.MethodDelete) {
		m.restore(u, of, target, id)
	}
	if id == "" {
		id = "\x00"
	}
	return got, id
}

// target gives the id for the path.
func (m *matrix) target(route string, u *user, target string, want int) string {
	m.Helper()
	changes := want < 300 && !strings.HasPrefix(route, "GET ") && !strings.HasSuffix(route, "/reveal")
	switch of := kind(route); of {
	case "presented":
		if target == absent {
			return u.credentials[garbage]
		}
		return u.whose(target).spare
	case "{link}": // that nobody was mailed
		return token.Form{Brand: "kf", Realm: "us"}.New(token.Disavowal).Plaintext().Reveal()
	case "factors": // nobody here has a passkey
		return "psk_0000000000000000"
	case "sessions":
		switch {
		case target == absent:
			return "ses_0000000000000000"
		case target == mine && want == http.StatusNoContent:
			return session(m.enter(u.email, testPassword))
		}
		return session(u.whose(target).credentials[aSession])
	case "tokens", "users":
		switch owner := u.whose(target); {
		case owner == nil:
			return map[string]string{"tokens": "tok_", "users": "usr_"}[of] + "0000000000000000"
		case of == "users" && changes && strings.HasPrefix(route, "DELETE "):
			return m.hire(owner).id
		case of == "users":
			return owner.id
		case changes:
			return owner.take()
		default:
			return owner.kept
		}
	case "integrations", "{category}":
		if changes && target == mine && route == "DELETE /v1/integrations/{id}" {
			m.integration(u.tenant, "passing")
			return "passing"
		}
		own := map[string]string{"integrations": shopID, "{category}": grantedID}[of]
		return map[string]string{mine: own, colleagues: otherID, foreign: u.tenant.other.only, absent: nobodysID}[target]
	case "":
		return ""
	default:
		m.Fatalf("%s: the matrix does not know what its path names", route)
		return ""
	}
}

// session gives the public name of a session.
func session(secret string) string {
	c, err := token.Form{Brand: "kf", Realm: "us"}.Parse(secret)
	if err != nil {
		panic(err)
	}
	return c.Handle()
}

// restore brings the catalogue back to what it was.
func (m *matrix) restore(u *user, of, target, id string) {
	m.Helper()
	switch {
	case of == "{category}" && (target == mine || target == colleagues):
		m.resource(u.tenant, id)
	case of == "integrations" && target == mine && id == shopID:
		m.integration(u.tenant, id)
	case of == "{category}":
		m.want(m.delete("/v1/exports/"+id, u.tenant.boss), http.StatusNoContent)
	case of == "integrations" && target != mine:
		m.want(m.delete("/v1/integrations/"+id, u.tenant.boss), http.StatusNoContent)
	}
}
