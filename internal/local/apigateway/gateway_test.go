package apigateway_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"keyfob/internal/local/apigateway"
	"keyfob/internal/local/lambdahost"
	"keyfob/internal/local/wire"
	"keyfob/internal/template"
)

// handler is a function under test; it notes its events.
type handler struct {
	mu     sync.Mutex
	events []string
	answer func(ctx context.Context, event []byte) ([]byte, error)
}

func (h *handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	h.mu.Lock()
	h.events = append(h.events, string(payload))
	h.mu.Unlock()
	if h.answer == nil {
		return []byte(`{"statusCode":200,"body":"ok"}`), nil
	}
	return h.answer(ctx, payload)
}

func (h *handler) last(t testing.TB) event {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.events) == 0 {
		t.Fatal("the function was not invoked")
	}
	var e event
	if err := json.Unmarshal([]byte(h.events[len(h.events)-1]), &e); err != nil {
		t.Fatalf("%s: %v", h.events[len(h.events)-1], err)
	}
	return e
}

func (h *handler) invoked() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.events)
}

// event is any of the events, as JSON.
type event map[string]any

// at gives the value at a path of members: "requestContext.identity.sourceIp".
func (e event) at(path string) any {
	var v any = map[string]any(e)
	for name := range strings.SplitSeq(path, ".") {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		if v, ok = m[name]; !ok {
			return "(absent)"
		}
	}
	return v
}

// fixture is a served API with its functions.
type fixture struct {
	url        string
	function   *handler
	authorizer *handler
	clock      *time.Time

	mu      sync.Mutex
	expired map[time.Duration]chan struct{}
}

// deadline is closed when time-outs of that length are to be over.
func (f *fixture) deadline(d time.Duration) chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.expired[d] == nil {
		f.expired[d] = make(chan struct{})
	}
	return f.expired[d]
}

// serve serves the template in testdata, after the edits: pairs of old and new text.
func serve(t testing.TB, edits ...string) *fixture {
	t.Helper()
	data, err := os.ReadFile("testdata/api.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	for i := 0; i < len(edits); i += 2 {
		if !strings.Contains(text, edits[i]) {
			t.Fatalf("%q is not in the template", edits[i])
		}
		text = strings.ReplaceAll(text, edits[i], edits[i+1])
	}
	tmpl, err := template.Parse("api.yaml", []byte(text), template.Options{})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 21, 20, 0, 1, 250e6, time.UTC)
	f := &fixture{function: new(handler), authorizer: &handler{answer: allow}, clock: &now, expired: make(map[time.Duration]chan struct{})}
	withTimeout := func(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithCancelCause(ctx)
		go func() {
			select {
			case <-f.deadline(d):
				cancel(context.DeadlineExceeded)
			case <-ctx.Done():
			}
		}()
		return expiring{ctx}, func() { cancel(nil) }
	}
	functions := make(map[string]apigateway.Function)
	for _, fn := range tmpl.Functions {
		h := f.function
		if fn.LogicalID == "AuthorizerFunction" {
			h = f.authorizer
		}
		functions[fn.LogicalID] = lambdahost.New(lambdahost.Config{
			Name: fn.Name, ARN: tmpl.ARN(fn), Handler: h, Timeout: fn.Timeout, Concurrency: fn.Concurrency, WithTimeout: withTimeout,
		})
	}
	g, err := apigateway.New(apigateway.Config{
		API: tmpl.API, Region: tmpl.Region, AccountID: tmpl.AccountID, Partition: tmpl.Partition, Functions: functions,
		Now: func() time.Time { return *f.clock }, Log: slog.New(slog.DiscardHandler), WithTimeout: withTimeout,
	})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: g, ConnContext: wire.ConnContext, DisableGeneralOptionsHandler: true}
	go func() { _ = s.Serve(wire.Listener(l)) }()
	t.Cleanup(func() { _ = s.Close() })
	f.url = "http://" + l.Addr().String()
	return f
}

// expiring gives the cause as the error, as a context with a deadline does.
type expiring struct{ context.Context }

func (e expiring) Err() error {
	if err := e.Context.Err(); err == nil {
		return nil
	}
	return context.Cause(e.Context)
}

// allow allows everything and says something about the caller.
func allow(context.Context, []byte) ([]byte, error) {
	return []byte(`{"principalId":"usr_1","policyDocument":{"Version":"2012-10-17","Statement":[{"Action":"execute-api:Invoke","Effect":"Allow","Resource":"*"}]},
		"context":{"scope":"full","count":3,"ratio":1.5,"owner":true}}`), nil
}

// answer is an HTTP answer that has been read.
type answer struct {
	*http.Response
	body string
}

// raw sends bytes and reads one answer.
func (f *fixture) raw(t testing.TB, request string) answer {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(f.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if _, err := io.WriteString(c, request); err != nil && !errors.Is(err, net.ErrClosed) {
		t.Logf("sending: %v", err) // the answer may come before all is sent
	}
	method, _, _ := strings.Cut(request, " ")
	resp, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp, string(body)}
}

// do sends a request with a header of "Name: value" lines and an optional body.
func (f *fixture) do(t testing.TB, method, target, body string, header ...string) answer {
	t.Helper()
	lines := strings.Join(header, "\r\n")
	if lines != "" {
		lines += "\r\n"
	}
	if body != "" {
		lines += fmt.Sprintf("Content-Length: %d\r\n", len(body))
	}
	return f.raw(t, method+" "+target+" HTTP/1.1\r\nHost: api.example.com:3000\r\n"+lines+"\r\n"+body)
}

// get is a GET of an open route.
func (f *fixture) get(t testing.TB, target string, header ...string) answer {
	t.Helper()
	return f.do(t, http.MethodGet, target, "", header...)
}

func (a answer) wants(t testing.TB, status int, body string) {
	t.Helper()
	if a.StatusCode != status || a.body != body {
		t.Errorf("answer: %d %s, want %d %s", a.StatusCode, a.body, status, body)
	}
}
