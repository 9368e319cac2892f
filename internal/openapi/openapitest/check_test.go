package openapitest_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"keyfob/internal/openapi/openapitest"
)

func TestWhatIsDocumentedPasses(t *testing.T) {
	d := openapitest.Load(t)
	for _, x := range exchanges(t, d) {
		if err := d.Check(x.exchange); err != nil {
			t.Errorf("%s: %v", x.name, err)
		}
	}
}

func TestAnAnswerWithAnotherStatusIsRefused(t *testing.T) {
	d := openapitest.Load(t)
	for _, x := range distinct(t, d) {
		for _, status := range []int{http.StatusNonAuthoritativeInfo, http.StatusMovedPermanently, http.StatusTeapot, http.StatusBadGateway} {
			refused(t, d, x, "another status", func(e *openapitest.Exchange) { e.Response.StatusCode = status })
		}
	}
}

func TestAnAnswerWithoutADocumentedHeaderOrWithAnotherValueIsRefused(t *testing.T) {
	d := openapitest.Load(t)
	for _, x := range distinct(t, d) {
		for name, ref := range x.response.Headers {
			if ref.Value.Required {
				refused(t, d, x, "without "+name, func(e *openapitest.Exchange) { e.Response.Header.Del(name) })
			}
			refused(t, d, x, "another "+name, func(e *openapitest.Exchange) { e.Response.Header.Set(name, "another") })
		}
		if x.mediaType != "" {
			refused(t, d, x, "another type", func(e *openapitest.Exchange) { e.Response.Header.Set("Content-Type", "text/plain") })
		}
	}
}

func TestAnAnswerWithAnUndocumentedCookieChallengeLocationOrDelayIsRefused(t *testing.T) {
	d := openapitest.Load(t)
	for _, x := range distinct(t, d) {
		for _, name := range []string{"Set-Cookie", "WWW-Authenticate", "Location", "Retry-After"} {
			// Where it is documented there is one already, and two are one too many.
			refused(t, d, x, "also "+name, func(e *openapitest.Exchange) { e.Response.Header.Add(name, "1") })
		}
	}
}

func TestABodyWhereNoneIsDocumentedIsRefused(t *testing.T) {
	d := openapitest.Load(t)
	n := 0
	for _, x := range distinct(t, d) {
		if x.mediaType == "" {
			n++
			refused(t, d, x, "a body", func(e *openapitest.Exchange) { e.Received = []byte("{}") })
		}
	}
	if n == 0 {
		t.Fatal("every answer has a body")
	}
}

// This is also what shows that kin-openapi is strict enough about OpenAPI 3.1: no schema of the document lets its own
// example through once it is bent at any place.
func TestAnAnswerThatIsBentAtAnyPlaceIsRefused(t *testing.T) {
	d := openapitest.Load(t)
	n := 0
	for _, x := range distinct(t, d) {
		if !strings.HasSuffix(x.mediaType, "json") {
			continue
		}
		for what, text := range bent(t, x.exchange.Received) {
			if browsers(what) {
				continue
			}
			n++
			refused(t, d, x, what, func(e *openapitest.Exchange) { e.Received = text })
		}
		refused(t, d, x, "cut off", func(e *openapitest.Exchange) { e.Received = e.Received[:len(e.Received)-1] })
	}
	if n < 300 {
		t.Fatalf("only %d were tried", n)
	}
}

func TestA401WithOtherBytesIsRefused(t *testing.T) {
	d := openapitest.Load(t)
	for _, x := range distinct(t, d) {
		if x.exchange.Response.StatusCode == http.StatusUnauthorized {
			refused(t, d, x, "a space more", func(e *openapitest.Exchange) { e.Received = []byte(`{"message": "Unauthenticated."}`) })
		}
	}
}

func TestARequestThatWasTakenAndIsNotAllowedIsRefused(t *testing.T) {
	d := openapitest.Load(t)
	for _, x := range exchanges(t, d) {
		taken := x.exchange.Response.StatusCode < http.StatusBadRequest
		if !taken && x.exchange.Response.StatusCode != http.StatusBadRequest {
			continue
		}
		check := func(what string, change func(e *openapitest.Exchange)) {
			t.Helper()
			if taken {
				refused(t, d, x, what, change)
			} else if err := d.Check(changed(x.exchange, change)); err != nil {
				t.Errorf("%s, %s, which was answered with an error: %v", x.name, what, err)
			}
		}
		if x.exchange.Request.Header.Get("Authorization") != "" && !strings.HasPrefix(x.exchange.Request.URL.Path, "/api/v1/api/key/") { // which takes one, and none
			check("no credential", func(e *openapitest.Exchange) { e.Request.Header.Del("Authorization") })
			check("Basic", func(e *openapitest.Exchange) { e.Request.Header.Set("Authorization", "Basic eDp5") })
		}
		check("another parameter", func(e *openapitest.Exchange) { e.Request.URL.RawQuery += "&unknown=1" })
		if len(x.exchange.Sent) > 0 && !theirs(x) {
			for what, text := range bent(t, x.exchange.Sent) {
				if browsers(what) {
					continue
				}
				check(what, func(e *openapitest.Exchange) { e.Sent = text })
			}
			if !kept(x) {
				check("another type", func(e *openapitest.Exchange) { e.Request.Header.Set("Content-Type", "text/plain") })
			}
		}
	}
}

