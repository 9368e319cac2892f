package infratest

import (
	"maps"
	"net/http"
	"slices"
	"testing"
	"time"

	"keyfob/internal/template"
)

// routes is the API: where each route leads, and whether it is open to callers without a credential.
var routes = map[string]struct {
	function string
	open     bool
}{
	"POST /v1/login":                       {"LoginFunction", true},
	"POST /api/v1/login":                   {"LoginFunction", true},
	"GET /v1/login":                        {"LoginFunction", false},
	"GET /api/v1/login":                    {"LoginFunction", false},
	"GET /v1/logout":                       {"LogoutFunction", false},
	"POST /v1/logout":                      {"LogoutFunction", false},
	"GET /api/v1/logout":                   {"LogoutFunction", false},
	"POST /api/v1/logout":                  {"LogoutFunction", false},
	"POST /v1/login/unlock":                {"UnlockFunction", false},
	"POST /api/v1/login/unlock":            {"UnlockFunction", false},
	"POST /v1/login/challenge":             {"UnlockFunction", false},
	"POST /api/v1/login/challenge":         {"UnlockFunction", false},
	"POST /v1/login/stepup":                {"UnlockFunction", false},
	"POST /v1/password/reset":              {"PasswordFunction", true},
	"POST /v1/password/set":                {"PasswordFunction", true},
	"POST /v1/me/password":                 {"PasswordFunction", false},
	"GET /v1/me/factors":                   {"FactorsFunction", false},
	"POST /v1/me/factors/totp":             {"FactorsFunction", false},
	"POST /v1/me/factors/totp/confirm":     {"FactorsFunction", false},
	"DELETE /v1/me/factors/totp":           {"FactorsFunction", false},
	"POST /v1/me/factors/email":            {"FactorsFunction", false},
	"POST /v1/me/factors/email/confirm":    {"FactorsFunction", false},
	"DELETE /v1/me/factors/email":          {"FactorsFunction", false},
	"POST /v1/me/factors/passkeys":         {"FactorsFunction", false},
	"POST /v1/me/factors/passkeys/confirm": {"FactorsFunction", false},
	"DELETE /v1/me/factors/passkeys/{id}":  {"FactorsFunction", false},
	"POST /v1/me/factors/codes":            {"FactorsFunction", false},
	"GET /v1/me/sessions":                  {"SessionsFunction", false},
	"DELETE /v1/me/sessions":               {"SessionsFunction", false},
	"DELETE /v1/me/sessions/{id}":          {"SessionsFunction", false},
	"GET /":                                {"DashboardFunction", true},
	"GET /password":                        {"DashboardFunction", true},
	"GET /assets/{file}":                   {"DashboardFunction", true},
	"POST /v1/users":                       {"AccountFunction", false},
	"DELETE /v1/users/{id}":                {"AccountFunction", false},
	"POST /v1/users/{id}/invite":           {"AccountFunction", false},
	"DELETE /v1/users/{id}/factors":        {"AccountFunction", false},
	"GET /v1/account/handover":             {"AccountFunction", false},
	"POST /v1/account/handover":            {"AccountFunction", false},
	"DELETE /v1/account/handover":          {"AccountFunction", false},
	"POST /v1/account/handover/accept":     {"AccountFunction", false},
	"POST /v1/tokens":                      {"CreateTokenFunction", false},
	"POST /api/v1/api/key":                 {"CreateTokenFunction", false},
	"GET /v1/tokens":                       {"ListTokensFunction", false},
	"GET /v1/tokens/{id}":                  {"ListTokensFunction", false},
	"GET /api/v1/api/key":                  {"ListTokensFunction", false},
	"PATCH /v1/tokens/{id}":                {"EditTokenFunction", false},
	"POST /v1/integrations/{id}/tokens":    {"CreateTokenFunction", false},
	"POST /v1/tokens/{id}/rotate":          {"RotateTokenFunction", false},
	"POST /v1/tokens/{id}/reveal":          {"RevealTokenFunction", false},
	"DELETE /v1/tokens/{id}":               {"RevokeFunction", false},
	"POST /v1/revoke":                      {"RevokeFunction", true},
	"DELETE /api/v1/api/key/{token}":       {"RevokeFunction", true},
	"GET /disavow/{link}":                  {"RevokeFunction", true},
	"POST /disavow/{link}":                 {"RevokeFunction", true},
	"POST /v1/leaks/github":                {"LeaksFunction", true},
	"GET /v1/tokenInfo":                    {"TokenInfoFunction", false},
	"GET /api/v1/tokenInfo":                {"TokenInfoFunction", false},
	"GET /v1/account":                      {"AccountFunction", false},
	"PATCH /v1/account":                    {"AccountFunction", false},
	"GET /v1/users":                        {"AccountFunction", false},
	"GET /v1/users/{id}":                   {"AccountFunction", false},
	"PATCH /v1/users/{id}":                 {"AccountFunction", false},
	"GET /v1/me":                           {"AccountFunction", false},
	"PATCH /v1/me":                         {"AccountFunction", false},
	"GET /v1/{category}":                   {"ResourcesFunction", false},
	"GET /v1/{category}/{id}":              {"ResourcesFunction", false},
	"PUT /v1/{category}/{id}":              {"ResourcesFunction", false},
	"DELETE /v1/{category}/{id}":           {"ResourcesFunction", false},
	"GET /v1/integrations":                 {"ResourcesFunction", false},
	"GET /v1/integrations/{id}":            {"ResourcesFunction", false},
	"PUT /v1/integrations/{id}":            {"ResourcesFunction", false},
	"DELETE /v1/integrations/{id}":         {"ResourcesFunction", false},
	"POST /v1/{category}/{id}/run":         {"RunFunction", false},
	"GET /v1/{category}/{id}/debugLogs":    {"RunFunction", false},
	"POST /api/v1/search":                  {"SearchFunction", false},
	"GET /v1/audit":                        {"AuditFunction", false},
	"GET /v1/tokens/{id}/audit":            {"AuditFunction", false},
}

