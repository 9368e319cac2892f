package apigateway_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// answering makes a function's answer the text.
func answering(text string) func(context.Context, []byte) ([]byte, error) {
	return func(context.Context, []byte) ([]byte, error) { return []byte(text), nil }
}

func TestAFunctionsAnswerBecomesTheResponse(t *testing.T) {
	f := serve(t)
	for _, test := range []struct {
		name, answer string
		status       int
		body         string
		header       map[string][]string
	}{
		{"all members are optional", `{}`, 200, "", map[string][]string{"Content-Type": {"application/json"}}},
		{"null is as absent", `{"statusCode":201,"headers":null,"multiValueHeaders":null,"body":null,"isBase64Encoded":null}`, 201, "", nil},
		{"a status as text", `{"statusCode":"201"}`, 201, "", nil},
		{"headers of both forms", `{"headers":{"a":"1","B":true},"multiValueHeaders":{"c":["2","3"]}}`, 200, "", map[string][]string{"A": {"1"}, "B": {"true"}, "C": {"2", "3"}}},
		{"a header in both forms", `{"headers":{"x-m":"solo"},"multiValueHeaders":{"X-M":["one","two"]}}`, 200, "", map[string][]string{"X-M": {"one", "two", "solo"}}},
		{"the same value in both forms", `{"headers":{"x-m":"one"},"multiValueHeaders":{"X-M":["one","two"]}}`, 200, "", map[string][]string{"X-M": {"one", "two"}}},
		{"cookies", `{"multiValueHeaders":{"Set-Cookie":["a=1","b=2"]}}`, 200, "", map[string][]string{"Set-Cookie": {"a=1", "b=2"}}},
		{"base64 where types are binary", `{"isBase64Encoded":true,"body":"/wA="}`, 200, "\xff\x00", nil},
		{"text", `{"body":"/wA=","headers":{"Content-Type":"text/plain"}}`, 200, "/wA=", map[string][]string{"Content-Type": {"text/plain"}}},
		{"escapes", `{"body":"\u00e9\n\""}`, 200, "é\n\"", nil},
		{"no content", `{"statusCode":204,"body":""}`, 204, "", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			f.function.answer = answering(test.answer)
			a := f.get(t, "/open")
			a.wants(t, test.status, test.body)
			for name, want := range test.header {
				if diff := cmp.Diff(want, a.Header[name]); diff != "" {
					t.Errorf("%s (-want +got):\n%s", name, diff)
				}
			}
			if a.Header.Get("x-amzn-RequestId") == "" || a.Header.Get("x-amz-apigw-id") == "" || a.Header.Get("X-Amzn-Trace-Id") == "" {
				t.Errorf("without the gateway's own headers: %v", a.Header)
			}
		})
	}
}

func TestAMalformedAnswerIsABadGateway(t *testing.T) {
	f := serve(t)
	for _, bad := range []string{
		``, `null`, `"text"`, `[]`, `{`, `{"statusCode":200}x`, `{"statusCode":"test"}`, `{"statusCode":99}`, `{"statusCode":1000}`, `{"statusCode":200.5}`,
		`{"statusCode":200,"wrongValue":"value"}`, `{"body":{"a":1}}`, `{"headers":{"a":["1"]}}`, `{"headers":{"a":{}}}`, `{"headers":[]}`,
		`{"multiValueHeaders":{"a":"1"}}`, `{"isBase64Encoded":"true"}`, `{"errorMessage":"x","errorType":"y"}`, `{"cookies":["a=1"]}`,
	} {
		f.function.answer = answering(bad)
		a := f.get(t, "/open")
		if a.StatusCode != http.StatusBadGateway || a.body != `{"message":"Internal server error"}` || a.Header.Get("x-amzn-ErrorType") != "InternalServerErrorException" {
			t.Errorf("%s: %d %s", bad, a.StatusCode, a.body)
		}
	}
}

