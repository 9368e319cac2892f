package apigateway

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"keyfob/internal/local/lambdahost"
	"keyfob/internal/template"
)

// An authorizer is asked whether a request may go on, and remembers what it said if the template wants that.
type authorizer struct {
	template.Authorizer
	function Function

	mu     sync.Mutex
	cached map[string]cachedDecision // by the values of the identity sources
}

type cachedDecision struct {
	*decision
	until time.Time
}

// maxCached bounds the cache. API Gateway's own bound is not known.
const maxCached = 10_000

// authorize asks the route's authorizer and evaluates the policy for this method. A remembered policy is
// evaluated again, as it may have been given for another route.
func (x *exchange) authorize() *failure {
	a := x.route.authorizer
	x.methodARN = x.gateway.arnPrefix + x.r.Method + "/" + strings.TrimPrefix(x.path, "/")
	key, complete := x.identity(a)
	if !complete {
		return unauthorized()
	}
	d := a.remembered(key, x.now)
	if d == nil {
		var f *failure
		if d, f = x.ask(a, key); f != nil {
			return f
		}
	}
	x.decision = d
	switch allowed, explicit := d.evaluate(x.methodARN); {
	case allowed:
		return nil
	case explicit:
		return denied("User is not authorized to access this resource with an explicit deny")
	default:
		return denied("User is not authorized to access this resource")
	}
}

// identity gives the values of the identity sources as one key, and whether each is there.
func (x *exchange) identity(a *authorizer) (key string, complete bool) {
	if a.Type == "TOKEN" {
		v := x.headerValue(a.Header)
		return v, v != "" && (a.Validation == nil || a.Validation.MatchString(v))
	}
	var b strings.Builder
	for _, source := range a.Identity {
		v := ""
		switch source.In {
		case "header":
			v = x.headerValue(source.Name)
		case "querystring":
			for _, p := range x.query {
				if p.Name == source.Name {
					v = p.Value
				}
			}
		case "stageVariables":
			v = x.gateway.config.API.Variables[source.Name]
		case "context":
			v, _ = x.variable(source.Name)
		}
		if v == "" {
			return "", false
		}
		b.WriteString(v)
		b.WriteByte(0)
	}
	return b.String(), true
}

// ask invokes the authorizer's function.
func (x *exchange) ask(a *authorizer, key string) (*decision, *failure) {
	event := []byte(nil)
	if a.Type == "TOKEN" {
		event = x.tokenEvent(key)
	} else {
		event = x.authorizerEvent()
	}
	begun := time.Now()
	answer, err := a.function.Invoke(context.Background(), newUUID(), event)
	x.latency = time.Since(begun).Milliseconds()
	if err != nil {
		fe, ok := errors.AsType[*lambdahost.FunctionError](err)
		if ok && fe.Message == "Unauthorized" && !fe.Timeout {
			return nil, unauthorized()
		}
		return nil, authorizerError()
	}
	d, err := parseDecision(answer)
	if err != nil {
		x.gateway.config.Log.Error("authorizer's answer cannot be used", "authorizer", a.Name, "requestId", x.id, "error", err)
		return nil, authorizerError()
	}
	a.remember(key, d, x.now)
	return d, nil
}

func (a *authorizer) remembered(key string, now time.Time) *decision {
	if a.TTL == 0 {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	c, ok := a.cached[key]
	if !ok || !now.Before(c.until) {
		return nil
	}
	return c.decision
}

func (a *authorizer) remember(key string, d *decision, now time.Time) {
	if a.TTL == 0 {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.cached) >= maxCached {
		clear(a.cached)
	}
	a.cached[key] = cachedDecision{d, now.Add(a.TTL)}
}

func unauthorized() *failure {
	return &failure{kind: "UNAUTHORIZED", message: "Unauthorized", code: "UnauthorizedException"}
}

func denied(message string) *failure {
	return &failure{kind: "ACCESS_DENIED", message: message, code: "AccessDeniedException", capital: true}
}

// authorizerError is for an authorizer that fails in any way. API Gateway tells the caller nothing, not even a
// message: {"message":null}.
func authorizerError() *failure {
	return &failure{kind: "AUTHORIZER_CONFIGURATION_ERROR", noMessage: true, code: "AuthorizerConfigurationException"}
}
