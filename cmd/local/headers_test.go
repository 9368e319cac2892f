package main

import (
	"cmp"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"keyfob/internal/openapi/openapitest"
)

// hardened are the headers that every answer has (S11), to the letter, but for the policy of its content.
var hardened = map[string]string{
	"Strict-Transport-Security": "max-age=63072000; includeSubDomains",
	"X-Content-Type-Options":    "nosniff",
	"Referrer-Policy":           "no-referrer",
	"Cache-Control":             "no-store",
}

// What an answer may load that is no page, and what a page may.
const (
	ofAnAnswer = "default-src 'none'; frame-ancestors 'none'"
	ofAPage    = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

// S11: whatever is asked for and whoever asks, the answer has the five headers, each once: every route with and without a
// credential, what the gateway answers by itself, and the pages with what they load.
func TestS11EveryAnswerCarriesTheHeaders(t *testing.T) {
	s := newClient(t)
	session := s.login()
	_, locked := s.somebody(session, "mia", "member")
	s.app(locked)
	locked = s.enter("mia", testPassword)
	statuses := map[int]int{}
	check := func(what string, r response, content string) {
		t.Helper()
		statuses[r.status]++
		want := maps.Clone(hardened)
		want["Content-Security-Policy"] = content
		for name, value := range want {
			if got := r.header[http.CanonicalHeaderKey(name)]; len(got) != 1 || got[0] != value {
				t.Errorf("%s: %d, %s: %q, want %q", what, r.status, name, got, value)
			}
		}
	}
	n := 0
	paths := openapitest.Load(t).Spec().Paths.Map()
	leaving := func(path string) bool { return strings.Contains(path, "logout") } // they end the session: last
	for _, path := range slices.SortedFunc(maps.Keys(paths), func(a, b string) int {
		if leaving(a) != leaving(b) {
			return map[bool]int{true: 1, false: -1}[leaving(a)]
		}
		return cmp.Compare(a, b)
	}) {
		target := regexp.MustCompile(`\{[a-zA-Z]+\}`).ReplaceAllString(path, "exports")
		for method := range paths[path].Operations() {
			for who, credential := range map[string]string{"nobody": "", "an owner": session, "a locked session": locked, "a made-up credential": "nonsense"} {
				header := http.Header{"Content-Type": {"application/json"}}
				if credential != "" {
					header.Set("Authorization", "Bearer "+credential)
				}
				r, content := s.do(method, target, header, "{}"), ofAnAnswer
				if strings.HasPrefix(path, "/disavow/") {
					content = r.header.Get("Content-Security-Policy")
					s.page(r, http.StatusNotFound) // which says what it may load
				}
				check(who+": "+method+" "+path, r, content)
				n++
			}
		}
	}
	if n < 200 {
		t.Errorf("only %d requests", n)
	}
	for _, path := range []string{"/", "/password", "/assets/password.js", "/assets/page.css"} {
		r := s.get(path, "")
		s.want(r, http.StatusOK)
		check("GET "+path, r, ofAPage)
	}
	for _, path := range []string{"/nothing", "/v1/nothing", "/v1/tokens/a/b/c", "/assets/nothing.js", "/assets/password.html", "/password/x"} {
		for _, credential := range []string{"", s.login()} {
			check("GET "+path, s.get(path, credential), ofAnAnswer)
		}
	}
	check("a body that is none", s.do("POST", "/v1/login", http.Header{"Content-Type": {"application/json"}}, "{"), ofAnAnswer)
	check("a login", s.attempt(testEmail, testPassword, ""), ofAnAnswer)
	check("a wrong login", s.attempt(testEmail, "wrong horse battery", ""), ofAnAnswer)
	for _, status := range []int{200, 400, 401, 403, 404, 422} {
		if statuses[status] == 0 {
			t.Errorf("no answer of %d among %v", status, statuses)
		}
	}
}
