package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"keyfob/internal/local"
	"keyfob/internal/local/bucket"
	"keyfob/internal/table"
	"keyfob/internal/table/bolt"
)

const smallTemplate = `
Transform: AWS::Serverless-2016-10-31
Resources:
  Api: {Type: AWS::Serverless::Api, Properties: {StageName: live}}
  NotifyFunction:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/notify
      Events:
        Changes:
          Type: DynamoDB
          Properties:
            Stream: !GetAtt Table.StreamArn
            StartingPosition: TRIM_HORIZON
            MaximumRetryAttempts: 1
            FunctionResponseTypes: [ReportBatchItemFailures]
            DestinationConfig: {OnFailure: {Destination: !GetAtt Failures.Arn}}
  SweepFunction:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/sweep
      EventInvokeConfig: {MaximumRetryAttempts: 0, DestinationConfig: {OnFailure: {Destination: !GetAtt Failures.Arn}}}
      Events:
        Every: {Type: Schedule, Properties: {Schedule: rate(1 hour)}}
  OtherFunction: {Type: AWS::Serverless::Function, Properties: {CodeUri: functions/other}}
  Table: {Type: AWS::DynamoDB::Table}
  Failures: {Type: AWS::S3::Bucket}
`

// small is a service in this process whose functions do what the test says.
type small struct {
	*testing.T
	*local.Server
	store *bolt.Table
	dir   string

	mu        sync.Mutex
	poison    string // the name of a record that the consumer reports as failed
	broken    bool   // every function fails
	delivered []string
	swept     int
	others    []string // what the function without a source was invoked with
}

type handler func(ctx context.Context, payload []byte) ([]byte, error)

func (h handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) { return h(ctx, payload) }

const canary = "CANARY-of-the-payload"

func startSmall(t *testing.T) *small {
	t.Helper()
	s := &small{T: t, dir: t.TempDir()}
	clock := local.NewClock(func() time.Time { return time.Date(2026, 11, 21, 20, 0, 0, 0, time.UTC) })
	path := filepath.Join(s.dir, "template.yaml")
	err := os.WriteFile(path, []byte(smallTemplate), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if s.store, err = bolt.Open(filepath.Join(s.dir, "table.db"), clock.Now); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.store.Close() })
	s.Server, err = local.Start(t.Context(), local.Config{
		Addr: "127.0.0.1:0", DataDir: s.dir, TemplatePath: path, Store: s.store, Clock: clock, Log: slog.New(slog.DiscardHandler),
		Handlers: func(local.Env) (map[string]lambda.Handler, error) {
			return map[string]lambda.Handler{
				"functions/notify": handler(s.notify), "functions/sweep": handler(s.sweep), "functions/other": handler(s.other),
			}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close(context.Background()) })
	return s
}

func (s *small) notify(_ context.Context, payload []byte) ([]byte, error) {
	var batch table.StreamEvent
	if err := json.Unmarshal(payload, &batch); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken {
		return nil, errors.New("on purpose, with " + canary)
	}
	failed := []map[string]string{}
	for _, r := range batch.Records {
		if name := r.Change.Keys.String(table.AttrPK); name == s.poison {
			failed = append(failed, map[string]string{"itemIdentifier": r.Change.SequenceNumber})
		} else {
			s.delivered = append(s.delivered, name)
		}
	}
	return json.Marshal(map[string]any{"batchItemFailures": failed})
}

func (s *small) sweep(context.Context, []byte) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken {
		return nil, errors.New("on purpose, with " + canary)
	}
	s.swept++
	return nil, nil
}

func (s *small) other(_ context.Context, payload []byte) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.others = append(s.others, string(payload))
	return nil, nil
}

func (s *small) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// change commits records, which one batch brings to the consumer.
func (s *small) change(names ...string) {
	s.Helper()
	var ops []table.Op
	for _, name := range names {
		ops = append(ops, table.Create(table.Item{table.AttrPK: table.S(name), table.AttrSK: table.S("s"), "text": table.S(canary)}))
	}
	if err := s.store.Commit(s.Context(), ops...); err != nil {
		s.Fatal(err)
	}
}

// giveUp has the pump try until it gives up.
func (s *small) giveUp() {
	s.Helper()
	for range 3 {
		if err := s.Settle(s.Context()); err != nil {
			s.Fatal(err)
		}
		if _, err := s.Advance(s.Context(), time.Minute); err != nil {
			s.Fatal(err)
		}
	}
}

func (s *small) put(key, object string) {
	s.Helper()
	if err := bucket.In(filepath.Join(s.dir, "failures")).Put(key, []byte(object)); err != nil {
		s.Fatal(err)
	}
}

// redrives runs the command, holds its exit code and gives its lines; none of them tells what is in a payload.
func (s *small) redrives(code int, args ...string) []string {
	s.Helper()
	out, err := keyfob(s.Context(), "", io.Discard, append([]string{"operator", "redrive", "--local", s.URL}, args...)...)
	if got := exit(err, io.Discard); got != code {
		s.Fatalf("exit code %d (%v), want %d:\n%s", got, err, code, out)
	}
	if strings.Contains(out, canary) || err != nil && strings.Contains(err.Error(), canary) {
		s.Errorf("it tells what is in a payload:\n%s%v", out, err)
	}
	return strings.Split(strings.TrimSuffix(out, "\n"), "\n")
}

// like holds lines to patterns, one for each.
func (s *small) like(lines []string, patterns ...string) {
	s.Helper()
	if len(lines) != len(patterns) {
		s.Fatalf("%d lines, want %d:\n%s", len(lines), len(patterns), strings.Join(lines, "\n"))
	}
	for i, p := range patterns {
		if !regexp.MustCompile("^" + p + "$").MatchString(lines[i]) {
			s.Errorf("line %d is %q, want %s", i+1, lines[i], p)
		}
	}
}

func (s *service) clock(d string) {
	s.Helper()
	resp, err := http.Post(s.url+"/_local/clock", "application/json", strings.NewReader(`{"advance":"`+d+`"}`)) //nolint:noctx // on this machine
	if err != nil {
		s.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		s.Fatalf("clock: %d", resp.StatusCode)
	}
}

func (s *service) get(path string) string {
	s.Helper()
	resp, err := http.Get(s.url + path) //nolint:noctx // on this machine
	if err != nil {
		s.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		s.Fatal(err)
	}
	return string(data)
}
