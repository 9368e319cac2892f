package tabletest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"keyfob/internal/table"
)

const racers = 32

// race runs n copies of fn at once, each with its number, and waits for them all.
func race(n int, fn func(i int)) {
	var start, done sync.WaitGroup
	start.Add(1)
	for i := range n {
		done.Go(func() {
			start.Wait()
			fn(i)
		})
	}
	start.Done()
	done.Wait()
}

// conflicted tells a lost race from a failure.
func conflicted(t *testing.T, err error) bool {
	if _, ok := errors.AsType[*table.Conflict](err); ok {
		return true
	}
	if err != nil {
		t.Errorf("a racer failed: %v", err)
	}
	return false
}

func testRaces(t *testing.T, f Fixture) {
	t.Run("CreateOfOneKey", func(t *testing.T) {
		var won atomic.Int64
		race(racers, func(i int) {
			// Each brings an item of its own along, so that a loser's must not be there either.
			err := f.Table.Commit(t.Context(), table.Create(item("create", fmt.Sprint(i), 0)), table.Create(item("create", "prize", int64(i))))
			if !conflicted(t, err) && err == nil {
				won.Add(1)
			}
		})
		if won.Load() != 1 {
			t.Errorf("%d racers won, want 1", won.Load())
		}
		page := f.query(t, table.Query{PK: "create", Limit: racers})
		if len(page.Items) != 2 || fmt.Sprint(page.Items[1].Int("n")) != page.Items[0].Key().SK {
			t.Errorf("the winner left %v", page.Items)
		}
	})
	t.Run("CounterLosesNoIncrement", func(t *testing.T) {
		const each = 2
		k := table.Key{PK: "counter", SK: "x"}
		f.create(t, item(k.PK, k.SK, 0))
		race(racers, func(int) {
			for range each {
				for {
					items, err := f.Table.Get(t.Context(), k)
					if err != nil {
						t.Errorf("Get: %v", err)
						return
					}
					err = f.Table.Commit(t.Context(), table.Replace(item(k.PK, k.SK, items[0].Int("n")+1), items[0].Version()))
					if err == nil {
						break
					}
					if !conflicted(t, err) {
						return
					}
				}
			}
		})
		if got := f.get(t, k); got.Int("n") != racers*each || got.Version() != racers*each+1 {
			t.Errorf("%v, want n = %d", got, racers*each)
		}
	})
	t.Run("ChecksOfEachOthersKeysExclude", func(t *testing.T) {
		for round := range 8 {
			pk := fmt.Sprintf("skew-%d", round)
			var won atomic.Int64
			race(2, func(i int) {
				mine, other := item(pk, fmt.Sprint(i), 0), table.Key{PK: pk, SK: fmt.Sprint(1 - i)}
				err := f.Table.Commit(t.Context(), table.Check(other, table.Absent()), table.Create(mine))
				if !conflicted(t, err) && err == nil {
					won.Add(1)
				}
			})
			if n := len(f.query(t, table.Query{PK: pk, Limit: 2}).Items); won.Load() != 1 || n != 1 {
				t.Fatalf("round %d: %d racers won and %d items are there, want 1", round, won.Load(), n)
			}
		}
	})
}

// testVisibility has readers look at two items while a writer changes both in each commit. What a returned
// commit wrote must be seen; whether they see a commit that has not returned yet is left open.
func testVisibility(t *testing.T, f Fixture) {
	a, b := table.Key{PK: "seen-a", SK: "x"}, table.Key{PK: "seen-b", SK: "x"}
	f.create(t, item(a.PK, a.SK, 0), item(b.PK, b.SK, 0))
	var returned atomic.Int64
	var done atomic.Bool
	race(5, func(i int) {
		if i == 0 {
			defer done.Store(true)
			for n := int64(1); n <= 40; n++ {
				if err := f.Table.Commit(t.Context(), table.Replace(item(a.PK, a.SK, n), n), table.Replace(item(b.PK, b.SK, n), n)); err != nil {
					t.Errorf("Commit: %v", err)
					return
				}
				returned.Store(n)
			}
			return
		}
		for !done.Load() {
			n := returned.Load()
			items, err := f.Table.Get(t.Context(), a, b)
			if err != nil || items[0].Int("n") < n || items[1].Int("n") < n {
				t.Errorf("Get gives %v, %v though the commit of n = %d had returned", items, err, n)
				return
			}
			n = returned.Load()
			page, err := f.Table.Query(t.Context(), table.Query{PK: b.PK, Limit: 1})
			if err != nil || page.Items[0].Int("n") < n {
				t.Errorf("Query gives %v, %v though the commit of n = %d had returned", page.Items, err, n)
				return
			}
		}
	})
}

func testCancelled(t *testing.T, f Fixture) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	it := item("cancelled", "x", 1)
	if err := f.Table.Commit(ctx, table.Create(it)); !errors.Is(err, context.Canceled) {
		t.Errorf("Commit: %v", err)
	}
	if _, err := f.Table.Get(ctx, it.Key()); !errors.Is(err, context.Canceled) {
		t.Errorf("Get: %v", err)
	}
	if _, err := f.Table.Query(ctx, table.Query{PK: "cancelled", Limit: 1}); !errors.Is(err, context.Canceled) {
		t.Errorf("Query: %v", err)
	}
	if got := f.get(t, it.Key()); got != nil {
		t.Errorf("a commit that never began left %v", got)
	}
}
