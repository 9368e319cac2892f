// Package local runs the whole service on one machine: the deployed handlers, routed by the deployed template (P8).
//
// It promises that everything between a client and a handler, between the table's feed and its consumer, and between a
// schedule and its function is done as AWS does it, from the template's own settings; that a function of the template without a handler, or a handler
// without a function, stops the start; and that what is under /_local/, the controls that only this imitation has, is
// for this machine's own user: neither for a name that leads here (DNS rebinding) nor for another site's page.
//
// It does not choose the table, the mail service or the handlers: a main wires them. It imitates no permissions, and
// it is not for real users' data.
package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"keyfob/internal/local/apigateway"
	"keyfob/internal/local/lambdahost"
	"keyfob/internal/local/schedules"
	"keyfob/internal/local/streams"
	"keyfob/internal/local/wire"
	"keyfob/internal/table"
	"keyfob/internal/template"
)

// A Store is an embedded table with its change feed.
type Store interface {
	table.Table
	streams.Source
	streams.Bookmarks
	// Purge deletes what is due by the clock, as DynamoDB's TTL would, and gives the number of items.
	Purge(ctx context.Context) (int, error)
}

// A Config says what to run. Store and Mailbox stay the caller's to close, after the server.
type Config struct {
	Addr         string // host and port; port 0 for any that is free
	DataDir      string // what is given up goes into its folder failures
	TemplatePath string
	Parameters   map[string]string // of the template, where not their defaults
	Store        Store
	Mailbox      http.Handler // serves /_local/mail…; nil for none
	Clock        *Clock
	Log          *slog.Logger // of the imitation itself, not of the functions

	// Handlers makes the functions' handlers, by the CodeUri that the template names them by: "functions/login".
	Handlers func(Env) (map[string]lambda.Handler, error)
}

// failuresFolder is where in the data folder what is given up goes.
const failuresFolder = "failures"

// Env is what handlers are made of.
type Env struct {
	Table        table.Table // the store, counted
	Now          func() time.Time
	URL          string // the server's, for links
	TemplatePath string
	template     *template.Template
}

// Getenv gives the environment of the function with the CodeUri, as Lambda would set it.
func (e Env) Getenv(codeURI string) func(name string) string {
	for _, f := range e.template.Functions {
		if f.CodeURI == codeURI {
			return func(name string) string {
				switch name {
				case "AWS_LAMBDA_FUNCTION_NAME":
					return f.Name
				case "AWS_REGION":
					return e.template.Region
				}
				return f.Environment[name]
			}
		}
	}
	return func(string) string { return "" }
}

// A Server is the running service.
type Server struct {
	URL string // http://127.0.0.1:3000, without a slash at the end

	config    Config
	table     *countingTable
	functions map[string]*lambdahost.Function // by logical id
	byCode    map[string]*lambdahost.Function // by CodeUri
	pumps     []*streams.Pump
	timetable *schedules.Timetable
	http      *http.Server

	stop    context.CancelFunc // of what runs in the background
	running sync.WaitGroup
	closing sync.Once
}

// Start starts the service. It is ready when Start returns. The error is one line.
func Start(ctx context.Context, c Config) (_ *Server, err error) {
	t, err := template.Load(c.TemplatePath, template.Options{Parameters: c.Parameters})
	if err != nil {
		return nil, err
	}
	if t.API == nil {
		return nil, fmt.Errorf("%s: there is no AWS::Serverless::Api", c.TemplatePath)
	}
	// It listens before there is anything to answer with, because handlers write links to it; who connects waits.
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", c.Addr)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = listener.Close()
		}
	}()
	s := &Server{URL: "http://" + listener.Addr().String(), config: c, table: &countingTable{Table: c.Store}}
	if err := s.makeFunctions(t); err != nil {
		return nil, err
	}
	gateway, err := s.makeGateway(t)
	if err != nil {
		return nil, err
	}
	if err := s.makePumps(t); err != nil {
		return nil, err
	}
	s.makeTimetable(t)
	s.http = &http.Server{
		Handler:                      s.handler(gateway),
		ConnContext:                  wire.ConnContext,
		DisableGeneralOptionsHandler: true,
		ReadHeaderTimeout:            10 * time.Second,
		ReadTimeout:                  30 * time.Second, // a body that stops coming holds nothing for longer
		IdleTimeout:                  2 * time.Minute,
		MaxHeaderBytes:               64 << 10, // API Gateway's own limit is lower, and answered by the gateway
		ErrorLog:                     slog.NewLogLogger(c.Log.Handler(), slog.LevelDebug),
	}
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	for _, p := range s.pumps {
		s.running.Go(func() {
			if err := p.Run(background); err != nil {
				c.Log.Error("the event source mapping has ended", "error", err)
			}
		})
	}
	s.running.Go(func() { s.timetable.Run(background) })
	s.running.Go(func() { s.purge(background) })
	s.running.Go(func() {
		if err := s.http.Serve(wire.Listener(listener)); !errors.Is(err, http.ErrServerClosed) {
			c.Log.Error("the server has ended", "error", err)
		}
	})
	return s, nil
}

