package tabletest

import (
	"cmp"
	"fmt"
	"testing"
	"time"

	"keyfob/internal/table"
)

// read reads the feed until done says so of what it has, in small bites. Where the store needs time it waits.
func (f Fixture) read(t *testing.T, after string, done func([]table.Record) bool) []table.Record {
	t.Helper()
	var all []table.Record
	for tries := 0; !done(all); {
		records, err := f.Feed.Changes(t.Context(), after, 3)
		if err != nil {
			t.Fatalf("Changes after %q: %v", after, err)
		}
		if len(records) > 3 {
			t.Fatalf("Changes gave %d records, asked for up to 3", len(records))
		}
		if len(records) > 0 {
			tries = 0
			all = append(all, records...)
			after = records[len(records)-1].Change.SequenceNumber
			continue
		}
		if f.Wait == nil || tries == f.Tries {
			t.Fatalf("the feed ends after %d records:\n%s", len(all), brief(all))
		}
		tries++
		if err := f.Wait(t.Context()); err != nil {
			t.Fatalf("waiting for the feed: %v", err)
		}
	}
	return all
}

// until reads the feed from the beginning up to the record of key k's insertion.
func (f Fixture) until(t *testing.T, k table.Key) []table.Record {
	t.Helper()
	return f.read(t, "", func(all []table.Record) bool {
		return len(all) > 0 && all[len(all)-1].Change.Keys.Key() == k
	})
}

func brief(records []table.Record) (s string) {
	for _, r := range records {
		s += fmt.Sprintf("  %s %s %v\n", r.Change.SequenceNumber, r.EventName, r.Change.Keys.Key())
	}
	return s
}

// compareSequence orders sequence numbers, which are whole numbers of any length.
func compareSequence(a, b string) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
}

func testFeed(t *testing.T, f Fixture) {
	const pk = "feed"
	x, y := table.Key{PK: pk, SK: "x"}, table.Key{PK: pk, SK: "y"}
	begun := f.Now()
	f.create(t, item(pk, "x", 1))
	f.commit(t, table.Replace(item(pk, "x", 2), 1))
	f.commit(t, table.Check(x, table.VersionIs(2))) // changes nothing
	f.commit(t, table.Delete(y, table.Anything()))  // is not there: changes nothing
	if err := f.Table.Commit(t.Context(), table.Create(item(pk, "y", 0)), table.Create(item(pk, "x", 9))); err == nil {
		t.Fatal("x was created a second time")
	}
	f.commit(t, table.Delete(x, table.VersionIs(2)))
	f.create(t, item(pk, "x", 3))
	f.commit(t, table.Create(item(pk, "y", 4)), table.Check(x, table.Present()))
	ended := f.Now()

	v := func(n, version int64) table.Item {
		it := item(pk, "x", n)
		it[table.AttrVersion] = table.N(version)
		return it
	}
	want := []struct {
		event    string
		old, new table.Item
	}{
		{table.Insert, nil, v(1, 1)},
		{table.Modify, v(1, 1), v(2, 2)},
		{table.Remove, v(2, 2), nil},
		{table.Insert, nil, v(3, 1)},
		{table.Insert, nil, table.Create(item(pk, "y", 4)).Item},
	}
	got := f.until(t, y)
	if len(got) != len(want) {
		t.Fatalf("%d records, want %d:\n%s", len(got), len(want), brief(got))
	}
	ids := map[string]bool{}
	for i, r := range got {
		w := want[i]
		if r.EventName != w.event {
			t.Errorf("record %d is a %s, want %s", i, r.EventName, w.event)
		}
		if d := diff(w.old, r.Change.OldImage); d != "" {
			t.Errorf("record %d, old image (-want +got):\n%s", i, d)
		}
		if d := diff(w.new, r.Change.NewImage); d != "" {
			t.Errorf("record %d, new image (-want +got):\n%s", i, d)
		}
		k := x
		if i == len(want)-1 {
			k = y
		}
		if d := diff(table.Item{table.AttrPK: table.S(k.PK), table.AttrSK: table.S(k.SK)}, r.Change.Keys); d != "" {
			t.Errorf("record %d, keys (-want +got):\n%s", i, d)
		}
		if r.UserIdentity != nil || r.Purged() {
			t.Errorf("record %d is marked as %+v", i, r.UserIdentity)
		}
		if r.EventSource != "aws:dynamodb" || r.Change.StreamViewType != "NEW_AND_OLD_IMAGES" {
			t.Errorf("record %d is of %q with %q", i, r.EventSource, r.Change.StreamViewType)
		}
		if r.EventID == "" || ids[r.EventID] {
			t.Errorf("record %d has the event id %q, which is empty or another's", i, r.EventID)
		}
		ids[r.EventID] = true
		if i > 0 && compareSequence(got[i-1].Change.SequenceNumber, r.Change.SequenceNumber) >= 0 {
			t.Errorf("record %d has the sequence number %s after %s", i, r.Change.SequenceNumber, got[i-1].Change.SequenceNumber)
		}
		// Streams round to the minute at worst.
		if at := r.Change.ApproximateCreationDateTime.Time(); at.Before(begun.Add(-2*time.Minute)) || at.After(ended.Add(2*time.Minute)) {
			t.Errorf("record %d is of %s, but was made between %s and %s", i, at, begun, ended)
		}
	}
}

