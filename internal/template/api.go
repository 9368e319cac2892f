package template

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// An API is the template's AWS::Serverless::Api with the routes that functions' events give it.
type API struct {
	LogicalID         string
	Stage             string
	Routes            []Route               // ordered by path and method
	Authorizers       map[string]Authorizer // by name
	DefaultAuthorizer string                // already applied to Routes; empty where there is none
	GatewayResponses  map[string]GatewayResponse
	CORS              *CORS             // nil where no preflight is answered
	BinaryMediaTypes  []string          // "image/png", "*/*"
	Variables         map[string]string // stage variables
}

// A Route leads a method of a path to a function.
type Route struct {
	Method     string // upper case; ANY for all
	Path       string // "/v1/tokens/{id}", "/{proxy+}"
	Function   string // logical id
	Authorizer string // name; empty where the route is open
	Timeout    time.Duration
	Place      string // of the event in the template
}

// CORS is how SAM answers OPTIONS on every path of the API. The texts are the headers' values.
type CORS struct {
	AllowMethods     string // empty: the methods of the path and OPTIONS
	AllowHeaders     string
	AllowOrigin      string
	MaxAge           string
	AllowCredentials bool
	Authorized       bool // preflights go through the default authorizer, which SAM does unless told not to
}

// integrationTimeout is how long API Gateway waits for a function unless the route says less.
const integrationTimeout = 29 * time.Second

// What an API's properties may say besides: where and how it is put up, watched and throttled.
var apiOperational = []string{
	"AccessLogSetting", "AlwaysDeploy", "Description", "DisableExecuteApiEndpoint", "Domain", "EndpointAccessMode",
	"EndpointConfiguration", "FailOnWarnings", "MethodSettings", "Mode", "Name", "OpenApiVersion", "Policy", "PropagateTags",
	"SecurityPolicy", "Tags", "TracingEnabled",
}

func readAPI(t *Template) error {
	ids := t.Resources("AWS::Serverless::Api")
	if len(ids) == 0 {
		return refuseEvents(t)
	}
	if len(ids) > 1 {
		return t.scope.errorAt("Resources."+ids[1], "the local service serves one API, and there is "+ids[0]+" already")
	}
	globals, err := t.scope.resolve("Globals.Api", t.scope.globals["Api"])
	if err != nil {
		return err
	}
	props, err := t.Properties(ids[0])
	if err != nil {
		return err
	}
	o := newObject(t.scope, "Resources."+ids[0]+".Properties", merge(globals, anyMap(props)))
	o.only(append(slices.Clone(apiOperational),
		"Auth", "BinaryMediaTypes", "Cors", "GatewayResponses", "StageName", "Variables")...)
	a := &API{LogicalID: ids[0], Stage: o.need("StageName"), Variables: o.table("Variables")}
	for _, kind := range o.texts("BinaryMediaTypes") {
		a.BinaryMediaTypes = append(a.BinaryMediaTypes, strings.ReplaceAll(kind, "~1", "/"))
	}
	auth := o.object("Auth")
	a.readAuthorizers(t, auth)
	a.readCORS(o, auth)
	a.GatewayResponses = readGatewayResponses(o.object("GatewayResponses"))
	if *o.err != nil {
		return *o.err
	}
	t.API = a
	return a.readRoutes(t)
}

// anyMap keeps a nil map from looking like a value that is there.
func anyMap(m map[string]any) any {
	if m == nil {
		return nil
	}
	return m
}

func refuseEvents(t *Template) error {
	for _, f := range t.Functions {
		var err error
		f.each("Api", func(name string, o object) {
			o.fail("", "there is no AWS::Serverless::Api in the template")
			err = cmp.Or(err, *o.err)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (a *API) readRoutes(t *Template) error {
	seen := make(map[string]string)
	var err error
	for _, f := range t.Functions {
		f.each("Api", func(_ string, o object) {
			r := a.readRoute(f, o)
			key := r.Method + " " + r.Path
			if other, ok := seen[key]; ok {
				o.fail("", key+" leads to "+other+" already")
			}
			seen[key] = f.LogicalID
			a.Routes = append(a.Routes, r)
			err = cmp.Or(err, *o.err)
		})
	}
	slices.SortFunc(a.Routes, func(x, y Route) int {
		return cmp.Or(strings.Compare(x.Path, y.Path), strings.Compare(x.Method, y.Method))
	})
	return err
}

func (a *API) readRoute(f Function, o object) Route {
	o.only("Path", "Method", "RestApiId", "Auth", "TimeoutInMillis")
	if id := logicalID(o.need("RestApiId")); id != a.LogicalID {
		o.fail("RestApiId", "it is not the API "+a.LogicalID)
	}
	r := Route{
		Method:     strings.ToUpper(o.need("Method")),
		Path:       o.need("Path"),
		Function:   f.LogicalID,
		Authorizer: a.DefaultAuthorizer,
		Timeout:    time.Duration(o.number("TimeoutInMillis", int(integrationTimeout.Milliseconds()), 50, 300_000)) * time.Millisecond,
		Place:      o.place,
	}
	if !strings.HasPrefix(r.Path, "/") {
		o.fail("Path", "it does not start with /")
	}
	if !slices.Contains(methods, r.Method) {
		o.fail("Method", "API Gateway has no method "+r.Method)
	}
	auth := o.object("Auth")
	auth.only("Authorizer")
	switch name := auth.text("Authorizer"); {
	case name == "NONE":
		r.Authorizer = ""
	case name != "":
		if _, ok := a.Authorizers[name]; !ok {
			auth.fail("Authorizer", "the API has no authorizer "+name)
		}
		r.Authorizer = name
	}
	return r
}

var methods = []string{"ANY", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"}

func (a *API) readCORS(o, auth object) {
	if origin, ok := o.m["Cors"].(string); ok {
		a.CORS = &CORS{AllowOrigin: quoted(o, "Cors", origin)}
	} else if o.has("Cors") {
		c := o.object("Cors")
		c.only("AllowMethods", "AllowHeaders", "AllowOrigin", "MaxAge", "AllowCredentials")
		a.CORS = &CORS{
			AllowMethods:     quoted(c, "AllowMethods", c.text("AllowMethods")),
			AllowHeaders:     quoted(c, "AllowHeaders", c.text("AllowHeaders")),
			AllowOrigin:      quoted(c, "AllowOrigin", c.need("AllowOrigin")),
			MaxAge:           quoted(c, "MaxAge", c.text("MaxAge")),
			AllowCredentials: c.flag("AllowCredentials", false),
		}
	}
	if a.CORS != nil {
		a.CORS.Authorized = a.DefaultAuthorizer != "" && auth.flag("AddDefaultAuthorizerToCorsPreflight", true)
	}
}

// quoted takes a static value out of the single quotes that API Gateway wants around it.
func quoted(o object, key, v string) string {
	if v == "" {
		return ""
	}
	if len(v) < 2 || v[0] != '\'' || v[len(v)-1] != '\'' {
		o.fail(key, "a static value stands in single quotes within the text")
		return ""
	}
	return v[1 : len(v)-1]
}
