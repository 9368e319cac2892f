package infratest

import (
	"encoding/base32"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"time"

	"keyfob/internal/audit"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
	"keyfob/internal/totp"
)

// The passwords of the account of those who come by links.
const (
	first  = "nine bridges under a loud moon"
	second = "four windows above the quiet town"
)

var bare = base32.StdEncoding.WithPadding(base32.NoPadding)

// joining has an account made whose owner sets a password with a link, invites, forgets the password, enrols second factors,
// shows them, hands the account over and is taken care of by the operator: what the functions for people need.
func (s *service) joining() {
	s.t.Helper()
	made := s.invoke("OperatorFunction", `{"command":"account.create","account":{"name":"Joining Ltd"},"owner":{"email":"joan@example.com","name":"Joan Example"}}`)
	acc, joan := made["account"].(map[string]any)["id"].(string), made["owner"].(map[string]any)
	set := func(link any, password string) {
		s.t.Helper()
		s.request("PasswordFunction", 200, "POST /v1/password/set", "", `{"link":"`+after(link.(string))+`","password":"`+password+`"}`)
	}
	s.request("PasswordFunction", 422, "POST /v1/password/set", "", `{"link":"`+after(joan["link"].(string))+`","password":"short"}`)
	set(joan["link"], first)
	s.request("PasswordFunction", 422, "POST /v1/password/set", "", `{"link":"`+after(joan["link"].(string))+`","password":"`+first+`"}`)
	enter := func(password string) string {
		s.t.Helper()
		return s.request("LoginFunction", 200, "POST /v1/login", "", `{"name":"joan@example.com","password":"`+password+`","returnToken":true}`)["token"].(string)
	}

	session := enter(first)
	invite := func(name, role string) string {
		s.t.Helper()
		return s.request("AccountFunction", 201, "POST /v1/users", session, `{"email":"`+name+`@example.com","role":"`+role+`"}`)["id"].(string)
	}
	s.request("AccountFunction", 409, "POST /v1/users", session, `{"email":"joan@example.com","role":"member"}`)
	nora := invite("nora", "admin")
	s.request("AccountFunction", 429, "POST /v1/users/{id}/invite", session, "", nora)
	s.set(key.Link(nora).Key(), table.Item{"issued": table.N(time.Now().Add(-time.Hour).UnixMilli())})
	s.request("AccountFunction", 202, "POST /v1/users/{id}/invite", session, "", nora)
	s.request("AccountFunction", 200, "PATCH /v1/users/{id}", session, `{"role":"member"}`, nora)
	program := s.request("CreateTokenFunction", 201, "POST /v1/tokens", session, `{"name":"People","scope":"full"}`)["token"].(string)
	s.request("AccountFunction", 200, "PATCH /v1/users/{id}", program, `{"role":"admin"}`, nora)
	s.request("AccountFunction", 200, "PATCH /v1/users/{id}", program, `{"role":"member"}`, nora)
	s.request("AccountFunction", 200, "GET /v1/users", session, "")
	s.request("AccountFunction", 200, "GET /v1/users/{id}", session, "", nora)
	s.request("AccountFunction", 204, "DELETE /v1/users/{id}", session, "", invite("passing", "member"))
	set(s.mailed("nora@example.com"), first)

	s.request("PasswordFunction", 202, "POST /v1/password/reset", "", `{"name":"joan@example.com"}`)
	s.request("PasswordFunction", 202, "POST /v1/password/reset", "", `{"name":"nobody@example.com"}`)
	s.fed("UpkeepFunction", func(r table.Record) bool { return inserted(r, key.PrefixReset) })
	set(s.mailed("joan@example.com"), second)
	session = enter(second)
	enter(second)
	s.request("PasswordFunction", 422, "POST /v1/me/password", session, `{"current":"`+first+`","password":"`+first+`"}`)
	s.request("PasswordFunction", 204, "POST /v1/me/password", session, `{"current":"`+second+`","password":"`+first+`"}`)
	held := enter(first)
	s.heldByABrowser(held)
	s.request("PasswordFunction", 204, "POST /v1/me/password", held, `{"current":"`+first+`","password":"`+second+`"}`)
	session = enter(second)
	s.request("PasswordFunction", 204, "POST /v1/me/password", session, `{"current":"`+second+`","password":"`+first+`"}`)

	enter(first)
	enter(first)
	list := s.request("SessionsFunction", 200, "GET /v1/me/sessions", session, "")["sessions"].([]any)
	for _, one := range list {
		if one := one.(map[string]any); one["current"] == false {
			s.request("SessionsFunction", 204, "DELETE /v1/me/sessions/{id}", session, "", one["id"].(string))
			break
		}
	}
	s.request("SessionsFunction", 404, "DELETE /v1/me/sessions/{id}", session, "", "ses_0000000000000000")
	s.request("SessionsFunction", 200, "DELETE /v1/me/sessions", session, "")

	s.factors(session, enter)
	s.removed(acc, session)
	s.handover(acc, enter, nora)
	for _, command := range []string{
		`{"command":"account.policy","account":"` + acc + `","policy":{"sessionIdleSeconds":900}}`,
		`{"command":"user.link","account":"` + acc + `","user":"` + nora + `"}`,
		`{"command":"user.factors","account":"` + acc + `","user":"` + joan["id"].(string) + `"}`,
		`{"command":"account.suspend","account":"` + acc + `"}`, `{"command":"account.resume","account":"` + acc + `"}`,
	} {
		if answer := s.invoke("OperatorFunction", command); answer["message"] != nil {
			s.t.Fatalf("%s: %v", command, answer)
		}
	}
	s.bounced("joan@example.com")
	s.fed("UpkeepFunction", func(r table.Record) bool { return inserted(r, key.PrefixAudit) })
}