func testFeedResumes(t *testing.T, f Fixture) {
	const n = 10
	for _, it := range numbered("resume", n) {
		f.create(t, it)
	}
	all := f.read(t, "", func(all []table.Record) bool { return len(all) >= n })
	for i, r := range all {
		rest := f.read(t, r.Change.SequenceNumber, func(rest []table.Record) bool { return len(rest) >= n-1-i })
		if len(rest) != n-1-i {
			t.Fatalf("%d records after the one at %d of %d", len(rest), i, n)
		}
		if d := diff(all[i+1:], rest); d != "" {
			t.Errorf("read again, the records after %d are not the same (-first +again):\n%s", i, d)
		}
	}
	again, err := f.Feed.Changes(t.Context(), all[n-1].Change.SequenceNumber, 10)
	if err != nil || len(again) != 0 {
		t.Errorf("after the last record: %d records, %v", len(again), err)
	}
}

func testFeedOfOneCommit(t *testing.T, f Fixture) {
	items := numbered("whole", table.MaxCommit)
	f.create(t, items...)
	seen := map[table.Key]int{}
	for _, r := range f.read(t, "", func(all []table.Record) bool { return len(all) >= len(items) }) {
		seen[r.Change.Keys.Key()]++
	}
	for _, it := range items {
		if seen[it.Key()] != 1 {
			t.Errorf("%v has %d records, want 1", it.Key(), seen[it.Key()])
		}
	}
}

func testPurge(t *testing.T, f Fixture) {
	const pk = "purge"
	now := f.Now()
	until := func(sk string, at time.Time) table.Item {
		it := item(pk, sk, 1)
		it[table.AttrPurgeAt] = table.N(at.Unix())
		return it
	}
	due, moved := until("due", now.Add(-2*time.Hour)), until("moved", now.Add(-time.Hour))
	f.create(t, item(pk, "never", 1), until("later", now.Add(48*time.Hour)), until("deleted", now.Add(48*time.Hour)),
		until("moved", now.Add(48*time.Hour)))
	f.commit(t, table.Delete(table.Key{PK: pk, SK: "deleted"}, table.Present()))
	f.commit(t, table.Replace(moved, 1))
	f.create(t, due)

	if f.Purge != nil {
		if err := f.Purge(t.Context()); err != nil {
			t.Fatalf("Purge: %v", err)
		}
	}
	removed := map[string]table.Record{}
	f.read(t, "", func(all []table.Record) bool {
		clear(removed)
		for _, r := range all {
			if r.EventName == table.Remove {
				if _, twice := removed[r.Change.Keys.Key().SK]; twice {
					t.Fatalf("%v was removed twice", r.Change.Keys.Key())
				}
				removed[r.Change.Keys.Key().SK] = r
			}
		}
		return len(removed) == 3
	})
	for sk, purged := range map[string]bool{"due": true, "moved": true, "deleted": false} {
		r, ok := removed[sk]
		if !ok || r.Purged() != purged {
			t.Errorf("%s: removed %t, marked as the store's %t, want %t (%+v)", sk, ok, r.Purged(), purged, r.UserIdentity)
		}
		if !purged && r.UserIdentity != nil {
			t.Errorf("%s: a deletion by a commit carries the identity %+v", sk, r.UserIdentity)
		}
	}
	if d := diff(table.Create(due).Item, removed["due"].Change.OldImage); d != "" {
		t.Errorf("the purged item's old image (-want +got):\n%s", d)
	}
	if got := sortKeys(f.query(t, table.Query{PK: pk, Limit: 10})); diff([]string{"later", "never"}, got) != "" {
		t.Errorf("left are %q", got)
	}
}
