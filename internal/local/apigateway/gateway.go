// Package apigateway turns HTTP requests into invocations the way an API Gateway REST API with Lambda proxy
// integrations does, and the functions' answers into HTTP.
//
// It promises the same events (proxy and authorizer), the same routing, the same evaluation of an authorizer's
// policy, the same gateway responses rendered from the template's own, the same limits and the same treatment of
// headers. Each rule has a test that names it; where AWS's documents are silent, the rule follows what is known to
// have been recorded from the service. What it refuses, it refuses when it is made, not when a request comes.
//
// It is not a gateway to put before real users: it does not throttle, cache answers, validate against models,
// check keys or signatures, or write access logs. Its URLs have no stage in front, as with a custom domain name.
package apigateway

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"keyfob/internal/template"
)

// A Function is what a route leads to, and what an authorizer is.
type Function interface {
	// Invoke runs the function. Its errors are those of lambdahost.
	Invoke(ctx context.Context, requestID string, payload []byte) ([]byte, error)
	// Timeout is how long an invocation may take at most.
	Timeout() time.Duration
}

// A Config describes a gateway.
type Config struct {
	API       *template.API
	Region    string
	AccountID string
	Partition string
	Functions map[string]Function // by logical id
	Now       func() time.Time
	Log       *slog.Logger

	// WithTimeout makes the context that ends an integration; context.WithTimeout where nil.
	WithTimeout func(context.Context, time.Duration) (context.Context, context.CancelFunc)
}

// apiID is the id that the API has in ARNs and events.
const apiID = "keyfob0000"

// A Gateway serves the API.
type Gateway struct {
	config      Config
	root        *node
	authorizers map[string]*authorizer
	responses   map[string]*gatewayResponse
	binary      []string
	arnPrefix   string // of a method's ARN, up to the stage and its slash
	exchanges   sync.Pool
	port        atomic.Pointer[port]
}

// New makes a gateway. The error, one line, says what in the template cannot be served, and where.
func New(c Config) (*Gateway, error) {
	if c.WithTimeout == nil {
		c.WithTimeout = context.WithTimeout
	}
	g := &Gateway{
		config: c, root: new(node), authorizers: make(map[string]*authorizer), binary: c.API.BinaryMediaTypes,
		arnPrefix: fmt.Sprintf("arn:%s:execute-api:%s:%s:%s/%s/", c.Partition, c.Region, c.AccountID, apiID, c.API.Stage),
	}
	g.exchanges.New = func() any { return new(exchange) }
	for name, a := range c.API.Authorizers {
		f, ok := c.Functions[a.Function]
		if !ok {
			return nil, fmt.Errorf("the authorizer %s has no function %s", name, a.Function)
		}
		g.authorizers[name] = &authorizer{Authorizer: a, function: f, cached: make(map[string]cachedDecision)}
	}
	for _, r := range c.API.Routes {
		f, ok := c.Functions[r.Function]
		if !ok {
			return nil, fmt.Errorf("%s: the route %s %s has no function %s", r.Place, r.Method, r.Path, r.Function)
		}
		if err := g.root.add(&route{Route: r, function: f, authorizer: g.authorizers[r.Authorizer]}); err != nil {
			return nil, err
		}
	}
	if c.API.CORS != nil {
		g.root.addPreflights(c.API.CORS, g.authorizers[c.API.DefaultAuthorizer])
	}
	var err error
	g.responses, err = compileResponses(c.API.GatewayResponses)
	return g, err
}

// ServeHTTP serves one request of the API.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := g.exchanges.Get().(*exchange)
	x.begin(g, w, r)
	if f := x.serve(); f != nil {
		x.fail(f)
	}
	x.end()
	g.exchanges.Put(x)
}

// serve does what the gateway does with a request, up to the first thing that is wrong with it.
func (x *exchange) serve() *failure {
	if x.headerSize > maxHeaderSize {
		return x.refuseHeader()
	}
	if !x.match() {
		return x.unknownRoute()
	}
	if f := x.readBody(); f != nil {
		return f
	}
	x.build()
	if x.route.authorizer != nil {
		if f := x.authorize(); f != nil {
			return f
		}
	}
	if x.route.preflight != nil {
		return x.answerPreflight()
	}
	return x.integrate()
}

// unknownRoute is for a path or a method there is not. The gateway takes it for a call that IAM should have signed:
// the signature is missing, or what stands in Authorization is none.
func (x *exchange) unknownRoute() *failure {
	if x.headerValue("Authorization") == "" {
		return &failure{kind: "MISSING_AUTHENTICATION_TOKEN", message: "Missing Authentication Token", code: "MissingAuthenticationTokenException"}
	}
	// AWS quotes the header in its message, and with it the credential. That much is not imitated.
	return &failure{kind: "INVALID_SIGNATURE", message: "Authorization header is not a signature.", code: "IncompleteSignatureException"}
}
