package openapi_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"keyfob/internal/gateway"
	"keyfob/internal/openapi"
)

// spec reads the document.
func spec(t *testing.T) *openapi3.T {
	t.Helper()
	d, err := openapi3.NewLoader().LoadFromData(openapi.Document())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// operations gives the operations by route: "GET /v1/tokens".
func operations(d *openapi3.T) map[string]*openapi3.Operation {
	all := map[string]*openapi3.Operation{}
	for path, item := range d.Paths.Map() {
		for method, op := range item.Operations() {
			all[method+" "+path] = op
		}
	}
	return all
}

func TestTheDocumentIsValid(t *testing.T) {
	d := spec(t)
	if err := d.Validate(t.Context(), openapi3.EnableMultiError()); err != nil {
		t.Error(err)
	}
	if !d.IsOpenAPI31OrLater() || len(operations(d)) == 0 {
		t.Error(d.OpenAPI)
	}
}

func TestTheDocumentCannotBeChangedByItsReaders(t *testing.T) {
	openapi.Document()[0] = 'x'
	if openapi.Document()[0] == 'x' {
		t.Error("it was")
	}
}

func TestEveryOperationIsDescribed(t *testing.T) {
	for route, op := range operations(spec(t)) {
		if op.OperationID == "" || op.Summary == "" || op.Description == "" || len(op.Tags) != 1 || op.Security == nil {
			t.Errorf("%s: %+v", route, op)
		}
	}
}

func TestEveryOperationTellsWhatCanGoWrong(t *testing.T) {
	for route, op := range operations(spec(t)) {
		want := []int{http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusServiceUnavailable, http.StatusGatewayTimeout}
		if op.RequestBody != nil {
			want = append(want, http.StatusBadRequest, http.StatusRequestEntityTooLarge)
			if route != alerts {
				want = append(want, http.StatusUnsupportedMediaType)
			}
		}
		if op.Parameters.GetByInAndName(openapi3.ParameterInQuery, "limit") != nil {
			want = append(want, http.StatusBadRequest)
		}
		for _, status := range want {
			if op.Responses.Status(status) == nil {
				t.Errorf("%s has no %d", route, status)
			}
		}
	}
}

// S11: every answer carries the security headers.
func TestEveryResponseIsAComponentWithTheSecurityHeaders(t *testing.T) {
	for route, op := range operations(spec(t)) {
		for status, response := range op.Responses.Map() {
			if response.Ref == "" {
				t.Errorf("%s: %s is not a component", route, status)
			}
			for _, name := range []string{"Cache-Control", "Content-Security-Policy", "Referrer-Policy", "Strict-Transport-Security", "X-Content-Type-Options"} {
				if h := response.Value.Headers[name]; h == nil || !h.Value.Required {
					t.Errorf("%s: %s does not have to have %s", route, status, name)
				}
			}
		}
	}
}

func TestEveryErrorIsAProblemThatRepeatsItsStatusButFor401(t *testing.T) {
	n := 0
	for route, op := range operations(spec(t)) {
		for name, response := range op.Responses.Map() {
			status, err := strconv.Atoi(name)
			if err != nil {
				t.Errorf("%s: %s is not one status", route, name)
			}
			if status < 400 || status == http.StatusUnauthorized {
				continue
			}
			n++
			problem := response.Value.Content["application/problem+json"]
			others := len(response.Value.Content) - 1
			if response.Value.Content["text/html"] != nil { // the same on a page, for people
				others--
			}
			if problem == nil || others != 0 {
				t.Errorf("%s: %d is no problem document", route, status)
				continue
			}
			said := problem.Schema.Value.Properties
			if said["status"].Value.Const != float64(status) || said["title"].Value.Const != http.StatusText(status) {
				t.Errorf("%s: %d says %v %v", route, status, said["status"].Value.Const, said["title"].Value.Const)
			}
			if required := slices.Contains(problem.Schema.Value.Required, "status"); required == (status == http.StatusInternalServerError) {
				// The gateway's own 500 (DEFAULT_5XX) cannot say its status.
				t.Errorf("%s: %d, status required %t", route, status, required)
			}
		}
	}
	if n == 0 {
		t.Fatal("there are no errors")
	}
}

// K5
func TestTheExampleOf401IsItsBodyToTheByte(t *testing.T) {
	body := spec(t).Components.Responses["Unauthenticated"].Value.Content
	text, err := json.Marshal(body["application/json"].Example)
	if err != nil || string(text) != gateway.Unauthenticated || len(body) != 1 {
		t.Errorf("%s, %v", text, err)
	}
}

// S24: a member that is not described is refused.
func TestEveryObjectInARequestsJSONIsClosed(t *testing.T) {
	n := 0
	for route, op := range operations(spec(t)) {
		if op.RequestBody == nil || route == alerts {
			continue
		}
		err := op.RequestBody.Value.Content["application/json"].Schema.WalkSubtree(func(at string, s *openapi3.SchemaRef) error {
			if !s.Value.Type.Is(openapi3.TypeObject) {
				return nil
			}
			n++
			if s.Ref == "#/components/schemas/Assertion" || s.Ref == "#/components/schemas/Attestation" {
				return nil // the browser makes it, and browsers say more with time
			}
			if s.Value.AdditionalProperties.Has == nil || *s.Value.AdditionalProperties.Has {
				t.Errorf("%s: %s%s takes any member", route, s.Ref, at)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	if n < 8 {
		t.Fatalf("only %d objects", n)
	}
}

// alerts is the one route that takes another party's document: that one may say more, and under any media type.
const alerts = "POST /v1/leaks/github"