// heldByABrowser makes the session one that was begun in a browser, and so goes on under another id.
func (s *service) heldByABrowser(session string) {
	s.t.Helper()
	for _, one := range s.request("SessionsFunction", 200, "GET /v1/me/sessions", session, "")["sessions"].([]any) {
		if one := one.(map[string]any); one["current"] == true {
			id, err := token.ParseHandle(token.Session, one["id"].(string))
			if err != nil {
				s.t.Fatal(err)
			}
			s.set(key.Session(id.String()).Key(), table.Item{"via": table.S(audit.ViaDashboard)})
		}
	}
}

// removed has a user with tokens removed, and the function for upkeep clean up after them.
func (s *service) removed(acc, owner string) {
	s.t.Helper()
	otto := s.invoke("OperatorFunction", `{"command":"user.create","account":"`+acc+`","email":"otto@example.com","role":"admin","password":"`+second+`"}`)["user"].(map[string]any)["id"].(string)
	in := s.request("LoginFunction", 200, "POST /v1/login", "", `{"name":"otto@example.com","password":"`+second+`","returnToken":true}`)["token"].(string)
	for range 2 {
		s.request("CreateTokenFunction", 200, "POST /api/v1/api/key", in, "")
	}
	s.request("AccountFunction", 204, "DELETE /v1/users/{id}", owner, "", otto)
	s.fed("UpkeepFunction", func(r table.Record) bool {
		return r.EventName != table.Remove && r.Change.Keys.Key() == (key.User{Account: acc, User: otto}).Key() && r.Change.NewImage.Bool("behind")
	})
}

