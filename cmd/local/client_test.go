package main

import (
	"encoding/json"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"keyfob/internal/mail/mailbox"
	"keyfob/internal/openapi/openapitest"
)

// client is somebody who calls the whole service over HTTP.
// Whatever it sends and is answered is held against the OpenAPI document.
type client struct {
	testing.TB
	service *testService
	http    *http.Client
}

// newClient starts the service for a test and gives a client of it.
func newClient(t testing.TB) *client {
	t.Helper()
	return &client{t, startTest(t), &http.Client{Transport: openapitest.Wrap(t, openapitest.Load(t), nil)}}
}

// response is an answer, read to its end.
type response struct {
	status int
	header http.Header
	body   string
}

// text gives a text of the JSON object in the body.
func (r response) text(name string) string {
	var m map[string]any
	_ = json.Unmarshal([]byte(r.body), &m) // an empty text then fails the caller's comparison
	s, _ := m[name].(string)
	return s
}

// comparable gives all of an answer that may not differ between two that are to be alike.
func (r response) comparable() string {
	var lines []string
	for name, values := range r.header {
		switch name {
		case "Date", "X-Amzn-Requestid", "X-Amzn-Trace-Id", "X-Amz-Apigw-Id":
			continue
		}
		lines = append(lines, name+": "+strings.Join(values, ", "))
	}
	slices.Sort(lines)
	return http.StatusText(r.status) + " " + r.body + "\n" + strings.Join(lines, "\n")
}

// do sends a request and reads its answer.
func (s *client) do(method, path string, header http.Header, body string) response {
	s.Helper()
	req, err := http.NewRequestWithContext(s.Context(), method, s.service.URL+path, strings.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	if header != nil {
		req.Header = header
	}
	got, err := s.http.Do(req)
	if err != nil {
		s.Fatal(err)
	}
	defer got.Body.Close()
	content, err := io.ReadAll(got.Body)
	if err != nil {
		s.Fatal(err)
	}
	r := response{got.StatusCode, got.Header, string(content)}
	if r.status >= 500 {
		s.Errorf("%s %s: %d %s", method, path, r.status, r.body)
	}
	return r
}

// send sends a JSON body, nil for none, with the credential as a bearer, empty for none.
func (s *client) send(method, path, credential string, body map[string]any) response {
	s.Helper()
	header := http.Header{}
	if credential != "" {
		header.Set("Authorization", "Bearer "+credential)
	}
	var text string
	if body != nil {
		header.Set("Content-Type", "application/json")
		b, err := json.Marshal(body)
		if err != nil {
			s.Fatal(err)
		}
		text = string(b)
	}
	return s.do(method, path, header, text)
}

func (s *client) get(path, credential string) response {
	s.Helper()
	return s.send("GET", path, credential, nil)
}
func (s *client) delete(path, credential string) response {
	s.Helper()
	return s.send("DELETE", path, credential, nil)
}
func (s *client) post(path, credential string, body map[string]any) response {
	s.Helper()
	return s.send("POST", path, credential, body)
}
func (s *client) put(path, credential string, body map[string]any) response {
	s.Helper()
	return s.send("PUT", path, credential, body)
}

// want fails the test where the answer is of another status.
func (s *client) want(r response, status int) {
	s.Helper()
	if r.status != status {
		s.Fatalf("%d %s, want %d", r.status, r.body, status)
	}
	if r.status == http.StatusUnauthorized && r.body != unauthenticated {
		s.Fatalf("401 with %s", r.body)
	}
}

// advance moves the service's clock.
func (s *client) advance(d time.Duration) {
	s.Helper()
	s.want(s.post("/_local/clock", "", map[string]any{"advance": d.String()}), http.StatusOK)
}

// reads counts the items that the service has read of its table.
func (s *client) reads() int64 { return s.service.Stats().Table.Reads }

// mails waits until all that is owed is sent, and gives it, newest first.
func (s *client) mails() []mailbox.Stored {
	s.Helper()
	if err := s.service.Settle(s.Context()); err != nil {
		s.Fatal(err)
	}
	all, err := s.service.Mailbox.Messages()
	if err != nil {
		s.Fatal(err)
	}
	return all
}

// file is one of those that the service has written.
type file struct{ name, content string }

// files gives all that the service has written: the table, the logs, the mails.
func (s *client) files() []file {
	s.Helper()
	var all []file
	err := filepath.WalkDir(s.service.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		all = append(all, file{path, string(content)})
		return err
	})
	if err != nil || len(all) < 3 {
		s.Fatalf("%d files: %v", len(all), err)
	}
	return all
}
