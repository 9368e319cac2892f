package tabletest

import (
	"fmt"
	"slices"
	"testing"

	"keyfob/internal/table"
)

// testQuery asks every run of one small partition, with every page size, and compares with the obvious answer.
func testQuery(t *testing.T, f Fixture) {
	// In the order of their bytes. U+FFEE and U+1F600 tell it from the order of UTF-16, "B" and "é" from a
	// dictionary's, "a#" and "a#\x00" from that of padded texts.
	ordered := []string{
		"\x01", "10", "9", "B", "a", "a#", "a#\x00", "a#1", "a#10", "a#2", "a#\U0010ffff", "a$", "aa", "b", "é", "\uffee", "\U0001f600", "\U0010ffff",
	}
	if !slices.IsSorted(ordered) {
		t.Fatal("the suite's own list is not in order")
	}
	for i := range ordered {
		at := (i*7 + 3) % len(ordered) // written in another order
		f.create(t, item("query", ordered[at], int64(at)))
	}
	prefixes := []string{"", "a", "a#", "a#1", "b", "c", "\U0010ffff", "\U0001f600"}
	for _, prefix := range prefixes {
		for _, descending := range []bool{false, true} {
			var run []string
			for _, sk := range ordered {
				if len(sk) >= len(prefix) && sk[:len(prefix)] == prefix {
					run = append(run, sk)
				}
			}
			if descending {
				slices.Reverse(run)
			}
			for limit := 1; limit <= len(run)+1; limit++ {
				t.Run(fmt.Sprintf("prefix=%q/descending=%t/limit=%d", prefix, descending, limit), func(t *testing.T) {
					walk(t, f, table.Query{PK: "query", Prefix: prefix, Descending: descending, Limit: limit}, run)
				})
			}
		}
	}
	t.Run("AbsentPartition", func(t *testing.T) {
		walk(t, f, table.Query{PK: "nothing", Limit: 5}, nil)
	})
	t.Run("AfterAKeyThatIsNotThere", func(t *testing.T) {
		q := table.Query{PK: "query", Prefix: "a#", After: "a#100", Limit: 1}
		if got := f.query(t, q); !slices.Equal(sortKeys(got), []string{"a#2"}) || !got.More {
			t.Errorf("ascending: %q, more %t", sortKeys(got), got.More)
		}
		q.Descending = true
		if got := f.query(t, q); !slices.Equal(sortKeys(got), []string{"a#10"}) || !got.More {
			t.Errorf("descending: %q, more %t", sortKeys(got), got.More)
		}
		last := table.Query{PK: "query", After: "\U0010ffff\U0010ffff", Limit: 5}
		if got := f.query(t, last); len(got.Items) != 0 || got.More {
			t.Errorf("after the end: %q, more %t", sortKeys(got), got.More)
		}
	})
}

// walk pages through the query and asserts that each page is full but the last, that More is true exactly where
// a further item comes, and that the pages together are the run.
func walk(t *testing.T, f Fixture, q table.Query, run []string) {
	t.Helper()
	for from := 0; ; {
		page := f.query(t, q)
		to := min(from+q.Limit, len(run))
		if got := sortKeys(page); !slices.Equal(got, run[from:to]) {
			t.Fatalf("after %q: %q, want %q", q.After, got, run[from:to])
		}
		if page.More != (to < len(run)) {
			t.Fatalf("after %q: More is %t with %d of %d seen", q.After, page.More, to, len(run))
		}
		if !page.More {
			return
		}
		from, q.After = to, run[to-1]
	}
}

// testPartitions asks for partitions whose keys would run together if they were merely joined.
func testPartitions(t *testing.T, f Fixture) {
	pks := []string{"p", "p#", "p#a", "pp", "p\x00", "p\x00a", "P", "q", "o", "\x01"}
	sks := []string{"a", "#a", "a#", "\x00", "pa", "x"}
	for i, pk := range pks {
		for j, sk := range sks {
			f.create(t, item(pk, sk, int64(100*i+j)))
		}
	}
	slices.Sort(sks)
	for _, pk := range pks {
		walk(t, f, table.Query{PK: pk, Limit: 4}, sks)
		reversed := slices.Clone(sks)
		slices.Reverse(reversed)
		walk(t, f, table.Query{PK: pk, Limit: 4, Descending: true}, reversed)
		for _, it := range f.query(t, table.Query{PK: pk, Limit: 100}).Items {
			if it.Key().PK != pk {
				t.Errorf("the partition %q holds an item of %q", pk, it.Key().PK)
			}
		}
	}
	f.commit(t, table.Delete(table.Key{PK: "p#", SK: "a"}, table.Present()))
	if f.get(t, table.Key{PK: "p", SK: "#a"}) == nil {
		t.Error("deleting (p#, a) took (p, #a) with it")
	}
}

// testQueryLarge asks for more bytes than DynamoDB puts into one page.
func testQueryLarge(t *testing.T, f Fixture) {
	var run []string
	for i := range 20 {
		it := item("large", fmt.Sprintf("%02d", i), int64(i))
		it["b"] = make(table.B, 150<<10)
		f.create(t, it)
		run = append(run, it.Key().SK)
	}
	for _, limit := range []int{1, 19, 20, 21} {
		walk(t, f, table.Query{PK: "large", Limit: limit}, run)
	}
}

// testPaging pages over 10,000 items in both directions.
func testPaging(t *testing.T, f Fixture) {
	items := numbered("paging", 10_000)
	f.create(t, items...)
	f.create(t, item("pagin", "z", 0), item("pagingg", "a", 0))
	run := make([]string, len(items))
	for i, it := range items {
		run[i] = it.Key().SK
	}
	walk(t, f, table.Query{PK: "paging", Limit: 333}, run)
	walk(t, f, table.Query{PK: "paging", Limit: 2500}, run)
	slices.Reverse(run)
	walk(t, f, table.Query{PK: "paging", Limit: 333, Descending: true}, run)
	walk(t, f, table.Query{PK: "paging", Limit: 20_000, Descending: true}, run)
}
