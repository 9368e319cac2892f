package apigateway_test

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func list(values ...any) []any { return values }

// The whole event of one request, member by member, as it has been recorded from API Gateway.
func TestProxyEvent(t *testing.T) {
	f := serve(t)
	f.do(t, http.MethodPut, "/v1/exports/a%2Fb%40c?x=1&y=a%2Bb+c&x=2&z", "{}", "User-Agent: test/1", "tEsT-HEADeR: aValUE", "Accept: a", "accept: b", "X-Forwarded-For: 203.0.113.9")
	e := f.function.last(t)
	for path, want := range map[string]any{
		"resource":                                          "/v1/{category}/{id}",
		"path":                                              "/v1/exports/a%2Fb%40c",
		"httpMethod":                                        "PUT",
		"headers.Host":                                      "api.example.com:3000",
		"headers.tEsT-HEADeR":                               "aValUE",
		"headers.Accept":                                    "b",
		"headers.Content-Length":                            "(absent)",
		"headers.X-Forwarded-For":                           "203.0.113.9, 127.0.0.1",
		"headers.X-Forwarded-Proto":                         "http",
		"multiValueHeaders.Accept":                          list("a", "b"),
		"multiValueHeaders.User-Agent":                      list("test/1"),
		"queryStringParameters.x":                           "2",
		"queryStringParameters.y":                           "a+b c",
		"queryStringParameters.z":                           "",
		"multiValueQueryStringParameters.x":                 list("1", "2"),
		"pathParameters.category":                           "exports",
		"pathParameters.id":                                 "a%2Fb%40c",
		"stageVariables":                                    nil,
		"requestContext.accountId":                          "123456789012",
		"requestContext.apiId":                              "keyfob0000",
		"requestContext.stage":                              "live",
		"requestContext.httpMethod":                         "PUT",
		"requestContext.path":                               "/live/v1/exports/a%2Fb%40c",
		"requestContext.resourcePath":                       "/v1/{category}/{id}",
		"requestContext.protocol":                           "HTTP/1.1",
		"requestContext.requestTime":                        "21/Nov/2026:20:00:01 +0000",
		"requestContext.requestTimeEpoch":                   float64(1795291201250),
		"requestContext.domainName":                         "api.example.com",
		"requestContext.domainPrefix":                       "api",
		"requestContext.identity.sourceIp":                  "127.0.0.1",
		"requestContext.identity.userAgent":                 "test/1",
		"requestContext.identity.user":                      nil,
		"requestContext.identity.cognitoIdentityId":         nil,
		"requestContext.authorizer":                         "(absent)",
		"body":                                              base64.StdEncoding.EncodeToString([]byte("{}")),
		"isBase64Encoded":                                   true,
		"version":                                           "(absent)",
		"requestContext.identity.principalOrgId":            nil,
		"requestContext.identity.accessKey":                 nil,
		"requestContext.identity.caller":                    nil,
		"requestContext.identity.userArn":                   nil,
		"requestContext.identity.accountId":                 nil,
		"requestContext.identity.cognitoAuthenticationType": nil,
	} {
		if diff := cmp.Diff(want, e.at(path)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
	for path, form := range map[string]string{
		"requestContext.requestId":         `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`,
		"requestContext.extendedRequestId": `^[\w-]{15}=$`,
		"requestContext.resourceId":        `^[0-9a-z]{6}$`,
		"headers.X-Amzn-Trace-Id":          `^Root=1-[0-9a-f]{8}-[0-9a-f]{24}$`,
		"headers.X-Forwarded-Port":         `^\d+$`,
	} {
		if s, _ := e.at(path).(string); !regexp.MustCompile(form).MatchString(s) {
			t.Errorf("%s = %q", path, s)
		}
	}
}

func TestWhatIsEmptyIsNull(t *testing.T) {
	f := serve(t)
	f.get(t, "/open")
	e := f.function.last(t)
	for _, path := range []string{"queryStringParameters", "multiValueQueryStringParameters", "pathParameters", "stageVariables", "body", "requestContext.identity.userAgent"} {
		if got := e.at(path); got != nil {
			t.Errorf("%s = %v", path, got)
		}
	}
	if e.at("isBase64Encoded") != false {
		t.Error("no body is base64")
	}
}

func TestHeadersThatEndAtTheGatewayAreDropped(t *testing.T) {
	f := serve(t)
	names := []string{"Connection", "Content-MD5", "Max-Forwards", "Proxy-Authenticate", "Server", "TE", "Trailer", "Upgrade", "WWW-Authenticate", "cOnTeNt-Md5"}
	var lines []string
	for _, n := range names {
		lines = append(lines, n+": x")
	}
	f.get(t, "/open", append(lines, "X-Kept: y")...)
	headers, _ := f.function.last(t).at("headers").(map[string]any)
	for _, n := range names {
		if _, ok := headers[n]; ok {
			t.Errorf("%s reached the function", n)
		}
	}
	if headers["X-Kept"] != "y" {
		t.Error("another header did not")
	}
}

func TestABodyIsBase64OnlyForBinaryMediaTypes(t *testing.T) {
	f := serve(t, `["*~1*"]`, `["image~1*", "application~1octet-stream"]`)
	for _, test := range []struct {
		contentType, body, want string
		encoded                 bool
	}{
		{"application/json", "{\"a\":\"é\"}", "{\"a\":\"é\"}", false},
		{"", "plain", "plain", false},
		{"image/png", "\x89PNG", "iVBORw==", true},
		{"IMAGE/GIF; x=y", "GIF", "R0lG", true},
		{"application/octet-stream", "\xff", "/w==", true},
		{"application/json", "\xff", "\ufffd", false},
	} {
		f.do(t, http.MethodPost, "/open", test.body, "Content-Type: "+test.contentType)
		e := f.function.last(t)
		if e.at("body") != test.want || e.at("isBase64Encoded") != test.encoded {
			t.Errorf("%s: body %v, base64 %v", test.contentType, e.at("body"), e.at("isBase64Encoded"))
		}
	}
}

func TestQueryStringsAreDecodedAndKeepEveryValue(t *testing.T) {
	f := serve(t)
	for query, want := range map[string]map[string]any{
		"a=1&a=2":                     {"a": list("1", "2")},
		"a=1;b=2":                     {"a": list("1"), "b": list("2")},
		"a":                           {"a": list("")},
		"a=":                          {"a": list("")},
		"&&a=1&":                      {"a": list("1")},
		"a=b=c":                       {"a": list("b=c")},
		"a%20b=%C3%A9":                {"a b": list("é")},
		"a=%zz%4":                     {"a": list("%zz%4")},
		"token=a&Token=b":             {"token": list("a"), "Token": list("b")},
		"%ff=1&%fe=2":                 {"\ufffd": list("1", "2")},
		"d=2023-06-12T18:05:10+00:00": {"d": list("2023-06-12T18:05:10 00:00")},
	} {
		f.get(t, "/open?"+query)
		if diff := cmp.Diff(any(want), f.function.last(t).at("multiValueQueryStringParameters")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
}

func TestTheSourceIsTheTCPPeerWhateverTheClientSays(t *testing.T) {
	f := serve(t)
	f.get(t, "/open", "X-Forwarded-For: 198.51.100.1", "X-Forwarded-Proto: https", "X-Forwarded-Port: 443", "Forwarded: for=198.51.100.2", "X-Real-IP: 198.51.100.3")
	e := f.function.last(t)
	if e.at("requestContext.identity.sourceIp") != "127.0.0.1" || e.at("headers.X-Forwarded-Proto") != "http" || e.at("headers.X-Forwarded-Port") == "443" {
		t.Errorf("event %v", e)
	}
}

func TestAnAbsoluteFormTargetIsItsPath(t *testing.T) {
	f := serve(t)
	f.get(t, "http://api.example.com:3000/v1/exports?x=1")
	e := f.function.last(t)
	if e.at("path") != "/v1/exports" || e.at("queryStringParameters.x") != "1" {
		t.Errorf("event %v", e)
	}
}

func TestTheTraceIDOfTheClientIsKept(t *testing.T) {
	f := serve(t)
	a := f.get(t, "/open", "X-Amzn-Trace-Id: Root=1-5759e988-bd862e3fe1be46a994272793")
	if got := f.function.last(t).at("headers.X-Amzn-Trace-Id"); got != "Root=1-5759e988-bd862e3fe1be46a994272793" || a.Header.Get("X-Amzn-Trace-Id") != got {
		t.Errorf("trace id %v", got)
	}
}

func TestARequestsHeadersMayNotPassTheLimit(t *testing.T) {
	f := serve(t)
	// "GET /open HTTP/1.1" and "api.example.com:3000" are 18 and 20 bytes.
	if a := f.get(t, "/open", "X: "+strings.Repeat("a", 10_240-38)); a.StatusCode != http.StatusOK {
		t.Errorf("at the limit: %d %s", a.StatusCode, a.body)
	}
	a := f.get(t, "/open", "X: "+strings.Repeat("a", 10_240-37))
	a.wants(t, http.StatusRequestHeaderFieldsTooLarge, `{"message":"HTTP header is larger than 10240 bytes."}`)
}

func TestABodyOverTheLimitIsRefusedWithoutAnInvocation(t *testing.T) {
	f := serve(t)
	a := f.do(t, http.MethodPost, "/open", strings.Repeat("a", 10_485_761))
	a.wants(t, http.StatusRequestEntityTooLarge, `{"message":"HTTP content length exceeded 10485760 bytes"}`)
	a = f.raw(t, "POST /open HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\na00001\r\n"+strings.Repeat("a", 10_485_761)+"\r\n0\r\n\r\n")
	a.wants(t, http.StatusRequestEntityTooLarge, `{"message":"HTTP content length exceeded 10485760 bytes"}`)
	// A guarded route shows that the byte before is no byte too many: the next check is who asks.
	f.authorizer.answer = func(context.Context, []byte) ([]byte, error) { return nil, errors.New("Unauthorized") }
	f.do(t, http.MethodGet, "/guarded", strings.Repeat("a", 10_485_760)).wants(t, http.StatusUnauthorized, `{"message":"Unauthorized"}`)
	f.do(t, http.MethodGet, "/guarded", strings.Repeat("a", 10_485_761)).wants(t, http.StatusRequestEntityTooLarge, `{"message":"HTTP content length exceeded 10485760 bytes"}`)
	// Lambda takes 6 MiB only, and the body grows by a third on its way.
	a = f.do(t, http.MethodPost, "/open", strings.Repeat("a", 5<<20))
	a.wants(t, http.StatusRequestEntityTooLarge, `{"message":"HTTP content length exceeded 10485760 bytes"}`)
	if f.function.invoked() != 0 {
		t.Error("the function was invoked")
	}
	if a := f.do(t, http.MethodPost, "/open", strings.Repeat("a", 4<<20)); a.StatusCode != http.StatusOK {
		t.Errorf("4 MiB: %d", a.StatusCode)
	}
}

func TestAChunkedBodyArrivesWhole(t *testing.T) {
	f := serve(t)
	f.raw(t, "POST /open HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
	if got := f.function.last(t).at("body"); got != base64.StdEncoding.EncodeToString([]byte("abcde")) {
		t.Errorf("body %v", got)
	}
}

func TestABodyShorterThanItsLengthIsABadRequest(t *testing.T) {
	f := serve(t)
	a := f.raw(t, "POST /open HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
	a.wants(t, http.StatusBadRequest, `{"message":"Bad Request"}`)
}
