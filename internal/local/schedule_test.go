package local_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/google/go-cmp/cmp"

	"keyfob/internal/local"
	"keyfob/internal/table"
)

const sweepFunction = `
  SweepFunction:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/sweep
      EventInvokeConfig: {MaximumRetryAttempts: 1, DestinationConfig: {OnFailure: {Type: S3Bucket, Destination: !GetAtt Failures.Arn}}}
      Events:
        Every: {Type: Schedule, Properties: {Schedule: rate(1 minute)}}
        Never: {Type: Schedule, Properties: {Schedule: rate(1 minute), Enabled: false}}
  Table:`

// sweeper is the small service with a function more, which runs every minute and does what the test says.
type sweeper struct {
	*service
	mu    sync.Mutex
	swept []string // what the consumer had been told by then
}

func startSweeping(t *testing.T, sweep func(e local.Env) error) *sweeper {
	t.Helper()
	s := &sweeper{service: start(t)}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile("testdata/service.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c := config(s.service)
	c.TemplatePath = filepath.Join(t.TempDir(), "service.yaml")
	if err := os.WriteFile(c.TemplatePath, []byte(strings.Replace(string(good), "\n  Table:", sweepFunction, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	c.Handlers = func(e local.Env) (map[string]lambda.Handler, error) {
		m, err := s.handlers(e)
		m["functions/sweep"] = handler(func(context.Context, []byte) ([]byte, error) {
			s.service.mu.Lock()
			told := strings.Join(s.told, ", ")
			s.service.mu.Unlock()
			s.mu.Lock()
			defer s.mu.Unlock()
			s.swept = append(s.swept, told)
			return nil, sweep(e)
		})
		return m, err
	}
	if s.Server, err = local.Start(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *sweeper) wantSwept(t *testing.T, told ...string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if diff := cmp.Diff(told, s.swept); diff != "" {
		t.Errorf("sweeps, and what had been told by then (-want +got):\n%s", diff)
	}
}

func nothing(local.Env) error { return nil }

func TestAScheduleHasRunOnceWhenTheClockHasMoved(t *testing.T) {
	s := startSweeping(t, nothing)
	for _, step := range []struct {
		advance string
		swept   []string
	}{
		{"0s", nil},
		{"59s", nil},
		{"1s", []string{""}},
		{"10m30s", []string{"", ""}},
		{"29s", []string{"", ""}},
		{"1s", []string{"", "", ""}},
	} {
		if status, body := s.do(t, http.MethodPost, "/_local/clock", `{"advance":"`+step.advance+`"}`); status != http.StatusOK {
			t.Fatalf("clock: %d %s", status, body)
		}
		s.wantSwept(t, step.swept...)
	}
}

// What is swept is what would have been: the feed is delivered first, and what is due is purged and told too.
func TestASweepFindsEverythingDelivered(t *testing.T) {
	s := startSweeping(t, nothing)
	s.do(t, http.MethodPut, "/items/a", "")
	s.do(t, http.MethodPost, "/_local/clock", `{"advance":"61m"}`)
	s.wantSwept(t, "INSERT a, PURGE a")
}

func TestWhatASweepWritesIsDeliveredWhenTheServiceHasSettled(t *testing.T) {
	s := startSweeping(t, func(e local.Env) error {
		return e.Table.Commit(t.Context(), table.Create(table.Item{table.AttrPK: table.S("item#swept"), table.AttrSK: table.S("item")}))
	})
	s.clock.Advance(time.Minute)
	s.wants(t, "INSERT swept")
}

func TestASweepThatFailsIsTriedAgainAndThenInTheBucket(t *testing.T) {
	s := startSweeping(t, func(local.Env) error { return errors.New("on purpose") })
	s.do(t, http.MethodPost, "/_local/clock", `{"advance":"1m"}`)
	s.wantSwept(t, "")
	if _, body := s.do(t, http.MethodGet, "/_local/s3/failures?list-type=2", ""); strings.Contains(body, "<Key>") {
		t.Errorf("given up too early: %s", body)
	}
	s.do(t, http.MethodPost, "/_local/clock", `{"advance":"1m"}`)
	s.wantSwept(t, "", "", "") // the retry, and the next tick
	_, body := s.do(t, http.MethodGet, "/_local/s3/failures?list-type=2", "")
	if strings.Count(body, "<Key>aws/lambda/async/keyfob-SweepFunction/2026/11/21/2026-11-21T20.02.00-") != 1 {
		t.Errorf("the bucket: %s", body)
	}
}
