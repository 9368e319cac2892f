package main

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"keyfob/internal/openapi/openapitest"
)

// K8: production and sandbox have tokens of their own, and each refuses the other's, without a read.
func TestK8ProductionAndSandboxHaveTokensOfTheirOwn(t *testing.T) {
	var realms []*client
	for _, realm := range []string{"us", "sandbox"} {
		s := &client{t, startWith(t, t.TempDir(), map[string]string{"Realm": realm}), &http.Client{Transport: openapitest.Wrap(t, openapitest.Load(t), nil)}}
		realms = append(realms, s)
	}
	var secrets []string
	for _, s := range realms {
		secret, _ := s.create(s.login(), full("deploy"))
		secrets = append(secrets, secret)
	}
	if !strings.HasPrefix(secrets[0], "kf_us_") || !strings.HasPrefix(secrets[1], "kf_sandbox_") {
		t.Errorf("%.12s and %.12s", secrets[0], secrets[1])
	}
	for i, s := range realms {
		s.want(s.get("/v1/tokenInfo", secrets[i]), http.StatusOK)
		s.mails() // sending what is owed reads too
		before := s.reads()
		if r := s.get("/v1/tokenInfo", secrets[1-i]); r.status != http.StatusUnauthorized || r.body != unauthenticated {
			t.Errorf("%d %s", r.status, r.body)
		}
		if n := s.reads() - before; n != 0 {
			t.Errorf("%d reads", n)
		}
	}
}

// C4: under the default policy only the owner and admins issue, list, see or change tokens; a member is refused, whether
// or not there is such a token.
func TestC4OnlyTheOwnerAndAdminsHandleTokens(t *testing.T) {
	s := newClient(t)
	owner := s.login()
	_, handle := s.create(owner, full("x"))
	for role, may := range map[string]bool{"admin": true, "member": false} {
		session := s.as(owner, role)
		for what, r := range map[string]response{
			"issue": s.post("/v1/tokens", session, full("y")), "list": s.get("/v1/tokens", session), "see": s.get("/v1/tokens/"+handle, session),
			"change": s.patch("/v1/tokens/"+handle, session, "", `{"name":"z"}`), "trail": s.get("/v1/tokens/"+handle+"/audit", session),
			"a key": s.post("/api/v1/api/key", session, nil),
		} {
			if may != (r.status < 300) || !may && r.status != http.StatusForbidden {
				t.Errorf("%s, %s: %d %s", role, what, r.status, r.body)
			}
		}
	}
	if s.get("/v1/tokens/"+handle, owner).status != http.StatusOK {
		t.Error("gone")
	}
}

// as adds a user of the role to the account, and logs them in.
func (s *client) as(owner, role string) string {
	s.Helper()
	account := s.get("/v1/tokenInfo", owner).text("accountId")
	email := role + "-" + strings.ToLower(s.Name()) + "@example.com"
	answer := s.operate(`{"command":"user.create","account":"` + account + `","email":"` + email + `","name":"Max Example","role":"` + role + `","password":"` + testPassword + `"}`)
	if strings.Contains(answer, `"errors"`) {
		s.Fatal(answer)
	}
	r := s.post("/v1/login", "", map[string]any{"name": email, "password": testPassword, "returnToken": true})
	s.want(r, http.StatusOK)
	return r.text("token")
}

func TestAParameterOfTheTemplateIsSetOnTheCommandLine(t *testing.T) {
	var out, errs strings.Builder
	if o, err := parseFlags([]string{"-parameter", "Realm=eu", "-parameter", "LogLevel=DEBUG"}, &errs); err != nil || o.parameters["Realm"] != "eu" || o.parameters["LogLevel"] != "DEBUG" {
		t.Errorf("%v, %v", o.parameters, err)
	}
	for _, bad := range []string{"Realm", "=eu"} {
		if _, err := parseFlags([]string{"-parameter", bad}, &errs); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if code := run(ctx, []string{"-addr", "127.0.0.1:0", "-data", t.TempDir(), "-template", "../../template.yaml", "-parameter", "Region=eu"}, &out, &errs); code == 0 || !strings.Contains(errs.String(), "Region") {
		t.Errorf("%d, %s", code, errs.String())
	}
}
