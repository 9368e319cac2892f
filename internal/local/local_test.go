package local_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
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
	"keyfob/internal/table/bolt"
)

type handler func(ctx context.Context, payload []byte) ([]byte, error)

func (h handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) { return h(ctx, payload) }

// service is a small service over the embedded table: items are put and got, and the consumer notes what it is told.
type service struct {
	*local.Server
	store *bolt.Table
	clock *local.Clock
	dir   string

	mu     sync.Mutex
	told   []string
	refuse bool // the consumer fails
}

var epoch = time.Date(2026, 11, 21, 20, 0, 0, 0, time.UTC)

func key(id string) table.Key { return table.Key{PK: "item#" + id, SK: "item"} }

func (s *service) handlers(e local.Env) (map[string]lambda.Handler, error) {
	if realm := e.Getenv("functions/items")("REALM"); realm != "us" {
		return nil, fmt.Errorf("REALM is %q", realm)
	}
	items := func(ctx context.Context, payload []byte) ([]byte, error) {
		var ev struct {
			HTTPMethod     string            `json:"httpMethod"`
			Headers        map[string]string `json:"headers"`
			PathParameters map[string]string `json:"pathParameters"`
		}
		if err := json.Unmarshal(payload, &ev); err != nil {
			return nil, err
		}
		k := key(ev.PathParameters["id"])
		if ev.HTTPMethod == http.MethodPut {
			it := table.Item{table.AttrPK: table.S(k.PK), table.AttrSK: table.S(k.SK), table.AttrPurgeAt: table.N(e.Now().Add(time.Hour).Unix())}
			if err := e.Table.Commit(ctx, table.Create(it)); err != nil {
				return nil, err
			}
			return []byte(`{"statusCode":201}`), nil
		}
		found, err := e.Table.Get(ctx, k)
		if err != nil {
			return nil, err
		}
		if found[0] == nil {
			return []byte(`{"statusCode":404}`), nil
		}
		body, err := json.Marshal(ev.Headers)
		if err != nil {
			return nil, err
		}
		return json.Marshal(map[string]any{"statusCode": 200, "body": string(body)})
	}
	authorizer := func(context.Context, []byte) ([]byte, error) {
		return []byte(`{"principalId":"p","policyDocument":{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}}`), nil
	}
	notify := func(_ context.Context, payload []byte) ([]byte, error) {
		var ev table.StreamEvent
		if err := json.Unmarshal(payload, &ev); err != nil {
			return nil, err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.refuse {
			return nil, errors.New("on purpose")
		}
		for _, r := range ev.Records {
			what := r.EventName
			if r.Purged() {
				what = "PURGE"
			}
			s.told = append(s.told, what+" "+strings.TrimPrefix(r.Change.Keys.String(table.AttrPK), "item#"))
		}
		return nil, nil
	}
	return map[string]lambda.Handler{"authorizer": handler(authorizer), "functions/items": handler(items), "functions/notify": handler(notify)}, nil
}

func config(s *service) local.Config {
	return local.Config{
		Addr: "127.0.0.1:0", DataDir: s.dir, TemplatePath: "testdata/service.yaml", Store: s.store, Clock: s.clock,
		Log: slog.New(slog.DiscardHandler), Handlers: s.handlers,
		Mailbox: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "mailbox "+r.URL.Path) }),
	}
}

func start(t testing.TB) *service {
	t.Helper()
	s := &service{clock: local.NewClock(func() time.Time { return epoch }), dir: t.TempDir()}
	var err error
	if s.store, err = bolt.Open(filepath.Join(s.dir, "table.db"), s.clock.Now); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.store.Close() })
	if s.Server, err = local.Start(t.Context(), config(s)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *service) do(t testing.TB, method, path, body string, header ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			req.Host = header[i+1]
		}
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(data)
}

func (s *service) wants(t testing.TB, told ...string) {
	t.Helper()
	if err := s.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if diff := cmp.Diff(told, s.told); diff != "" {
		t.Errorf("the consumer was told (-want +got):\n%s", diff)
	}
}

