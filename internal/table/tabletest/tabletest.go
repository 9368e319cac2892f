// Package tabletest is the contract of the table role, written as a test. An implementation is right when Run
// passes against it; what Run does not ask for, no caller may rely on.
//
// It promises that it asks only for what package table promises: where a store works in the background (a stream
// that is read with a delay, a purge that comes by itself) it waits in the way the Fixture gives it, a bounded
// number of times, and never by the wall clock.
//
// It does not test what is one implementation's own: files, throttling, restarts.
package tabletest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"keyfob/internal/table"
)

// A Fixture is one empty table, and how the suite gets along with the store behind it.
type Fixture struct {
	Table table.Table
	Feed  table.Feed // the table's change feed, empty as well

	// Now is the clock the store purges and stamps its records by. Nil is time.Now.
	Now func() time.Time

	// Purge makes the store delete what is due. Nil is for a store that does it by itself.
	Purge func(ctx context.Context) error

	// Wait gives the store's background work some time; the suite calls it between two looks at the feed, up to
	// Tries times in a row. Nil is for a store whose feed has a record as soon as the commit has returned: the
	// suite then looks once.
	Wait  func(ctx context.Context) error
	Tries int
}

// Run runs the suite. It calls open several times, also from parallel subtests; each call makes a new empty
// table, which open removes with t.Cleanup.
func Run(t *testing.T, open func(t *testing.T) Fixture) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, Fixture)
	}{
		{"EveryConditionDecidesEveryOperation", testConditions},
		{"CommitIsAllOrNothing", testCommit},
		{"MisuseIsRefused", testMisuse},
		{"GetAnswersInOrder", testGet},
		{"GetOfManyLargeItemsIsComplete", testGetLarge},
		{"EveryKindOfValueComesBack", testValues},
		{"QueryRunsInByteOrder", testQuery},
		{"QueryNeverLeavesItsPartition", testPartitions},
		{"QueryOfLargeItemsFillsItsPages", testQueryLarge},
		{"PagingSeesEachItemOnce", testPaging},
		{"OneOfManyRacersWins", testRaces},
		{"ReturnedCommitsAreSeen", testVisibility},
		{"CancelledContextStopsTheCall", testCancelled},
		{"FeedTellsEveryChangeInOrder", testFeed},
		{"FeedResumesAfterASequenceNumber", testFeedResumes},
		{"FeedHasEveryRecordOfACommit", testFeedOfOneCommit},
		{"OnlyThePurgeIsMarkedAsTheStores", testPurge},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := open(t)
			if f.Now == nil {
				f.Now = time.Now
			}
			test.run(t, f)
		})
	}
}

// item makes an item with the key and one attribute of the suite's own.
func item(pk, sk string, n int64) table.Item {
	return table.Item{table.AttrPK: table.S(pk), table.AttrSK: table.S(sk), "n": table.N(n)}
}

func (f Fixture) commit(t *testing.T, ops ...table.Op) {
	t.Helper()
	if err := f.Table.Commit(t.Context(), ops...); err != nil {
		t.Fatalf("Commit: %v", err)
	}
}

// create commits new items, 100 in a commit.
func (f Fixture) create(t *testing.T, items ...table.Item) {
	t.Helper()
	var ops []table.Op
	for i, it := range items {
		ops = append(ops, table.Create(it))
		if len(ops) == table.MaxCommit || i == len(items)-1 {
			f.commit(t, ops...)
			ops = nil
		}
	}
}

func (f Fixture) get(t *testing.T, k table.Key) table.Item {
	t.Helper()
	items, err := f.Table.Get(t.Context(), k)
	if err != nil || len(items) != 1 {
		t.Fatalf("Get(%v): %d items, %v", k, len(items), err)
	}
	return items[0]
}

func (f Fixture) query(t *testing.T, q table.Query) table.Page {
	t.Helper()
	page, err := f.Table.Query(t.Context(), q)
	if err != nil {
		t.Fatalf("Query(%+v): %v", q, err)
	}
	return page
}

// wantConflict asserts that err is a Conflict about operation index, on key k.
func wantConflict(t *testing.T, err error, index int, k table.Key) {
	t.Helper()
	c, ok := errors.AsType[*table.Conflict](err)
	if !ok {
		t.Fatalf("got %v, want a *table.Conflict", err)
	}
	if c.Index != index || c.Key != k {
		t.Fatalf("the conflict is about operation %d (%v), want %d (%v)", c.Index, c.Key, index, k)
	}
}

func wantMisuse(t *testing.T, err error) {
	t.Helper()
	if _, ok := errors.AsType[*table.Misuse](err); !ok {
		t.Errorf("got %v, want a *table.Misuse", err)
	}
}

// diff compares what a store gave with what it should have. A nil list, map or byte slice within an item is the
// same as an empty one; an absent item is not the same as an empty one.
func diff(want, got any) string { return cmp.Diff(want, got, cmpopts.EquateEmpty()) }

// sortKeys lists the sort keys of a page.
func sortKeys(p table.Page) []string {
	keys := make([]string, len(p.Items))
	for i, it := range p.Items {
		keys[i] = it.Key().SK
	}
	return keys
}

// numbered makes n items of one partition, their sort keys in the order of their numbers.
func numbered(pk string, n int) []table.Item {
	items := make([]table.Item, n)
	for i := range items {
		items[i] = item(pk, fmt.Sprintf("%06d", i), int64(i))
	}
	return items
}
