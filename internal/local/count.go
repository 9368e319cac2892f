package local

import (
	"context"
	"sync/atomic"

	"keyfob/internal/table"
)

// TableCounts are what the functions asked of the table.
type TableCounts struct {
	Reads      int64 `json:"reads"`      // keys of Gets, items of Queries, and 1 for a Query that found none
	Writes     int64 `json:"writes"`     // puts and deletes of Commits, refused ones too
	Checks     int64 `json:"checks"`     // conditions of Commits on items that they do not change
	RoundTrips int64 `json:"roundTrips"` // calls
}

// A countingTable counts on the way to a table.
type countingTable struct {
	table.Table
	reads, writes, checks, trips atomic.Int64
}

func (t *countingTable) counts() TableCounts {
	return TableCounts{t.reads.Load(), t.writes.Load(), t.checks.Load(), t.trips.Load()}
}

// Get implements table.Table.
func (t *countingTable) Get(ctx context.Context, keys ...table.Key) ([]table.Item, error) {
	t.trips.Add(1)
	t.reads.Add(int64(len(keys)))
	return t.Table.Get(ctx, keys...)
}

// Query implements table.Table.
func (t *countingTable) Query(ctx context.Context, q table.Query) (table.Page, error) {
	page, err := t.Table.Query(ctx, q)
	t.trips.Add(1)
	t.reads.Add(max(int64(len(page.Items)), 1))
	return page, err
}

// Commit implements table.Table.
func (t *countingTable) Commit(ctx context.Context, ops ...table.Op) error {
	t.trips.Add(1)
	for _, op := range ops {
		if op.Kind == table.KindCheck {
			t.checks.Add(1)
		} else {
			t.writes.Add(1)
		}
	}
	return t.Table.Commit(ctx, ops...)
}
