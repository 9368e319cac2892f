// Package openapitest holds HTTP exchanges against Keyfob's OpenAPI document: each request that the service took, and
// every response.
//
// It promises to say so when a response has a status, a header or a member that the document does not describe, lacks
// one that it does, or differs from what is described; when a 401 is not the one body to the byte; and when the service
// took a request that the document forbids, or one without a credential where the document asks for one. A request
// that the service refused may be as bad as the test that sent it meant it to be.
//
// It does not say whether an answer is the right one to its request: the test that sent it does. What it says never
// repeats a credential.
package openapitest

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"

	"keyfob/internal/openapi"
)

// A Document is the OpenAPI document, ready to hold exchanges against. It may be used by many goroutines.
type Document struct {
	spec  *openapi3.T
	paths []string // those with fewer parameters first, as API Gateway prefers them
}

// Load reads the document. It ends the test where the document is not valid.
func Load(t testing.TB) *Document {
	t.Helper()
	d, err := load(openapi.Document())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func load(text []byte) (*Document, error) {
	spec, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		return nil, err
	}
	// Whether the examples are valid is for the document's own tests to say; it takes longer than all the rest.
	if err := spec.Validate(context.Background(), openapi3.EnableMultiError(), openapi3.DisableExamplesValidation()); err != nil {
		return nil, err
	}
	return &Document{spec: spec, paths: spec.Paths.InMatchingOrder()}, nil
}

// Spec gives the document as it was read. It is not to be changed.
func (d *Document) Spec() *openapi3.T { return d.spec }

// covers reports whether the document speaks of the request. It does of all paths of the API, those that do not exist
// included, and of the one page that has a form, and not of other pages, nor of preflights.
func covers(r *http.Request) bool {
	first, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	return r.Method != http.MethodOptions && (first == "v1" || first == "api" || first == "disavow")
}

// route finds the operation for the request, with the path's parameters. Where there is none it is the one that the
// gateway answers by itself.
func (d *Document) route(r *http.Request) (*routers.Route, map[string]string) {
	path := strings.TrimRight(r.URL.EscapedPath(), "/")
	for _, template := range d.paths {
		params, ok := match(template, path)
		if !ok {
			continue
		}
		item := d.spec.Paths.Value(template)
		if op := item.GetOperation(r.Method); op != nil {
			return &routers.Route{Spec: d.spec, Path: template, PathItem: item, Method: r.Method, Operation: op}, params
		}
		break
	}
	nothing := &openapi3.Operation{
		Responses: openapi3.NewResponses(openapi3.WithStatus(http.StatusNotFound, d.spec.Components.Responses["NotFound"])),
		Security:  openapi3.NewSecurityRequirements(),
	}
	return &routers.Route{Spec: d.spec, Path: "(no route)", PathItem: &openapi3.PathItem{}, Method: r.Method, Operation: nothing}, nil
}

// match lays a path, as it was sent, beside a template.
func match(template, path string) (map[string]string, bool) {
	want, have := strings.Split(template, "/"), strings.Split(path, "/")
	if len(want) != len(have) {
		return nil, false
	}
	params := map[string]string{}
	for i, segment := range want {
		name, isParam := strings.CutPrefix(segment, "{")
		if !isParam {
			if segment != have[i] {
				return nil, false
			}
			continue
		}
		value, err := url.PathUnescape(have[i])
		if err != nil || value == "" {
			return nil, false
		}
		params[strings.TrimSuffix(name, "}")] = value
	}
	return params, true
}
