package authorizer

import (
	"net/url"
	"strings"

	"github.com/go-json-experiment/json"

	"keyfob/internal/credential"
	"keyfob/internal/gateway"
)

// event is what is used of the three forms in which API Gateway asks an authorizer. The rest is skipped.
type event struct {
	Version string `json:"version"` // "2.0" from an HTTP API of that payload format
	Type    string `json:"type"`    // TOKEN or REQUEST

	// REST and HTTP API 1.0
	MethodARN         string              `json:"methodArn"`
	Resource          string              `json:"resource"`
	Path              string              `json:"path"`
	HTTPMethod        string              `json:"httpMethod"`
	MultiValueHeaders map[string][]string `json:"multiValueHeaders"`
	MultiValueQuery   map[string][]string `json:"multiValueQueryStringParameters"`

	// REST TOKEN
	AuthorizationToken string `json:"authorizationToken"`

	// HTTP API 2.0
	RouteARN       string   `json:"routeArn"`
	RouteKey       string   `json:"routeKey"`
	RawPath        string   `json:"rawPath"`
	RawQuery       string   `json:"rawQueryString"`
	Cookies        []string `json:"cookies"`
	RequestContext struct {
		Stage     string `json:"stage"`
		RequestID string `json:"requestId"`
		HTTP      struct {
			Method string `json:"method"`
		} `json:"http"`
	} `json:"requestContext"`

	// all but TOKEN
	Headers        map[string]string `json:"headers"`
	Query          map[string]string `json:"queryStringParameters"`
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
				Method: e.HTTPMethod, Path: e.Path, Headers: gateway.Canonical(e.Headers, e.MultiValueHeaders),
				Query: gateway.Merge(e.Query, e.MultiValueQuery),
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
	path := e.RawPath
	if s := e.RequestContext.Stage; s != "" && s != "$default" {
		path = strings.TrimPrefix(path, "/"+s)
	}
	query, err := url.ParseQuery(e.RawQuery)
	if err != nil {
		query = url.Values(gateway.Merge(e.Query, nil))
	}
	headers := gateway.Canonical(e.Headers, nil)
	if len(e.Cookies) > 0 {
		headers["Cookie"] = e.Cookies
	}
	return question{
		arn: e.RouteARN, route: e.RouteKey, params: e.PathParameters, simple: true, id: e.RequestContext.RequestID,
		presented: credential.Presented{Method: e.RequestContext.HTTP.Method, Path: path, Headers: headers, Query: query},
	}
}
