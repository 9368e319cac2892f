// Package credential is where in a request a credential stands: the Authorization header, the dashboard's cookie, or
// the query string where Circularo's clients put it.
//
// It promises that a request with more than one credential is taken for one with none (RFC 6750 §2), and that a
// browser's cookie counts for an unsafe method only when the browser says that the request comes from the page's own
// origin (S10).
//
// It is pure, and does not say whether a credential is any good.
package credential

import (
	"net/http"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
	"time"

	"keyfob/internal/token"
)

// CookieName is the dashboard's cookie. The __Host- prefix binds it to one host, to the path / and to TLS.
const CookieName = "__Host-keyfob"

// QueryName is the query parameter that may carry a credential.
const QueryName = "token"

// queryPrefix begins the paths on which the query string may carry one.
const queryPrefix = "/api/v1/"

// A Presented is what a request shows of credentials. Header names are canonical.
type Presented struct {
	Method  string
	Path    string // of the route, not of the request: what a caller writes there decides nothing
	Headers map[string][]string
	Query   map[string][]string
}

// A Finding says what was found.
type Finding uint8

// The findings.
const (
	Nothing   Finding = iota // no credential
	One                      // exactly one
	Cookie                   // exactly one, in the dashboard's cookie
	Several                  // more than one: refused like none that is valid
	Elsewhere                // a cookie, in a request from another origin
	Query                    // exactly one, in the query string
)

// Find gives the one credential of the request.
func (p Presented) Find() (text string, f Finding) {
	n := 0
	for _, v := range p.Headers["Authorization"] {
		// Any Authorization header counts, so that Basic or a malformed one beside a token is ambiguous too.
		n++
		text = bearer(v)
	}
	fromQuery := false
	if values := p.Query[QueryName]; len(values) > 0 {
		n += len(values)
		if strings.HasPrefix(p.Path, queryPrefix) {
			fromQuery = true
			text = values[0]
		}
	}
	cookies, fromCookie := p.cookies(), false
	if len(cookies) > 0 {
		n += len(cookies)
		fromCookie = n == 1
		text = cookies[0]
	}
	switch {
	case n > 1:
		return "", Several
	case text == "":
		return "", Nothing
	case fromCookie && !p.sameOrigin():
		return "", Elsewhere
	case fromCookie:
		return text, Cookie
	case fromQuery:
		return text, Query
	}
	return text, One
}

// bearer gives the credential of an Authorization header's value, empty where its scheme is another or its form is
// not that of RFC 6750 §2.1. The scheme is taken in any case (RFC 9110 §11.1).
func bearer(value string) string {
	scheme, rest, ok := strings.Cut(textproto.TrimString(value), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	rest = strings.TrimLeft(rest, " ")
	if strings.ContainsAny(rest, " \t,") {
		return ""
	}
	return rest
}

// cookies gives the values of the dashboard's cookie.
func (p Presented) cookies() []string {
	var found []string
	for _, line := range p.Headers["Cookie"] {
		for part := range strings.SplitSeq(line, ";") {
			if value, ok := strings.CutPrefix(strings.TrimSpace(part), CookieName+"="); ok {
				found = append(found, value)
			}
		}
	}
	return found
}

// sameOrigin reports whether a request with a cookie may act: it changes nothing, or the browser vouches for its
// origin. Browsers without Fetch Metadata are judged by Origin.
func (p Presented) sameOrigin() bool {
	switch p.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return true
	}
	if site := p.Headers["Sec-Fetch-Site"]; len(site) > 0 {
		return len(site) == 1 && site[0] == "same-origin"
	}
	origin, host := p.Headers["Origin"], p.Headers["Host"]
	if len(origin) != 1 || len(host) != 1 {
		return false
	}
	u, err := url.Parse(origin[0])
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, host[0])
}

// SetCookie writes the Set-Cookie value that gives the credential to a browser (S10), for the life in whole seconds, rounded
// up: how long the credential is good for, the browser does not decide.
func SetCookie(p token.Plaintext, life time.Duration) string {
	return CookieName + "=" + p.Reveal() + "; Path=/; Max-Age=" + strconv.FormatInt(int64((life+time.Second-1)/time.Second), 10) + cookieAttributes
}

// ClearCookie writes the Set-Cookie value that takes it away.
func ClearCookie() string { return CookieName + "=; Path=/; Max-Age=0" + cookieAttributes }

const cookieAttributes = "; Secure; HttpOnly; SameSite=Strict"
