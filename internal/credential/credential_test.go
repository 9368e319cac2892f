package credential

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"keyfob/internal/token"
)

func TestS20OneCredentialIsFoundWhereItMayStand(t *testing.T) {
	const tok = "kf_us_x"
	header := func(values ...string) map[string][]string { return map[string][]string{"Authorization": values} }
	cookie := func(more map[string][]string, value string) map[string][]string {
		h := map[string][]string{"Cookie": {"a=b; " + CookieName + "=" + value}}
		for name, v := range more {
			h[name] = v
		}
		return h
	}
	query := func(values ...string) map[string][]string { return map[string][]string{"token": values} }
	for _, c := range []struct {
		name    string
		p       Presented
		text    string
		finding Finding
	}{
		{"nothing", Presented{Path: "/v1/tokens"}, "", Nothing},
		{"bearer", Presented{Headers: header("Bearer " + tok)}, tok, One},
		{"bearer in lower case", Presented{Headers: header("bearer " + tok)}, tok, One},
		{"bearer in upper case and spaces", Presented{Headers: header("  BEARER   " + tok + " ")}, tok, One},
		{"basic", Presented{Headers: header("Basic eDp5")}, "", Nothing},
		{"no scheme", Presented{Headers: header(tok)}, "", Nothing},
		{"empty header", Presented{Headers: header("")}, "", Nothing},
		{"scheme alone", Presented{Headers: header("Bearer ")}, "", Nothing},
		{"two in one header", Presented{Headers: header("Bearer " + tok + " " + tok)}, "", Nothing},
		{"two joined by a comma", Presented{Headers: header("Bearer " + tok + ",Bearer " + tok)}, "", Nothing},
		{"two headers", Presented{Headers: header("Bearer "+tok, "Bearer "+tok)}, "", Several},
		{"basic beside bearer", Presented{Headers: header("Basic eDp5", "Bearer "+tok)}, "", Several},
		{"query on /api/v1", Presented{Path: "/api/v1/search", Query: query(tok)}, tok, Query},
		{"query on /v1", Presented{Path: "/v1/tokens", Query: query(tok)}, "", Nothing},
		{"empty query", Presented{Path: "/api/v1/search", Query: query("")}, "", Nothing},
		{"two in the query", Presented{Path: "/api/v1/search", Query: query(tok, tok)}, "", Several},
		{"header and query", Presented{Path: "/api/v1/search", Headers: header("Bearer " + tok), Query: query(tok)}, "", Several},
		{"header and query on /v1", Presented{Path: "/v1/tokens", Headers: header("Bearer " + tok), Query: query(tok)}, "", Several},
		{"basic and query", Presented{Path: "/api/v1/search", Headers: header("Basic eDp5"), Query: query(tok)}, "", Several},
		{"cookie", Presented{Method: "GET", Headers: cookie(nil, tok)}, tok, Cookie},
		{"cookie and header", Presented{Method: "GET", Headers: cookie(header("Bearer "+tok), tok)}, "", Several},
		{"cookie twice", Presented{Method: "GET", Headers: map[string][]string{"Cookie": {CookieName + "=a; " + CookieName + "=b"}}}, "", Several},
		{"another cookie", Presented{Method: "GET", Headers: map[string][]string{"Cookie": {"keyfob=" + tok}}}, "", Nothing},
	} {
		if text, f := c.p.Find(); text != c.text || f != c.finding {
			t.Errorf("%s: %q, %d; want %q, %d", c.name, text, f, c.text, c.finding)
		}
	}
}

// S10: a cookie counts for an unsafe method only when the browser vouches for the page's own origin.
func TestS10ACookieFromAnotherOriginChangesNothing(t *testing.T) {
	for _, c := range []struct {
		name    string
		headers map[string][]string
		want    Finding
	}{
		{"same origin", map[string][]string{"Sec-Fetch-Site": {"same-origin"}}, Cookie},
		{"same site", map[string][]string{"Sec-Fetch-Site": {"same-site"}}, Elsewhere},
		{"cross site", map[string][]string{"Sec-Fetch-Site": {"cross-site"}}, Elsewhere},
		{"typed in", map[string][]string{"Sec-Fetch-Site": {"none"}}, Elsewhere},
		{"two answers", map[string][]string{"Sec-Fetch-Site": {"same-origin", "cross-site"}}, Elsewhere},
		{"cross site with a fitting Origin", map[string][]string{"Sec-Fetch-Site": {"cross-site"}, "Origin": {"https://keys.example.com"}, "Host": {"keys.example.com"}}, Elsewhere},
		{"Origin alone", map[string][]string{"Origin": {"https://keys.example.com"}, "Host": {"keys.example.com"}}, Cookie},
		{"another Origin", map[string][]string{"Origin": {"https://evil.example"}, "Host": {"keys.example.com"}}, Elsewhere},
		{"null Origin", map[string][]string{"Origin": {"null"}, "Host": {"keys.example.com"}}, Elsewhere},
		{"neither", map[string][]string{"Host": {"keys.example.com"}}, Elsewhere},
	} {
		c.headers["Cookie"] = []string{CookieName + "=kfs_us_x"}
		for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", ""} {
			if _, f := (Presented{Method: method, Headers: c.headers}).Find(); f != c.want {
				t.Errorf("%s %s: %d, want %d", method, c.name, f, c.want)
			}
		}
		if _, f := (Presented{Method: "GET", Headers: c.headers}).Find(); f != Cookie {
			t.Errorf("GET %s: %d, want it found", c.name, f)
		}
	}
}

func TestS10TheCookieIsBoundToTheHost(t *testing.T) {
	c := token.Form{Brand: "kf", Realm: "us"}.New(token.Session)
	for _, line := range []string{SetCookie(c.Plaintext(), 24*time.Hour), ClearCookie()} {
		parsed, err := http.ParseSetCookie(line)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(parsed.Name, "__Host-") || !parsed.Secure || !parsed.HttpOnly || parsed.SameSite != http.SameSiteStrictMode || parsed.Path != "/" || parsed.Domain != "" {
			t.Errorf("%s", line)
		}
	}
	if parsed, _ := http.ParseSetCookie(SetCookie(c.Plaintext(), 24*time.Hour)); parsed.Value != c.Plaintext().Reveal() || parsed.MaxAge != 86400 {
		t.Error("the cookie does not hold the session for its life")
	}
}
