package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"keyfob/internal/fault"
	"keyfob/internal/metric"
)

// A Handler answers one request. An error becomes a problem.
type Handler func(ctx context.Context, r *Request) (Response, error)

// Routes maps "METHOD /resource/{path}" to its handler.
type Routes map[string]Handler

// Config is what all functions of a deployment have in common at the edge.
type Config struct {
	Log    *slog.Logger
	Meter  *metric.Meter // nil where nothing is measured
	Now    func() time.Time
	Realm  string
	Origin string // the dashboard's, if it is not served by this API: the only one that may read answers. Or empty.
}

// A Function is a Lambda function behind API Gateway: a few routes. It implements lambda.Handler.
type Function struct {
	config Config
	routes Routes
}

// NewFunction makes a function of the routes.
func NewFunction(c Config, routes Routes) *Function { return &Function{config: c, routes: routes} }

// Routes lists the function's routes, so that they can be held against the template's.
func (f *Function) Routes() []string {
	names := make([]string, 0, len(f.routes))
	for name := range f.routes {
		names = append(names, name)
	}
	return names
}

// Invoke answers one proxy event. It never returns an error: a failure is an answer too.
func (f *Function) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	start := f.config.Now()
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-margin))
		defer cancel()
	}
	r, err := parse(payload)
	var response Response
	if err == nil {
		response, err = f.serve(ctx, r)
	} else {
		r = &Request{}
	}
	if err != nil {
		told, _ := errors.AsType[*OnPage](err)
		if ctx.Err() != nil && fault.KindOf(err) == fault.Internal {
			err = retry()
		}
		response = Problem(err, f.config.Realm)
		if told != nil {
			response = told.answer(response, err)
		}
	}
	f.log(ctx, r, response, err, f.config.Now().Sub(start))
	return response.proxy(r, f.config.Origin), nil
}

// serve calls the route's handler. A panic is a failure of this request, not of those that come after it.
func (f *Function) serve(ctx context.Context, r *Request) (response Response, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("gateway: panic: %v\n%s", p, debug.Stack())
		}
	}()
	h, ok := f.routes[r.Method+" "+r.Resource]
	if !ok {
		return Response{}, fault.New(fault.NotFound, "not_found", "There is nothing here.")
	}
	if p, err := r.Principal(); err == nil && p.Expired(f.config.Now()) {
		// It was valid when the authorizer saw it, perhaps long ago where somebody lets its answers be cached.
		return Response{}, fault.New(fault.Unauthenticated, "", "Unauthenticated.")
	}
	return h(ctx, r)
}

// log writes the one line that each request leaves. The path and the query are not in it: they may hold a credential.
func (f *Function) log(ctx context.Context, r *Request, response Response, err error, took time.Duration) {
	attrs := []slog.Attr{
		slog.String("route", r.Method+" "+r.Resource), slog.Int("status", response.Status),
		slog.String("request_id", r.ID), slog.Float64("latency_ms", float64(took.Microseconds())/1000),
	}
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		attrs = append(attrs, slog.String("function_request_id", lc.AwsRequestID))
	}
	if p, err := r.Principal(); err == nil {
		attrs = append(attrs, slog.String("account", p.Account), slog.String("user", p.User), slog.String("credential", p.Handle()))
	}
	level, outcome := slog.LevelInfo, "ok"
	if err != nil {
		outcome = "refused"
		if response.Status >= 500 {
			level, outcome = slog.LevelError, "failed"
			f.config.Meter.Put(metric.Undecided.Of(1))
		}
		attrs = append(attrs, slog.String("error", err.Error()))
	}
	f.config.Log.LogAttrs(ctx, level, "request", append(attrs, slog.String("outcome", outcome))...)
}
