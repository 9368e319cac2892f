package apigateway_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// policy answers with a policy of these statements.
func policy(statements string) func(context.Context, []byte) ([]byte, error) {
	return answering(`{"principalId":"p","policyDocument":{"Version":"2012-10-17","Statement":` + statements + `}}`)
}

func TestAuthorizerEvent(t *testing.T) {
	f := serve(t)
	f.get(t, "/guarded/a%2Fb?token=x&token=y", "AuthoriZation: Bearer t")
	e := f.authorizer.last(t)
	for path, want := range map[string]any{
		"type":                                  "REQUEST",
		"methodArn":                             "arn:aws:execute-api:us-east-1:123456789012:keyfob0000/live/GET/guarded/a%2Fb",
		"resource":                              "/guarded/{id}",
		"path":                                  "/guarded/a%2Fb",
		"httpMethod":                            "GET",
		"headers.AuthoriZation":                 "Bearer t",
		"multiValueHeaders.AuthoriZation":       list("Bearer t"),
		"queryStringParameters.token":           "y",
		"multiValueQueryStringParameters.token": list("x", "y"),
		"pathParameters.id":                     "a%2Fb",
		"stageVariables":                        map[string]any{},
		"requestContext.resourcePath":           "/guarded/{id}",
		"requestContext.stage":                  "live",
		"requestContext.identity.sourceIp":      "127.0.0.1",
		"requestContext.authorizer":             "(absent)",
		"body":                                  "(absent)",
		"isBase64Encoded":                       "(absent)",
	} {
		if diff := cmp.Diff(want, e.at(path)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
	f.get(t, "/guarded")
	e = f.authorizer.last(t)
	for _, path := range []string{"queryStringParameters", "multiValueQueryStringParameters", "pathParameters"} {
		if diff := cmp.Diff(any(map[string]any{}), e.at(path)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
	if id := f.function.last(t).at("requestContext.requestId"); id != e.at("requestContext.requestId") {
		t.Error("the two events have different request ids")
	}
}

func TestTheAuthorizersContextReachesTheFunctionAsTexts(t *testing.T) {
	f := serve(t)
	f.get(t, "/guarded")
	got, _ := f.function.last(t).at("requestContext.authorizer").(map[string]any)
	if _, ok := got["integrationLatency"].(float64); !ok {
		t.Errorf("integrationLatency = %v", got["integrationLatency"])
	}
	delete(got, "integrationLatency")
	want := map[string]any{"principalId": "usr_1", "scope": "full", "count": "3", "ratio": "1.5", "owner": "true"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestPolicyEvaluation(t *testing.T) {
	f := serve(t)
	const arn = "arn:aws:execute-api:us-east-1:123456789012:keyfob0000/live/GET/guarded/1"
	const explicit = `{"Message":"User is not authorized to access this resource with an explicit deny"}`
	const implicit = `{"Message":"User is not authorized to access this resource"}`
	statement := func(effect, action, resource string) string {
		return fmt.Sprintf(`{"Effect":%q,"Action":%s,"Resource":%s}`, effect, action, resource)
	}
	const invoke = `"execute-api:Invoke"`
	for _, test := range []struct{ name, statements, refused string }{
		{"the method itself", statement("Allow", invoke, `"`+arn+`"`), ""},
		{"lists", "[" + statement("Allow", `[`+invoke+`]`, `["x","`+arn+`"]`) + "]", ""},
		{"everything", statement("Allow", `"*"`, `"*"`), ""},
		{"a wildcard over slashes", statement("Allow", `"execute-api:*"`, `"arn:aws:execute-api:*/live/GET/*"`), ""},
		{"a question mark", statement("Allow", invoke, `"arn:aws:execute-api:us-east-1:123456789012:keyfob0000/live/GET/guarded/?"`), ""},
		{"actions whatever the case", statement("Allow", `"EXECUTE-API:invoke"`, `"*"`), ""},
		{"another method", statement("Allow", invoke, `"arn:aws:execute-api:*/live/POST/*"`), implicit},
		{"another path", statement("Allow", invoke, `"arn:aws:execute-api:*/live/GET/guarded"`), implicit},
		{"another action", statement("Allow", `"execute-api:ManageConnections"`, `"*"`), implicit},
		{"no statement", "[]", implicit},
		{"a deny", statement("Deny", invoke, `"*"`), explicit},
		{"a deny beats an allow before it", "[" + statement("Allow", invoke, `"*"`) + "," + statement("Deny", invoke, `"`+arn+`"`) + "]", explicit},
		{"a deny beats an allow behind it", "[" + statement("Deny", invoke, `"`+arn+`"`) + "," + statement("Allow", invoke, `"*"`) + "]", explicit},
		{"a deny of something else", "[" + statement("Deny", invoke, `"*/POST/*"`) + "," + statement("Allow", invoke, `"*"`) + "]", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			f.authorizer.answer = policy(test.statements)
			a := f.get(t, "/guarded/1")
			if test.refused == "" {
				a.wants(t, http.StatusOK, "ok")
				return
			}
			a.wants(t, http.StatusForbidden, test.refused)
			if got := a.Header.Get("x-amzn-ErrorType"); got != "AccessDeniedException" {
				t.Errorf("error type %s", got)
			}
		})
	}
}

func TestAnAuthorizersErrors(t *testing.T) {
	f := serve(t)
	for _, test := range []struct {
		name   string
		answer func(context.Context, []byte) ([]byte, error)
		status int
		body   string
	}{
		{"Unauthorized, to the letter", func(context.Context, []byte) ([]byte, error) { return nil, errors.New("Unauthorized") }, 401, `{"message":"Unauthorized"}`},
		{"another error", func(context.Context, []byte) ([]byte, error) { return nil, errors.New("unauthorized") }, 500, `{"message":null}`},
		{"a panic", func(context.Context, []byte) ([]byte, error) { panic("x") }, 500, `{"message":null}`},
		{"a panic that says Unauthorized", func(context.Context, []byte) ([]byte, error) { panic("Unauthorized") }, 401, `{"message":"Unauthorized"}`},
		{"no answer", answering(``), 500, `{"message":null}`},
		{"null", answering(`null`), 500, `{"message":null}`},
		{"no policy", answering(`{"principalId":"p"}`), 500, `{"message":null}`},
		{"an empty policy", answering(`{"principalId":"p","policyDocument":{}}`), 403, `{"Message":"User is not authorized to access this resource"}`},
		{"a policy that is none", answering(`{"principalId":"p","policyDocument":"x"}`), 500, `{"message":null}`},
		{"an effect there is not", policy(`{"Effect":"allow","Action":"*","Resource":"*"}`), 500, `{"message":null}`},
		{"no effect", policy(`{"Action":"*","Resource":"*"}`), 500, `{"message":null}`},
		{"no resource", policy(`{"Effect":"Allow","Action":"*"}`), 500, `{"message":null}`},
		{"a condition, which is not evaluated here", policy(`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{}}`), 500, `{"message":null}`},
		{"a list in the context", answering(`{"principalId":"p","policyDocument":{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}},"context":{"a":[]}}`), 500, `{"message":null}`},
		{"an object in the context", answering(`{"principalId":"p","policyDocument":{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}},"context":{"a":{}}}`), 500, `{"message":null}`},
		{"a principal that is no text", answering(`{"principalId":1,"policyDocument":{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}}`), 500, `{"message":null}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			f.authorizer.answer = test.answer
			f.get(t, "/guarded").wants(t, test.status, test.body)
			if f.function.invoked() != 0 {
				t.Error("the function was invoked")
			}
		})
	}
}

func TestAnAuthorizerThatTimesOutIsAnAuthorizerError(t *testing.T) {
	f := serve(t)
	release := make(chan struct{})
	defer close(release)
	f.authorizer.answer = func(ctx context.Context, e []byte) ([]byte, error) {
		close(f.deadline(5 * time.Second))
		<-release
		return allow(ctx, e)
	}
	a := f.get(t, "/guarded")
	a.wants(t, http.StatusInternalServerError, `{"message":null}`)
	if a.Header.Get("x-amzn-ErrorType") != "AuthorizerConfigurationException" || f.function.invoked() != 0 {
		t.Errorf("header %v", a.Header)
	}
}

func TestADenialsGatewayResponseMayUseTheAuthorizersContext(t *testing.T) {
	f := serve(t, "# RESPONSES", `GatewayResponses:
        ACCESS_DENIED:
          ResponseParameters: {Headers: {WWW-Authenticate: context.authorizer.challenge}}
          ResponseTemplates: {application/json: '{"message":"$context.authorizer.message","who":"$context.authorizer.principalId"}'}`)
	f.authorizer.answer = answering(`{"principalId":"p","policyDocument":{"Statement":{"Effect":"Deny","Action":"*","Resource":"*"}},"context":{"message":"not yours","challenge":"Bearer error=\"insufficient_scope\""}}`)
	a := f.get(t, "/guarded")
	a.wants(t, http.StatusForbidden, `{"message":"not yours","who":"p"}`)
	if got := a.Header.Get("WWW-Authenticate"); got != `Bearer error="insufficient_scope"` {
		t.Errorf("WWW-Authenticate = %s", got)
	}
}

func TestWithoutACacheEveryRequestIsAsked(t *testing.T) {
	f := serve(t)
	f.get(t, "/guarded", "Authorization: a")
	f.get(t, "/guarded", "Authorization: a")
	if n := f.authorizer.invoked(); n != 2 {
		t.Errorf("it was asked %d times", n)
	}
}

func TestACachedPolicyGoesByTheIdentityAndIsEvaluatedForEachRoute(t *testing.T) {
	f := serve(t, "Identity: {ReauthorizeEvery: 0}", "Identity: {Headers: [Authorization], QueryStrings: [q], ReauthorizeEvery: 60}")
	f.authorizer.answer = policy(`{"Effect":"Allow","Action":"*","Resource":"*/live/GET/guarded"}`)
	f.get(t, "/guarded?q=1", "Authorization: a").wants(t, http.StatusOK, "ok")
	f.get(t, "/guarded?q=1", "authorization: a").wants(t, http.StatusOK, "ok")
	if n := f.authorizer.invoked(); n != 1 {
		t.Errorf("it was asked %d times", n)
	}
	// The remembered policy does not name this route.
	if a := f.get(t, "/guarded/1?q=1", "Authorization: a"); a.StatusCode != http.StatusForbidden || f.authorizer.invoked() != 1 {
		t.Errorf("another route: %d, asked %d times", a.StatusCode, f.authorizer.invoked())
	}
	f.get(t, "/guarded?q=2", "Authorization: a")
	f.get(t, "/guarded?q=1", "Authorization: b")
	if n := f.authorizer.invoked(); n != 3 {
		t.Errorf("with other identities it was asked %d times", n)
	}
	*f.clock = f.clock.Add(59*time.Second + 999*time.Millisecond)
	f.get(t, "/guarded?q=1", "Authorization: a")
	if n := f.authorizer.invoked(); n != 3 {
		t.Errorf("just before the end it was asked %d times", n)
	}
	*f.clock = f.clock.Add(time.Millisecond)
	f.get(t, "/guarded?q=1", "Authorization: a")
	if n := f.authorizer.invoked(); n != 4 {
		t.Errorf("at the end it was asked %d times", n)
	}
}

func TestAFailedAuthorizerIsNotRemembered(t *testing.T) {
	f := serve(t, "Identity: {ReauthorizeEvery: 0}", "Identity: {Headers: [Authorization], ReauthorizeEvery: 60}")
	f.authorizer.answer = func(context.Context, []byte) ([]byte, error) { return nil, errors.New("Unauthorized") }
	f.get(t, "/guarded", "Authorization: a").wants(t, http.StatusUnauthorized, `{"message":"Unauthorized"}`)
	f.authorizer.answer = allow
	f.get(t, "/guarded", "Authorization: a").wants(t, http.StatusOK, "ok")
}

func TestAMissingIdentityIsUnauthorizedWithoutACall(t *testing.T) {
	for identity, requests := range map[string][][]string{
		"{Headers: [Authorization], QueryStrings: [q], ReauthorizeEvery: 60}": {{"/guarded?q=1"}, {"/guarded?q=1", "Authorization: "}, {"/guarded", "Authorization: a"}, {"/guarded?q=", "Authorization: a"}},
		"{Headers: [Authorization], ReauthorizeEvery: 0}":                     {{"/guarded"}},
		"{StageVariables: [v], ReauthorizeEvery: 60}":                         {{"/guarded"}},
	} {
		f := serve(t, "Identity: {ReauthorizeEvery: 0}", "Identity: "+identity)
		for _, r := range requests {
			f.get(t, r[0], r[1:]...).wants(t, http.StatusUnauthorized, `{"message":"Unauthorized"}`)
		}
		if f.authorizer.invoked() != 0 {
			t.Errorf("%s: it was asked", identity)
		}
	}
	f := serve(t, "Identity: {ReauthorizeEvery: 0}", "Identity: {Context: [httpMethod, path], ReauthorizeEvery: 60}")
	f.get(t, "/guarded").wants(t, http.StatusOK, "ok")
	f.get(t, "/guarded/1").wants(t, http.StatusOK, "ok")
	if f.authorizer.invoked() != 2 {
		t.Error("method and path do not tell requests apart")
	}
}

func TestATokenAuthorizerGetsTheCredentialOnly(t *testing.T) {
	f := serve(t, "FunctionPayloadType: REQUEST", "FunctionPayloadType: TOKEN", "Identity: {ReauthorizeEvery: 0}", `Identity: {Header: X-Token, ValidationExpression: "t[0-9]+", ReauthorizeEvery: 0}`)
	f.get(t, "/guarded", "x-token: t1").wants(t, http.StatusOK, "ok")
	want := event{"type": "TOKEN", "authorizationToken": "t1", "methodArn": "arn:aws:execute-api:us-east-1:123456789012:keyfob0000/live/GET/guarded"}
	if diff := cmp.Diff(want, f.authorizer.last(t)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, bad := range []string{"x-token: ", "x-token: t1x", "x-token: xt1"} {
		f.get(t, "/guarded", bad).wants(t, http.StatusUnauthorized, `{"message":"Unauthorized"}`)
	}
	if f.authorizer.invoked() != 1 {
		t.Error("it was asked")
	}
}
