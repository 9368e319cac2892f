package bolt

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"keyfob/internal/fault"
	"keyfob/internal/table"
)

func item(pk, sk string) table.Item { return table.Item{"pk": table.S(pk), "sk": table.S(sk)} }

func mustCommit(t *testing.T, tab *Table, ops ...table.Op) {
	t.Helper()
	if err := tab.Commit(t.Context(), ops...); err != nil {
		t.Fatal(err)
	}
}

func mustGet(t *testing.T, tab *Table, pk, sk string) table.Item {
	t.Helper()
	items, err := tab.Get(t.Context(), table.Key{PK: pk, SK: sk})
	if err != nil {
		t.Fatal(err)
	}
	return items[0]
}

// countFlushes counts the transactions that reach the disk.
func countFlushes(tab *Table) *atomic.Int64 {
	n := new(atomic.Int64)
	tab.flush = func(tx *bbolt.Tx) error { n.Add(1); return tx.Commit() }
	return n
}

func answers(jobs []*job) (n int) {
	for _, j := range jobs {
		n += len(j.done)
	}
	return n
}

func TestWaitingCommitsShareAFlushAndEachSeesThoseBefore(t *testing.T) {
	tab := open(t, "", newClock().now)
	flushes := countFlushes(tab)
	a, b := item("p", "a"), item("p", "b")
	jobs := []*job{
		commitJob([]table.Op{table.Create(a)}),
		commitJob([]table.Op{table.Create(item("p", "never")), table.Create(a)}),
		commitJob([]table.Op{table.Replace(a, 1), table.Create(b)}),
		commitJob([]table.Op{table.Check(b.Key(), table.Absent()), table.Delete(a.Key(), table.Anything())}),
		commitJob([]table.Op{table.Delete(b.Key(), table.VersionIs(1))}),
	}
	tab.answer(jobs)
	for i, conflict := range []int{-1, 1, -1, 0, -1} {
		err := <-jobs[i].done
		if c, ok := errors.AsType[*table.Conflict](err); ok != (conflict >= 0) || ok && c.Index != conflict || !ok && err != nil {
			t.Errorf("commit %d: %v", i, err)
		}
	}
	if n := flushes.Load(); n != 1 {
		t.Errorf("%d flushes, want 1", n)
	}
	if mustGet(t, tab, "p", "a").Version() != 2 || mustGet(t, tab, "p", "b") != nil || mustGet(t, tab, "p", "never") != nil {
		t.Error("the commits left something else than one after the other would have")
	}
}

func TestNothingIsAnsweredBeforeTheFlush(t *testing.T) {
	tab := open(t, "", newClock().now)
	jobs := []*job{
		commitJob([]table.Op{table.Create(item("p", "a"))}),
		commitJob([]table.Op{table.Create(item("p", "a"))}), // its refusal rests on the first
		commitJob([]table.Op{table.Check(item("p", "a").Key(), table.Present())}),
	}
	flushed := false
	tab.flush = func(tx *bbolt.Tx) error {
		if n := answers(jobs); n != 0 {
			t.Errorf("%d commits were answered before the flush", n)
		}
		flushed = true
		return tx.Commit()
	}
	tab.answer(jobs)
	if n := answers(jobs); !flushed || n != len(jobs) {
		t.Errorf("flushed %t, and %d commits were answered, want %d", flushed, n, len(jobs))
	}
}

func TestCommitsThatChangeNothingAreNotFlushed(t *testing.T) {
	tab := open(t, "", newClock().now)
	it := item("p", "a")
	mustCommit(t, tab, table.Create(it))
	flushes := countFlushes(tab)
	mustCommit(t, tab, table.Check(it.Key(), table.Present()))
	mustCommit(t, tab, table.Delete(table.Key{PK: "p", SK: "absent"}, table.Anything()))
	mustCommit(t, tab, table.Op{Kind: table.KindPut, Key: it.Key(), Cond: table.Present(), Item: table.Create(it).Item})
	if err := tab.Commit(t.Context(), table.Create(it)); err == nil {
		t.Error("created twice")
	}
	if n := flushes.Load(); n != 0 {
		t.Errorf("%d flushes, want none", n)
	}
	if records, err := tab.Changes(t.Context(), "", 10); err != nil || len(records) != 1 {
		t.Errorf("%d records, %v, want the first commit's one", len(records), err)
	}
}

