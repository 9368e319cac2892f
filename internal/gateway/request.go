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

	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/fault"
)

// A Request is one HTTP request as API Gateway's REST proxy event tells of it.
type Request struct {
	Method   string
	Resource string // the route's path with its parameters in braces: /v1/tokens/{id}
	Path     string // as it was asked for; may hold a credential, never logged
	Body     []byte
	ID       string // API Gateway's request id
	SourceIP string

	headers map[string][]string
	query   map[string][]string
	params  map[string]string
	claims  map[string]any
}

// event is the part of a REST proxy event that is used. The rest is skipped without being decoded.
type event struct {
	Resource          string              `json:"resource"`
	Path              string              `json:"path"`
	HTTPMethod        string              `json:"httpMethod"`
	Headers           map[string]string   `json:"headers"`
	MultiValueHeaders map[string][]string `json:"multiValueHeaders"`
	Query             map[string]string   `json:"queryStringParameters"`
	MultiValueQuery   map[string][]string `json:"multiValueQueryStringParameters"`
	PathParameters    map[string]string   `json:"pathParameters"`
	Body              string              `json:"body"`
	IsBase64Encoded   bool                `json:"isBase64Encoded"`
	RequestContext    struct {
		RequestID string `json:"requestId"`
		Identity  struct {
			SourceIP string `json:"sourceIp"`
		} `json:"identity"`
		Authorizer map[string]any `json:"authorizer"`
	} `json:"requestContext"`
}

// parse reads an event. Header names become canonical, since not every gateway sends them in the same case.
func parse(payload []byte) (*Request, error) {
	var e event
	if err := json.Unmarshal(payload, &e); err != nil {
		return nil, fault.New(fault.Invalid, "malformed_event", "The request could not be read.")
	}
	r := &Request{
		Method: e.HTTPMethod, Resource: e.Resource, Path: e.Path, ID: e.RequestContext.RequestID, SourceIP: e.RequestContext.Identity.SourceIP,
		headers: canonical(e.Headers, e.MultiValueHeaders), query: merge(e.Query, e.MultiValueQuery),
		params: e.PathParameters, claims: e.RequestContext.Authorizer, Body: []byte(e.Body),
	}
	if e.IsBase64Encoded {
		body, err := base64.StdEncoding.DecodeString(e.Body)
		if err != nil {
			return nil, fault.New(fault.Invalid, "malformed_event", "The request's body could not be read.")
		}
		r.Body = body
	}
	return r, nil
}

// canonical joins an event's two header maps under canonical names. The map of several values rules where it is there.
func canonical(single map[string]string, multi map[string][]string) map[string][]string {
	h := make(map[string][]string, max(len(single), len(multi)))
	for name, values := range merge(single, multi) {
		name = textproto.CanonicalMIMEHeaderKey(name)
		h[name] = append(h[name], values...)
	}
	return h
}

// merge joins an event's two forms of the same map. The one of several values rules where it is there.
func merge(single map[string]string, multi map[string][]string) map[string][]string {
	if multi != nil || single == nil {
		return multi
	}
	m := make(map[string][]string, len(single))
	for name, value := range single {
		m[name] = []string{value}
	}
	return m
}

// Header gives the first value of the header, whose name is in canonical case; empty where there is none.
func (r *Request) Header(name string) string {
	if v := r.headers[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// Param gives a path parameter.
func (r *Request) Param(name string) string { return r.params[name] }

// Principal gives who the authorizer let through. Without the authorizer's claims, or with claims that it never makes,
// nobody was let through: the error is of kind Unauthenticated.
func (r *Request) Principal() (authority.Principal, error) {
	p, err := authority.FromClaims(r.claims)
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
