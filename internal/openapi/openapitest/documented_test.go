package openapitest_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"keyfob/internal/openapi/openapitest"
)

// A documented exchange is made of the document's own examples, so nothing is wrong with it.
type documented struct {
	name      string
	response  *openapi3.Response
	exchange  openapitest.Exchange
	mediaType string // of the response; empty where it has no body
}

// exchanges makes one of each example of each response of each operation.
func exchanges(t *testing.T, d *openapitest.Document) []documented {
	t.Helper()
	var all []documented
	for path, item := range d.Spec().Paths.Map() {
		for method, op := range item.Operations() {
			r, sent := exampleRequest(t, path, method, item, op)
			for status, ref := range op.Responses.Map() {
				code, err := strconv.Atoi(status)
				if err != nil {
					t.Fatal(err)
				}
				for _, body := range exampleBodies(t, ref.Value.Content) {
					header := exampleHeader(t, ref.Value.Headers)
					if body.mediaType != "" {
						header.Set("Content-Type", body.mediaType)
					}
					all = append(all, documented{
						name: fmt.Sprintf("%s %s %s %s", method, path, status, body.name), response: ref.Value, mediaType: body.mediaType,
						exchange: openapitest.Exchange{Request: r, Sent: sent, Received: body.text, Response: &http.Response{StatusCode: code, Header: header}},
					})
				}
			}
		}
	}
	if len(all) < 150 {
		t.Fatalf("only %d exchanges are documented", len(all))
	}
	slices.SortFunc(all, func(a, b documented) int { return strings.Compare(a.name, b.name) })
	return all
}

// distinct gives one exchange for each example of each response, since many operations share a response.
func distinct(t *testing.T, d *openapitest.Document) []documented {
	t.Helper()
	all := exchanges(t, d)
	seen := map[*openapi3.Response]string{}
	return slices.DeleteFunc(all, func(x documented) bool {
		operation := x.exchange.Request.Method + " " + x.exchange.Request.URL.Path
		first, again := seen[x.response]
		if !again {
			seen[x.response] = operation
		}
		return again && first != operation
	})
}

func exampleRequest(t *testing.T, path, method string, item *openapi3.PathItem, op *openapi3.Operation) (*http.Request, []byte) {
	t.Helper()
	query, header := url.Values{}, http.Header{}
	for _, p := range append(slices.Clone(item.Parameters), op.Parameters...) {
		text := fmt.Sprint(p.Value.Example)
		switch p.Value.In {
		case openapi3.ParameterInPath:
			path = strings.Replace(path, "{"+p.Value.Name+"}", url.PathEscape(text), 1)
		case openapi3.ParameterInQuery:
			query.Set(p.Value.Name, text)
		case openapi3.ParameterInHeader:
			header.Set(p.Value.Name, text)
		default:
			t.Fatalf("a parameter in %s", p.Value.In)
		}
	}
	r := httptest.NewRequest(method, "https://keyfob.example.com"+path+"?"+query.Encode(), nil)
	r.Header = header
	if len(*op.Security) > 0 {
		r.Header.Set("Authorization", "Bearer kf_us_EXAMPLEexample01ExampleSecretExampleSecretExampleSecretExam3YHKFD")
	}
	if op.RequestBody == nil {
		return r, nil
	}
	r.Header.Set("Content-Type", "application/json")
	return r, exampleBodies(t, op.RequestBody.Value.Content)[0].text
}

func exampleHeader(t *testing.T, headers openapi3.Headers) http.Header {
	t.Helper()
	h := http.Header{}
	for name, ref := range headers {
		value := ref.Value.Schema.Value.Const
		if value == nil {
			value = ref.Value.Example
		}
		if value == nil {
			t.Fatalf("the header %s has no example", name)
		}
		h.Set(name, fmt.Sprint(value))
	}
	return h
}

type exampleBody struct {
	name, mediaType string
	text            []byte
}

// exampleBodies gives the examples of a body, those of JSON first; one empty one where no body is described.
func exampleBodies(t *testing.T, content openapi3.Content) []exampleBody {
	t.Helper()
	if len(content) == 0 {
		return []exampleBody{{}}
	}
	var found []exampleBody
	for _, mediaType := range slices.Sorted(maps.Keys(content)) {
		examples := map[string]any{"": content[mediaType].Example}
		if content[mediaType].Example == nil {
			clear(examples)
			for name, ref := range content[mediaType].Examples {
				examples[name] = ref.Value.Value
			}
		}
		for name, value := range examples {
			text, err := json.Marshal(value)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(mediaType, "text/") {
				text = []byte(value.(string))
			}
			found = append(found, exampleBody{name, mediaType, text})
		}
	}
	if len(found) == 0 {
		t.Fatal("a body has no example")
	}
	return found
}