func TestEveryRouteLeadsToItsFunctionAndOnlyTheListedAreOpen(t *testing.T) {
	tm := load(t, "template.yaml", nil)
	seen := map[string]bool{}
	preflights, paths := map[string]bool{}, map[string]bool{}
	for _, r := range tm.API.Routes {
		if r.Method == http.MethodOptions {
			// Anybody may send one, so it goes where there is nothing to lose.
			if r.Function != "TokenInfoFunction" || r.Authorizer != "" {
				t.Errorf("OPTIONS %s leads to %s, authorizer %q", r.Path, r.Function, r.Authorizer)
			}
			preflights[r.Path] = true
			continue
		}
		name := r.Method + " " + r.Path
		seen[name] = true
		if r.Function != "DashboardFunction" && r.Path != "/disavow/{link}" { // no page of another origin reads a page
			paths[r.Path] = true
		}
		if want, ok := routes[name]; !ok || r.Function != want.function || (r.Authorizer == "") != want.open || !want.open && r.Authorizer != "Keyfob" {
			t.Errorf("%s leads to %s, authorizer %q; want %+v", name, r.Function, r.Authorizer, want)
		}
	}
	for name := range routes {
		if !seen[name] {
			t.Errorf("%s is not in the template", name)
		}
	}
	if !maps.Equal(preflights, paths) {
		t.Errorf("preflights are answered for %v, and there are %v", preflights, paths)
	}
}

// SAM's own preflights cannot answer while every body is binary.
func TestPreflightsAreNotLeftToSAMWhileEveryBodyIsBinary(t *testing.T) {
	api := load(t, "template.yaml", nil).API
	if !slices.Equal(api.BinaryMediaTypes, []string{"*/*"}) || api.CORS != nil {
		t.Errorf("%v, %+v", api.BinaryMediaTypes, api.CORS)
	}
}

// P1: nothing is remembered unless somebody says so twice; then for one credential, method and path.
func TestP1TheAuthorizerIsAskedForEveryRequest(t *testing.T) {
	api := load(t, "template.yaml", nil).API
	asked := api.Authorizers[api.DefaultAuthorizer]
	if asked.Function != "AuthorizerFunction" || asked.Type != "REQUEST" || asked.TTL != 0 || len(asked.Identity) != 0 {
		t.Errorf("%+v", asked)
	}
	api = load(t, "template.yaml", map[string]string{"AuthorizerName": "KeyfobCached", "AuthorizerCacheSeconds": "60"}).API
	cached := api.Authorizers[api.DefaultAuthorizer]
	want := []template.Identity{{In: "header", Name: "Authorization"}, {In: "context", Name: "httpMethod"}, {In: "context", Name: "path"}}
	if cached.TTL != time.Minute || !slices.Equal(cached.Identity, want) {
		t.Errorf("%+v", cached)
	}
	for _, r := range api.Routes {
		if !routes[r.Method+" "+r.Path].open && r.Method != http.MethodOptions && r.Authorizer != "KeyfobCached" {
			t.Errorf("%s %s: %q", r.Method, r.Path, r.Authorizer)
		}
	}
}
