package wire_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keyfob/internal/local/wire"
)

// serve runs a server that answers each request with its recorded lines, one to a line, and its body's length.
func serve(t testing.TB) net.Addr {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{ConnContext: wire.ConnContext, DisableGeneralOptionsHandler: true,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fields, size := wire.Header(r)
			n, _ := io.Copy(io.Discard, r.Body)
			for _, f := range fields {
				_, _ = fmt.Fprintf(w, "%s=%s\n", f.Name, f.Value)
			}
			_, _ = fmt.Fprintf(w, "%d %d\n", size, n)
		})}
	go func() { _ = s.Serve(wire.Listener(l)) }()
	t.Cleanup(func() { _ = s.Close() })
	return l.Addr()
}

// talk sends the bytes in pieces and reads as many answers.
func talk(t testing.TB, addr net.Addr, answers int, pieces ...string) []string {
	t.Helper()
	c, err := net.Dial("tcp", addr.String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	go func() {
		for _, p := range pieces {
			if _, err := io.WriteString(c, p); err != nil {
				return
			}
		}
	}()
	in := bufio.NewReader(c)
	var got []string
	for range answers {
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, string(body))
	}
	return got
}

func TestNamesKeepTheirCaseAndOrder(t *testing.T) {
	got := talk(t, serve(t), 1, "GET / HTTP/1.1\r\nhOST: example.com\r\ntEsT-HEADeR:  aValUE \r\nauthorization: a\r\nAuthorization: b\r\n\r\n")
	if want := "hOST=example.com\ntEsT-HEADeR=aValUE\nauthorization=a\nAuthorization=b\n33 0\n"; got[0] != want {
		t.Errorf("got %q, want %q", got[0], want)
	}
}

func TestEveryRequestOfAConnectionGetsItsOwnLines(t *testing.T) {
	requests := []string{
		"POST /1 HTTP/1.1\r\nHost: a\r\nOne: 1\r\nContent-Length: 5\r\n\r\nhe\n\nx",
		"POST /2 HTTP/1.1\r\nHost: a\r\nTwo: 2\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nab\n\r\n1\r\n\n\r\n0\r\nTrailer: t\r\n\r\n",
		"GET /3 HTTP/1.1\nHost: a\nThree: 3\n\n",
		"OPTIONS * HTTP/1.1\r\nHost: a\r\nFour: 4\r\n\r\n",
		"GET /5 HTTP/1.1\r\nHost: a\r\nFive: 5\r\n\r\n",
	}
	want := []string{
		"Host=a\nOne=1\nContent-Length=5\n19 5\n",
		"Host=a\nTwo=2\nTransfer-Encoding=chunked\n25 4\n",
		"Host=a\nThree=3\n17 0\n",
		"Host=a\nFour=4\n20 0\n",
		"Host=a\nFive=5\n17 0\n",
	}
	addr := serve(t)
	if diff := cmp.Diff(want, talk(t, addr, 5, requests...)); diff != "" {
		t.Errorf("one after the other: %s", diff)
	}
	if diff := cmp.Diff(want, talk(t, addr, 5, strings.Join(requests, ""))); diff != "" {
		t.Errorf("pipelined: %s", diff)
	}
	if diff := cmp.Diff(want, talk(t, addr, 5, strings.Split(strings.Join(requests, ""), "")...)); diff != "" {
		t.Errorf("byte by byte: %s", diff)
	}
}

func TestWithoutAListenerNetHTTPsSpellingIsGiven(t *testing.T) {
	r, err := http.NewRequest(http.MethodGet, "http://example.com/a", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("x-one", "1")
	fields, _ := wire.Header(r)
	if diff := cmp.Diff([]wire.Field{{Name: "Host", Value: "example.com"}, {Name: "X-One", Value: "1"}}, fields); diff != "" {
		t.Error(diff)
	}
}

// Whatever the client sends, the lines given for a request are those that net/http has parsed.
func FuzzTheLinesAreWhatNetHTTPParsed(f *testing.F) {
	f.Add([]byte("GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\n b\r\n\r\nPOST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nxxGET / HTTP/1.1\r\nHost: b\r\n\r\n"))
	f.Add([]byte("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\nGET / HTTP/1.0\r\n\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		client, server := net.Pipe()
		one := &oneConn{conns: make(chan net.Conn, 1), closed: make(chan struct{})}
		one.conns <- server
		s := &http.Server{ConnContext: wire.ConnContext, DisableGeneralOptionsHandler: true,
			Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				fields, _ := wire.Header(r)
				got := make(http.Header)
				for _, f := range fields {
					if !strings.EqualFold(f.Name, "Host") && !strings.EqualFold(f.Name, "Transfer-Encoding") && !strings.EqualFold(f.Name, "Trailer") {
						got.Add(f.Name, f.Value)
					}
				}
				want := r.Header.Clone()
				for _, h := range []http.Header{got, want} { // what net/http itself adds, drops or joins
					for _, name := range []string{"Content-Length", "Cache-Control", "Pragma"} {
						h.Del(name)
					}
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%q: %s", data, diff)
				}
			})}
		done := make(chan struct{})
		go func() { _ = s.Serve(wire.Listener(one)); close(done) }()
		go func() { _, _ = io.Copy(io.Discard, client) }()
		_, _ = client.Write(data)
		_ = client.Close()
		_ = s.Close()
		<-done
	})
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
