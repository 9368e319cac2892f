package apigateway_test

import (
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keyfob/internal/local/apigateway"
	"keyfob/internal/template"
)

func TestRouting(t *testing.T) {
	f := serve(t)
	for _, test := range []struct {
		name, method, path string
		resource           any // nil where there is none
		params             any
	}{
		{"static beats variable", "POST", "/v1/tokens", "/v1/tokens", nil},
		{"static beats variable further down", "DELETE", "/v1/tokens/1", "/v1/tokens/{id}", map[string]any{"id": "1"}},
		{"variable", "GET", "/v1/exports", "/v1/{category}", map[string]any{"category": "exports"}},
		{"two variables", "GET", "/v1/exports/1", "/v1/{category}/{id}", map[string]any{"category": "exports", "id": "1"}},
		{"a static segment leads nowhere, so the variable has it", "GET", "/v1/revoke/1", "/v1/{category}/{id}", map[string]any{"category": "revoke", "id": "1"}},
		{"greedy takes slashes", "GET", "/files/a/b//c", "/files/{path+}", map[string]any{"path": "a/b//c"}},
		{"a slash at the end does not count", "GET", "/v1/exports/", "/v1/{category}", map[string]any{"category": "exports"}},
		{"nor in a greedy value", "GET", "/files/a/", "/files/{path+}", map[string]any{"path": "a"}},
		{"slashes doubled in front count as one", "GET", "//v1/exports", "/v1/{category}", map[string]any{"category": "exports"}},
		{"an encoded slash does not part segments", "GET", "/v1/a%2Fb", "/v1/{category}", map[string]any{"category": "a%2Fb"}},
		{"values stay encoded", "GET", "/v1/%40%20+", "/v1/{category}", map[string]any{"category": "%40%20+"}},
		{"an encoded letter is not the letter", "POST", "/v1/%74okens", nil, nil},
		{"ANY", "PATCH", "/open", "/open", nil},
		{"ANY is not every word", "LINK", "/open", nil, nil},
		{"the static resource has no such method, and the variable one is not asked", "GET", "/v1/tokens", nil, nil},
		{"no such method", "DELETE", "/v1/exports", nil, nil},
		{"HEAD is not GET", "HEAD", "/v1/exports", nil, nil},
		{"OPTIONS is not answered by itself", "OPTIONS", "/v1/exports", nil, nil},
		{"no such path", "GET", "/v2", nil, nil},
		{"an empty segment is no value", "GET", "/v1//1", nil, nil},
		{"nothing is not a greedy value", "GET", "/files/", nil, nil},
		{"the root", "GET", "/", nil, nil},
		{"dots are not resolved", "GET", "/v1/../open", "/v1/{category}/{id}", map[string]any{"category": "..", "id": "open"}},
		{"the star", "OPTIONS", "*", nil, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := f.function.invoked()
			a := f.do(t, test.method, test.path, "")
			if test.resource == nil {
				if a.StatusCode != http.StatusForbidden || f.function.invoked() != before {
					t.Errorf("it was routed: %d %s", a.StatusCode, a.body)
				}
				return
			}
			if f.function.invoked() == before {
				t.Fatalf("it was not routed: %d %s", a.StatusCode, a.body)
			}
			e := f.function.last(t)
			if diff := cmp.Diff([]any{test.resource, test.params}, []any{e.at("resource"), e.at("pathParameters")}); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if want := strings.Replace(test.path, "//v1", "/v1", 1); e.at("path") != want || e.at("requestContext.path") != "/live"+test.path {
				t.Errorf("path %v, in the context %v", e.at("path"), e.at("requestContext.path"))
			}
		})
	}
}

