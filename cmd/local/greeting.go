package main

import (
	"encoding/json"
	"fmt"
	"strings"
)

// greeting is what is printed when the service is ready: where it is, who may log in, and three calls to try, which
// build on each other in one shell.
func greeting(url, dir string, who owner) string {
	secret, typed := "password "+who.password, who.password
	if typed == "" {
		secret, typed = "(there already, with the password it has)", "THE PASSWORD"
	}
	login := quote(marshal(struct {
		Name        string `json:"name"`
		Password    string `json:"password"`
		ReturnToken bool   `json:"returnToken"`
	}{who.Email, typed, true}))
	const json, take = `-H 'Content-Type: application/json'`, `| sed 's/.*"token":"\([^"]*\)".*/\1/')`
	return fmt.Sprintf(`ready %[1]s
owner %[2]s %[3]s
data %[4]s, mails %[1]s/_local/mail.html
SESSION=$(curl -s %[1]s/v1/login %[5]s -d %[6]s %[7]s
TOKEN=$(curl -s %[1]s/v1/tokens -H "Authorization: Bearer $SESSION" %[5]s -d '{"name":"First","scope":"full","autoPurge":"1h"}' %[7]s
curl -s %[1]s/v1/tokenInfo -H "Authorization: Bearer $TOKEN"
`, url, who.Email, secret, dir, json, login, take)
}

func marshal(v any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // texts and truth values can always be written
	return strings.TrimSuffix(b.String(), "\n")
}

// quote makes a word of a POSIX shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
