package openapi_test

import (
	"log/slog"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"keyfob/internal/api"
	"keyfob/internal/authorizer"
	"keyfob/internal/credential"
	"keyfob/internal/gateway"
	"keyfob/internal/scope"
	"keyfob/internal/template"
)

// functions are those that answer routes.
func functions(c api.Config) map[string]*gateway.Function {
	return map[string]*gateway.Function{
		"LoginFunction": api.Login(c), "LogoutFunction": api.Logout(c), "UnlockFunction": api.Unlock(c), "PasswordFunction": api.Password(c),
		"FactorsFunction": api.Factors(c), "SessionsFunction": api.Sessions(c), "CreateTokenFunction": api.CreateToken(c),
		"EditTokenFunction": api.EditToken(c), "RotateTokenFunction": api.RotateToken(c), "RevealTokenFunction": api.RevealToken(c),
		"ListTokensFunction": api.ListTokens(c), "TokenInfoFunction": api.TokenInfo(c), "AccountFunction": api.Account(c), "RevokeFunction": api.Revoke(c),
		"LeaksFunction": api.Leaks(c), "ResourcesFunction": api.Resources(c), "SearchFunction": api.Search(c), "AuditFunction": api.Audit(c), "RunFunction": api.Run(c),
	}
}

// isPreflight reports whether the route answers what browsers ask before they send a request; the document does not
// describe it.
func isPreflight(route string) bool { return strings.HasPrefix(route, http.MethodOptions+" ") }

// deployed gives the template's routes, and the authorizer of each; empty where it is open. Pages are none of the API.
func deployed(t *testing.T) map[string]template.Route {
	t.Helper()
	tm, err := template.Load("../../template.yaml", template.Options{})
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]template.Route{}
	for _, r := range tm.API.Routes {
		if route := r.Method + " " + r.Path; !isPreflight(route) && r.Function != "DashboardFunction" {
			all[route] = r
		}
	}
	return all
}

func permissions(t *testing.T) authorizer.Routes {
	t.Helper()
	text, err := os.ReadFile("../../authorizer/routes.yaml")
	if err != nil {
		t.Fatal(err)
	}
	routes, err := authorizer.ParseRoutes(text)
	if err != nil {
		t.Fatal(err)
	}
	return routes
}

// same reports what is in one of the maps and not in the other.
func same[A, B any](t *testing.T, a string, inA map[string]A, b string, inB map[string]B) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(inA)) {
		if _, ok := inB[name]; !ok {
			t.Errorf("%s: in %s, not in %s", name, a, b)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(inB)) {
		if _, ok := inA[name]; !ok {
			t.Errorf("%s: in %s, not in %s", name, b, a)
		}
	}
	if len(inA) == 0 {
		t.Errorf("%s has none", a)
	}
}

func TestTheDocumentsRoutesAreTheHandlers(t *testing.T) {
	handled := map[string]bool{}
	for _, f := range functions(api.Config{Log: slog.New(slog.DiscardHandler)}) {
		for _, route := range f.Routes() {
			if !isPreflight(route) {
				handled[route] = true
			}
		}
	}
	same(t, "the document", operations(spec(t)), "the handlers", handled)
}

func TestTheDocumentsRoutesAreTheTemplates(t *testing.T) {
	same(t, "the document", operations(spec(t)), "the template", deployed(t))
}

func TestEveryRouteOfTheTemplateLeadsToTheFunctionThatHandlesIt(t *testing.T) {
	all := functions(api.Config{Log: slog.New(slog.DiscardHandler)})
	for route, r := range deployed(t) {
		if f := all[r.Function]; f == nil || !slices.Contains(f.Routes(), route) {
			t.Errorf("%s leads to %s, which does not handle it", route, r.Function)
		}
	}
}

func TestTheRoutesThatNeedAPermissionAreThoseWithAnAuthorizer(t *testing.T) {
	authorised := map[string]bool{}
	for route, r := range deployed(t) {
		if r.Authorizer != "" {
			authorised[route] = true
		}
	}
	same(t, "routes.yaml", permissions(t), "the template, with an authorizer", authorised)
}

func TestTheDocumentAsksForACredentialWhereTheTemplateHasAnAuthorizer(t *testing.T) {
	routes := deployed(t)
	for route, op := range operations(spec(t)) {
		guarded := routes[route].Authorizer != ""
		if asks := len(*op.Security) > 0 && len((*op.Security)[0]) > 0; asks != guarded {
			t.Errorf("%s: the document asks for a credential: %t; the template has an authorizer: %t", route, asks, guarded)
		}
		// A key's public name in the path takes a credential, the key itself none.
		// Who logs in has no credential yet, and is refused like one whose credential is not valid; so is an alert that nobody
		// known has signed.
		if may := guarded || strings.HasPrefix(route, "POST ") && (strings.HasSuffix(route, "/login") || strings.HasSuffix(route, "/leaks/github")) || route == optional; may != (op.Responses.Status(http.StatusUnauthorized) != nil) {
			t.Errorf("%s: a 401 can come: %t", route, may)
		}
	}
}

// S21: the query string carries a credential on the kept routes only.
func TestTheDocumentTakesACredentialWhereTheAuthorizerLooksForIt(t *testing.T) {
	const text = "x"
	d := spec(t)
	for name, s := range d.Components.SecuritySchemes {
		if want := map[string]string{"bearer": "", "cookie": credential.CookieName, "query": credential.QueryName}[name]; s.Value.Name != want {
			t.Errorf("%s: %q", name, s.Value.Name)
		}
	}
	for route, op := range operations(d) {
		method, path, _ := strings.Cut(route, " ")
		ways := map[string]credential.Presented{
			"bearer": {Headers: map[string][]string{"Authorization": {"Bearer " + text}}},
			"cookie": {Headers: map[string][]string{"Cookie": {credential.CookieName + "=" + text}, "Sec-Fetch-Site": {"same-origin"}}},
			"query":  {Query: map[string][]string{credential.QueryName: {text}}},
		}
		asked := map[string]bool{}
		for _, requirement := range *op.Security {
			for name := range requirement {
				asked[name] = true
			}
			if len(requirement) != 1 && route != optional {
				t.Errorf("%s asks for %d credentials at once", route, len(requirement))
			}
		}
		for name, p := range ways {
			p.Method, p.Path = method, path
			_, found := p.Find()
			if want := (found == credential.One || found == credential.Cookie || found == credential.Query) && len(asked) > 0; asked[name] != want {
				t.Errorf("%s: the document takes %s: %t; the authorizer does: %t", route, name, asked[name], want)
			}
		}
	}
}

func TestARouteCanAnswer403WhereItsPermissionCanBeRefused(t *testing.T) {
	needs := permissions(t)
	for route, op := range operations(spec(t)) {
		p, guarded := needs[route]
		can := guarded && scope.Decide(scope.Holder{Outside: true}, p) != scope.Allowed || route == optional
		if described := op.Responses.Status(http.StatusForbidden) != nil; described != can {
			t.Errorf("%s: a 403 is described: %t; can come: %t", route, described, can)
		}
	}
}

// optional is the one route that takes a request with a credential and one without.
const optional = "DELETE /api/v1/api/key/{token}"
