package infratest

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"keyfob/internal/gateway"
)

// answers are the gateway's own: the status and the error's code.
var answers = map[string]struct {
	status int
	code   string
}{
	"ACCESS_DENIED":                  {403, "$context.authorizer.code"},
	"MISSING_AUTHENTICATION_TOKEN":   {404, "not_found"},
	"INVALID_SIGNATURE":              {404, "not_found"},
	"EXPIRED_TOKEN":                  {404, "not_found"},
	"RESOURCE_NOT_FOUND":             {404, "not_found"},
	"BAD_REQUEST_PARAMETERS":         {400, "invalid_parameters"},
	"BAD_REQUEST_BODY":               {400, "invalid_body"},
	"REQUEST_TOO_LARGE":              {413, "too_large"},
	"UNSUPPORTED_MEDIA_TYPE":         {415, "unsupported_media_type"},
	"THROTTLED":                      {429, "too_many_requests"},
	"QUOTA_EXCEEDED":                 {429, "quota_exceeded"},
	"AUTHORIZER_FAILURE":             {503, "unavailable"},
	"AUTHORIZER_CONFIGURATION_ERROR": {503, "unavailable"},
	"INTEGRATION_FAILURE":            {503, "unavailable"},
	"INTEGRATION_TIMEOUT":            {504, "timeout"},
	"DEFAULT_4XX":                    {0, "refused"},
	"DEFAULT_5XX":                    {0, "internal"},
}

func TestTheGatewaysOwnAnswersAreProblems(t *testing.T) {
	responses := load(t, "template.yaml", nil).API.GatewayResponses
	if len(responses) != len(answers)+1 {
		t.Errorf("%d gateway responses, want %d", len(responses), len(answers)+1)
	}
	for kind, want := range answers {
		r := responses[kind]
		var p struct {
			Type, Title, Detail, Message string
			Status                       int
			Errors                       []struct{ Code, Message string }
		}
		if err := json.Unmarshal([]byte(r.Templates["application/json"]), &p); err != nil || len(r.Templates) != 1 {
			t.Errorf("%s: %v in %v", kind, err, r.Templates)
			continue
		}
		if r.StatusCode != want.status || p.Status != want.status || p.Type != "about:blank" || p.Detail == "" || p.Message != p.Detail ||
			len(p.Errors) != 1 || p.Errors[0].Code != want.code || p.Errors[0].Message != p.Detail {
			t.Errorf("%s: %d, %+v", kind, r.StatusCode, p)
		}
		if want.status != 0 && p.Title != http.StatusText(want.status) {
			t.Errorf("%s: title %q", kind, p.Title)
		}
		if r.Headers["Content-Type"] != "'application/problem+json'" {
			t.Errorf("%s: %s", kind, r.Headers["Content-Type"])
		}
		if after := strings.Trim(r.Headers["Retry-After"], "'"); want.status == 429 || want.status >= 503 {
			if n, err := strconv.Atoi(after); err != nil || n < 1 {
				t.Errorf("%s: Retry-After %q", kind, after)
			}
		}
	}
}

// K5 and S20: to the byte, and the challenge with the deployment's realm.
func TestK5TheGatewaysOwn401IsTheExactOne(t *testing.T) {
	r := load(t, "template.yaml", map[string]string{"Realm": "eusandbox"}).API.GatewayResponses["UNAUTHORIZED"]
	if r.StatusCode != 401 || r.Templates["application/json"] != gateway.Unauthenticated ||
		r.Headers["Content-Type"] != "'application/json'" || r.Headers["WWW-Authenticate"] != `'Bearer realm="eusandbox"'` {
		t.Errorf("%+v", r)
	}
}

func TestS20TheGatewaysOwn403HasTheAuthorizersChallenge(t *testing.T) {
	if h := load(t, "template.yaml", nil).API.GatewayResponses["ACCESS_DENIED"].Headers["WWW-Authenticate"]; h != "context.authorizer.challenge" {
		t.Error(h)
	}
}

// S11: what the gateway answers by itself carries the same headers as what functions answer.
func TestS11TheGatewaysOwnAnswersCarryTheSecurityHeaders(t *testing.T) {
	want := functionHeaders(t)
	for kind, r := range load(t, "template.yaml", nil).API.GatewayResponses {
		for name, value := range want {
			if r.Headers[name] != "'"+value+"'" {
				t.Errorf("%s: %s is %s, want '%s'", kind, name, r.Headers[name], value)
			}
		}
	}
}

// functionHeaders gives the headers that a function puts on whatever it answers.
func functionHeaders(t *testing.T) map[string]string {
	f := gateway.NewFunction(gateway.Config{Log: slog.New(slog.DiscardHandler), Now: time.Now, Realm: "us"}, nil)
	out, err := f.Invoke(t.Context(), []byte(`{"httpMethod":"GET","resource":"/none"}`))
	if err != nil {
		t.Fatal(err)
	}
	var answer struct{ Headers map[string]string }
	if err := json.Unmarshal(out, &answer); err != nil || len(answer.Headers) < 6 {
		t.Fatalf("%v in %s", err, out)
	}
	delete(answer.Headers, "Content-Type")
	return answer.Headers
}

// S21: a gateway response that quotes the request or the gateway's error text could quote a credential.
func TestS21TheGatewaysOwnAnswersQuoteNothingOfTheRequest(t *testing.T) {
	allowed := map[string]bool{"$context.authorizer.message": true, "$context.authorizer.code": true}
	variable := regexp.MustCompile(`\$[A-Za-z][A-Za-z0-9_.]*`)
	for kind, r := range load(t, "template.yaml", nil).API.GatewayResponses {
		for _, v := range variable.FindAllString(r.Templates["application/json"], -1) {
			if !allowed[v] || kind != "ACCESS_DENIED" {
				t.Errorf("%s quotes %s", kind, v)
			}
		}
		for name, value := range r.Headers {
			if !strings.HasPrefix(value, "'") && !(kind == "ACCESS_DENIED" && name == "WWW-Authenticate") {
				t.Errorf("%s: %s is %s", kind, name, value)
			}
		}
	}
}

// An origin is named only where one is configured, and then on every answer, or a page could not read why it failed.
func TestS11OnlyTheDashboardsOriginMayReadTheGatewaysOwnAnswers(t *testing.T) {
	for origin, want := range map[string]string{"": "", "https://keys.example.com": "'https://keys.example.com'"} {
		for kind, r := range load(t, "template.yaml", map[string]string{"DashboardOrigin": origin}).API.GatewayResponses {
			credentials := ""
			if want != "" {
				credentials = "'true'"
			}
			if r.Headers["Access-Control-Allow-Origin"] != want || r.Headers["Access-Control-Allow-Credentials"] != credentials {
				t.Errorf("%s with origin %q: %v", kind, origin, r.Headers)
			}
		}
	}
}