// The gateway takes what it does not know for a call that IAM should have signed.
func TestAnUnknownRouteIsAMissingTokenOrWithAuthorizationAnInvalidSignature(t *testing.T) {
	f := serve(t)
	a := f.get(t, "/v2")
	a.wants(t, http.StatusForbidden, `{"message":"Missing Authentication Token"}`)
	if got := a.Header.Get("x-amzn-ErrorType"); got != "MissingAuthenticationTokenException" {
		t.Errorf("error type %s", got)
	}
	a = f.get(t, "/v2", "Authorization: Bearer secret")
	if a.StatusCode != http.StatusForbidden || strings.Contains(a.body, "secret") || a.Header.Get("x-amzn-ErrorType") != "IncompleteSignatureException" {
		t.Errorf("with a credential: %d %s", a.StatusCode, a.body)
	}
}

func TestCORSAnswersPreflightsAsSAMDoes(t *testing.T) {
	cors := "Cors: {AllowOrigin: \"'https://keys.example.com'\", AllowHeaders: \"'authorization'\", MaxAge: \"'600'\", AllowCredentials: true}"
	f := serve(t, "# CORS", cors, `["*~1*"]`, `[]`, "DefaultAuthorizer: Guard", "DefaultAuthorizer: Guard\n        AddDefaultAuthorizerToCorsPreflight: false")
	a := f.do(t, http.MethodOptions, "/v1/exports/1", "", "Origin: https://keys.example.com")
	a.wants(t, http.StatusOK, "{}\n")
	for name, want := range map[string]string{
		"Access-Control-Allow-Origin": "https://keys.example.com", "Access-Control-Allow-Headers": "authorization",
		"Access-Control-Allow-Methods": "GET,OPTIONS,PUT", "Access-Control-Max-Age": "600", "Access-Control-Allow-Credentials": "true",
		"Content-Type": "application/json",
	} {
		if got := a.Header.Get(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	if f.authorizer.invoked() != 0 || f.function.invoked() != 0 {
		t.Error("a function was asked")
	}
	if f.do(t, http.MethodOptions, "/open", ""); f.function.invoked() != 1 {
		t.Error("a route's own OPTIONS was not asked")
	}

	f = serve(t, "# CORS", cors, `["*~1*"]`, `[]`)
	f.do(t, http.MethodOptions, "/v1/exports/1", "")
	if f.authorizer.invoked() != 1 {
		t.Error("the default authorizer was not asked for a preflight")
	}

	f = serve(t, "# CORS", cors)
	if a := f.do(t, http.MethodOptions, "/v1/exports/1", ""); a.StatusCode != http.StatusInternalServerError {
		t.Errorf("with every media type binary: %d", a.StatusCode)
	}
}

func TestWhatCannotBeServedStopsTheStart(t *testing.T) {
	route := func(path string) template.Route {
		return template.Route{Method: "GET", Path: path, Function: "F", Place: "There"}
	}
	for name, test := range map[string]struct {
		api  template.API
		want string
	}{
		"two variables at one place": {template.API{Routes: []template.Route{route("/a/{x}"), route("/a/{y}/b")}}, "There: the path /a/{y}/b names {y} what another route there names {x}"},
		"no function":                {template.API{Routes: []template.Route{{Method: "GET", Path: "/a", Function: "G", Place: "There"}}}, "There: the route GET /a has no function G"},
		"no authorizer function":     {template.API{Authorizers: map[string]template.Authorizer{"A": {Function: "G"}}}, "the authorizer A has no function G"},
		"an unknown variable": {template.API{GatewayResponses: map[string]template.GatewayResponse{"DEFAULT_4XX": {Place: "There",
			Templates: map[string]string{"application/json": `"$context.requestID"`}}}}, "There.ResponseTemplates.application/json: the local service does not know the variable $context.requestID"},
		"a header without quotes": {template.API{GatewayResponses: map[string]template.GatewayResponse{"DEFAULT_4XX": {Place: "There",
			Headers: map[string]string{"A": "b"}}}}, `There.ResponseParameters.Headers.A: "b" is neither a static value in single quotes nor a variable known here`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := apigateway.New(apigateway.Config{API: &test.api, Functions: map[string]apigateway.Function{"F": nil}, Log: slog.New(slog.DiscardHandler)})
			if err == nil || err.Error() != test.want {
				t.Errorf("err = %v, want %s", err, test.want)
			}
		})
	}
}