// makeFunctions joins the template's functions and the handlers. Each has to have the other.
func (s *Server) makeFunctions(t *template.Template) error {
	handlers, err := s.config.Handlers(Env{s.table, s.config.Clock.Now, s.URL, s.config.TemplatePath, t})
	if err != nil {
		return err
	}
	s.functions = make(map[string]*lambdahost.Function)
	s.byCode = make(map[string]*lambdahost.Function)
	for _, f := range t.Functions {
		h, ok := handlers[f.CodeURI]
		if !ok {
			return fmt.Errorf("%s: the function %s (%s) has no handler in this program", s.config.TemplatePath, f.LogicalID, f.CodeURI)
		}
		fn := lambdahost.New(lambdahost.Config{
			Name: f.Name, ARN: t.ARN(f), Handler: h, Timeout: f.Timeout, Concurrency: f.Concurrency, Log: s.config.Log,
		})
		s.functions[f.LogicalID], s.byCode[f.CodeURI] = fn, fn
	}
	for code := range handlers {
		if s.byCode[code] == nil {
			return fmt.Errorf("%s: there is no function with the CodeUri %s, for which this program has a handler", s.config.TemplatePath, code)
		}
	}
	return nil
}

func (s *Server) makeGateway(t *template.Template) (*apigateway.Gateway, error) {
	functions := make(map[string]apigateway.Function, len(s.functions))
	for id, f := range s.functions {
		functions[id] = f
	}
	g, err := apigateway.New(apigateway.Config{
		API: t.API, Region: t.Region, AccountID: t.AccountID, Partition: t.Partition, Functions: functions,
		Now: s.config.Clock.Now, Log: s.config.Log,
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.config.TemplatePath, err)
	}
	return g, nil
}

func (s *Server) makePumps(t *template.Template) error {
	for _, m := range t.Streams {
		if !m.Enabled {
			continue
		}
		f, _ := t.Function(m.Function)
		p, err := streams.New(streams.Config{
			Mapping: m, Source: s.config.Store, Bookmarks: s.config.Store, Function: s.functions[m.Function], FunctionARN: t.ARN(f),
			Now: s.config.Clock.Now, After: s.config.Clock.After, Log: s.config.Log,
			Discard: streams.Folder(filepath.Join(s.config.DataDir, failuresFolder), m.Name),
		})
		if err != nil {
			return fmt.Errorf("%s: %w", s.config.TemplatePath, err)
		}
		s.pumps = append(s.pumps, p)
	}
	return nil
}

func (s *Server) makeTimetable(t *template.Template) {
	var rules []schedules.Rule
	for _, m := range t.Schedules {
		if !m.Enabled {
			continue
		}
		f, _ := t.Function(m.Function)
		rules = append(rules, schedules.Rule{
			ARN: t.RuleARN(m), Every: m.Every, Input: m.Input,
			Function: s.functions[m.Function], FunctionName: f.Name, FunctionARN: t.ARN(f), Async: f.Async,
		})
	}
	s.timetable = schedules.New(schedules.Config{
		Rules: rules, Region: t.Region, AccountID: t.AccountID, Now: s.config.Clock.Now, After: s.config.Clock.After, Log: s.config.Log,
		Discard: schedules.Folder(filepath.Join(s.config.DataDir, failuresFolder)),
	})
}
