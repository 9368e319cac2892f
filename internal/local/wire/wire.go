// Package wire keeps the header lines of HTTP requests as the client sent them: names in their own case, in their
// own order, which net/http does not keep and API Gateway hands on.
//
// It promises that Header gives, for a request that came through a Listener, exactly the lines that net/http has
// parsed, and for any other request the same header with net/http's spelling. It never changes what net/http reads.
//
// It knows HTTP/1 only, and of its syntax only what tells where one request ends and the next begins.
package wire

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"slices"
	"strings"
)

// A Field is one header line.
type Field struct{ Name, Value string }

// A listener hands out connections that record.
type listener struct{ net.Listener }

// Listener wraps l so that what its connections read is recorded.
func Listener(l net.Listener) net.Listener { return listener{l} }

func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &conn{Conn: c}, nil
}

type conn struct {
	net.Conn
	record recorder
}

func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.record.feed(p[:n])
	return n, err
}

type contextKey struct{}

// ConnContext is for http.Server.ConnContext: it lets Header find the connection's record.
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	if c, ok := c.(*conn); ok {
		return context.WithValue(ctx, contextKey{}, c)
	}
	return ctx
}

// Header gives the request's header lines in the order they came, and the bytes of its request line and header
// values together, which is what API Gateway bounds. It is to be called once for each request of a connection,
// in their order: at the start of the server's handler.
func Header(r *http.Request) (fields []Field, size int) { return AppendHeader(nil, r) }

// AppendHeader is Header, but appends the lines to fields.
func AppendHeader(fields []Field, r *http.Request) ([]Field, int) {
	if c, ok := r.Context().Value(contextKey{}).(*conn); ok {
		if block := c.record.next(); block != nil {
			return parse(fields, string(block))
		}
	}
	size := len(r.Method) + len(r.RequestURI) + len(r.Proto) + 2
	first := len(fields)
	fields = append(fields, Field{"Host", r.Host})
	for name, values := range r.Header {
		for _, v := range values {
			fields = append(fields, Field{name, v})
			size += len(v)
		}
	}
	slices.SortStableFunc(fields[first:], func(a, b Field) int { return strings.Compare(a.Name, b.Name) })
	return fields, size
}

// parse appends the fields of a block of lines: the request line and the header, without the empty line at the end. A
// line that starts with a space belongs to the one before it.
func parse(fields []Field, block string) ([]Field, int) {
	line, rest, _ := strings.Cut(block, "\n")
	size := len(strings.TrimSuffix(line, "\r"))
	first := len(fields)
	for rest != "" {
		line, rest, _ = strings.Cut(rest, "\n")
		line = strings.TrimRight(line, " \t\r")
		if n := len(fields); line != "" && (line[0] == ' ' || line[0] == '\t') && n > first {
			fields[n-1].Value += " " + strings.TrimLeft(line, " \t")
			size += len(strings.TrimLeft(line, " \t")) + 1
			continue
		}
		name, value, found := strings.Cut(line, ":")
		if !found {
			continue
		}
		value = strings.TrimLeft(value, " \t")
		fields = append(fields, Field{name, value})
		size += len(value)
	}
	return fields, size
}

// fold reports whether a field's name is name, whatever the case; name is in lower case.
func fold(b []byte, name string) bool {
	return len(b) == len(name) && bytes.EqualFold(b, []byte(name))
}
