package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// R2: who has lost their second factors has them taken by an admin or by the operator. All their sessions end at once, the
// open and the locked; the next login is open, by the password alone; and they and the owners are told.
func TestR2LostFactorsAreTaken(t *testing.T) {
	for _, by := range []string{"an admin", "the operator"} {
		t.Run(by, func(t *testing.T) { lostFactorsAreTaken(t, by) })
	}
}

func lostFactorsAreTaken(t *testing.T, by string) {
	s := newClient(t)
	boss := s.login()
	account := s.get("/v1/account", boss).text("id")
	s.somebody(boss, "max", "admin")
	id, open := s.somebody(boss, "mia", "member")
	s.app(open)
	locked := s.enter("mia", testPassword)
	if r := s.get("/v1/me", locked); r.status != http.StatusForbidden || !strings.Contains(r.body, "session_locked") {
		t.Fatalf("%d %s", r.status, r.body)
	}
	if r := s.get("/v1/users/"+id, s.login()); !strings.Contains(r.body, `"mfa":true`) {
		t.Errorf("%s", r.body)
	}
	n := len(s.mails())
	if by == "the operator" {
		if out := s.operate(fmt.Sprintf(`{"command":"user.factors","account":%q,"user":%q}`, account, id)); strings.Contains(out, `"errors"`) {
			t.Fatal(out)
		}
	} else {
		s.want(s.delete("/v1/users/"+id+"/factors", s.enter("max", testPassword)), http.StatusNoContent)
	}
	for _, session := range []string{open, locked} {
		s.want(s.get("/v1/login", session), http.StatusUnauthorized)
	}
	if got := s.told(n, "second factor"); got != "mia owner" || s.everyoneTold(n) != got {
		t.Errorf("%q were told, %q in all", got, s.everyoneTold(n))
	}
	for _, session := range []string{open, locked} { // also when all that follows is done
		s.want(s.get("/v1/login", session), http.StatusUnauthorized)
	}
	r := s.attempt("mia@example.com", testPassword, "")
	if !strings.Contains(r.body, `"isUnlocked":true`) || strings.Contains(r.body, `"factors"`) {
		t.Errorf("the next login: %s", r.body)
	}
	if r := s.get("/v1/me/factors", r.text("token")); r.body != `{"required":false,"totp":null,"email":null,"passkeys":[],"recoveryCodes":0}` {
		t.Errorf("%d %s", r.status, r.body)
	}
	boss = s.login()
	if ids := s.about(boss, "factor.removed"); len(ids) != 1 || ids[0] != id {
		t.Errorf("the trail has %v", ids)
	}
	if r := s.get("/v1/users/"+id, boss); !strings.Contains(r.body, `"mfa":false`) {
		t.Errorf("%s", r.body)
	}
}
