package bolt

import (
	"context"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"keyfob/internal/table/tabletest"
)

// A clock is a time that tests set. It is safe for concurrent use.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := new(clock)
	c.at.Store(time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) now() time.Time          { return time.Unix(0, c.at.Load()).UTC() }
func (c *clock) advance(d time.Duration) { c.at.Add(int64(d)) }

// open opens a table, in a new file unless a path is given, and closes it at the test's end.
func open(t testing.TB, path string, now func() time.Time) *Table {
	t.Helper()
	if path == "" {
		path = filepath.Join(t.TempDir(), "table.db")
	}
	tab, err := Open(path, now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tab.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return tab
}

func TestContract(t *testing.T) {
	t.Parallel()
	tabletest.Run(t, func(t *testing.T) tabletest.Fixture {
		c := newClock()
		tab := open(t, "", c.now)
		return tabletest.Fixture{Table: tab, Feed: tab, Now: c.now, Purge: func(ctx context.Context) error {
			_, err := tab.Purge(ctx)
			return err
		}}
	})
}