// theirs reports whether the request is another party's document, which may say more, and under any media type.
func theirs(x documented) bool { return x.exchange.Request.URL.Path == "/v1/leaks/github" }

// browsers reports whether a place is within what a browser makes or takes of a passkey (WebAuthn Level 3). The document
// says only that it is an object: the standard says what it holds, and it will hold more.
func browsers(what string) bool {
	return strings.Contains(what, "/publicKey/") || strings.Contains(what, "/credential/") || strings.HasPrefix(what, "another member") && (strings.HasSuffix(what, "/publicKey") || strings.HasSuffix(what, "/credential"))
}

// kept reports whether the route is one of those for other systems' clients.
func kept(x documented) bool { return strings.HasPrefix(x.exchange.Request.URL.Path, "/api/v1/") }

func TestTheKeptRoutesTakeJSONUnderAnyName(t *testing.T) {
	d := openapitest.Load(t)
	n := 0
	for _, x := range exchanges(t, d) {
		if !kept(x) || len(x.exchange.Sent) == 0 || x.exchange.Response.StatusCode >= http.StatusBadRequest {
			continue
		}
		for _, mediaType := range []string{"", "text/plain;charset=UTF-8", "application/x-www-form-urlencoded"} {
			n++
			named := func(e *openapitest.Exchange) { e.Request.Header.Set("Content-Type", mediaType) }
			if err := d.Check(changed(x.exchange, named)); err != nil {
				t.Errorf("%s as %q: %v", x.name, mediaType, err)
			}
			refused(t, d, x, "no JSON", func(e *openapitest.Exchange) { named(e); e.Sent = []byte("name=x") })
		}
	}
	if n == 0 {
		t.Fatal("none was tried")
	}
}

func TestTheCookieAndTheQueryAreCredentialsToo(t *testing.T) {
	d := openapitest.Load(t)
	for _, x := range exchanges(t, d) {
		r := x.exchange.Request
		if x.exchange.Response.StatusCode >= http.StatusBadRequest || r.Header.Get("Authorization") == "" {
			continue
		}
		if err := d.Check(changed(x.exchange, func(e *openapitest.Exchange) {
			e.Request.Header = http.Header{"Content-Type": r.Header["Content-Type"], "Cookie": {"__Host-keyfob=x"}}
		})); err != nil {
			t.Errorf("%s by cookie: %v", x.name, err)
		}
		err := d.Check(changed(x.exchange, func(e *openapitest.Exchange) {
			e.Request.Header.Del("Authorization")
			e.Request.URL.RawQuery += "&token=x"
		}))
		if (err == nil) != kept(x) {
			t.Errorf("%s by query: %v", x.name, err)
		}
	}
}

// refused changes an exchange that is all right, and expects that it no longer is.
func refused(t *testing.T, d *openapitest.Document, x documented, what string, change func(*openapitest.Exchange)) {
	t.Helper()
	if d.Check(changed(x.exchange, change)) == nil {
		t.Errorf("%s, %s: nothing is found wrong", x.name, what)
	}
}

func changed(x openapitest.Exchange, change func(*openapitest.Exchange)) openapitest.Exchange {
	x.Request = x.Request.Clone(x.Request.Context())
	x.Response = &http.Response{StatusCode: x.Response.StatusCode, Header: x.Response.Header.Clone()}
	change(&x)
	return x
}

// bent gives a JSON text in many wrong forms: at each place another type, in each object a member that does not belong.
func bent(t *testing.T, text []byte) map[string][]byte {
	t.Helper()
	var whole any
	if err := json.Unmarshal(text, &whole); err != nil {
		t.Fatal(err)
	}
	forms := map[string][]byte{}
	keep := func(what string) {
		form, err := json.Marshal(whole)
		if err != nil {
			t.Fatal(err)
		}
		forms[what] = form
	}
	var walk func(at string, v any, set func(any))
	walk = func(at string, v any, set func(any)) {
		set(wrong(v))
		keep("another type at " + at)
		set(v)
		switch v := v.(type) {
		case map[string]any:
			v["other"] = 1
			keep("another member at " + at)
			delete(v, "other")
			for _, name := range slices.Sorted(maps.Keys(v)) {
				walk(at+"/"+name, v[name], func(to any) { v[name] = to })
			}
		case []any:
			for i := range v {
				walk(at+"/*", v[i], func(to any) { v[i] = to })
			}
		}
	}
	walk("", whole, func(to any) { whole = to })
	return forms
}

// wrong gives a value of another type than v, which is wrong wherever v is right.
func wrong(v any) any {
	switch v.(type) {
	case map[string]any, []any:
		return "not an object, nor a list"
	}
	return map[string]any{"of": "another type"}
}
