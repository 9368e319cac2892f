package authorizer

import (
	"net/textproto"
	"net/url"
	"strings"

	"keyfob/internal/audit"
	"keyfob/internal/credential"
	"keyfob/internal/scan"
)

// A question is an event, whatever form it came in: may whoever presents this go there?
type question struct {
	arn       string // of the method or route; what the answer's policy names
	route     string // "GET /v1/tokens/{id}"; empty where the event does not tell (TOKEN)
	params    map[string]string
	presented credential.Presented
	simple    bool // to be answered in the HTTP API's simple form
	ours      bool // asked by Keyfob's own API
	from      audit.Origin
}

// event is what is used of the three forms in which API Gateway asks an authorizer.
type event struct {
	version, kind, method string
	ours                  bool
	from                  audit.Origin // without an address in the form TOKEN

	// REST and HTTP API 1.0
	methodARN, resource, httpMethod string
	multiHeaders, multiQuery        map[string][]string

	authorizationToken string // REST TOKEN

	// HTTP API 2.0
	routeARN, routeKey, rawQuery string
	cookies                      []string

	// all but TOKEN
	headers, query map[string][]string
	params         map[string]string
}

// parse reads an event. Of headers and query it reads only what finding a credential needs: the others are most of an
// event, and nobody looks at them.
func parse(payload []byte) (question, error) {
	var e event
	if err := scan.Document(payload, e.member); err != nil {
		return question{}, errEvent
	}
	q := question{from: e.from, ours: e.ours}
	switch {
	case e.kind == "TOKEN":
		q.arn, q.presented.Headers = e.methodARN, map[string][]string{"Authorization": {e.authorizationToken}}
	case e.version == "2.0":
		e.fillHTTP(&q)
	default:
		q.arn, q.route, q.params = e.methodARN, e.httpMethod+" "+e.resource, e.params
		// Where there is a map of several values, it rules.
		q.presented = credential.Presented{Method: e.httpMethod, Path: e.resource, Headers: or(e.multiHeaders, e.headers), Query: or(e.multiQuery, e.query)}
	}
	if q.arn == "" {
		return question{}, errEvent
	}
	q.presented.Headers = canonical(q.presented.Headers)
	return q, nil
}

// fillHTTP reads the HTTP API's payload format 2.0. It joins headers of one name with commas and keeps cookies apart.
func (e *event) fillHTTP(q *question) {
	_, path, _ := strings.Cut(e.routeKey, " ")
	query, err := url.ParseQuery(e.rawQuery)
	if err != nil {
		query = e.query
	}
	q.arn, q.route, q.params, q.simple = e.routeARN, e.routeKey, e.params, true
	q.presented = credential.Presented{Method: e.method, Path: path, Headers: e.headers, Query: query}
	if len(e.cookies) > 0 {
		if q.presented.Headers == nil {
			q.presented.Headers = map[string][]string{}
		}
		q.presented.Headers["Cookie"] = e.cookies
	}
}

func or(m, otherwise map[string][]string) map[string][]string {
	if m != nil {
		return m
	}
	return otherwise
}

// member reads one member of the event, or passes over it.
func (e *event) member(s *scan.Scanner, name string) (err error) {
	switch name {
	case "version":
		e.version, err = optional(s)
	case "type":
		e.kind, err = optional(s)
	case "methodArn":
		e.methodARN, err = optional(s)
	case "resource":
		e.resource, err = optional(s)
	case "httpMethod":
		e.httpMethod, err = optional(s)
	case "authorizationToken":
		e.authorizationToken, err = optional(s)
	case "routeArn":
		e.routeARN, err = optional(s)
	case "routeKey":
		e.routeKey, err = optional(s)
	case "rawQueryString":
		e.rawQuery, err = optional(s)
	case "cookies":
		if !s.Null() {
			e.cookies, err = s.Texts()
		}
	case "headers":
		e.headers, err = s.Several(neededHeader)
	case "multiValueHeaders":
		e.multiHeaders, err = s.Several(neededHeader)
	case "queryStringParameters":
		e.query, err = s.Several(neededParameter)
	case "multiValueQueryStringParameters":
		e.multiQuery, err = s.Several(neededParameter)
	case "pathParameters":
		e.params, err = readParams(s)
	case "stageVariables":
		var own map[string][]string
		own, err = s.Several(func(name string) bool { return name == StageVariable })
		e.ours = len(own) > 0
	case "requestContext":
		err = e.context(s)
	default:
		err = s.Skip()
	}
	return err
}

// context reads the request's id, where it comes from, and where an HTTP API has the method. The gateway has taken the
// user agent out of the headers already.
func (e *event) context(s *scan.Scanner) error {
	return s.Object(func(s *scan.Scanner, name string) (err error) {
		switch {
		case name == "requestId":
			e.from.RequestID, err = optional(s)
		case (name == "identity" || name == "http") && s.Kind() == '{':
			err = s.Object(e.caller)
		default:
			err = s.Skip()
		}
		return err
	})
}

// caller reads one member of the context's identity, or of its http, which has the method too.
func (e *event) caller(s *scan.Scanner, name string) (err error) {
	switch name {
	case "sourceIp":
		e.from.IP, err = optional(s)
	case "userAgent":
		e.from.UserAgent, err = optional(s)
	case "method":
		e.method, err = optional(s)
	default:
		err = s.Skip()
	}
	return err
}

// optional reads a text, or null as an empty one.
func optional(s *scan.Scanner) (string, error) {
	if s.Null() {
		return "", nil
	}
	return s.Text()
}

func readParams(s *scan.Scanner) (map[string]string, error) {
	if s.Null() {
		return nil, nil
	}
	params := map[string]string{}
	err := s.Object(func(s *scan.Scanner, name string) (err error) {
		params[name], err = s.Text()
		return err
	})
	return params, err
}

func neededParameter(name string) bool { return name == credential.QueryName }

// neededHeader reports whether finding a credential needs the header, in whatever case its name was sent.
func neededHeader(name string) bool {
	for _, needed := range [...]string{"Authorization", "Cookie", "Host", "Origin", "Sec-Fetch-Site"} {
		if len(name) == len(needed) && strings.EqualFold(name, needed) {
			return true
		}
	}
	return false
}

// canonical puts headers under canonical names. Names that differ in case only are one header.
func canonical(headers map[string][]string) map[string][]string {
	for name := range headers {
		if textproto.CanonicalMIMEHeaderKey(name) == name {
			continue
		}
		out := make(map[string][]string, len(headers))
		for name, values := range headers {
			name = textproto.CanonicalMIMEHeaderKey(name)
			out[name] = append(out[name], values...)
		}
		return out
	}
	return headers
}
