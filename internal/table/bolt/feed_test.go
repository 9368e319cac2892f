package bolt

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"keyfob/internal/table"
)

func changes(t *testing.T, tab *Table, after string) []table.Record {
	t.Helper()
	records, err := tab.Changes(t.Context(), after, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	return records
}

func TestFeedKeepsItsRecordsFor24Hours(t *testing.T) {
	trims := map[string]func(t *testing.T, tab *Table){
		"Purge": func(t *testing.T, tab *Table) { mustPurge(t, tab, 0) },
		"Commit": func(t *testing.T, tab *Table) {
			mustCommit(t, tab, table.Create(item("trigger", fmt.Sprint(tab.now()))))
		},
	}
	for name, trim := range trims {
		t.Run(name, func(t *testing.T) {
			c := newClock()
			c.advance(999 * time.Millisecond) // the end of a second, so that rounding would show
			tab := open(t, "", c.now)
			mustCommit(t, tab, table.Create(item("p", "first")))
			first := changes(t, tab, "")[0]
			c.advance(time.Hour)
			mustCommit(t, tab, table.Create(item("p", "second")))
			c.advance(23 * time.Hour)
			trim(t, tab)
			if got := changes(t, tab, ""); got[0].EventID != first.EventID {
				t.Errorf("after exactly 24 hours the oldest record is of %v", got[0].Change.Keys)
			}
			c.advance(time.Second)
			trim(t, tab)
			got := changes(t, tab, "")
			if sk := got[0].Change.Keys.Key().SK; sk != "second" {
				t.Errorf("after a second more the oldest record is of %q, want second", sk)
			}
			if again := changes(t, tab, first.Change.SequenceNumber); again[0].EventID != got[0].EventID {
				t.Error("a consumer that stopped at a record now gone does not go on with the oldest there is")
			}
		})
	}
}

func TestSequenceNumbersNeverComeAgain(t *testing.T) {
	c := newClock()
	path := t.TempDir() + "/table.db"
	tab := open(t, path, c.now)
	var last string
	for round := range 3 {
		for i := range 5 {
			mustCommit(t, tab, table.Create(item("p", fmt.Sprint(round, i))))
		}
		records := changes(t, tab, "")
		for _, r := range records {
			if r.Change.SequenceNumber <= last || len(r.Change.SequenceNumber) != 21 {
				t.Fatalf("%s after %s", r.Change.SequenceNumber, last)
			}
			last = r.Change.SequenceNumber
		}
		c.advance(25 * time.Hour)
		mustPurge(t, tab, 0)
		if n := len(changes(t, tab, "")); n != 0 {
			t.Fatalf("%d records are left after a day", n)
		}
		if err := tab.Close(); err != nil {
			t.Fatal(err)
		}
		tab = open(t, path, c.now)
	}
}

func TestCommitTrimsABacklogBitByBit(t *testing.T) {
	c := newClock()
	tab := open(t, "", c.now)
	const n = 3 * trimPerCommit
	for i := 0; i < n; i += table.MaxCommit {
		var ops []table.Op
		for j := range table.MaxCommit {
			ops = append(ops, table.Create(item("p", fmt.Sprint(i+j))))
		}
		mustCommit(t, tab, ops...)
	}
	c.advance(25 * time.Hour)
	for left := n - trimPerCommit; left >= 0; left -= trimPerCommit {
		mustCommit(t, tab, table.Create(item("q", fmt.Sprint(left))))
		old := slices.DeleteFunc(changes(t, tab, ""), func(r table.Record) bool { return r.Change.Keys.Key().PK == "q" })
		if len(old) != left {
			t.Fatalf("%d old records are left, want %d", len(old), left)
		}
	}
}

func TestClockSteppingBackDoesNotDisturbTheFeed(t *testing.T) {
	c := newClock()
	tab := open(t, "", c.now)
	for i, step := range []time.Duration{0, time.Hour, -3 * time.Hour, time.Hour} {
		c.advance(step)
		mustCommit(t, tab, table.Create(item("p", fmt.Sprint(i))))
	}
	records := changes(t, tab, "")
	for i, r := range records {
		if sk := r.Change.Keys.Key().SK; sk != fmt.Sprint(i) {
			t.Errorf("record %d is of item %s", i, sk)
		}
	}
	c.advance(-48 * time.Hour)
	mustPurge(t, tab, 0)
	if n := len(changes(t, tab, "")); n != 4 {
		t.Errorf("%d records are left, want 4", n)
	}
}

func TestWhatIsNoSequenceNumberIsRefused(t *testing.T) {
	tab := open(t, "", newClock().now)
	for _, after := range []string{"0", "1", "-1", "x", "200000000000000000001", "1000000000000000000001", "10000000000000000000a", "199999999999999999999"} {
		if _, err := tab.Changes(t.Context(), after, 1); !isMisuse(err) {
			t.Errorf("Changes after %q: %v, want a *table.Misuse", after, err)
		}
		if err := tab.SetBookmark("notify", after); !isMisuse(err) {
			t.Errorf("SetBookmark at %q: %v, want a *table.Misuse", after, err)
		}
	}
	if _, err := tab.Changes(t.Context(), "", 0); !isMisuse(err) {
		t.Errorf("Changes with no limit: %v, want a *table.Misuse", err)
	}
	if records, err := tab.Changes(t.Context(), "118446744073709551615", 1); err != nil || len(records) != 0 {
		t.Errorf("after the last number there can be: %d records, %v", len(records), err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := tab.Changes(ctx, "", 1); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func isMisuse(err error) bool {
	_, ok := errors.AsType[*table.Misuse](err)
	return ok
}

func TestChangedTellsOfRecordsOnly(t *testing.T) {
	tab := open(t, "", newClock().now)
	isClosed := func(c <-chan struct{}) bool {
		select {
		case <-c:
			return true
		default:
			return false
		}
	}
	next := tab.Changed()
	mustCommit(t, tab, table.Delete(table.Key{PK: "p", SK: "absent"}, table.Anything()))
	if err := tab.SetBookmark("notify", formatSequence(0)); err != nil {
		t.Fatal(err)
	}
	if isClosed(next) {
		t.Error("told of a change where there is no record")
	}
	mustCommit(t, tab, table.Create(item("p", "a")))
	if !isClosed(next) {
		t.Error("a commit has returned and its record was not told of")
	}
	if next = tab.Changed(); isClosed(next) {
		t.Error("told of the same record twice")
	}
	if err := tab.Close(); err != nil {
		t.Fatal(err)
	}
	if !isClosed(next) {
		t.Error("a waiting consumer does not learn that the table was closed")
	}
}

func TestConsumerThatWaitsOnChangedMissesNothing(t *testing.T) {
	const committers, each = 4, 50
	tab := open(t, "", newClock().now)
	var wg sync.WaitGroup
	for i := range committers {
		wg.Go(func() {
			for j := range each {
				if err := tab.Commit(t.Context(), table.Create(item(fmt.Sprint(i), fmt.Sprint(j)))); err != nil {
					t.Errorf("Commit: %v", err)
				}
			}
		})
	}
	next := make([]int, committers)
	after := ""
	for seen := 0; seen < committers*each; {
		changed := tab.Changed()
		records, err := tab.Changes(t.Context(), after, 7)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range records {
			k := r.Change.Keys.Key()
			var i int
			if _, err := fmt.Sscan(k.PK, &i); err != nil {
				t.Fatal(err)
			}
			if k.SK != fmt.Sprint(next[i]) {
				t.Fatalf("committer %d: item %s, want %d", i, k.SK, next[i])
			}
			next[i]++
			seen++
			after = r.Change.SequenceNumber
		}
		if len(records) == 0 {
			<-changed
		}
	}
	wg.Wait()
}
