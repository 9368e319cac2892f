package apigateway_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"keyfob/internal/local/apigateway"
	"keyfob/internal/local/wire"
	"keyfob/internal/template"
)

// strict is a function that takes only an event of strict JSON: valid UTF-8, no name twice.
type strict struct{ t *testing.T }

func (s strict) Invoke(_ context.Context, _ string, event []byte) ([]byte, error) {
	var e map[string]any
	if err := json.Unmarshal(event, &e); err != nil {
		s.t.Errorf("%v: %s", err, event)
	}
	if e["type"] == "REQUEST" {
		return allow(context.Background(), event)
	}
	for _, member := range []string{"resource", "path", "httpMethod", "headers", "multiValueHeaders", "requestContext", "isBase64Encoded"} {
		if e[member] == nil {
			s.t.Errorf("the event has no %s: %s", member, event)
		}
	}
	return []byte(`{}`), nil
}

func (s strict) Timeout() time.Duration { return time.Second }

// Whatever bytes a client sends, what reaches a function is a valid event, and the gateway neither panics nor fails.
func FuzzAnyRequestBecomesAValidEvent(f *testing.F) {
	f.Add([]byte("GET /v1/a%2Fb/c?x=%ff&x=1;y HTTP/1.1\r\nHost: a:1\r\nX: \xff\xfe\"\\\t\r\nx: 2\r\n\r\n"))
	f.Add([]byte("POST http://h/open?%00 HTTP/1.1\r\nHost: \r\nTransfer-Encoding: chunked\r\n\r\n3\r\na\x00\xff\r\n0\r\n\r\nGET /guarded HTTP/1.0\r\n\r\n"))
	f.Add([]byte("PUT //v1//x HTTP/1.1\r\nHost: [::1]:80\r\nContent-Length: 2\r\n\r\nabOPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"))
	data, err := os.ReadFile("testdata/api.yaml")
	if err != nil {
		f.Fatal(err)
	}
	var templates []*template.Template
	for _, binary := range []string{`["*~1*"]`, `["image~1*"]`} {
		tmpl, err := template.Parse("api.yaml", bytes.Replace(data, []byte(`["*~1*"]`), []byte(binary), 1), template.Options{})
		if err != nil {
			f.Fatal(err)
		}
		templates = append(templates, tmpl)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, tmpl := range templates {
			functions := map[string]apigateway.Function{"AuthorizerFunction": strict{t}, "EchoFunction": strict{t}}
			g, err := apigateway.New(apigateway.Config{API: tmpl.API, Functions: functions, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			client, server := net.Pipe()
			one := &oneConn{conns: make(chan net.Conn, 1), closed: make(chan struct{})}
			one.conns <- server
			handle := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				defer func() {
					if p := recover(); p != nil {
						t.Errorf("%q: panic: %v", data, p)
					}
				}()
				g.ServeHTTP(noServerError{w, t, data}, r)
			})
			s := &http.Server{Handler: handle, ConnContext: wire.ConnContext, DisableGeneralOptionsHandler: true, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
			done := make(chan struct{})
			go func() { _ = s.Serve(wire.Listener(one)); close(done) }()
			go func() { _, _ = io.Copy(io.Discard, client) }()
			_, _ = client.Write(data)
			_ = client.Close()
			_ = s.Close()
			<-done
		}
	})
}

// noServerError reports an answer of 500 and above.
type noServerError struct {
	http.ResponseWriter
	t    *testing.T
	data []byte
}

func (w noServerError) WriteHeader(status int) {
	if status >= 500 {
		w.t.Errorf("%q: %d", w.data, status)
	}
	w.ResponseWriter.WriteHeader(status)
}

// oneConn is a listener with one connection.
type oneConn struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (l *oneConn) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *oneConn) Close() error   { close(l.closed); return nil }
func (l *oneConn) Addr() net.Addr { return &net.TCPAddr{} }
