package main

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"keyfob/internal/token"
)

var denialPattern = regexp.MustCompile(`(?m)^(http://\S+)(/disavow/kfn_us_[0-9A-Za-z]{65})$`)

// denials gives the paths of the links, by which their readers say that it was not them, in the mails to the address whose
// subjects hold the text, newest first.
func (s *client) denials(to, subject string) (paths []string) {
	s.Helper()
	for _, m := range s.mailsTo(to) {
		if found := denialPattern.FindStringSubmatch(m.Text); found != nil && strings.Contains(m.Subject, subject) {
			if !strings.Contains(m.HTML, `href="`+found[1]+found[2]+`"`) || strings.Count(m.HTML+m.Text, found[2]) != 2 {
				s.Errorf("the HTML has another link:\n%s", m.HTML)
			}
			paths = append(paths, found[2])
		}
	}
	if len(paths) == 0 {
		s.Fatalf("no mail to %s about %q has such a link", to, subject)
	}
	return paths
}

// browse asks for a page as a browser does, and sends its form where the method says so.
func (s *client) browse(method, path string) response {
	s.Helper()
	header := http.Header{"Accept": {"text/html,application/xhtml+xml,*/*;q=0.8"}, "Cookie": {"__Host-keyfob=nonsense"}}
	if method == "POST" {
		header.Set("Content-Type", "application/x-www-form-urlencoded")
		header.Set("Origin", "null") // as a browser sends it from a page without a referrer
		header.Set("Sec-Fetch-Site", "cross-site")
	}
	return s.do(method, path, header, "")
}

// page fails the test unless the answer is a page with those words on it, and one that may load its own style and be sent
// back to where it came from, and nothing else.
func (s *client) page(r response, status int, words ...string) {
	s.Helper()
	if r.status != status || r.header.Get("Content-Type") != "text/html; charset=utf-8" || r.header.Get("X-Robots-Tag") != "noindex" {
		s.Fatalf("%d %v\n%s", r.status, r.header, r.body)
	}
	for _, w := range words {
		if !strings.Contains(r.body, w) {
			s.Errorf("no %q in\n%s", w, r.body)
		}
	}
	_, style, _ := strings.Cut(r.body, "<style>")
	style, _, _ = strings.Cut(style, "</style>")
	sum := sha256.Sum256([]byte(style))
	want := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
	if got := r.header.Get("Content-Security-Policy"); got != want || len(style) < 1000 {
		s.Errorf("%s\nwant %s", got, want)
	}
	for _, banned := range []string{"<script", "src=", "style=", "kfn_", "http://", "https://", "action="} {
		if strings.Contains(r.body, banned) {
			s.Errorf("the page holds %q", banned)
		}
	}
}

// C12, P1: a mail about a token carries a link. Opening it changes nothing, however often; sending its form ends the token at
// once, once, and is in the trail as its reader's doing by mail; and of that people are mailed as of every revocation.
func TestC12TheReaderOfAMailEndsWhatWasNotThem(t *testing.T) {
	s := newClient(t)
	boss := s.login()
	s.somebody(boss, "admin", "admin")
	secret, handle := s.create(boss, full("deploy & <b>co"))
	link := s.denials("admin@example.com", "was created")[0]
	events, _ := s.happenings(boss, "/v1/audit")
	for range 3 {
		s.page(s.browse("GET", link), 200, `<form method="post">`, "revoke the token</button>", "deploy &amp; &lt;b&gt;co", handle, "ends in "+handle[len(handle)-4:], "<dt>Account</dt>", "127.0.0.1")
		s.do("HEAD", link, nil, "") // which the gateway has no route for
	}
	if after, _ := s.happenings(boss, "/v1/audit"); len(after) != len(events) {
		t.Errorf("asking for the page is an event: %s", typesOf(after))
	}
	s.want(s.get("/v1/tokenInfo", secret), http.StatusOK)

	s.advance(time.Second)
	n := len(s.mails())
	r := s.browse("POST", link)
	s.page(r, 200, "The token is revoked")
	if strings.Contains(r.body, "<form") {
		t.Error("it can be sent again")
	}
	s.want(s.get("/v1/tokenInfo", secret), http.StatusUnauthorized)
	r = s.browse("POST", link)
	s.page(r, 410, "used before")
	s.page(s.browse("GET", link), 410, "used before")

	events, _ = s.happenings(boss, "/v1/tokens/"+handle+"/audit")
	if !strings.HasPrefix(typesOf(events), "token.revoked ") || events[0].Actor.Via != "mail" || events[0].Actor.UserID == "" || events[0].Actor.Credential != "" ||
		strings.Count(typesOf(events), "token.revoked") != 1 || !strings.Contains(events[0].Note, "(token.created)") {
		t.Errorf("%+v", events)
	}
	if got := s.told(n, "was revoked"); got != "admin owner" {
		t.Errorf("told: %s", got)
	}
	for _, m := range s.mailsOf("was revoked") {
		if !strings.Contains(m.Text, "the link in a mail") || !strings.Contains(m.Text, "admin@example.com") || strings.Contains(m.Text, "/disavow/") {
			t.Errorf("%s", m.Text)
		}
	}
	// The owner's own link finds nothing to end any more.
	s.page(s.browse("POST", s.denials(testEmail, "was created")[0]), 200, "Nothing is left to end")

	// P3: the link is in its mail and nowhere else.
	for _, f := range s.files() {
		if strings.Contains(f.content, link[len(link)-40:]) && !strings.Contains(f.name, "mail") {
			t.Errorf("%s holds a link", f.name)
		}
	}
}