// factors enrols every kind of second factor, and unlocks sessions with each of those that need no device.
func (s *service) factors(session string, enter func(string) string) {
	s.t.Helper()
	post := func(function string, status int, path, session, body string) map[string]any {
		s.t.Helper()
		return s.request(function, status, "POST "+path, session, body)
	}
	app := post("FactorsFunction", 201, "/v1/me/factors/totp", session, "")
	raw, err := bare.DecodeString(app["secret"].(string))
	if err != nil {
		s.t.Fatal(err)
	}
	secret := totp.Secret(raw)
	step := totp.Step(time.Now())
	post("FactorsFunction", 422, "/v1/me/factors/totp/confirm", session, `{"code":"`+secret.Code(step+100)+`"}`)
	codes := post("FactorsFunction", 200, "/v1/me/factors/totp/confirm", session, `{"code":"`+secret.Code(step)+`"}`)["recoveryCodes"].([]any)
	post("FactorsFunction", 201, "/v1/me/factors/passkeys", session, "")
	post("FactorsFunction", 202, "/v1/me/factors/email", session, "")
	post("FactorsFunction", 200, "/v1/me/factors/email/confirm", session, `{"code":"`+s.mailed("joan@example.com")+`"}`)
	s.request("FactorsFunction", 200, "GET /v1/me/factors", session, "")

	shown := func(factor string, code any) string {
		return `"factors":[{"factor":"` + factor + `","password":"` + code.(string) + `"}]}`
	}
	locked := enter(first)
	post("UnlockFunction", 422, "/v1/login/unlock", locked, `{`+shown("totp", "000000"))
	post("UnlockFunction", 200, "/v1/login/unlock", locked, `{`+shown("totp", secret.Code(step+1)))
	locked = enter(first)
	post("UnlockFunction", 422, "/v1/login/challenge", locked, `{"factor":"passkey"}`)
	s.rested()
	s.forget()
	post("UnlockFunction", 202, "/v1/login/challenge", locked, `{"factor":"email"}`)
	post("UnlockFunction", 200, "/v1/login/unlock", locked, `{`+shown("email", s.mailed("joan@example.com")))
	acc := s.request("AccountFunction", 200, "GET /v1/account", session, "")["id"].(string)
	me := s.request("AccountFunction", 200, "GET /v1/me", session, "")["id"].(string)
	s.set(key.User{Account: acc, User: me}.Key(), table.Item{"mailed": table.Bool(true)}) // as a reset link does
	post("UnlockFunction", 200, "/api/v1/login/unlock", enter(first), `{`+shown("recovery", codes[0]))
	post("UnlockFunction", 200, "/v1/login/stepup", session, `{"password":"`+first+`",`+shown("recovery", codes[1]))
	locked = enter(first)
	for range 5 {
		post("UnlockFunction", 422, "/v1/login/unlock", locked, `{`+shown("recovery", "0000000000"))
	}
	post("FactorsFunction", 200, "/v1/me/factors/codes", session, "")
	s.request("FactorsFunction", 204, "DELETE /v1/me/factors/email", session, "")
	s.request("FactorsFunction", 204, "DELETE /v1/me/factors/totp", session, "")
	s.request("FactorsFunction", 404, "DELETE /v1/me/factors/passkeys/{id}", session, "", "psk_0000000000000000")
}

// rested makes all that was counted lie some hours back.
func (s *service) rested() {
	s.t.Helper()
	records, err := s.table.Changes(s.t.Context(), "", 100_000)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, r := range records {
		k := r.Change.Keys.Key()
		if items, err := s.table.Get(s.t.Context(), k); err == nil && items[0] != nil && strings.HasPrefix(k.PK, key.PrefixThrottle) {
			s.set(k, table.Item{"last": table.N(time.Now().Add(-3 * time.Hour).UnixMilli())})
		}
	}
}

