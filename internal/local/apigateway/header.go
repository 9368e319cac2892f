package apigateway

import (
	"net"
	"net/http"
	"strconv"
	"strings"

	"keyfob/internal/local/wire"
)

// dropped are the request headers that never reach a function.
var dropped = lowerSet("Connection", "Content-Length", "Content-MD5", "Expect", "Max-Forwards", "Proxy-Authenticate",
	"Server", "TE", "Trailer", "Transfer-Encoding", "Upgrade", "WWW-Authenticate")

// remapped are the headers of a function's answer that the client gets as x-amzn-Remapped-….
var remapped = lowerSet("Authorization", "Connection", "Content-Length", "Content-MD5", "Date", "Expect", "Host",
	"Max-Forwards", "Proxy-Authenticate", "Server", "Trailer", "Upgrade", "User-Agent", "WWW-Authenticate")

// discarded are the headers of a function's answer that nobody gets.
var discarded = lowerSet("TE", "Transfer-Encoding")

func lowerSet(names ...string) map[string]bool {
	set := make(map[string]bool, len(names))
	for _, n := range names {
		set[strings.ToLower(n)] = true
	}
	return set
}

// has reports whether the name is in the set, whatever its case.
func has(set map[string]bool, name string) bool {
	var lower [24]byte
	if len(name) > len(lower) {
		return false
	}
	for i := range len(name) {
		c := name[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		lower[i] = c
	}
	return set[string(lower[:len(name)])]
}

// takeHeader keeps what a function is to see of the header, and adds what the gateway adds.
func (x *exchange) takeHeader(fields []wire.Field) {
	x.header = x.header[:0]
	forwarded := ""
	for _, f := range fields {
		switch {
		case has(dropped, f.Name):
		case strings.EqualFold(f.Name, "X-Forwarded-For"):
			forwarded += f.Value + ", "
		case strings.EqualFold(f.Name, "X-Forwarded-Proto"), strings.EqualFold(f.Name, "X-Forwarded-Port"):
		case strings.EqualFold(f.Name, "X-Amzn-Trace-Id"):
			x.traceID = f.Value
		default:
			x.header = append(x.header, f)
			if strings.EqualFold(f.Name, "User-Agent") {
				x.userAgent = f.Value
			}
		}
	}
	if x.traceID == "" {
		x.traceID = newTraceID(x.now)
	}
	x.header = append(x.header,
		wire.Field{Name: "X-Amzn-Trace-Id", Value: x.traceID},
		wire.Field{Name: "X-Forwarded-For", Value: forwarded + x.sourceIP},
		wire.Field{Name: "X-Forwarded-Port", Value: x.gateway.localPort(x.r)},
		wire.Field{Name: "X-Forwarded-Proto", Value: "http"})
}

// A port is a port with its text.
type port struct {
	number int
	text   string
}

// localPort is the port the request came in at. It is nearly always the same one, so its text is kept.
func (g *Gateway) localPort(r *http.Request) string {
	addr, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	if !ok {
		return "80"
	}
	p := g.port.Load()
	if p == nil || p.number != addr.Port {
		p = &port{addr.Port, strconv.Itoa(addr.Port)}
		g.port.Store(p)
	}
	return p.text
}

// headerValue gives the last value of a request header as events have it, empty where there is none.
func (x *exchange) headerValue(name string) string {
	for i := len(x.header) - 1; i >= 0; i-- {
		if strings.EqualFold(x.header[i].Name, name) {
			return x.header[i].Value
		}
	}
	return ""
}

// appendQuery appends the parameters of a query string, decoded. A semicolon separates as an ampersand does.
func appendQuery(dst []wire.Field, raw string) []wire.Field {
	for raw != "" {
		var pair string
		if i := strings.IndexAny(raw, "&;"); i >= 0 {
			pair, raw = raw[:i], raw[i+1:]
		} else {
			pair, raw = raw, ""
		}
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		dst = append(dst, wire.Field{Name: unescape(name), Value: unescape(value)})
	}
	return dst
}

// unescape decodes a part of a query string. What is not a valid escape stays as it is; what is not UTF-8 is
// replaced here already, so that two names which look alike in the event are one.
func unescape(s string) string {
	if !strings.ContainsAny(s, "%+") {
		return strings.ToValidUTF8(s, "\uFFFD")
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '+':
			out = append(out, ' ')
		case s[i] == '%' && i+2 < len(s) && unhex(s[i+1]) < 16 && unhex(s[i+2]) < 16:
			out = append(out, unhex(s[i+1])<<4|unhex(s[i+2]))
			i += 2
		default:
			out = append(out, s[i])
		}
	}
	return strings.ToValidUTF8(string(out), "\uFFFD")
}

// unhex gives a hexadecimal digit's value, 16 for what is none.
func unhex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	}
	return 16
}