// Whoever says that they read JSON is answered in it; errors are problems then, of the same statuses.
func TestADisavowalIsAnsweredInJSONToWhoAsksForIt(t *testing.T) {
	s := newClient(t)
	boss := s.login()
	secret, handle := s.create(boss, full("deploy"))
	link := s.denials(testEmail, "was created")[0]
	ask := func(method, path string) response {
		return s.do(method, path, http.Header{"Accept": {"application/json"}}, "")
	}
	var said struct {
		State, Ends string
		Tokens      []struct {
			ID, Name string
			Ended    bool
		}
		Event struct{ Type string }
	}
	for _, step := range []struct {
		method, state string
		ended         bool
	}{{"GET", "offered", false}, {"POST", "ended", true}} {
		r := ask(step.method, link)
		s.want(r, http.StatusOK)
		if err := json.Unmarshal([]byte(r.body), &said); err != nil || r.header.Get("Content-Type") != "application/json" {
			t.Fatal(r.body, err)
		}
		if said.State != step.state || said.Ends != "tokens" || len(said.Tokens) != 1 || said.Tokens[0].ID != handle || said.Tokens[0].Name != "deploy" || said.Tokens[0].Ended != step.ended || said.Event.Type != "token.created" {
			t.Errorf("%s: %s", step.method, r.body)
		}
	}
	s.want(s.get("/v1/tokenInfo", secret), http.StatusUnauthorized)
	for _, method := range []string{"GET", "POST"} {
		if r := ask(method, link); r.status != http.StatusGone || !strings.Contains(r.body, `"link_used"`) || r.header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%d %s", r.status, r.body)
		}
		for _, c := range []string{"x", "0", ""} {
			if r := ask(method, link[:len(link)-1]+c); r.status != http.StatusNotFound && link[len(link)-1:] != c {
				t.Errorf("tampered: %d %s", r.status, r.body)
			}
		}
	}
}

// A link is worth what its reader may do, and works for seven days; what is no link of this deployment is a page that says so.
func TestADisavowalIsRefusedToWhoMayNotEndIt(t *testing.T) {
	s := newClient(t)
	boss := s.login()
	admin, _ := s.somebody(boss, "admin", "admin")
	secret, _ := s.create(boss, full("deploy"))
	link := s.denials("admin@example.com", "was created")[0]
	s.want(s.turn(boss, admin, `{"role":"member"}`), http.StatusOK)
	for _, method := range []string{"GET", "POST"} {
		s.page(s.browse(method, link), 410, "Your role does not let you")
	}
	foreign := token.Form{Brand: "kf", Realm: "eu"}.New(token.Disavowal).Plaintext().Reveal()
	for _, text := range []string{"nonsense", link[len("/disavow/") : len(link)-1], foreign, secret, url.PathEscape("../login")} {
		for _, method := range []string{"GET", "POST"} {
			s.page(s.browse(method, "/disavow/"+text), 404, "There is no such link")
		}
	}
	// It is no credential, and ends nothing where credentials are presented; but it ends itself there.
	mine := s.denials(testEmail, "was created")[0]
	s.want(s.get("/v1/tokenInfo", mine[len("/disavow/"):]), http.StatusUnauthorized)
	s.want(s.post("/v1/revoke", "", map[string]any{"token": mine[len("/disavow/"):]}), http.StatusOK)
	s.page(s.browse("POST", mine), 410, "withdrawn")
	s.want(s.get("/v1/tokenInfo", secret), http.StatusOK)

	s.create(boss, full("later"))
	mine = s.denials(testEmail, `"later" was created`)[0]
	s.advance(7*24*time.Hour + time.Second)
	s.page(s.browse("POST", mine), 410, "expired")
}

// R1, S8: a mail about how somebody proves who they are ends all of their sessions, and the one to the owners offers nothing.
func TestS8TheReaderOfAMailEndsTheirSessions(t *testing.T) {
	s := newClient(t)
	boss := s.login()
	s.somebody(boss, "mia", "member")
	s.from("127.0.1.1").enter("mia", testPassword)
	thief := s.from("127.0.2.1").enter("mia", testPassword)
	link := s.denials("mia@example.com", "new network")[0]
	s.page(s.browse("GET", link), 200, "end all my sessions</button>", "A login from a new network", "127.0.2.1")
	s.want(s.get("/v1/me", thief), http.StatusOK)
	s.page(s.browse("POST", link), 200, "All your sessions are ended")
	s.want(s.get("/v1/me", thief), http.StatusUnauthorized)
	s.want(s.get("/v1/me", boss), http.StatusOK)
	s.page(s.browse("POST", link), 410, "used before")

	mia := s.enter("mia", testPassword)
	s.want(s.post("/v1/me/password", mia, map[string]any{"current": testPassword, "password": newPassword}), http.StatusNoContent)
	for _, m := range s.mailsTo(testEmail) {
		if strings.Contains(m.Subject, "password") && denialPattern.MatchString(m.Text) {
			t.Errorf("an owner may end another's sessions:\n%s", m.Text)
		}
	}
	s.page(s.browse("POST", s.denials("mia@example.com", "password was changed")[0]), 200, "All your sessions are ended")
	s.want(s.get("/v1/me", mia), http.StatusUnauthorized)
	events, _ := s.happenings(boss, "/v1/audit?action=user.changed")
	if !slices.ContainsFunc(events, func(h happening) bool { return h.Actor.Via == "mail" && strings.Contains(h.Note, "(password.changed)") }) {
		t.Errorf("%+v", events)
	}
}
