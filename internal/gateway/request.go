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

	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/fault"
	"keyfob/internal/scan"
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

	principal authority.Principal // read when first asked for; the zero one until then
}

// event is the part of a REST proxy event that is used. Headers and query stay as they are written until a handler asks
// for them: they are most of an event, and most requests need none of them.
type event struct {
	headers, multiHeaders string // JSON, or empty
	query, multiQuery     string // likewise
	params, claims        map[string]string
	domain                string // that the API was called by
	body                  string
	base64                bool
}

// parse reads an event.
func parse(payload []byte) (*Request, error) {
	e := &event{}
	r := &Request{event: e}
	if err := scan.Document(payload, r.member); err != nil {
		return nil, fault.New(fault.Invalid, "malformed_event", "The request could not be read.")
	}
	r.Body = []byte(e.body)
	if e.base64 {
		body, err := base64.StdEncoding.DecodeString(e.body)
		if err != nil {
			return nil, fault.New(fault.Invalid, "malformed_event", "The request's body could not be read.")
		}
		r.Body = body
	}
	return r, nil
}

// member reads one member of the event, or passes over it.
func (r *Request) member(s *scan.Scanner, name string) (err error) {
	e := r.event
	switch {
	case s.Null():
	case name == "resource":
		r.Resource, err = s.Text()
	case name == "httpMethod":
		r.Method, err = s.Text()
	case name == "headers":
		e.headers, err = s.Raw()
	case name == "multiValueHeaders":
		e.multiHeaders, err = s.Raw()
	case name == "queryStringParameters":
		e.query, err = s.Raw()
	case name == "multiValueQueryStringParameters":
		e.multiQuery, err = s.Raw()
	case name == "pathParameters":
		e.params, err = texts(s)
	case name == "body":
		e.body, err = s.Text()
	case name == "isBase64Encoded":
		var flag string
		flag, err = s.Literal()
		e.base64 = flag == "true"
	case name == "requestContext":
		err = s.Object(r.context)
	default:
		err = s.Skip()
	}
	return err
}

// context reads one member of the event's request context.
func (r *Request) context(s *scan.Scanner, name string) (err error) {
	switch {
	case s.Null():
	case name == "requestId":
		r.ID, err = s.Text()
	case name == "domainName":
		r.event.domain, err = s.Text()
	case name == "authorizer":
		r.event.claims, err = texts(s)
	case name == "identity":
		err = s.Object(func(s *scan.Scanner, name string) (err error) {
			if name != "sourceIp" || s.Null() {
				return s.Skip()
			}
			r.SourceIP, err = s.Text()
			return err
		})
	default:
		err = s.Skip()
	}
	return err
}

// texts reads the members of an object that are texts, and passes over the others.
func texts(s *scan.Scanner) (map[string]string, error) {
	m := make(map[string]string, 12)
	err := s.Object(func(s *scan.Scanner, name string) (err error) {
		if s.Kind() != '"' {
			return s.Skip()
		}
		m[name], err = s.Text()
		return err
	})
	return m, err
}

// several reads one of an event's maps from its two forms. The one of several values rules where it is there.
func several(single, multi string) map[string][]string {
	m := map[string][]string{}
	if multi == "" {
		multi = single
	}
	// What is no map of texts is none at all.
	_ = scan.Document([]byte(multi), func(s *scan.Scanner, name string) error {
		values, err := s.Texts()
		m[name] = append(m[name], values...)
		return err
	})
	return m
}

// values gives all values of a header. Names become canonical, since not every gateway sends them in the same case.
func (r *Request) values(name string) []string {
	if r.headers == nil && r.event != nil {
		r.headers = map[string][]string{}
		for sent, values := range several(r.event.headers, r.event.multiHeaders) {
			sent = textproto.CanonicalMIMEHeaderKey(sent)
			r.headers[sent] = append(r.headers[sent], values...)
		}
	}
	return r.headers[name]
}

// parameters gives the query.
func (r *Request) parameters() map[string][]string {
	if r.query == nil && r.event != nil {
		r.query = several(r.event.query, r.event.multiQuery)
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
	return r.event.params[name]
}

// Principal gives who the authorizer let through. Without the authorizer's claims, or with claims that it never makes,
// nobody was let through: the error is of kind Unauthenticated.
func (r *Request) Principal() (authority.Principal, error) {
	if r.principal.Account != "" {
		return r.principal, nil
	}
	var claims map[string]string
	if r.event != nil {
		claims = r.event.claims
	}
	p, err := authority.FromClaims(claims)
	if err != nil {
		return authority.Principal{}, fault.New(fault.Unauthenticated, "", "Unauthenticated.").Because(err)
	}
	r.principal = p
	return p, nil
}

// Origin tells where the request came from, for the audit trail.
func (r *Request) Origin() audit.Origin {
	return audit.Origin{IP: r.SourceIP, UserAgent: r.Header("User-Agent"), RequestID: r.ID}
}

// Via tells by what way the request came in, for the audit trail: as the authorizer saw it. A request that it did not
// see has come through the API.
func (r *Request) Via() string {
	if p, err := r.Principal(); err == nil {
		return p.Via
	}
	return audit.ViaAPI
}
