package openapitest

import (
	"bytes"
	"io"
	"net/http"
	"testing"
)

// A Transport is an http.RoundTripper that holds each exchange against the document, and changes nothing about it.
type Transport struct {
	Document *Document
	Base     http.RoundTripper // nil: http.DefaultTransport
	Report   func(error)       // may be called by many goroutines at once
}

// Wrap gives a Transport that fails the test for each exchange that differs from the document. It is for clients that
// are done before the test is.
func Wrap(t testing.TB, d *Document, base http.RoundTripper) *Transport {
	return &Transport{Document: d, Base: base, Report: func(err error) {
		t.Helper()
		t.Errorf("not as the OpenAPI document says: %v", err)
	}}
}

// RoundTrip makes the exchange.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	var sent []byte
	if r.Body != nil && r.Body != http.NoBody {
		var err error
		if sent, err = drain(r.Body); err != nil {
			return nil, err
		}
		r = r.Clone(r.Context())
		r.Body = io.NopCloser(bytes.NewReader(sent))
	}
	base := t.Base
	if base == nil {
		base = http.DefaultTransport
	}
	response, err := base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	received, err := drain(response.Body)
	if err != nil {
		return nil, err
	}
	response.Body = io.NopCloser(bytes.NewReader(received))
	if err := t.Document.Check(Exchange{Request: r, Sent: sent, Response: response, Received: received}); err != nil {
		t.Report(err)
	}
	return response, nil
}

func drain(body io.ReadCloser) ([]byte, error) {
	data, err := io.ReadAll(body)
	if closed := body.Close(); err == nil {
		err = closed
	}
	return data, err
}
