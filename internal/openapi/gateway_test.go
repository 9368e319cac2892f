package openapi_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"keyfob/internal/openapi/openapitest"
	"keyfob/internal/scope"
	"keyfob/internal/template"
)

// byItself are the statuses with which the gateway answers by itself in a deployment, by the type of its response. The
// other types come from features that the template does not use.
func byItself() map[string]int {
	return map[string]int{
		"UNAUTHORIZED": 401, "ACCESS_DENIED": 403, "MISSING_AUTHENTICATION_TOKEN": 404, "INVALID_SIGNATURE": 404, "EXPIRED_TOKEN": 404,
		"RESOURCE_NOT_FOUND": 404, "BAD_REQUEST_PARAMETERS": 400, "BAD_REQUEST_BODY": 400, "REQUEST_TOO_LARGE": 413,
		"UNSUPPORTED_MEDIA_TYPE": 415, "THROTTLED": 429, "QUOTA_EXCEEDED": 429, "AUTHORIZER_FAILURE": 503,
		"AUTHORIZER_CONFIGURATION_ERROR": 503, "INTEGRATION_FAILURE": 503, "INTEGRATION_TIMEOUT": 504,
	}
}

func TestWhatTheGatewayAnswersByItselfIsDescribed(t *testing.T) {
	tm, err := template.Load("../../template.yaml", template.Options{})
	if err != nil {
		t.Fatal(err)
	}
	d := openapitest.Load(t)
	for kind, status := range byItself() {
		r, ok := tm.API.GatewayResponses[kind]
		if !ok || r.StatusCode != status {
			t.Errorf("%s: the template answers %d", kind, r.StatusCode)
			continue
		}
		for _, reason := range []scope.Reason{scope.NeedsFullScope, scope.OutsideScope, scope.RoleForbids, scope.NeedsASession} {
			if err := d.Check(rendered(r, status, reason)); err != nil {
				t.Errorf("%s: %v", kind, err)
			}
		}
	}
	// A defect is answered with the default, whose body cannot say its status.
	if err := d.Check(rendered(tm.API.GatewayResponses["DEFAULT_5XX"], http.StatusInternalServerError, "")); err != nil {
		t.Errorf("DEFAULT_5XX: %v", err)
	}
}

// rendered is what a client gets of a gateway response, to a request that can be answered with any status.
func rendered(r template.GatewayResponse, status int, reason scope.Reason) openapitest.Exchange {
	context := strings.NewReplacer(
		"context.authorizer.challenge", `Bearer realm="us", error="insufficient_scope"`,
		"$context.authorizer.message", reason.Sentence(), "$context.authorizer.code", string(reason),
	)
	header := http.Header{}
	for name, expression := range r.Headers {
		header.Set(name, strings.TrimSuffix(strings.TrimPrefix(context.Replace(expression), "'"), "'"))
	}
	request := httptest.NewRequest(http.MethodPost, "https://keyfob.example.com/v1/tokens", nil)
	if status == http.StatusNotFound {
		request = httptest.NewRequest(http.MethodGet, "https://keyfob.example.com/v1/there/is/nothing", nil)
	}
	return openapitest.Exchange{
		Request: request, Response: &http.Response{StatusCode: status, Header: header},
		Received: []byte(context.Replace(r.Templates["application/json"])),
	}
}
