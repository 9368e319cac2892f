package apigateway

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"time"

	"keyfob/internal/local/wire"
)

// API Gateway's limits, in bytes.
const (
	maxHeaderSize = 10_240     // the request line and the header values together
	maxBody       = 10_485_760 // the request's body
)

// An exchange is a request and what is found out about it on its way through the gateway. It is used again for
// later requests, so nothing may keep what its buffers hold.
type exchange struct {
	gateway *Gateway
	w       http.ResponseWriter
	r       *http.Request
	now     time.Time

	rawPath    string       // as it was sent
	path       string       // without the slashes doubled in front
	fields     []wire.Field // as they came
	header     []wire.Field // as functions see them
	headerSize int
	query      []wire.Field
	resource   *node
	route      *route
	params     []param
	body       []byte

	id        string // UUID
	extended  string
	traceID   string
	sourceIP  string
	host      string // without the port
	userAgent string

	methodARN string    // of this very request; set for a guarded route
	decision  *decision // what the authorizer answered; nil before, and for an open route
	latency   int64     // of the authorizer, in milliseconds

	// The parts that events have in common, in JSON.
	common, queryJSON, paramsJSON, contextJSON []byte
}

// begin takes the request apart.
func (x *exchange) begin(g *Gateway, w http.ResponseWriter, r *http.Request) {
	x.gateway, x.w, x.r, x.now = g, w, r, g.config.Now()
	x.id, x.extended = newUUID(), newExtendedID()
	x.sourceIP = r.RemoteAddr
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		x.sourceIP, _, _ = strings.Cut(host, "%")
	}
	x.host = r.Host
	if host, _, err := net.SplitHostPort(r.Host); err == nil {
		x.host = host
	}
	var raw string
	x.rawPath, raw = target(r)
	x.path = x.rawPath
	if strings.HasPrefix(x.path, "//") {
		x.path = "/" + strings.TrimLeft(x.path, "/")
	}
	x.query = appendQuery(x.query[:0], raw)
	x.fields, x.headerSize = wire.AppendHeader(x.fields[:0], r)
	x.takeHeader(x.fields)
}

// end lets go of what belongs to the request.
func (x *exchange) end() {
	*x = exchange{
		query: x.query[:0], params: x.params[:0], fields: x.fields[:0], header: x.header[:0],
		common: x.common[:0], queryJSON: x.queryJSON[:0], paramsJSON: x.paramsJSON[:0], contextJSON: x.contextJSON[:0],
	}
}

// target gives the path and the query as they were sent.
func target(r *http.Request) (path, query string) {
	uri := r.RequestURI
	if !strings.HasPrefix(uri, "/") { // the absolute form, or *
		uri = r.URL.RequestURI()
	}
	path, query, _ = strings.Cut(uri, "?")
	return path, query
}

func (x *exchange) match() bool {
	x.resource, x.params = x.gateway.root.match(x.path, x.params[:0])
	if x.resource == nil {
		return false
	}
	x.route = x.resource.method(x.r.Method)
	return x.route != nil
}

// readBody reads the whole body, as the gateway does before anything else is done with the request.
func (x *exchange) readBody() *failure {
	if x.r.Body == nil || x.r.Body == http.NoBody {
		return nil
	}
	limited := http.MaxBytesReader(x.w, x.r.Body, maxBody)
	var err error
	if n := x.r.ContentLength; n >= 0 && n <= maxBody {
		x.body = make([]byte, n)
		_, err = io.ReadFull(limited, x.body)
	} else {
		x.body, err = io.ReadAll(limited)
	}
	if errors.As(err, new(*http.MaxBytesError)) {
		return tooLarge()
	}
	if err != nil { // the client has gone, or has sent less than it said
		return &failure{kind: "DEFAULT_4XX", status: http.StatusBadRequest, message: "Bad Request", code: "BadRequestException"}
	}
	return nil
}

// newUUID makes a random UUID. It identifies and does not protect, so it need not come from crypto/rand.
func newUUID() string {
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:], rand.Uint64())  //#nosec G404 -- a request's id is not secret
	binary.LittleEndian.PutUint64(b[8:], rand.Uint64()) //#nosec G404 -- a request's id is not secret
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	var out [36]byte
	hex.Encode(out[:], b[:4])
	hex.Encode(out[9:], b[4:6])
	hex.Encode(out[14:], b[6:8])
	hex.Encode(out[19:], b[8:10])
	hex.Encode(out[24:], b[10:])
	out[8], out[13], out[18], out[23] = '-', '-', '-', '-'
	return string(out[:])
}

const idAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// newExtendedID makes an id of the form that x-amz-apigw-id has.
func newExtendedID() string {
	var out [16]byte
	bits := rand.Uint64() //#nosec G404 -- a request's id is not secret
	for i := range out[:10] {
		out[i] = idAlphabet[bits&63]
		bits >>= 6
	}
	bits = rand.Uint64() //#nosec G404 -- a request's id is not secret
	for i := range out[10:15] {
		out[10+i] = idAlphabet[bits&63]
		bits >>= 6
	}
	out[15] = '='
	return string(out[:])
}

// newTraceID makes an X-Ray trace id.
func newTraceID(now time.Time) string {
	var b [16]byte
	binary.BigEndian.PutUint32(b[:], uint32(now.Unix())) //#nosec G115 -- until the year 2106
	binary.LittleEndian.PutUint64(b[4:], rand.Uint64())  //#nosec G404 -- a request's id is not secret
	binary.LittleEndian.PutUint32(b[12:], rand.Uint32()) //#nosec G404 -- a request's id is not secret
	out := make([]byte, 0, 40)
	out = append(out, "Root=1-"...)
	out = hex.AppendEncode(out, b[:4])
	out = append(out, '-')
	return string(hex.AppendEncode(out, b[4:]))
}
