package api_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"path"
	"regexp"
	"strings"
	"testing"
	"time"

	"keyfob/dashboard"
	"keyfob/internal/api"
)

type page struct {
	StatusCode int
	Headers    map[string]string
	Body       string
}

func get(t *testing.T, resource, file string) page {
	t.Helper()
	f := api.Dashboard(api.Config{Log: slog.New(slog.DiscardHandler), Now: time.Now})
	out, err := f.Invoke(t.Context(), fmt.Appendf(nil, `{"httpMethod":"GET","resource":%q,"pathParameters":{"file":%q}}`, resource, file))
	var p page
	if err == nil {
		err = json.Unmarshal(out, &p)
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// S11: a page may load its own files and ask its own API; nothing that was written into it would run, and nobody frames it.
func TestS11APageMayLoadNothingButItsOwn(t *testing.T) {
	for _, at := range []string{"/", "/password"} {
		t.Run(at, func(t *testing.T) { loadsItsOwn(t, at) })
	}
}

func loadsItsOwn(t *testing.T, resource string) {
	t.Helper()
	p := get(t, resource, "")
	if p.StatusCode != 200 || p.Headers["Content-Type"] != "text/html; charset=utf-8" || p.Headers["Cache-Control"] != "no-store" || p.Headers["Referrer-Policy"] != "no-referrer" {
		t.Errorf("%d %v", p.StatusCode, p.Headers)
	}
	const want = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	if got := p.Headers["Content-Security-Policy"]; got != want {
		t.Errorf("%q", got)
	}
	if inline := regexp.MustCompile(`(?i)<script>|<style|\son\w+=|\sstyle=|="javascript:`).FindString(p.Body); inline != "" {
		t.Errorf("%q is written into the page, and would not run", inline)
	}
	// Relative to the page, so that they are found under a stage's path too.
	loaded := regexp.MustCompile(`(?:src|href)="([^"]*)"`).FindAllStringSubmatch(p.Body, -1)
	for _, at := range loaded {
		if at[1] == "." { // the home page
			continue
		}
		name, ok := strings.CutPrefix(at[1], "assets/")
		if a := get(t, "/assets/{file}", name); !ok || a.StatusCode != 200 || a.Headers["Content-Type"] != dashboard.Types[path.Ext(name)] {
			t.Errorf("%s: %d %v", at[1], a.StatusCode, a.Headers)
		}
	}
	if len(loaded) == 0 {
		t.Errorf("the page loads %v", loaded)
	}
}

func TestNothingButThePagesOwnFilesIsServed(t *testing.T) {
	for _, name := range []string{"", ".", "..", "password.html", "none.css", "../dashboard.go", "files/page.css", "page.css/", "PAGE.CSS", "page", strings.Repeat("a", 5000) + ".css"} {
		if p := get(t, "/assets/{file}", name); p.StatusCode != 404 || strings.Contains(p.Headers["Content-Security-Policy"], "self") {
			t.Errorf("%.40q: %d %v", name, p.StatusCode, p.Headers)
		}
	}
}

// P3: the link's secret is taken out of the address before anything else can see it, and leaves the page in one request's body.
func TestP3ThePageTakesTheSecretOutOfTheAddress(t *testing.T) {
	js := get(t, "/assets/{file}", "password.js").Body
	for _, must := range []string{`history.replaceState(null, "", location.pathname)`, `fetch("v1/password/set"`, `credentials: "omit"`} {
		if !strings.Contains(js, must) {
			t.Errorf("password.js has no %s", must)
		}
	}
	if leaks := regexp.MustCompile(`innerHTML|localStorage|sessionStorage|document\.cookie|console\.|https?://`).FindString(js); leaks != "" {
		t.Errorf("password.js has %s", leaks)
	}
}
