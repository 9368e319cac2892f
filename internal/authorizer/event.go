package authorizer

import (
	"net/url"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"keyfob/internal/credential"
)

// event is what is used of the three forms in which API Gateway asks an authorizer. The rest is skipped.
type event struct {
	Version string `json:"version"` // "2.0" from an HTTP API of that payload format
	Type    string `json:"type"`    // TOKEN or REQUEST

	// REST and HTTP API 1.0
	MethodARN         string     `json:"methodArn"`
	Resource          string     `json:"resource"`
	HTTPMethod        string     `json:"httpMethod"`
	MultiValueHeaders headers    `json:"multiValueHeaders"`
	MultiValueQuery   parameters `json:"multiValueQueryStringParameters"`

	// REST TOKEN
	AuthorizationToken string `json:"authorizationToken"`

	// HTTP API 2.0
	RouteARN       string   `json:"routeArn"`
	RouteKey       string   `json:"routeKey"`
	RawQuery       string   `json:"rawQueryString"`
	Cookies        []string `json:"cookies"`
	RequestContext struct {
		RequestID string `json:"requestId"`
		HTTP      struct {
			Method string `json:"method"`
		} `json:"http"`
	} `json:"requestContext"`

	// all but TOKEN
	Headers        headers           `json:"headers"`
	Query          parameters        `json:"queryStringParameters"`
	PathParameters map[string]string `json:"pathParameters"`
}

// A question is an event put in one form: may whoever presents this go there?
type question struct {
	arn       string // of the method or route; what the answer's policy names
	route     string // "GET /v1/tokens/{id}"; empty where the event does not tell (TOKEN)
	params    map[string]string
	presented credential.Presented
	simple    bool // to be answered in the HTTP API's simple form
	id        string
}

func parse(payload []byte) (question, error) {
	var e event
	if err := json.Unmarshal(payload, &e); err != nil {
		return question{}, errEvent
	}
	var q question
	switch {
	case e.Type == "TOKEN":
		q = question{arn: e.MethodARN, presented: credential.Presented{Headers: map[string][]string{"Authorization": {e.AuthorizationToken}}}}
	case e.Version == "2.0":
		q = e.http()
	default:
		q = question{
			arn: e.MethodARN, route: e.HTTPMethod + " " + e.Resource, params: e.PathParameters, id: e.RequestContext.RequestID,
			presented: credential.Presented{
				Method: e.HTTPMethod, Path: e.Resource, Headers: e.headers(),
				Query: e.query(),
			},
		}
	}
	if q.arn == "" {
		return question{}, errEvent
	}
	return q, nil
}

// http reads the HTTP API's payload format 2.0. It joins headers of one name with commas and keeps cookies apart.
func (e event) http() question {
	_, path, _ := strings.Cut(e.RouteKey, " ")
	query, err := url.ParseQuery(e.RawQuery)
	if err != nil {
		query = url.Values(e.query())
	}
	h := e.headers()
	if len(e.Cookies) > 0 {
		h["Cookie"] = e.Cookies
	}
	return question{
		arn: e.RouteARN, route: e.RouteKey, params: e.PathParameters, simple: true, id: e.RequestContext.RequestID,
		presented: credential.Presented{Method: e.RequestContext.HTTP.Method, Path: path, Headers: h, Query: query},
	}
}

// headers gives the headers of the request; the map of several values rules where there is one.
func (e event) headers() map[string][]string {
	if e.MultiValueHeaders != nil {
		return e.MultiValueHeaders
	}
	if e.Headers != nil {
		return e.Headers
	}
	return headers{}
}

// query gives the query parameters of the request, likewise.
func (e event) query() map[string][]string {
	if e.MultiValueQuery != nil {
		return e.MultiValueQuery
	}
	return e.Query
}

// headers are those of an event's headers that finding a credential needs, under canonical names; parameters are
// those of its query. Reading all of them would be most of what a decision costs.
type (
	headers    map[string][]string
	parameters map[string][]string
)

// UnmarshalJSONFrom reads an object whose members are texts or lists of texts.
func (h *headers) UnmarshalJSONFrom(d *jsontext.Decoder) (err error) {
	*h, err = readMembers(d, canonical)
	return err
}

// UnmarshalJSONFrom reads an object whose members are texts or lists of texts.
func (p *parameters) UnmarshalJSONFrom(d *jsontext.Decoder) (err error) {
	*p, err = readMembers(d, func(name []byte) string {
		if string(name) == credential.QueryName {
			return credential.QueryName
		}
		return ""
	})
	return err
}

// readMembers reads the members of an object that are wanted, under the names that wanted gives them; nil for null.
func readMembers(d *jsontext.Decoder, wanted func(name []byte) string) (map[string][]string, error) {
	if d.PeekKind() != '{' {
		// null is nothing; for anything else, reading it as a map says what is wrong.
		var none map[string][]string
		return nil, json.UnmarshalDecode(d, &none)
	}
	if _, err := d.ReadToken(); err != nil {
		return nil, err
	}
	m := map[string][]string{}
	for d.PeekKind() != '}' {
		raw, err := d.ReadValue()
		if err != nil {
			return nil, err
		}
		name := wanted(raw[1 : len(raw)-1]) // a wanted name has nothing in it that JSON must escape
		if name == "" {
			if err := d.SkipValue(); err != nil {
				return nil, err
			}
			continue
		}
		values, err := readTexts(d, m[name])
		if err != nil {
			return nil, err
		}
		m[name] = values
	}
	_, err := d.ReadToken()
	return m, err
}

// readTexts reads a text, or a list of them, and appends.
func readTexts(d *jsontext.Decoder, to []string) ([]string, error) {
	list := d.PeekKind() == '['
	if list {
		if _, err := d.ReadToken(); err != nil {
			return nil, err
		}
	}
	for d.PeekKind() == '"' {
		t, err := d.ReadToken()
		if err != nil {
			return nil, err
		}
		to = append(to, t.String())
		if !list {
			return to, nil
		}
	}
	if list && d.PeekKind() == ']' {
		_, err := d.ReadToken()
		return to, err
	}
	return nil, errEvent
}

// canonical gives the canonical name of a header that is needed, in whatever case it was sent; empty for another.
func canonical(name []byte) string {
	for _, needed := range [...]string{"Authorization", "Cookie", "Host", "Origin", "Sec-Fetch-Site"} {
		if len(name) == len(needed) && strings.EqualFold(string(name), needed) {
			return needed
		}
	}
	return ""
}