// API Gateway's important notes: what is remapped or dropped on the way back.
func TestHeadersOfTheAnswerAreRemapped(t *testing.T) {
	f := serve(t)
	f.function.answer = answering(`{"headers":{"WWW-Authenticate":"Bearer","Server":"s","Date":"d","Authorization":"a","Connection":"c","Content-Length":"99",
		"Content-MD5":"m","Expect":"e","Host":"h","Max-Forwards":"1","Proxy-Authenticate":"p","Trailer":"t","Upgrade":"u","User-Agent":"ua",
		"Transfer-Encoding":"chunked","TE":"x","Via":"v","Content-Encoding":"identity"},"body":"1234"}`)
	a := f.get(t, "/open")
	a.wants(t, 200, "1234")
	for name, want := range map[string]string{
		"WWW-Authenticate": "Bearer", "Server": "s", "Date": "d", "Authorization": "a", "Connection": "c", "Content-Length": "99", "Content-MD5": "m",
		"Expect": "e", "Host": "h", "Max-Forwards": "1", "Proxy-Authenticate": "p", "Trailer": "t", "Upgrade": "u", "User-Agent": "ua",
	} {
		if got := a.Header.Get("x-amzn-Remapped-" + name); got != want {
			t.Errorf("x-amzn-Remapped-%s = %q, want %q", name, got, want)
		}
		if got := a.Header.Get(name); got == want {
			t.Errorf("%s came through", name)
		}
	}
	for _, name := range []string{"Transfer-Encoding", "TE", "x-amzn-Remapped-TE"} {
		if got := a.Header.Get(name); got != "" {
			t.Errorf("%s came through", name)
		}
	}
	if a.Header.Get("Via") != "v" || a.Header.Get("Content-Encoding") != "identity" || a.ContentLength != 4 {
		t.Errorf("header %v", a.Header)
	}
}

func TestBase64IsDecodedOnlyForAcceptedBinaryTypes(t *testing.T) {
	f := serve(t, `["*~1*"]`, `["image~1*"]`)
	f.function.answer = answering(`{"isBase64Encoded":true,"body":"/wA="}`)
	f.get(t, "/open", "Accept: image/png, text/html").wants(t, 200, "\xff\x00")
	f.get(t, "/open", "Accept: text/html, image/png").wants(t, 200, "/wA=")
	f.get(t, "/open").wants(t, 200, "/wA=")
	f.function.answer = answering(`{"isBase64Encoded":true,"body":"!"}`)
	f.get(t, "/open", "Accept: image/png").wants(t, http.StatusInternalServerError, `{"message":"Internal server error"}`)
}

func TestAFunctionErrorAndAPanicAreBadGateways(t *testing.T) {
	f := serve(t)
	f.function.answer = func(context.Context, []byte) ([]byte, error) { return nil, errors.New("not to be told") }
	f.get(t, "/open").wants(t, http.StatusBadGateway, `{"message":"Internal server error"}`)
	f.function.answer = func(context.Context, []byte) ([]byte, error) { panic("not to be told") }
	f.get(t, "/open").wants(t, http.StatusBadGateway, `{"message":"Internal server error"}`)
	f.function.answer = nil
	f.get(t, "/open").wants(t, http.StatusOK, "ok")
}

func TestAFunctionThatTimesOutIsABadGatewayAndItsLateAnswerIsLost(t *testing.T) {
	f := serve(t)
	release := make(chan struct{})
	defer close(release)
	f.function.answer = func(context.Context, []byte) ([]byte, error) {
		close(f.deadline(10 * time.Second))
		<-release
		return []byte(`{"body":"late"}`), nil
	}
	f.get(t, "/open").wants(t, http.StatusBadGateway, `{"message":"Internal server error"}`)
}

func TestAnIntegrationThatTimesOutBeforeItsFunctionIsAGatewayTimeout(t *testing.T) {
	f := serve(t, "Timeout: 10", "Timeout: 60")
	release := make(chan struct{})
	defer close(release)
	f.function.answer = func(context.Context, []byte) ([]byte, error) {
		close(f.deadline(29 * time.Second))
		<-release
		return nil, nil
	}
	f.get(t, "/open").wants(t, http.StatusGatewayTimeout, `{"message":"Endpoint request timed out"}`)
}