func TestTheWholeWayFromARequestToTheConsumer(t *testing.T) {
	s := start(t)
	if status, _ := s.do(t, http.MethodPut, "/items/a", ""); status != http.StatusCreated {
		t.Errorf("PUT: %d", status)
	}
	if status, _ := s.do(t, http.MethodGet, "/items/a", ""); status != http.StatusOK {
		t.Errorf("GET: %d", status)
	}
	if status, _ := s.do(t, http.MethodGet, "/items/b", ""); status != http.StatusNotFound {
		t.Errorf("GET of nothing: %d", status)
	}
	s.wants(t, "INSERT a")
}

func TestStatsCountWhatWasAskedOfTheTableAndOfTheFunctions(t *testing.T) {
	s := start(t)
	s.do(t, http.MethodPut, "/items/a", "")
	s.do(t, http.MethodPut, "/items/a", "") // a conflict: a function error
	s.do(t, http.MethodGet, "/items/a", "")
	s.wants(t, "INSERT a")
	status, body := s.do(t, http.MethodGet, "/_local/stats", "")
	want := `{"table":{"reads":1,"writes":2,"checks":0,"roundTrips":3},"functions":{` +
		`"AuthorizerFunction":{"invocations":1,"errors":0,"timeouts":0,"throttles":0},` +
		`"ItemsFunction":{"invocations":3,"errors":1,"timeouts":0,"throttles":0},` +
		`"NotifyFunction":{"invocations":1,"errors":0,"timeouts":0,"throttles":0}}}` + "\n"
	if status != http.StatusOK || body != want {
		t.Errorf("stats: %d %s, want %s", status, body, want)
	}
}

func TestMovingTheClockPurgesWhatIsDueAndTheFeedSaysSo(t *testing.T) {
	s := start(t)
	s.do(t, http.MethodPut, "/items/a", "")
	if status, body := s.do(t, http.MethodPost, "/_local/clock", `{"advance":"59m59s"}`); status != http.StatusOK || body != `{"now":"2026-11-21T20:59:59Z"}`+"\n" {
		t.Errorf("clock: %d %s", status, body)
	}
	s.wants(t, "INSERT a")
	s.do(t, http.MethodPost, "/_local/clock", `{"advance":"2s"}`)
	s.wants(t, "INSERT a", "PURGE a")
	if status, body := s.do(t, http.MethodGet, "/_local/clock", ""); status != http.StatusOK || body != `{"now":"2026-11-21T21:00:01Z"}`+"\n" {
		t.Errorf("clock: %d %s", status, body)
	}
}

func TestALongStepOfTheClockLosesNoRecord(t *testing.T) {
	s := start(t)
	s.do(t, http.MethodPut, "/items/a", "")
	s.do(t, http.MethodPost, "/_local/clock", `{"advance":"48h"}`) // the feed keeps a day
	s.wants(t, "INSERT a", "PURGE a")
}

func TestTheClockTakesOnlyAnAdvance(t *testing.T) {
	s := start(t)
	for _, bad := range []string{
		``, `{}`, `[]`, `{"advance":1}`, `{"advance":null}`, `{"advance":"-1s"}`, `{"advance":"1"}`, `{"advance":"soon"}`, `{"advance":""}`,
		`{"advance":"1h","back":"1h"}`, `{"advance":"1h","advance":"1h"}`, `{"advance":"1h"} x`, `{"Advance":"1h"}`, `{"advance":"900000h"}`,
	} {
		status, body := s.do(t, http.MethodPost, "/_local/clock", bad)
		var r struct{ Errors []struct{ Field string } }
		if err := json.Unmarshal([]byte(body), &r); err != nil || status != http.StatusBadRequest || len(r.Errors) != 1 || r.Errors[0].Field != "advance" {
			t.Errorf("%s: %d %s", bad, status, body)
		}
	}
	if status, _ := s.do(t, http.MethodPost, "/_local/clock", strings.Repeat(" ", 2000)); status != http.StatusRequestEntityTooLarge {
		t.Errorf("a large body: %d", status)
	}
	if now := s.clock.Now(); !now.Equal(epoch) {
		t.Errorf("the clock moved to %v", now)
	}
}

