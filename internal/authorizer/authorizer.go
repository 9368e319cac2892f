// Package authorizer answers API Gateway's question whether a request may go on: for Keyfob's own routes, and for any
// API that attaches it. It understands REST APIs (REQUEST and TOKEN) and HTTP APIs (payload formats 1.0 and 2.0).
//
// It promises that
//   - no request goes on which was not decided on: what could not be decided is a failure, which the gateway answers
//     with 503, and everything that is not one valid credential is the same "Unauthorized" (401);
//   - a well-formed credential costs one read, anything else none (P2);
//   - its policy names exactly the method that was asked about, so that it is no wider than the decision even if
//     somebody turns caching on;
//   - its context holds no secret.
//
// It keeps nothing between requests.
package authorizer

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/credential"
	"keyfob/internal/metric"
	"keyfob/internal/scope"
)

// Config is what a main wires.
type Config struct {
	Authority *authority.Authority
	Routes    Routes
	Log       *slog.Logger
	Meter     *metric.Meter // nil where nothing is measured
}

// An Authorizer answers authorizer events. It implements lambda.Handler.
type Authorizer struct{ config Config }

// New makes an authorizer.
func New(c Config) *Authorizer { return &Authorizer{c} }

// errUnauthorized is, to the letter, the error that API Gateway answers with 401.
var errUnauthorized = errors.New("Unauthorized")

var (
	errEvent     = errors.New("authorizer: not an authorizer event")
	errUndecided = errors.New("authorizer: could not decide")
)

// maxARN is how long a policy's resource may be, in characters: API Gateway takes no longer ones, though it asks about
// methods of up to 1,600.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-output.html
const maxARN = 512

// margin is what is kept of the function's time, so that the failure is ours and in time.
const margin = 300 * time.Millisecond

// Invoke answers one event.
func (a *Authorizer) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	start := a.config.Authority.Now()
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-margin))
		defer cancel()
	}
	q, err := parse(payload)
	if err != nil {
		a.log(ctx, start, q, authority.Principal{}, "failed", err.Error())
		return nil, errUndecided
	}
	seen, err := a.sight(ctx, q)
	p := seen.Principal
	if err != nil {
		a.log(ctx, start, q, p, "failed", err.Error())
		return nil, errUndecided
	}
	a.note(ctx, q, seen)
	if seen.Denial != authority.None {
		a.log(ctx, start, q, p, "unauthorized", string(seen.Denial))
		if q.simple {
			// An HTTP API knows no 401 from an authorizer's answer: it makes 403 of every refusal.
			return simple(false, []authority.Claim{{Name: "message", Value: "Unauthenticated."}}), nil
		}
		return nil, errUnauthorized
	}
	reason := a.decide(q, p)
	outcome := "allowed"
	if reason != scope.Allowed {
		outcome = "denied"
	}
	a.log(ctx, start, q, p, outcome, string(reason))
	return a.answer(q, p, reason), nil
}

// sight finds the one credential and who stands behind it.
func (a *Authorizer) sight(ctx context.Context, q question) (authority.Sighting, error) {
	if !q.ours {
		// On an attached API a parameter called token is that API's own business.
		q.presented.Query = nil
	}
	text, found := q.presented.Find()
	switch found {
	case credential.One, credential.Cookie, credential.Query:
		seen, err := a.config.Authority.Sight(ctx, authority.Presentation{Text: text, Query: found == credential.Query, From: q.from})
		if found == credential.Cookie {
			seen.Principal.Via = audit.ViaDashboard
		}
		return seen, err
	case credential.Nothing:
		return authority.Sighting{Denial: authority.Absent}, nil
	}
	return authority.Sighting{Denial: authority.Ambiguous}, nil
}

// note has the use of the credential written down, where that is due. Whether it can be changes no answer.
func (a *Authorizer) note(ctx context.Context, q question, seen authority.Sighting) {
	if err := a.config.Authority.Note(ctx, seen); err != nil {
		a.config.Log.LogAttrs(ctx, slog.LevelWarn, "use not noted", slog.String("request_id", q.from.RequestID), slog.String("error", err.Error()))
	}
}

// StageVariable is what Keyfob's own API says of itself to the authorizer, and no attached API does: its stage has a
// variable of this name. Only then are routes.yaml's routes meant; another API may have a path that reads the same.
const StageVariable = "keyfob"

// decide lays what the route needs against what the principal may do.
func (a *Authorizer) decide(q question, p authority.Principal) scope.Reason {
	if !q.simple && (len(q.arn) > maxARN || strings.ContainsAny(q.arn, "*?") || strings.Contains(q.arn, "${")) {
		// In a policy these characters stand for more than themselves, and there is no way to write them that holds
		// everywhere.
		return scope.NoRoute
	}
	var needs scope.Permission // full scope
	if q.ours {
		needs = a.config.Routes[q.route]
	}
	return scope.Decide(p.Holder, needs.On(q.params))
}

// answer puts the decision into the form that the asker reads.
func (a *Authorizer) answer(q question, p authority.Principal, reason scope.Reason) []byte {
	if reason == scope.Allowed {
		if q.simple {
			return simple(true, p.Claims())
		}
		return policy(p.User, "Allow", q.arn, p.Claims())
	}
	why := []authority.Claim{
		{Name: "code", Value: string(reason)}, {Name: "message", Value: reason.Sentence()}, {Name: "accountId", Value: p.Account}, {Name: "tokenId", Value: p.Handle()},
		{Name: "challenge", Value: `Bearer realm="` + a.config.Authority.Form.Realm + `", error="insufficient_scope"`},
	}
	if q.simple {
		return simple(false, why)
	}
	// What is cut short names nothing that is asked for, and that denies it just the same.
	return policy(p.User, "Deny", q.arn[:min(len(q.arn), maxARN)], why)
}

// log writes the one line that each decision leaves. The path is not in it: it may hold a credential.
func (a *Authorizer) log(ctx context.Context, start time.Time, q question, p authority.Principal, outcome, reason string) {
	level := slog.LevelInfo
	if outcome == "failed" {
		level = slog.LevelError
		a.config.Meter.Put(metric.Undecided.Of(1))
	}
	attrs := make([]slog.Attr, 0, 8)
	attrs = append(attrs, slog.String("route", q.route), slog.String("outcome", outcome), slog.String("request_id", q.from.RequestID),
		slog.Float64("latency_ms", float64(a.config.Authority.Now().Sub(start).Microseconds())/1000))
	if reason != "" {
		attrs = append(attrs, slog.String("reason", reason))
	}
	if p.Account != "" {
		attrs = append(attrs, slog.String("account", p.Account), slog.String("credential", p.Handle()))
	}
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		attrs = append(attrs, slog.String("function_request_id", lc.AwsRequestID))
	}
	a.config.Log.LogAttrs(ctx, level, "decision", attrs...)
}
