package main

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// chooser gives the two ways in which somebody chooses a password: by the link of an invitation, and by changing the one they
// have. Each refusal leaves both to be tried again.
func (s *client) chooser(account, email, name string) map[string]func(string) response {
	s.Helper()
	made := s.operatorUser(fmt.Sprintf(`{"command":"user.create","account":%q,"email":%q,"name":%q,"role":"member"}`, account, email, name))
	link := s.secretOf(made.Link)
	here := s.operatorUser(fmt.Sprintf(`{"command":"user.create","account":%q,"email":%q,"name":%q,"role":"member"}`, account, "x."+email, name))
	s.want(s.setPassword(s.secretOf(here.Link), freshPassword), http.StatusOK)
	r := s.attempt("x."+email, freshPassword, "")
	s.want(r, http.StatusOK)
	session := r.text("token")
	if strings.Contains(r.body, `"enrol":true`) {
		s.app(session)
	}
	return map[string]func(string) response{
		"by link": func(plain string) response { s.Helper(); return s.setPassword(link, plain) },
		"by change": func(plain string) response {
			s.Helper()
			return s.post("/v1/me/password", session, map[string]any{"current": freshPassword, "password": plain})
		},
	}
}

// S1: a password has 15 characters, or 8 where the account asks for a second factor, not one less: counted as people count
// them, whatever they weigh in bytes and in whichever way they are typed.
func TestS1TheLeastLengthFollowsThePolicy(t *testing.T) {
	const words = "żółw ćma śnieg źdźbło jeż" // up to two bytes a character, up to two code points when decomposed
	first := func(n int) string { return string([]rune(norm.NFC.String(words))[:n]) }
	for _, c := range []struct {
		mfa   bool
		least int
	}{{false, 15}, {true, 8}} {
		s := newClient(t)
		boss := s.login()
		if c.mfa {
			s.app(boss)
			s.policy(boss, `{"mfaRequired":true}`)
		}
		short, long := first(c.least-1), first(c.least)
		for way, choose := range s.chooser(s.get("/v1/account", boss).text("id"), "mia@example.com", "Mia") {
			for _, plain := range []string{short, norm.NFD.String(short), strings.Repeat("鍵", c.least-1)} {
				r := choose(plain)
				s.refused(way, r, 422, "password")
				if !strings.Contains(r.body, `"too_short"`) {
					t.Errorf("%s, %d characters in %d bytes: %s", way, c.least-1, len(plain), r.body)
				}
			}
			if r := choose(norm.NFD.String(long)); r.status >= 300 {
				t.Errorf("%s, %d characters, second factor %t: %d %s", way, utf8.RuneCountInString(long), c.mfa, r.status, r.body)
			}
		}
	}
}

// S1: at a change, too, 1,024 bytes are taken, all of them, and one more is refused.
func TestS1TheMostLengthHoldsAtAChange(t *testing.T) {
	s := newClient(t)
	session := s.login()
	long := strings.Repeat("kettle-brave-83-moss-opal-quartz.vivid_", 40)
	change := func(plain string) response {
		return s.post("/v1/me/password", session, map[string]any{"current": testPassword, "password": plain})
	}
	r := change(long[:1025])
	s.refused("1,025 bytes", r, 422, "password")
	if !strings.Contains(r.body, `"too_long"`) {
		t.Errorf("%s", r.body)
	}
	s.want(change(long[:1024]), http.StatusNoContent)
	if !s.opens(testEmail, long[:1024]) || s.opens(testEmail, long[:1023]) || s.opens(testEmail, long[:1023]+"#") {
		t.Error("not all of 1,024 bytes count")
	}
}

// S2: fifty words from all over the list, as they are where they are long enough, else doubled, are refused in both ways; and
// so are the words of the context: the account, the person and their address.
func TestS2TheListIsWalkedOverHTTP(t *testing.T) {
	list, err := os.ReadFile("../../internal/password/common.txt")
	if err != nil {
		t.Fatal(err)
	}
	var words, whole []string
	for word := range strings.Lines(string(list)) {
		word = strings.TrimSuffix(word, "\n")
		switch n := utf8.RuneCountInString(word); {
		case n >= 15:
			whole = append(whole, word)
		case n >= 8:
			words = append(words, word+word)
		}
	}
	if len(whole) < 20 || len(words) < 1000 {
		t.Fatalf("%d and %d words", len(whole), len(words))
	}
	tried := map[string]string{}
	for i := range 20 {
		tried[whole[i*len(whole)/20]] = "common"
	}
	for i := range 30 {
		tried[words[i*len(words)/30]] = "common"
	}
	for _, word := range []string{
		"Quillfeather-2026!!", "quillfeather kiteworks", "Kiteworks123456789", // the account
		"ottilie.quastenberg!", "QUASTENBERG-qwertyuiop", // the person
		"Wilhelmina99999999", "x.wilhelmina.brandt!", "wilhelmina.brandt@mail", // the address
	} {
		tried[word] = "contextual"
	}
	s := newClient(t)
	s.operate(`{"command":"account.create","account":{"name":"Quillfeather Kiteworks"},"owner":{"email":"olga@example.com","password":"` + testPassword + `"}}`)
	account := s.get("/v1/account", s.enter("olga", testPassword)).text("id")
	for way, choose := range s.chooser(account, "wilhelmina.brandt@mail.example", "Ottilie Quastenberg") {
		for plain, code := range tried {
			r := choose(plain)
			if r.status != http.StatusUnprocessableEntity || !strings.Contains(r.body, `"field":"password"`) || !strings.Contains(r.body, `"`+code+`"`) {
				t.Errorf("%s, %q: %d %s, want %s", way, plain, r.status, r.body, code)
			}
		}
		if r := choose("eleven kites above a green hill"); r.status >= 300 {
			t.Errorf("%s: %d %s", way, r.status, r.body)
		}
	}
}
