package infratest

import (
	"regexp"
	"strings"

	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

// denial matches the link in a mail with which its reader says that something was not them.
var denial = regexp.MustCompile(`https://keys\.example\.com/disavow/(kfn_us_[0-9A-Za-z]{65})`)

// denials has all mails sent that are owed, and gives the links in those with that subject to the address, the last first.
func (s *service) denials(to, subject string) (links []string) {
	s.t.Helper()
	s.fed("NotifyFunction", func(r table.Record) bool { return inserted(r, key.PrefixAudit) })
	for i := len(s.sent) - 1; i >= 0; i-- {
		if found := denial.FindStringSubmatch(s.sent[i].Text); found != nil && s.sent[i].To == to && strings.Contains(s.sent[i].Subject, subject) {
			links = append(links, found[1])
		}
	}
	if len(links) == 0 {
		s.t.Fatalf("no mail to %s about %q has a link to disavow it", to, subject)
	}
	return links
}

// disavow has readers of mails say that things were not them, in every way there is.
func (s *service) disavow(session string) {
	s.t.Helper()
	const owner = "owner@example.com"
	open := func(link string) { s.request("RevokeFunction", 200, "GET /disavow/{link}", "", "", link) }
	use := func(status int, link string) {
		s.request("RevokeFunction", status, "POST /disavow/{link}", "", "", link)
	}
	s.notify() // of all that was before; so much that mails would be gathered from now on
	for _, u := range s.request("AccountFunction", 200, "GET /v1/users", session, "")["users"].([]any) {
		if err := s.table.Commit(s.t.Context(), table.Delete(key.Digest(u.(map[string]any)["id"].(string)).Key(), table.Anything())); err != nil {
			s.t.Fatal(err)
		}
	}
	for _, name := range []string{"Mine", "Presented", "Leaked", "Rotated"} {
		made := s.request("CreateTokenFunction", 201, "POST /v1/tokens", session, `{"name":"`+name+`","scope":"full"}`)
		if name == "Rotated" {
			s.request("RotateTokenFunction", 201, "POST /v1/tokens/{id}/rotate", session, `{"overlapSeconds":60}`, made["id"].(string))
		}
	}
	for _, subject := range []string{`"Mine" was created`, `"Rotated" was rotated`, `"Rotated" was created`} {
		link := s.denials(owner, subject)[0]
		open(link)
		use(200, link)
		use(410, link)
	}
	s.request("RevokeFunction", 200, "POST /v1/revoke", "", `{"token":"`+s.denials(owner, `"Presented" was created`)[0]+`"}`)
	s.leaked = append(s.leaked, s.denials(owner, `"Leaked" was created`)[0])

	for _, u := range s.request("AccountFunction", 200, "GET /v1/users", session, "")["users"].([]any) {
		if u := u.(map[string]any); u["email"] == "admin@example.com" {
			s.request("AccountFunction", 200, "PATCH /v1/users/{id}", session, `{"role":"admin"}`, u["id"].(string))
		}
	}
	in := s.request("LoginFunction", 200, "POST /v1/login", "", `{"name":"admin@example.com","password":"nine bridges under a loud moon","returnToken":true}`)["token"].(string)
	s.request("CreateTokenFunction", 201, "POST /v1/tokens", in, `{"name":"By an admin","scope":"full"}`)
	open(s.denials(owner, `"By an admin" was created`)[0])
	s.request("LoginFunction", 200, "POST /v1/login", "", `{"name":"admin@example.com","password":"nine bridges under a loud moon","returnToken":true}`)
	s.request("PasswordFunction", 204, "POST /v1/me/password", in, `{"current":"nine bridges under a loud moon","password":"`+second+`"}`)
	s.request("LoginFunction", 200, "POST /v1/login", "", `{"name":"admin@example.com","password":"`+second+`","returnToken":true}`)
	use(200, s.denials("admin@example.com", "Your password was changed")[0])
}
