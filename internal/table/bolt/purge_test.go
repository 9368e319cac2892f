package bolt

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"keyfob/internal/table"
)

func dueItem(pk, sk string, at time.Time) table.Item {
	it := item(pk, sk)
	it[table.AttrPurgeAt] = table.N(at.Unix())
	return it
}

func mustPurge(t *testing.T, tab *Table, want int) {
	t.Helper()
	if n, err := tab.Purge(t.Context()); err != nil || n != want {
		t.Errorf("Purge: %d items, %v, want %d", n, err, want)
	}
}

func TestItemsArePurgedFromTheSecondTheyAreDue(t *testing.T) {
	c := newClock()
	tab := open(t, "", c.now)
	mustCommit(t, tab, table.Create(dueItem("p", "a", c.now().Add(time.Hour))), table.Create(item("p", "never")))
	c.advance(time.Hour - time.Millisecond)
	mustPurge(t, tab, 0)
	c.advance(time.Millisecond)
	// Still there until somebody purges: for readers and for conditions.
	if mustGet(t, tab, "p", "a") == nil {
		t.Error("a due item is gone before the purge")
	}
	if err := tab.Commit(t.Context(), table.Create(item("p", "a"))); err == nil {
		t.Error("a due item's key was free before the purge")
	}
	mustPurge(t, tab, 1)
	if mustGet(t, tab, "p", "a") != nil || mustGet(t, tab, "p", "never") == nil {
		t.Error("the purge took something else than what was due")
	}
	mustPurge(t, tab, 0)
}

func TestPurgeFollowsAnItemsLastPurgeAt(t *testing.T) {
	c := newClock()
	tab := open(t, "", c.now)
	soon, late := c.now().Add(time.Minute), c.now().Add(time.Hour)
	mustCommit(t, tab, table.Create(dueItem("p", "later", soon)), table.Create(dueItem("p", "sooner", late)), table.Create(dueItem("p", "never", soon)),
		table.Create(item("p", "now on")), table.Create(dueItem("p", "deleted", soon)), table.Create(dueItem("p", "again", soon)))
	mustCommit(t, tab, table.Replace(dueItem("p", "later", late), 1), table.Replace(dueItem("p", "sooner", soon), 1), table.Replace(item("p", "never"), 1),
		table.Replace(dueItem("p", "now on", soon), 1), table.Delete(table.Key{PK: "p", SK: "deleted"}, table.Present()), table.Delete(table.Key{PK: "p", SK: "again"}, table.Present()))
	mustCommit(t, tab, table.Create(dueItem("p", "again", late)))
	c.advance(time.Minute)
	mustPurge(t, tab, 2) // "sooner" and "now on"
	for sk, there := range map[string]bool{"later": true, "sooner": false, "never": true, "now on": false, "deleted": false, "again": true} {
		if got := mustGet(t, tab, "p", sk) != nil; got != there {
			t.Errorf("%q is there: %t, want %t", sk, got, there)
		}
	}
	c.advance(time.Hour)
	mustPurge(t, tab, 2) // "later" and "again"
	c.advance(100 * 365 * 24 * time.Hour)
	mustPurge(t, tab, 0)
	if mustGet(t, tab, "p", "never") == nil {
		t.Error("an item that lost its purgeAt was purged")
	}
}

func TestPurgeAtThatIsNoTimeIsNever(t *testing.T) {
	tab := open(t, "", newClock().now)
	for i, v := range []table.Value{table.N(0), table.N(-1), table.S("1"), table.Null{}} {
		it := item("p", fmt.Sprint(i))
		it[table.AttrPurgeAt] = v
		mustCommit(t, tab, table.Create(it))
	}
	mustPurge(t, tab, 0)
}

func TestPurgeOfManyIsCompleteAndRecordedOnceEach(t *testing.T) {
	const n = 2*purgePerCommit + 200
	c := newClock()
	tab := open(t, "", c.now)
	for i := 0; i < n; i += table.MaxCommit {
		var ops []table.Op
		for j := range table.MaxCommit {
			ops = append(ops, table.Create(dueItem("p", fmt.Sprintf("%05d", i+j), c.now().Add(time.Duration(i+j)*time.Millisecond))))
		}
		mustCommit(t, tab, ops...)
	}
	c.advance(time.Hour)
	mustPurge(t, tab, n)
	records, err := tab.Changes(t.Context(), formatSequence(n), 2*n)
	if err != nil || len(records) != n {
		t.Fatalf("%d records after the items' own, %v, want %d", len(records), err, n)
	}
	seen := map[table.Key]bool{}
	for _, r := range records {
		k := r.Change.Keys.Key()
		if !r.Purged() || seen[k] || r.Change.OldImage.Key() != k || r.Change.NewImage != nil {
			t.Fatalf("a purge is recorded as %+v", r)
		}
		seen[k] = true
	}
}

func TestPurgeWithNothingDueWritesNothing(t *testing.T) {
	c := newClock()
	tab := open(t, "", c.now)
	mustCommit(t, tab, table.Create(dueItem("p", "a", c.now().Add(time.Hour))))
	flushes := countFlushes(tab)
	mustPurge(t, tab, 0)
	if n := flushes.Load(); n != 0 {
		t.Errorf("%d flushes, want none", n)
	}
}

func TestWhatIsDueIsKnownAfterAReopening(t *testing.T) {
	c := newClock()
	path := t.TempDir() + "/table.db"
	tab := open(t, path, c.now)
	mustCommit(t, tab, table.Create(dueItem("p", "a", c.now())))
	if err := tab.Close(); err != nil {
		t.Fatal(err)
	}
	mustPurge(t, open(t, path, c.now), 1)
}

func TestCancelledPurgeSaysSo(t *testing.T) {
	tab := open(t, "", newClock().now)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := tab.Purge(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want context.Canceled", err)
	}
}