func TestFailedFlushFailsAllItsCommitsAndBreaksTheTable(t *testing.T) {
	path := t.TempDir() + "/table.db"
	tab := open(t, path, newClock().now)
	mustCommit(t, tab, table.Create(item("p", "before")))
	tab.flush = func(*bbolt.Tx) error { return errors.New("no space left on device") }
	jobs := []*job{
		commitJob([]table.Op{table.Create(item("p", "a"))}),
		commitJob([]table.Op{table.Create(item("p", "a"))}),
		commitJob([]table.Op{table.Check(item("p", "before").Key(), table.Present())}),
	}
	tab.answer(jobs)
	for i, j := range jobs {
		if err := <-j.done; !fault.Is(err, fault.Unavailable) {
			t.Errorf("commit %d: %v, want Unavailable", i, err)
		}
	}
	tab.flush = (*bbolt.Tx).Commit
	if err := tab.Commit(t.Context(), table.Create(item("p", "b"))); !fault.Is(err, fault.Unavailable) {
		t.Errorf("a later Commit: %v, want Unavailable", err)
	}
	if _, err := tab.Get(t.Context(), item("p", "a").Key()); !fault.Is(err, fault.Unavailable) {
		t.Errorf("a later Get: %v, want Unavailable", err)
	}
	if err := tab.Close(); err != nil {
		t.Fatal(err)
	}
	again := open(t, path, newClock().now)
	if mustGet(t, again, "p", "before") == nil || mustGet(t, again, "p", "a") != nil || mustGet(t, again, "p", "b") != nil {
		t.Error("opened again, the table has not what it had before the failure")
	}
}

func TestDamagedItemFailsItsOwnCommitOnly(t *testing.T) {
	tab := open(t, "", newClock().now)
	bad, good := item("p", "bad"), item("p", "good")
	if err := tab.db.Update(func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte(bucketItems)).Put(appendKey(nil, "p", "bad"), []byte("not an item"))
	}); err != nil {
		t.Fatal(err)
	}
	jobs := []*job{commitJob([]table.Op{table.Create(good)}), commitJob([]table.Op{table.Create(item("p", "x")), table.Delete(bad.Key(), table.Present())})}
	tab.answer(jobs)
	if err := <-jobs[0].done; err != nil {
		t.Errorf("the neighbour: %v", err)
	}
	if err := <-jobs[1].done; !fault.Is(err, fault.Unavailable) {
		t.Errorf("the commit that meets the damage: %v, want Unavailable", err)
	}
	if mustGet(t, tab, "p", "x") != nil {
		t.Error("it changed something all the same")
	}
	if _, err := tab.Get(t.Context(), bad.Key()); !fault.Is(err, fault.Unavailable) {
		t.Errorf("Get of the damaged item: %v, want Unavailable", err)
	}
	if _, err := tab.Query(t.Context(), table.Query{PK: "p", Limit: 10}); !fault.Is(err, fault.Unavailable) {
		t.Errorf("Query over the damaged item: %v, want Unavailable", err)
	}
}

func TestItemUnderAnothersKeyIsDamage(t *testing.T) {
	tab := open(t, "", newClock().now)
	if err := tab.db.Update(func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte(bucketItems)).Put(appendKey(nil, "p", "mine"), appendItem(nil, table.Create(item("p", "yours")).Item))
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := tab.Get(t.Context(), table.Key{PK: "p", SK: "mine"}); !fault.Is(err, fault.Unavailable) {
		t.Errorf("%v, want Unavailable", err)
	}
}

func TestManyCommittersLoseNothing(t *testing.T) {
	const committers, each = 16, 20
	tab := open(t, "", time.Now)
	var wg sync.WaitGroup
	for i := range committers {
		wg.Go(func() {
			for j := range each {
				if err := tab.Commit(t.Context(), table.Create(item(fmt.Sprint(i), fmt.Sprintf("%03d", j)))); err != nil {
					t.Errorf("commit %d of %d: %v", j, i, err)
				}
			}
		})
	}
	wg.Wait()
	for i := range committers {
		page, err := tab.Query(t.Context(), table.Query{PK: fmt.Sprint(i), Limit: each})
		if err != nil || len(page.Items) != each || page.More {
			t.Errorf("partition %d has %d items, more %t, %v", i, len(page.Items), page.More, err)
		}
	}
	records, err := tab.Changes(t.Context(), "", committers*each+1)
	if err != nil || len(records) != committers*each {
		t.Errorf("%d records, %v, want %d", len(records), err, committers*each)
	}
}