func TestTheControlsAreForThisMachinesUserOnly(t *testing.T) {
	s := start(t)
	host := strings.TrimPrefix(s.URL, "http://")
	for _, test := range []struct {
		name   string
		method string
		header []string
		status int
	}{
		{"plain", http.MethodPost, nil, 200},
		{"localhost", http.MethodGet, []string{"Host", "localhost:3000"}, 200},
		{"LOCALHOST", http.MethodGet, []string{"Host", "LOCALHOST"}, 200},
		{"IPv6", http.MethodGet, []string{"Host", "[::1]:3000"}, 200},
		{"another loopback address", http.MethodGet, []string{"Host", "127.1.2.3"}, 200},
		{"a name that leads here", http.MethodGet, []string{"Host", "evil.example.com:3000"}, 403},
		{"a name that looks like it", http.MethodGet, []string{"Host", "localhost.example.com"}, 403},
		{"another address", http.MethodGet, []string{"Host", "192.0.2.1"}, 403},
		{"nothing", http.MethodGet, []string{"Host", "."}, 403},
		{"its own page", http.MethodPost, []string{"Origin", "http://" + host, "Sec-Fetch-Site", "same-origin"}, 200},
		{"another site's page", http.MethodPost, []string{"Origin", "https://evil.example.com"}, 403},
		{"another port's page", http.MethodPost, []string{"Origin", "http://127.0.0.1:1"}, 403},
		{"no page's origin", http.MethodPost, []string{"Origin", "null"}, 403},
		{"another site, says the browser", http.MethodPost, []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"the same site but another origin", http.MethodPost, []string{"Sec-Fetch-Site", "same-site"}, 403},
		{"typed in", http.MethodPost, []string{"Sec-Fetch-Site", "none"}, 200},
	} {
		if status, body := s.do(t, test.method, "/_local/clock", `{"advance":"0s"}`, test.header...); status != test.status {
			t.Errorf("%s: %d %s", test.name, status, body)
		}
	}
	for _, path := range []string{"/_local/mail", "/_local/s3/failures?list-type=2"} {
		if status, _ := s.do(t, http.MethodGet, path, "", "Host", "evil.example.com"); status != http.StatusForbidden {
			t.Errorf("%s under another name: %d", path, status)
		}
	}
}

