package bolt

import (
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"keyfob/internal/table"
)

// token makes an item of about the size and shape of a token's record.
func token(n int64) table.Item {
	return table.Item{
		table.AttrPK:      table.S(fmt.Sprintf("tok#%016d", n)),
		table.AttrSK:      table.S("tok"),
		table.AttrPurgeAt: table.N(1893456000),
		"digest":          make(table.B, 32),
		"account":         table.S("acc_0123456789abcdef"),
		"user":            table.S("usr_0123456789abcdef"),
		"name":            table.S("Nightly sync"),
		"created":         table.N(1790000000000),
		"expires":         table.N(1893456000),
		"status":          table.S("active"),
		"role":            table.S("owner"),
		"last4":           table.S("x4Tq"),
		"scope":           table.Item{"kind": table.S("custom"), "exports": table.L{table.S("exp_1"), table.S("exp_2")}},
	}
}

const benchItems = 10_000

func filled(b *testing.B) *Table {
	t := open(b, "", time.Now)
	for i := 0; i < benchItems; i += table.MaxCommit {
		var ops []table.Op
		for j := range table.MaxCommit {
			ops = append(ops, table.Create(token(int64(i+j))))
		}
		if err := t.Commit(b.Context(), ops...); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	b.ResetTimer()
	return t
}

func BenchmarkGet(b *testing.B) {
	t := filled(b)
	keys := make([]table.Key, benchItems)
	for i := range keys {
		keys[i] = token(int64(i)).Key()
	}
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i += 7919 {
			items, err := t.Get(b.Context(), keys[i%benchItems])
			if err != nil || items[0] == nil {
				b.Errorf("%v, %v", items, err)
				return
			}
		}
	})
}

// BenchmarkOpen reads through a file of 10,000 items and as many records, and reports how fast.
func BenchmarkOpen(b *testing.B) {
	t := filled(b)
	path := t.path
	if err := t.Close(); err != nil {
		b.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(info.Size())
	for b.Loop() {
		t, err := Open(path, time.Now)
		if err != nil {
			b.Fatal(err)
		}
		if err := t.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGetAbsent(b *testing.B) {
	t := filled(b)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := t.Get(b.Context(), table.Key{PK: "tok#absent", SK: "tok"}); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func BenchmarkQuery100(b *testing.B) {
	t := open(b, "", time.Now)
	for i := range int64(10) {
		var ops []table.Op
		for j := range int64(table.MaxCommit) {
			it := token(i*table.MaxCommit + j)
			it[table.AttrSK], it[table.AttrPK] = it[table.AttrPK], table.S("atk#1")
			ops = append(ops, table.Create(it))
		}
		if err := t.Commit(b.Context(), ops...); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		page, err := t.Query(b.Context(), table.Query{PK: "atk#1", Limit: 100, Descending: true})
		if err != nil || len(page.Items) != 100 {
			b.Fatal(len(page.Items), err)
		}
	}
}

// commit4 commits what issuing a token does: four new items.
func commit4(b *testing.B, t *Table, n int64) {
	ops := make([]table.Op, 4)
	for i := range ops {
		ops[i] = table.Create(token(1<<40 + 4*n + int64(i)))
	}
	if err := t.Commit(b.Context(), ops...); err != nil {
		b.Error(err)
	}
}

func BenchmarkCommit4Serial(b *testing.B) {
	t := filled(b)
	for i := range b.N {
		commit4(b, t, int64(i))
	}
}

func BenchmarkCommit4By32(b *testing.B) {
	t := filled(b)
	var n atomic.Int64
	b.SetParallelism(16) // times GOMAXPROCS, 2 where this was tuned
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			commit4(b, t, n.Add(1))
		}
	})
}

func BenchmarkDecodeItem(b *testing.B) {
	enc := appendItem(nil, table.Create(token(1)).Item)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decodeItem(enc); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncodeItem(b *testing.B) {
	it := table.Create(token(1)).Item
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = appendItem(buf[:0], it)
	}
}