// handover offers the account, and takes back, declines and accepts; and it takes the factors of somebody who lost them.
func (s *service) handover(acc string, enter func(string) string, to string) {
	s.t.Helper()
	session := enter(first)
	nora := s.request("LoginFunction", 200, "POST /v1/login", "", `{"name":"nora@example.com","password":"`+first+`","returnToken":true}`)["token"].(string)
	for range 2 {
		s.request("AccountFunction", 201, "POST /v1/account/handover", session, `{"to":"`+to+`"}`)
		s.request("AccountFunction", 200, "GET /v1/account/handover", nora, "")
		s.request("AccountFunction", 204, "DELETE /v1/account/handover", session, "")
	}
	s.request("AccountFunction", 204, "DELETE /v1/users/{id}/factors", session, "", to)
	nora = s.request("LoginFunction", 200, "POST /v1/login", "", `{"name":"nora@example.com","password":"`+first+`","tenant":"`+acc+`","returnToken":true}`)["token"].(string)
	s.request("AccountFunction", 201, "POST /v1/account/handover", session, `{"to":"`+to+`"}`)
	s.request("AccountFunction", 200, "POST /v1/account/handover/accept", nora, "")
}

// bounced has SES tell that mail to the address came back, and the operator let it be written to again.
func (s *service) bounced(address string) {
	s.t.Helper()
	message := encode(s.t, map[string]any{"eventType": "Bounce", "mail": map[string]any{}, "bounce": map[string]any{
		"bounceType": "Permanent", "bounceSubType": "General", "timestamp": "2026-11-21T20:00:04.000Z",
		"bouncedRecipients": []any{map[string]any{"emailAddress": address}},
	}})
	for range 2 {
		s.invoke("FeedbackFunction", encode(s.t, map[string]any{"Records": []any{map[string]any{"EventSource": "aws:sns", "Sns": map[string]any{"Message": message}}}}))
	}
	if answer := s.invoke("OperatorFunction", `{"command":"mail.resume","email":"`+address+`"}`); answer["resumed"] != true {
		s.t.Fatalf("%v", answer)
	}
}

// fed gives a function those of the stream's records that are wanted.
func (s *service) fed(function string, wanted func(table.Record) bool) {
	s.t.Helper()
	records, err := s.table.Changes(s.t.Context(), "", 10_000)
	if err != nil {
		s.t.Fatal(err)
	}
	batch := slices.DeleteFunc(records, func(r table.Record) bool { return !wanted(r) })
	failed := s.invoke(function, encode(s.t, table.StreamEvent{Records: batch}))["batchItemFailures"].([]any)
	if len(failed) != 0 || len(batch) == 0 {
		s.t.Fatalf("%s: %d records, failed: %v", function, len(batch), failed)
	}
}

func inserted(r table.Record, prefix string) bool {
	return r.EventName == table.Insert && strings.HasPrefix(r.Change.Keys.Key().PK, prefix)
}

// secretOf matches what a mail has in it for its reader: a link, or a code on a line of its own.
var secretOf = regexp.MustCompile(`https://\S+#kfl_\S+|(?m)^\s*[0-9]{3} ?[0-9]{3}\s*$`)

// mailed has all mails that are owed sent, and gives the link or the code that the last one to the address had in it.
func (s *service) mailed(to string) string {
	s.t.Helper()
	s.fed("NotifyFunction", func(r table.Record) bool { return inserted(r, key.PrefixAudit) })
	for i := len(s.sent) - 1; i >= 0; i-- {
		if found := secretOf.FindString(s.sent[i].Text); s.sent[i].To == to && found != "" {
			return strings.ReplaceAll(strings.TrimSpace(found), " ", "")
		}
	}
	text, _ := json.Marshal(s.sent)
	s.t.Fatalf("no mail to %s has a link or a code: %s", to, text)
	return ""
}

// after gives what stands behind the # of a link.
func after(link string) string { return link[strings.Index(link, "#")+1:] }

// forget takes away what is counted of who tried what how often, as time would.
func (s *service) forget() {
	s.t.Helper()
	records, err := s.table.Changes(s.t.Context(), "", 100_000)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, r := range records {
		k := table.Key{PK: r.Change.Keys.String(table.AttrPK), SK: r.Change.Keys.String(table.AttrSK)}
		if !strings.HasPrefix(k.PK, key.PrefixThrottle) {
			continue
		}
		if err := s.table.Commit(s.t.Context(), table.Delete(k, table.Anything())); err != nil {
			s.t.Fatal(err)
		}
	}
}