func TestTheMailboxIsServedAndOtherControlsAreNot(t *testing.T) {
	s := start(t)
	for path, want := range map[string]string{"/_local/mail": "mailbox /_local/mail", "/_local/mail.html": "mailbox /_local/mail.html", "/_local/mail/1/html": "mailbox /_local/mail/1/html"} {
		if status, body := s.do(t, http.MethodGet, path, ""); status != http.StatusOK || body != want {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	for _, path := range []string{"/_local/", "/_local/other", "/_local"} {
		if status, _ := s.do(t, http.MethodGet, path, ""); status != http.StatusNotFound && status != http.StatusOK {
			t.Errorf("%s: %d", path, status)
		}
	}
	if status, _ := s.do(t, http.MethodDelete, "/_local/clock", ""); status == http.StatusOK {
		t.Error("DELETE is a control")
	}
}

func TestAControlOnTheSameConnectionDoesNotMixUpHeaders(t *testing.T) {
	s := start(t)
	s.do(t, http.MethodPut, "/items/a", "")
	c, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	in := bufio.NewReader(c)
	var last string
	for _, request := range []string{"GET /_local/stats HTTP/1.1\r\nHost: 127.0.0.1\r\nX-First: 1\r\n\r\n", "GET /items/a HTTP/1.1\r\nHost: a\r\nx-SECOND: 2\r\n\r\n"} {
		if _, err := io.WriteString(c, request); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		last = string(body)
	}
	if !strings.Contains(last, `"x-SECOND":"2"`) || strings.Contains(last, "X-First") {
		t.Errorf("headers %s", last)
	}
}

func TestAGivenUpBatchIsInTheDataFolder(t *testing.T) {
	s := start(t)
	s.mu.Lock()
	s.refuse = true
	s.mu.Unlock()
	s.do(t, http.MethodPut, "/items/poison", "")
	if err := s.Settle(t.Context()); err != nil { // it waits to be tried again
		t.Fatal(err)
	}
	if _, err := s.Advance(t.Context(), time.Second); err != nil {
		t.Fatal(err)
	}
	if err := s.Settle(t.Context()); err != nil { // it has been tried again and given up
		t.Fatal(err)
	}
	s.mu.Lock()
	s.refuse = false
	s.mu.Unlock()
	s.do(t, http.MethodPut, "/items/next", "")
	s.wants(t, "INSERT next")
	var found []string
	err := filepath.WalkDir(filepath.Join(s.dir, "failures"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			found = append(found, string(data))
		}
		return err
	})
	if err != nil || len(found) != 1 || !strings.Contains(found[0], "item#poison") || !strings.Contains(found[0], "RetryAttemptsExhausted") {
		t.Errorf("failures %q, %v", found, err)
	}
	if status, body := s.do(t, http.MethodGet, "/_local/s3/failures?list-type=2", ""); status != http.StatusOK || strings.Count(body, "<Key>aws/lambda/") != 1 {
		t.Errorf("in the bucket: %d %s", status, body)
	}
}

// P8: what the template names runs here, and nothing else does.
func TestP8AFunctionAndItsHandlerNeedEachOther(t *testing.T) {
	s := start(t)
	c := config(s)
	c.Handlers = func(e local.Env) (map[string]lambda.Handler, error) {
		m, err := s.handlers(e)
		delete(m, "functions/items")
		return m, err
	}
	if _, err := local.Start(t.Context(), c); err == nil || err.Error() != "testdata/service.yaml: the function ItemsFunction (functions/items) has no handler in this program" {
		t.Errorf("err = %v", err)
	}
	c.Handlers = func(e local.Env) (map[string]lambda.Handler, error) {
		m, err := s.handlers(e)
		m["functions/other"] = m["authorizer"]
		return m, err
	}
	if _, err := local.Start(t.Context(), c); err == nil || err.Error() != "testdata/service.yaml: there is no function with the CodeUri functions/other, for which this program has a handler" {
		t.Errorf("err = %v", err)
	}
}

func TestAPortInUseAndAWrongTemplateAreOneLine(t *testing.T) {
	s := start(t)
	c := config(s)
	c.Addr = strings.TrimPrefix(s.URL, "http://")
	if _, err := local.Start(t.Context(), c); err == nil || !strings.Contains(err.Error(), "address already in use") || strings.Contains(err.Error(), "\n") {
		t.Errorf("err = %v", err)
	}
	for text, want := range map[string]string{"a: [": "not YAML", "Resources: {}": "AWS::Serverless::Api"} {
		c.TemplatePath = filepath.Join(t.TempDir(), "t.yaml")
		if err := os.WriteFile(c.TemplatePath, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := local.Start(t.Context(), c); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("err = %v", err)
		}
	}
}

func TestAFunctionWithoutARouteCanBeInvoked(t *testing.T) {
	s := start(t)
	if _, err := s.Invoke(t.Context(), "functions/notify", []byte(`{"Records":[]}`)); err != nil {
		t.Error(err)
	}
	if _, err := s.Invoke(t.Context(), "functions/none", nil); err == nil {
		t.Error("a function that is not there was invoked")
	}
}

func TestCloseWaitsForWhatIsUnderWayAndOnlySoLong(t *testing.T) {
	s := start(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Close(ctx); err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := http.Get(s.URL + "/items/a"); err == nil { //nolint:noctx // it is to fail at once
		t.Error("it still answers")
	}
}
