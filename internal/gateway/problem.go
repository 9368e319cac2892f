package gateway

import (
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"keyfob/internal/fault"
)

// statuses is the one place where a kind of failure becomes an HTTP status.
var statuses = map[fault.Kind]int{
	fault.Internal:         http.StatusInternalServerError,
	fault.Invalid:          http.StatusBadRequest,
	fault.Unprocessable:    http.StatusUnprocessableEntity,
	fault.Unauthenticated:  http.StatusUnauthorized,
	fault.Forbidden:        http.StatusForbidden,
	fault.NotFound:         http.StatusNotFound,
	fault.Conflict:         http.StatusConflict,
	fault.Gone:             http.StatusGone,
	fault.Precondition:     http.StatusPreconditionFailed,
	fault.Unlicensed:       http.StatusPaymentRequired,
	fault.TooLarge:         http.StatusRequestEntityTooLarge,
	fault.UnsupportedMedia: http.StatusUnsupportedMediaType,
	fault.TooMany:          http.StatusTooManyRequests,
	fault.Unavailable:      http.StatusServiceUnavailable,
}

// problem is RFC 9457's problem document, with the two forms in which clients of other systems look for errors.
type problem struct {
	Type    string         `json:"type"`
	Title   string         `json:"title"`
	Status  int            `json:"status"`
	Detail  string         `json:"detail"`
	Message string         `json:"message"`
	Errors  []problemError `json:"errors"`
}

type problemError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Field   string `json:"field,omitzero"`
}

// Unauthenticated is the exact body of every 401 (K5).
const Unauthenticated = `{"message":"Unauthenticated."}`

// Problem translates an error into an answer: the one translator between the inside and the wire. What has no kind
// becomes a bare 500, whatever it says. The realm goes into the challenge of a 401 (RFC 6750 §3).
func Problem(err error, realm string) Response {
	e, ok := errors.AsType[*fault.Error](err)
	if !ok || e.Kind == fault.Internal {
		e = fault.New(fault.Internal, "internal", "Internal error.")
	}
	if e.Kind == fault.Unauthenticated {
		return Response{Status: http.StatusUnauthorized, Body: []byte(Unauthenticated), Headers: map[string]string{
			"Content-Type": "application/json", "WWW-Authenticate": `Bearer realm="` + realm + `"`,
		}}
	}
	status := statuses[e.Kind]
	p := problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: e.Message, Message: e.Message}
	for _, f := range e.Fields {
		p.Errors = append(p.Errors, problemError{f.Code, f.Message, f.Name})
	}
	if len(e.Fields) == 0 {
		p.Errors = []problemError{{Code: e.Code, Message: e.Message}}
	}
	r, err := JSON(status, p)
	if err != nil {
		r = Response{Status: http.StatusInternalServerError, Headers: map[string]string{}}
	}
	r.Headers["Content-Type"] = "application/problem+json"
	if e.RetryAfter > 0 {
		r.Headers["Retry-After"] = strconv.Itoa(int(math.Ceil(e.RetryAfter.Seconds())))
	}
	if e.Kind == fault.Forbidden {
		r.Headers["WWW-Authenticate"] = `Bearer realm="` + realm + `", error="insufficient_scope"`
	}
	return r
}

// retry is the answer when there was no time left to decide.
func retry() error { return fault.Retry(errDeadline) }

var errDeadline = errors.New("gateway: the time for the request ran out")

// margin is what a function keeps of its time to answer in, so that the caller gets a retryable answer of ours and
// not the platform's time-out.
const margin = 300 * time.Millisecond
