package gateway

import (
	"cmp"
	"context"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// A Response is our answer.
type Response struct {
	Status  int
	Body    []byte
	Headers map[string]string
	Cookies []string // Set-Cookie values
	Policy  string   // the Content-Security-Policy of a page; empty for an answer that is none, which may load nothing
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

// securityHeaders go with every answer (S11), in the form of members of its headers. All answers are about credentials
// or about what they guard, so none is stored.
const securityHeaders = `"Cache-Control":"no-store","Referrer-Policy":"no-referrer",` +
	`"Strict-Transport-Security":"max-age=63072000; includeSubDomains","X-Content-Type-Options":"nosniff"`

// noPage is the Content-Security-Policy of what is no page.
const noPage = "default-src 'none'; frame-ancestors 'none'"

// proxy writes the response as API Gateway takes it from a function, with the headers that every answer has, and those
// that let the dashboard's origin read it.
func (r Response) proxy(request *Request, allowed string) []byte {
	b := make([]byte, 0, 640+len(r.Body)+len(r.Body)/8)
	b = append(b, `{"statusCode":`...)
	b = strconv.AppendInt(b, int64(r.Status), 10)
	b = append(b, `,"headers":{`+securityHeaders...)
	b = header(b, "Content-Security-Policy", cmp.Or(r.Policy, noPage))
	for name, value := range r.Headers {
		b = header(b, name, value)
	}
	if allowed != "" {
		b = header(b, "Vary", "Origin")
		if request.Header("Origin") == allowed {
			b = header(b, "Access-Control-Allow-Origin", allowed)
			b = header(b, "Access-Control-Allow-Credentials", "true")
			b = header(b, "Access-Control-Expose-Headers", "ETag, Link, Location, Retry-After")
		}
	}
	b = append(b, '}')
	for i, cookie := range r.Cookies {
		if i == 0 {
			b = append(b, `,"multiValueHeaders":{"Set-Cookie":[`...)
		} else {
			b = append(b, ',')
		}
		b = quote(b, cookie)
	}
	if len(r.Cookies) > 0 {
		b = append(b, `]}`...)
	}
	b = append(b, `,"body":`...)
	b = quote(b, r.Body)
	return append(b, `,"isBase64Encoded":false}`...)
}

func header(b []byte, name, value string) []byte {
	b = quote(append(b, ','), name)
	return quote(append(b, ':'), value)
}

// quote appends a JSON string. What is not UTF-8 in it becomes the replacement character.
func quote[T string | []byte](b []byte, s T) []byte {
	b, _ = jsontext.AppendQuote(b, s) // its error only says that something was replaced
	return b
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
