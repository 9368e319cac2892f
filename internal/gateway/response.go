package gateway

import (
	"context"
	"net/http"

	"github.com/go-json-experiment/json"
)

// A Response is our answer.
type Response struct {
	Status  int
	Body    []byte
	Headers map[string]string
	Cookies []string // Set-Cookie values
}

// JSON answers with v as JSON.
func JSON(status int, v any) (Response, error) {
	body, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		return Response{}, err
	}
	return Response{Status: status, Body: body, Headers: map[string]string{"Content-Type": "application/json"}}, nil
}

// NoContent answers that it is done and that there is nothing to say.
func NoContent() Response { return Response{Status: http.StatusNoContent} }

// securityHeaders go with every answer (S11). All answers are about credentials or about what they guard, so none
// is stored.
var securityHeaders = map[string]string{
	"Cache-Control":             "no-store",
	"Content-Security-Policy":   "default-src 'none'; frame-ancestors 'none'",
	"Referrer-Policy":           "no-referrer",
	"Strict-Transport-Security": "max-age=63072000; includeSubDomains",
	"X-Content-Type-Options":    "nosniff",
}

// proxyResponse is what API Gateway takes from a function.
type proxyResponse struct {
	StatusCode        int                 `json:"statusCode"`
	Headers           map[string]string   `json:"headers"`
	MultiValueHeaders map[string][]string `json:"multiValueHeaders,omitzero"`
	Body              string              `json:"body"`
	IsBase64Encoded   bool                `json:"isBase64Encoded"`
}

// proxy adds the headers that every answer has, and the one that lets the dashboard's origin read it.
func (r Response) proxy(request *Request, allowed string) proxyResponse {
	p := proxyResponse{StatusCode: r.Status, Body: string(r.Body), Headers: make(map[string]string, len(securityHeaders)+len(r.Headers)+3)}
	for name, value := range securityHeaders {
		p.Headers[name] = value
	}
	for name, value := range r.Headers {
		p.Headers[name] = value
	}
	if allowed != "" {
		p.Headers["Vary"] = "Origin"
		if request.Header("Origin") == allowed {
			p.Headers["Access-Control-Allow-Origin"] = allowed
			p.Headers["Access-Control-Allow-Credentials"] = "true"
		}
	}
	if len(r.Cookies) > 0 {
		p.MultiValueHeaders = map[string][]string{"Set-Cookie": r.Cookies}
	}
	return p
}

// Preflight answers what a browser asks before a page of another origin may call (Fetch, CORS preflight): the methods
// of the route, for the dashboard's origin. For any other origin it says nothing, which is a no.
func Preflight(origin string, methods string) Handler {
	return func(_ context.Context, r *Request) (Response, error) {
		response := NoContent()
		if origin != "" && r.Header("Origin") == origin {
			response.Headers = map[string]string{
				"Access-Control-Allow-Methods": methods,
				"Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key, If-Match",
				"Access-Control-Max-Age":       "600",
			}
		}
		return response, nil
	}
}
