package main

import (
	"context"
	"testing"
	"time"

	"keyfob/internal/local"
)

const (
	testEmail    = "owner@example.com"
	testPassword = "correct horse battery"
)

// testService is the whole service in this process, on a clock that stands still.
type testService struct {
	*service
	clock *local.Clock
}

// startTest starts the service with an owner, on a free port and a folder of its own.
func startTest(t testing.TB) *testService {
	t.Helper()
	return startIn(t, t.TempDir())
}

func startIn(t testing.TB, dir string) *testService {
	t.Helper()
	return startWith(t, dir, nil)
}

// startWith starts the service with parameters of the template.
func startWith(t testing.TB, dir string, parameters map[string]string) *testService {
	t.Helper()
	clock := local.NewClock(func() time.Time { return time.Date(2026, 11, 21, 20, 0, 0, 0, time.UTC) })
	o := options{addr: "127.0.0.1:0", data: dir, template: "../../template.yaml", parameters: parameters, email: testEmail, password: testPassword}
	s, err := startAt(t.Context(), o, clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	if _, err := s.owner(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	return &testService{s, clock}
}