func TestAThrottledFunctionIsAnInternalServerError(t *testing.T) {
	f := serve(t, "ReservedConcurrentExecutions: 100", "ReservedConcurrentExecutions: 0")
	f.get(t, "/open").wants(t, http.StatusInternalServerError, `{"message":"Internal server error"}`)
	if f.function.invoked() != 0 {
		t.Error("it was invoked")
	}
}

func TestGatewayResponsesAreTheTemplates(t *testing.T) {
	f := serve(t, "# RESPONSES", `GatewayResponses:
        MISSING_AUTHENTICATION_TOKEN:
          StatusCode: 404
          ResponseParameters:
            Headers:
              X-Static: "'default-src 'none'; x'"
              X-Id: context.requestId
              X-Origin: method.request.header.Origin
              X-Query: method.request.querystring.q
              X-Absent: context.authorizer.challenge
              Content-Type: "'application/problem+json'"
          ResponseTemplates:
            application/json: '{"m":$context.error.messageString,"raw":"$context.error.message","type":"$context.error.responseType","id":"$context.requestId","price":"$5","who":"$context.authorizer.principalId","ip":"$context.identity.sourceIp."}'
            text/plain: "gone: $method.request.header.Origin"
        DEFAULT_5XX:
          ResponseParameters: {Headers: {Retry-After: "'1'"}}
        INTEGRATION_FAILURE:
          StatusCode: "503"`)
	a := f.get(t, "/v2?q=1", "Origin: https://a.example.com")
	id := a.Header.Get("x-amzn-RequestId")
	a.wants(t, http.StatusNotFound, `{"m":"Missing Authentication Token","raw":"Missing Authentication Token","type":"MISSING_AUTHENTICATION_TOKEN","id":"`+id+`","price":"$5","who":"","ip":"127.0.0.1."}`)
	for name, want := range map[string]string{
		"X-Static": "default-src 'none'; x", "X-Id": id, "X-Origin": "https://a.example.com", "X-Query": "1",
		"Content-Type": "application/problem+json", "X-Amzn-Trace-Id": "",
	} {
		if got := a.Header.Get(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	if _, ok := a.Header["X-Absent"]; ok {
		t.Error("a header without a value is sent")
	}
	f.get(t, "/v2", "Accept: text/html, text/plain;q=0.5", "Origin: o").wants(t, http.StatusNotFound, "gone: o")

	f.function.answer = answering("malformed")
	a = f.get(t, "/open")
	a.wants(t, http.StatusBadGateway, `{"message":"Internal server error"}`)
	if a.Header.Get("Retry-After") != "1" || a.Header.Get("Content-Type") != "application/json" {
		t.Errorf("DEFAULT_5XX: %v", a.Header)
	}

	f = serve(t, "ReservedConcurrentExecutions: 100", "ReservedConcurrentExecutions: 0", "# RESPONSES", "GatewayResponses: {INTEGRATION_FAILURE: {StatusCode: '503'}}")
	f.get(t, "/open").wants(t, http.StatusServiceUnavailable, `{"message":"Internal server error"}`)
}

func TestDefault4XXStandsInForEvery4XX(t *testing.T) {
	f := serve(t, "# RESPONSES", `GatewayResponses: {DEFAULT_4XX: {ResponseTemplates: {application/json: '{"t":"$context.error.responseType"}'}}}`)
	f.get(t, "/v2").wants(t, http.StatusForbidden, `{"t":"MISSING_AUTHENTICATION_TOKEN"}`)
	f.do(t, http.MethodPost, "/open", strings.Repeat("a", 10_485_761)).wants(t, http.StatusRequestEntityTooLarge, `{"t":"REQUEST_TOO_LARGE"}`)
}
