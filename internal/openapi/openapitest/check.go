package openapitest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"

	"keyfob/internal/gateway"
)

// An Exchange is a request and its response. The bodies are beside them; those within are not read.
type Exchange struct {
	Request  *http.Request
	Sent     []byte
	Response *http.Response
	Received []byte
}

func init() { openapi3filter.RegisterBodyDecoder("text/html", openapi3filter.PlainBodyDecoder) }

// Check tells in what the exchange differs from the document: nil where in nothing, or where the document does not
// speak of the request.
func (d *Document) Check(x Exchange) error {
	if !covers(x.Request) {
		return nil
	}
	route, params := d.route(x.Request)
	in := input(route, params, x.Request, x.Sent)
	errs := []error{checkResponse(in, x)}
	if x.Response.StatusCode < http.StatusBadRequest {
		if err := checkRequest(in); err != nil {
			errs = append(errs, fmt.Errorf("the service took a request that is not allowed: %w", err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("%s %s, answered %d: %s", route.Method, route.Path, x.Response.StatusCode, redact(err))
	}
	return nil
}

// CheckRequest tells in what a request with this body differs from what the document allows.
func (d *Document) CheckRequest(r *http.Request, body []byte) error {
	route, params := d.route(r)
	if err := checkRequest(input(route, params, r, body)); err != nil {
		return fmt.Errorf("%s %s: %s", route.Method, route.Path, redact(err))
	}
	return nil
}

func input(route *routers.Route, params map[string]string, r *http.Request, body []byte) *openapi3filter.RequestValidationInput {
	r = r.Clone(r.Context())
	r.Body = io.NopCloser(bytes.NewReader(body))
	if described := route.Operation.RequestBody; described != nil && described.Value.Content["*/*"] != nil {
		// It is JSON under any name; kin-openapi would read it as what it is called.
		r.Header.Set("Content-Type", "application/json")
	}
	return &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route, Options: options()}
}

func options() *openapi3filter.Options {
	o := &openapi3filter.Options{MultiError: true, SkipSettingDefaults: true, AuthenticationFunc: presented}
	o.WithCustomSchemaErrorFunc(explain)
	return o
}

// presented reports whether the request has a credential in the place that the scheme names. Whether it is any good
// the service has decided.
func presented(_ context.Context, in *openapi3filter.AuthenticationInput) error {
	r, scheme := in.RequestValidationInput.Request, in.SecurityScheme
	var found bool
	switch {
	case scheme.Type == "http":
		name, _, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		found = strings.EqualFold(name, scheme.Scheme)
	case scheme.In == openapi3.ParameterInCookie:
		_, err := r.Cookie(scheme.Name)
		found = err == nil
	case scheme.In == openapi3.ParameterInQuery:
		found = r.URL.Query().Has(scheme.Name)
	}
	if !found {
		return errors.New("no credential by the scheme " + in.SecuritySchemeName)
	}
	return nil
}

func checkRequest(in *openapi3filter.RequestValidationInput) error {
	var errs []error
	for name := range in.Request.URL.Query() {
		if !takesQuery(in.Route, name) {
			errs = append(errs, fmt.Errorf("the query parameter %q is not described", name))
		}
	}
	return errors.Join(append(errs, openapi3filter.ValidateRequest(in.Request.Context(), in))...)
}

// takesQuery reports whether the operation has a query parameter of that name, or takes a credential there.
func takesQuery(route *routers.Route, name string) bool {
	if route.Operation.Parameters.GetByInAndName(openapi3.ParameterInQuery, name) != nil ||
		route.PathItem.Parameters.GetByInAndName(openapi3.ParameterInQuery, name) != nil {
		return true
	}
	for _, requirement := range *route.Operation.Security {
		for scheme := range requirement {
			if s := route.Spec.Components.SecuritySchemes[scheme].Value; s.In == openapi3.ParameterInQuery && s.Name == name {
				return true
			}
		}
	}
	return false
}

// telling are the headers that mean something to a client: each is described where it comes.
var telling = []string{"Content-Disposition", "Link", "Location", "Retry-After", "Set-Cookie", "Www-Authenticate"}

func checkResponse(request *openapi3filter.RequestValidationInput, x Exchange) error {
	// kin-openapi lets some undescribed statuses pass, and does not ask about undescribed headers, or for a body to be empty.
	described := request.Route.Operation.Responses.Status(x.Response.StatusCode)
	if described == nil {
		return errors.New("the status is not described")
	}
	var errs []error
	for _, name := range telling {
		values := x.Response.Header[name]
		if len(values) > 1 {
			errs = append(errs, fmt.Errorf("the header %s is there %d times", name, len(values)))
		}
		if len(values) > 0 && !has(described.Value.Headers, name) {
			errs = append(errs, fmt.Errorf("the header %s is not described", name))
		}
	}
	if len(described.Value.Content) == 0 && len(x.Received) > 0 {
		errs = append(errs, errors.New("there is a body, and none is described"))
	}
	if x.Response.StatusCode == http.StatusUnauthorized && request.Request.Method != http.MethodHead && string(x.Received) != gateway.Unauthenticated {
		errs = append(errs, errors.New("the body is not, to the byte, the one of every 401"))
	}
	in := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: request, Status: x.Response.StatusCode, Header: x.Response.Header, Options: options(),
	}
	errs = append(errs, openapi3filter.ValidateResponse(request.Request.Context(), in.SetBodyBytes(x.Received)))
	return errors.Join(errs...)
}

func has(headers openapi3.Headers, name string) bool {
	for described := range headers {
		if http.CanonicalHeaderKey(described) == name {
			return true
		}
	}
	return false
}
