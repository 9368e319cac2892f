package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/unicode/norm"
)

// S5: whose e-mail is in several accounts is asked for the tenant once the password is right, and is told of those accounts
// only that it is right for; with a wrong one nobody learns that there are any.
func TestS5SeveralTenants(t *testing.T) {
	const email, first, second = "twice@example.com", testPassword, "nine bridges under a loud moon"
	s := newClient(t)
	mine := s.get("/v1/account", s.login()).text("id")
	s.user(mine, email, "member")
	alike := s.account(email) // of the same password as mine
	s.tenant("other")
	other := s.get("/v1/account", s.enter("other", testPassword)).text("id")
	s.operatorUser(fmt.Sprintf(`{"command":"user.create","account":%q,"email":%q,"role":"member","password":%q}`, other, email, second))
	foreign := s.account("foreign@example.com") // of nobody with the e-mail
	for _, c := range []struct {
		password, named, silent string
	}{{first, mine + " " + alike, other}, {second, other, mine + " " + alike}} {
		r := s.attempt(email, c.password, "")
		s.refused("a right password", r, http.StatusUnprocessableEntity, "tenant")
		for _, id := range strings.Fields(c.named) {
			if !strings.Contains(r.body, id) {
				t.Errorf("%s is not named: %s", id, r.body)
			}
			in := s.attempt(email, c.password, id)
			if in.status != http.StatusOK || in.text("tenant") != id {
				t.Errorf("with the tenant: %d %s", in.status, in.body)
			}
		}
		for _, id := range append(strings.Fields(c.silent), foreign) {
			if strings.Contains(r.body, id) {
				t.Errorf("%s is named: %s", id, r.body)
			}
		}
		if r.header.Get("Set-Cookie") != "" || strings.Contains(r.body, "kfs_") {
			t.Errorf("a session without a tenant: %s", r.comparable())
		}
	}
	unknown := s.attempt("nobody@example.com", first, "")
	s.want(unknown, http.StatusUnauthorized)
	for what, c := range map[string]struct{ password, tenant string }{
		"a wrong password":            {"wrong horse battery", ""},
		"a tenant's, wrong":           {"wrong horse battery", mine},
		"another tenant's password":   {second, mine},
		"and the other way":           {first, other},
		"a tenant that they are not":  {first, foreign},
		"a tenant that there is none": {first, "acc_0000000000000000"},
	} {
		s.advance(10 * time.Minute)
		if r := s.attempt(email, c.password, c.tenant); r.comparable() != unknown.comparable() {
			t.Errorf("%s: %s\nwant %s", what, r.comparable(), unknown.comparable())
		}
	}
	s.advance(time.Hour)
	s.want(s.attempt(email, second, other), http.StatusOK)
}

// S5, S24: an e-mail is the same login name however its letters are typed: composed or decomposed, large or small; and what
// is behind a plus sign counts.
func TestS5ALoginNameIsTakenAsItIsTyped(t *testing.T) {
	s := newClient(t)
	mine := s.get("/v1/account", s.login()).text("id")
	for _, made := range []string{"zoë.müller@example.com", norm.NFD.String("jürgen.weiß@example.com"), "mia+keys@example.com", "łucja+ćma@example.com"} {
		id := s.user(mine, made, "member")
		for what, name := range map[string]string{
			"as made": made, "composed": norm.NFC.String(made), "decomposed": norm.NFD.String(made),
			"large": strings.Replace(strings.ToUpper(norm.NFC.String(made)), "WEISS", "weiß", 1), "large, decomposed": norm.NFD.String(strings.ToUpper(norm.NFC.String(made))),
		} {
			r := s.attempt(name, testPassword, "")
			if r.status != http.StatusOK || s.get("/v1/me", r.text("token")).text("id") != id {
				t.Errorf("%s %q: %d %s", what, name, r.status, r.body)
			}
		}
	}
	for _, name := range []string{"mia@example.com", "mia+other@example.com", "zoe.muller@example.com", "mia keys@example.com"} {
		s.want(s.attempt(name, testPassword, ""), http.StatusUnauthorized)
	}
}
