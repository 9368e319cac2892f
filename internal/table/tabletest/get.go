package tabletest

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"keyfob/internal/table"
)

func testGet(t *testing.T, f Fixture) {
	t.Run("InTheOrderOfTheKeysAndNilForAbsent", func(t *testing.T) {
		f.create(t, item("get", "a", 1), item("get", "b", 2), item("got", "a", 3))
		items, err := f.Table.Get(t.Context(),
			table.Key{PK: "got", SK: "a"}, table.Key{PK: "get", SK: "absent"}, table.Key{PK: "get", SK: "b"},
			table.Key{PK: "absent", SK: "a"}, table.Key{PK: "get", SK: "a"})
		if err != nil || len(items) != 5 {
			t.Fatalf("%d items, %v", len(items), err)
		}
		for i, want := range []int64{3, 0, 2, 0, 1} {
			if (items[i] == nil) != (want == 0) || items[i].Int("n") != want {
				t.Errorf("item %d is %v, want n = %d", i, items[i], want)
			}
		}
	})
	t.Run("HundredKeys", func(t *testing.T) {
		all := numbered("hundred", table.MaxGet)
		f.create(t, all...)
		var keys []table.Key
		for i := range all {
			keys = append(keys, all[len(all)-1-i].Key())
		}
		items, err := f.Table.Get(t.Context(), keys...)
		if err != nil || len(items) != len(keys) {
			t.Fatalf("%d items, %v", len(items), err)
		}
		for i, it := range items {
			if it.Key() != keys[i] {
				t.Fatalf("item %d has the key %v, want %v", i, it.Key(), keys[i])
			}
		}
	})
	t.Run("LongestKeys", func(t *testing.T) {
		it := item(strings.Repeat("p", 2*table.MaxKeySize), strings.Repeat("s", table.MaxKeySize), 1)
		f.create(t, it)
		if got := f.get(t, it.Key()); got.Int("n") != 1 {
			t.Errorf("got %d attributes", len(got))
		}
	})
	t.Run("ItsOwnWriteAtOnce", func(t *testing.T) {
		k := table.Key{PK: "own", SK: "x"}
		f.create(t, item(k.PK, k.SK, 0))
		for n := int64(1); n <= 20; n++ {
			f.commit(t, table.Replace(item(k.PK, k.SK, n), n))
			if got := f.get(t, k).Int("n"); got != n {
				t.Fatalf("Get gives n = %d right after %d was written", got, n)
			}
			if got := f.query(t, table.Query{PK: k.PK, Limit: 1}).Items[0].Int("n"); got != n {
				t.Fatalf("Query gives n = %d right after %d was written", got, n)
			}
		}
		f.commit(t, table.Delete(k, table.Present()))
		if got := f.get(t, k); got != nil {
			t.Errorf("Get gives %v right after it was deleted", got)
		}
	})
}

// testGetLarge asks for more bytes than DynamoDB puts into one answer.
func testGetLarge(t *testing.T, f Fixture) {
	const n = 45
	var keys []table.Key
	for i := range n {
		it := item("large", fmt.Sprint(i), int64(i))
		it["b"] = make(table.B, 390<<10)
		f.commit(t, table.Create(it))
		keys = append(keys, it.Key())
	}
	items, err := f.Table.Get(t.Context(), keys...)
	if err != nil || len(items) != n {
		t.Fatalf("%d items, %v", len(items), err)
	}
	for i, it := range items {
		if it.Int("n") != int64(i) || len(it.Bytes("b")) != 390<<10 {
			t.Errorf("item %d is not complete", i)
		}
	}
}

func testValues(t *testing.T, f Fixture) {
	it := item("values", "x", -1)
	for name, v := range map[string]table.Value{
		"text":       table.S("plain"),
		"emptyText":  table.S(""),
		"unicode":    table.S("naïve · 日本語 · 🗝️ · \u202e · \u0000 · \ufffd · e\u0301"),
		"controls":   table.S("\x01\r\n\t\x7f<>&\"'\\"),
		"largest":    table.N(math.MaxInt64),
		"smallest":   table.N(math.MinInt64),
		"zero":       table.N(0),
		"bytes":      table.B{0, 1, 0xfe, 0xff},
		"emptyBytes": table.B{},
		"true":       table.Bool(true),
		"false":      table.Bool(false),
		"null":       table.Null{},
		"list":       table.L{table.S(""), table.N(7), table.Null{}, table.L{}, table.L{table.B{9}}, table.Item{}, table.Item{"k": table.S("v")}},
		"emptyList":  table.L{},
		"map":        table.Item{"list": table.L{table.Bool(true)}, "map": table.Item{"n": table.N(1)}, "a name with spaces · é": table.S("v")},
		"emptyMap":   table.Item{},
		"n":          table.N(1),
		"some.dots":  table.S("a.b"),
		"#hash":      table.S(":colon"),
		"size":       table.S("a reserved word"),
	} {
		it[name] = v
	}
	f.create(t, it)
	want := table.Create(it).Item
	if d := diff(want, f.get(t, it.Key())); d != "" {
		t.Errorf("Get (-want +got):\n%s", d)
	}
	if d := diff([]table.Item{want}, f.query(t, table.Query{PK: "values", Limit: 2}).Items); d != "" {
		t.Errorf("Query (-want +got):\n%s", d)
	}

	deepest := item("values", "deepest", 0)
	deepest["deep"] = nested(table.MaxDepth)
	f.create(t, deepest)
	// As texts: cmp takes a time that doubles with each level.
	wantText, err := json.Marshal(deepest["deep"])
	if err != nil {
		t.Fatal(err)
	}
	if text, err := json.Marshal(f.get(t, deepest.Key())["deep"]); err != nil || string(text) != string(wantText) {
		t.Errorf("the deepest value comes back as %s, %v", text, err)
	}

	largest := item("values", "largest", 0)
	largest["b"] = table.B{}
	largest["b"] = make(table.B, table.MaxItemSize-table.Create(largest).Item.Size())
	f.create(t, largest)
	if got := f.get(t, largest.Key()).Size(); got != table.MaxItemSize {
		t.Errorf("the largest item comes back with %d bytes", got)
	}
}

// nested makes lists and maps within each other, depth of them, an even number; the outermost is a map.
func nested(depth int) table.Value {
	var v table.Value = table.S("bottom")
	for i := range depth {
		if i%2 == 0 {
			v = table.L{v}
		} else {
			v = table.Item{"in": v}
		}
	}
	return v
}
