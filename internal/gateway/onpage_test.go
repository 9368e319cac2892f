package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"keyfob/internal/fault"
)

// What is told on a page has the status and the delay that the problem would have, is in the log as every failure is, and
// says nothing of an error that has no kind.
func TestAnErrorOnAPageIsAnsweredAsItsKindSays(t *testing.T) {
	for name, c := range map[string]struct {
		err    error
		status float64
		says   string
	}{
		"gone":     {fault.New(fault.Gone, "link_used", "It was used."), 410, "It was used."},
		"absent":   {fault.New(fault.NotFound, "not_found", "Nothing is here."), 404, "Nothing is here."},
		"retry":    {fault.Retry(errors.New("the table is down")), 503, "Try again."},
		"a defect": {errors.New("the cause"), 500, "Something went wrong here."},
	} {
		var log strings.Builder
		f := NewFunction(Config{Log: slog.New(slog.NewTextHandler(&log, nil)), Now: time.Now}, Routes{"GET /page": func(context.Context, *Request) (Response, error) {
			return Response{}, &OnPage{Err: c.err, Page: func(e *fault.Error) Response {
				return Response{Body: []byte("<p>" + e.Message), Policy: "default-src 'self'", Headers: map[string]string{"Content-Type": "text/html"}}
			}}
		}})
		out, err := f.Invoke(t.Context(), []byte(`{"resource":"/page","httpMethod":"GET"}`))
		var a struct {
			StatusCode float64
			Headers    map[string]string
			Body       string
		}
		if err != nil || json.Unmarshal(out, &a) != nil {
			t.Fatal(string(out), err)
		}
		if a.StatusCode != c.status || !strings.Contains(a.Body, c.says) || strings.Contains(a.Body, "cause") || strings.Contains(a.Body, "down") {
			t.Errorf("%s: %v %s", name, a.StatusCode, a.Body)
		}
		if a.Headers["Content-Type"] != "text/html" || a.Headers["Content-Security-Policy"] != "default-src 'self'" || a.Headers["Cache-Control"] != "no-store" || (a.Headers["Retry-After"] != "") != (c.status == 503) {
			t.Errorf("%s: %v", name, a.Headers)
		}
		if !strings.Contains(log.String(), c.err.Error()) || strings.Contains(log.String(), "level=ERROR") != (c.status >= 500) {
			t.Errorf("%s: %s", name, log.String())
		}
	}
}
