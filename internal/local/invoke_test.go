package local_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"keyfob/internal/local/lambdahost"
)

const invocations = "/_local/lambda/2015-03-31/functions/"

// A function is invoked as Lambda has it invoked, by each of its names, past the API.
func TestAFunctionIsInvokedAsLambdasClientsDo(t *testing.T) {
	s := start(t)
	const arn = "arn:aws:lambda:us-east-1:123456789012:function:keyfob-ItemsFunction"
	names := []string{"ItemsFunction", "items", "keyfob-ItemsFunction", arn, arn + ":$LATEST", "arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Akeyfob-ItemsFunction%3A%24LATEST"}
	for _, name := range names {
		status, body := s.do(t, http.MethodPost, invocations+name+"/invocations", `{"httpMethod":"GET","pathParameters":{"id":"a"}}`)
		if status != http.StatusOK || body != `{"statusCode":404}` {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
	if n := s.Stats().Functions["ItemsFunction"].Invocations; n != int64(len(names)) {
		t.Errorf("%d invocations by %d names", n, len(names))
	}
}

func TestWhatAnInvocationCannotDoIsAnsweredAsLambdaDoes(t *testing.T) {
	s := start(t)
	for name, test := range map[string]struct {
		function, body string
		header         []string
		status         int
		kind           string
	}{
		"no such function": {"NoFunction", "{}", nil, 404, "ResourceNotFoundException"},
		"no JSON":          {"items", "{", nil, 400, "InvalidRequestContentException"},
		"two values":       {"items", "{}{}", nil, 400, "InvalidRequestContentException"},
		"an event":         {"items", "{}", []string{"X-Amz-Invocation-Type", "Event"}, 400, "InvalidParameterValueException"},
		"too large":        {"items", `"` + strings.Repeat("x", lambdahost.MaxPayload) + `"`, nil, 413, "RequestTooLargeException"},
		"another site's":   {"items", "{}", []string{"Origin", "https://evil.example.com"}, 403, ""},
		"another name":     {"items", "{}", []string{"Host", "evil.example.com"}, 403, ""},
		"a dry run":        {"items", "{}", []string{"X-Amz-Invocation-Type", "DryRun"}, 204, ""},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+invocations+test.function+"/invocations", strings.NewReader(test.body))
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(test.header); i += 2 {
			if test.header[i] == "Host" {
				req.Host = test.header[i+1]
			}
			req.Header.Set(test.header[i], test.header[i+1])
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if kind := resp.Header.Get("X-Amzn-Errortype"); resp.StatusCode != test.status || kind != test.kind {
			t.Errorf("%s: %d %s", name, resp.StatusCode, kind)
		}
	}
	if n := s.Stats().Functions["ItemsFunction"].Invocations; n != 0 {
		t.Errorf("%d invocations reached the function", n)
	}
	if status, _ := s.do(t, http.MethodGet, invocations+"items/invocations", ""); status == http.StatusOK {
		t.Error("GET invokes")
	}
}

// What a function fails at is an answer like any other, marked as Lambda marks it.
func TestAFunctionsFailureIsMarked(t *testing.T) {
	s := start(t)
	resp, err := http.Post(s.URL+invocations+"items/invocations", "application/json", strings.NewReader(`{"httpMethod":1}`))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var failure struct{ ErrorMessage, ErrorType string }
	if err := json.NewDecoder(resp.Body).Decode(&failure); err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK || resp.Header.Get("X-Amz-Function-Error") != "Unhandled" || failure.ErrorMessage == "" || failure.ErrorType != "UnmarshalTypeError" {
		t.Errorf("%d %v %+v", resp.StatusCode, resp.Header, failure)
	}
}
