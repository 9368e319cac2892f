package soak

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"keyfob/internal/table"
)

// An outcome is what a client knows of an operation afterwards.
type outcome uint8

const (
	acknowledged outcome = iota // it is done
	refused                     // it is not done
	unknown                     // one or the other
)

// A response is an answer, read to its end. The zero response is none.
type response struct {
	status int
	header http.Header
	body   []byte
}

func (r response) outcome() outcome {
	switch {
	case r.status >= 200 && r.status < 400:
		return acknowledged
	case r.status >= 400 && r.status < 500:
		return refused
	}
	return unknown
}

// text gives a text of the JSON object in the body, empty where there is none.
func (r response) text(name string) string {
	var m map[string]any
	_ = json.Unmarshal(r.body, &m)
	s, _ := m[name].(string)
	return s
}

// networks is how many networks the clients come from: 127.0.1.0/24 and so on.
const networks = 4

// newClients makes a client for each network.
func newClients() (all [networks]*http.Client) {
	for i := range all {
		d := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, byte(i+1), 1)}}
		all[i] = &http.Client{
			Transport:     &http.Transport{DialContext: d.DialContext, MaxIdleConnsPerHost: 64, IdleConnTimeout: time.Minute},
			Timeout:       time.Minute, // longer than any answer of the gateway takes
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	return all
}

// A request is one that a client makes. Body is JSON, nil for none.
type request struct {
	method, path, credential string
	body                     any
	once                     string // the Idempotency-Key; empty for none
	shows                    bool   // its answer is to hold a secret
	network                  int
}

// backOff is how long a client waits, in real time, after an answer that says to try again.
const backOff = 10 * time.Millisecond

// send makes a request and counts it under the name of its operation. No answer at all is the zero response.
func (w *world) send(ctx context.Context, op string, q request) response {
	r := w.try(ctx, q)
	w.tally.count(op, r.outcome())
	if r.outcome() == unknown {
		pauseFor(ctx, backOff)
	}
	if r.status == http.StatusServiceUnavailable && r.header.Get("Retry-After") == "" {
		w.broke(noRetry, "%s %s: 503 without Retry-After", q.method, op)
	}
	if found := exposed(r.body); !q.shows && found != "" || r.status >= 400 && q.credential != "" && strings.Contains(string(r.body), q.credential) {
		w.broke(leaked, "%s %s: the answer %d holds a credential", q.method, op, r.status)
	}
	return r
}

func (w *world) try(ctx context.Context, q request) response {
	var body io.Reader
	if q.body != nil {
		data, err := json.Marshal(q.body)
		if err != nil {
			return response{}
		}
		body = strings.NewReader(string(data))
	}
	req, err := http.NewRequestWithContext(ctx, q.method, w.house.server.URL+q.path, body)
	if err != nil {
		return response{}
	}
	if q.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if q.credential != "" {
		req.Header.Set("Authorization", "Bearer "+q.credential)
	}
	if q.once != "" {
		req.Header.Set("Idempotency-Key", q.once)
	}
	got, err := w.clients[q.network%networks].Do(req)
	if err != nil {
		return response{}
	}
	defer func() { _ = got.Body.Close() }()
	data, err := io.ReadAll(got.Body)
	if err != nil {
		return response{}
	}
	return response{got.StatusCode, got.Header, data}
}

func decode(data []byte, into any) error {
	var problem struct {
		Message string `json:"message"`
	}
	if json.Unmarshal(data, &problem) == nil && problem.Message != "" {
		return errors.New(problem.Message)
	}
	return json.Unmarshal(data, into)
}

func isConflict(err error) bool {
	_, is := errors.AsType[*table.Conflict](err)
	return is
}

func cutPrefix(s, prefix string) (string, bool) { return strings.CutPrefix(s, prefix) }
