// Package gateway is the edge: it turns API Gateway's events into requests and our answers into its responses.
//
// It promises that no request can make a function fail in the platform's sense (what is not understood is a 4xx,
// what could not be decided a retryable 5xx, a panic a bare 500); that a body is read strictly and within bounds, and
// what is wrong in it is named by field (S24); that an error tells the caller what its kind allows and nothing else;
// and that every answer carries the security headers (S11).
//
// It decides nothing about tokens or accounts.
package gateway

import (
	"encoding/base64"
	"net/textproto"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/fault"
)

// A Request is one HTTP request as API Gateway's REST proxy event tells of it.
type Request struct {
	Method   string
	Resource string // the route's path with its parameters in braces: /v1/tokens/{id}
	Body     []byte
	ID       string // API Gateway's request id
	SourceIP string

	event   *event
	headers map[string][]string // read when first asked for
	query   map[string][]string // likewise
}

// event is the part of a REST proxy event that is used. The rest is skipped without being decoded, and so are headers
// and query until a handler asks for them: they are most of an event, and most requests need none of them.
type event struct {
	Resource          string            `json:"resource"`
	HTTPMethod        string            `json:"httpMethod"`
	Headers           jsontext.Value    `json:"headers"`
	MultiValueHeaders jsontext.Value    `json:"multiValueHeaders"`
	Query             jsontext.Value    `json:"queryStringParameters"`
	MultiValueQuery   jsontext.Value    `json:"multiValueQueryStringParameters"`
	PathParameters    map[string]string `json:"pathParameters"`
	Body              string            `json:"body"`
	IsBase64Encoded   bool              `json:"isBase64Encoded"`
	RequestContext    struct {
		RequestID string `json:"requestId"`
		Identity  struct {
			SourceIP string `json:"sourceIp"`
		} `json:"identity"`
		Authorizer claims `json:"authorizer"`
	} `json:"requestContext"`
}

// claims are what the authorizer told of the caller: the texts of its context.
type claims map[string]string

// UnmarshalJSONFrom reads the texts and passes over what the gateway adds of its own.
func (c *claims) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	if d.PeekKind() != '{' {
		return d.SkipValue()
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	*c = make(claims, 12)
	for d.PeekKind() != '}' {
		t, err := d.ReadToken()
		if err != nil {
			return err
		}
		name := t.String()
		if d.PeekKind() != '"' {
			if err := d.SkipValue(); err != nil {
				return err
			}
			continue
		}
		if t, err = d.ReadToken(); err != nil {
			return err
		}
		(*c)[name] = t.String()
	}
	_, err := d.ReadToken()
	return err
}

// parse reads an event.
func parse(payload []byte) (*Request, error) {
	e := new(event)
	if err := json.Unmarshal(payload, e); err != nil {
		return nil, fault.New(fault.Invalid, "malformed_event", "The request could not be read.")
	}
	r := &Request{Method: e.HTTPMethod, Resource: e.Resource, ID: e.RequestContext.RequestID, SourceIP: e.RequestContext.Identity.SourceIP, Body: []byte(e.Body), event: e}
	if e.IsBase64Encoded {
		body, err := base64.StdEncoding.DecodeString(e.Body)
		if err != nil {
			return nil, fault.New(fault.Invalid, "malformed_event", "The request's body could not be read.")
		}
		r.Body = body
	}
	return r, nil
}

// several reads one of an event's maps from its two forms. The one of several values rules where it is there.
func several(single, multi jsontext.Value) map[string][]string {
	m := map[string][]string{}
	if len(multi) > 0 && multi.Kind() == '{' {
		if json.Unmarshal(multi, &m) != nil {
			return nil
		}
		return m
	}
	var one map[string]string
	if len(single) == 0 || json.Unmarshal(single, &one) != nil {
		return m
	}
	for name, value := range one {
		m[name] = []string{value}
	}
	return m
}

// values gives all values of a header. Names become canonical, since not every gateway sends them in the same case.
func (r *Request) values(name string) []string {
	if r.headers == nil && r.event != nil {
		r.headers = map[string][]string{}
		for sent, values := range several(r.event.Headers, r.event.MultiValueHeaders) {
			sent = textproto.CanonicalMIMEHeaderKey(sent)
			r.headers[sent] = append(r.headers[sent], values...)
		}
	}
	return r.headers[name]
}

// parameters gives the query.
func (r *Request) parameters() map[string][]string {
	if r.query == nil && r.event != nil {
		r.query = several(r.event.Query, r.event.MultiValueQuery)
	}
	return r.query
}

// Header gives the first value of the header, whose name is in canonical case; empty where there is none.
func (r *Request) Header(name string) string {
	if v := r.values(name); len(v) > 0 {
		return v[0]
	}
	return ""
}

// Param gives a path parameter.
func (r *Request) Param(name string) string {
	if r.event == nil {
		return ""
	}
	return r.event.PathParameters[name]
}

// Principal gives who the authorizer let through. Without the authorizer's claims, or with claims that it never makes,
// nobody was let through: the error is of kind Unauthenticated.
func (r *Request) Principal() (authority.Principal, error) {
	var c claims
	if r.event != nil {
		c = r.event.RequestContext.Authorizer
	}
	p, err := authority.FromClaims(c)
	if err != nil {
		return authority.Principal{}, fault.New(fault.Unauthenticated, "", "Unauthenticated.").Because(err)
	}
	return p, nil
}

// Origin tells where the request came from, for the audit trail.
func (r *Request) Origin() audit.Origin {
	return audit.Origin{IP: r.SourceIP, UserAgent: r.Header("User-Agent"), RequestID: r.ID}
}

// Via tells by what way it came in: browsers say of themselves that they are.
func (r *Request) Via() string {
	if r.Header("Sec-Fetch-Site") != "" && r.Header("Cookie") != "" {
		return audit.ViaDashboard
	}
	return audit.ViaAPI
}
