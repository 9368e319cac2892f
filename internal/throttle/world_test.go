package throttle

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"keyfob/internal/fault"
	"keyfob/internal/table"
	"keyfob/internal/table/bolt"
)

// Two networks, and a name that is attacked.
const (
	attacker = "203.0.113.7"
	home     = "198.51.100.20"
	victim   = "olivia@example.com"
)

// A world is a throttle over a real table, with a clock that only the test moves and a count of the calls.
type world struct {
	*Throttle
	table.Table // what the throttle's calls go to, through Get and Commit below
	feed        table.Feed
	mu          sync.Mutex
	now         time.Time
	gets        [][]table.Key
	commits     int
	fail        func() error // in the place of a commit, if it is set
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{now: time.Date(2026, 11, 21, 20, 0, 0, 0, time.UTC)}
	b, err := bolt.Open(filepath.Join(t.TempDir(), "table.db"), w.clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	w.Table, w.feed, w.Throttle = b, b, &Throttle{Table: w, Now: w.clock}
	return w
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *world) Get(ctx context.Context, keys ...table.Key) ([]table.Item, error) {
	w.mu.Lock()
	w.gets = append(w.gets, keys)
	w.mu.Unlock()
	return w.Table.Get(ctx, keys...)
}

func (w *world) Commit(ctx context.Context, ops ...table.Op) error {
	w.mu.Lock()
	w.commits++
	fail := w.fail
	w.mu.Unlock()
	if fail != nil {
		return fail()
	}
	return w.Table.Commit(ctx, ops...)
}

// try makes an attempt and tells whether it may be made, and if not for how long it has to wait.
func (w *world) try(t *testing.T, name, ip string) (Ticket, time.Duration) {
	t.Helper()
	k, err := w.Allow(t.Context(), name, ip)
	if err == nil {
		return k, 0
	}
	var f *fault.Error
	if !errors.As(err, &f) || f.Kind != fault.TooMany || f.RetryAfter < time.Second {
		t.Fatalf("Allow(%s, %s): %v", name, ip, err)
	}
	return Ticket{}, f.RetryAfter
}

// failOnce makes an attempt that must be allowed, and fails it.
func (w *world) failOnce(t *testing.T, name, ip string) {
	t.Helper()
	k, wait := w.try(t, name, ip)
	if wait > 0 {
		t.Fatalf("%s from %s has to wait %v", name, ip, wait)
	}
	if err := w.Failed(t.Context(), k); err != nil {
		t.Fatal(err)
	}
}

func (w *world) mustWait(t *testing.T, name, ip string, want time.Duration) {
	t.Helper()
	if _, got := w.try(t, name, ip); got != want {
		t.Errorf("%s from %s waits %v, want %v", name, ip, got, want)
	}
}
