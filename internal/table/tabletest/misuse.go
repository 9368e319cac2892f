package tabletest

import (
	"fmt"
	"strings"
	"testing"

	"keyfob/internal/table"
)

// testMisuse asks that every implementation refuses what any of them would have to, and changes nothing.
func testMisuse(t *testing.T, f Fixture) {
	good := table.Create(item("misuse", "good", 1))
	k := table.Key{PK: "misuse", SK: "x"}
	large := item(k.PK, k.SK, 0)
	large["b"] = make(table.B, table.MaxItemSize)
	var many, heavy []table.Op
	for i := range table.MaxCommit + 1 {
		many = append(many, table.Create(item("misuse", fmt.Sprint(i), 0)))
	}
	for i := range 11 {
		it := item("misuse", fmt.Sprint(i), 0)
		it["b"] = make(table.B, 390<<10)
		heavy = append(heavy, table.Create(it))
	}
	for name, ops := range map[string][]table.Op{
		"NoOperation":          nil,
		"101Operations":        many,
		"OneKeyTwice":          {good, table.Create(item(k.PK, k.SK, 1)), table.Check(k, table.Absent())},
		"NoPartitionKey":       {good, table.Create(item("", "x", 1))},
		"NoSortKey":            {good, table.Delete(table.Key{PK: "misuse"}, table.Anything())},
		"LongPartitionKey":     {good, table.Check(table.Key{PK: strings.Repeat("p", 2*table.MaxKeySize+1), SK: "x"}, table.Absent())},
		"LongSortKey":          {good, table.Check(table.Key{PK: "misuse", SK: strings.Repeat("s", table.MaxKeySize+1)}, table.Absent())},
		"KeyNotUTF8":           {good, table.Check(table.Key{PK: "misuse", SK: "\xff"}, table.Absent())},
		"PutOfAnything":        {good, {Kind: table.KindPut, Key: k, Item: table.Create(item(k.PK, k.SK, 1)).Item}},
		"PutUnderAnotherKey":   {good, {Kind: table.KindPut, Key: k, Cond: table.Absent(), Item: table.Create(item(k.PK, "y", 1)).Item}},
		"PutWithoutVersion":    {good, {Kind: table.KindPut, Key: k, Cond: table.Absent(), Item: item(k.PK, k.SK, 1)}},
		"CheckOfAnything":      {good, table.Check(k, table.Anything())},
		"OperationOfNoKind":    {good, {Key: k, Cond: table.Absent()}},
		"ItemTooLarge":         {good, table.Create(large)},
		"CommitTooLarge":       heavy,
		"TextNotUTF8":          {good, table.Create(table.Item{"pk": table.S(k.PK), "sk": table.S(k.SK), "s": table.S("\xff")})},
		"ValueOfNoKind":        {good, table.Create(table.Item{"pk": table.S(k.PK), "sk": table.S(k.SK), "l": table.L{nil}})},
		"AttributeWithoutName": {good, table.Create(table.Item{"pk": table.S(k.PK), "sk": table.S(k.SK), "": table.N(1)})},
	} {
		t.Run("Commit/"+name, func(t *testing.T) { wantMisuse(t, f.Table.Commit(t.Context(), ops...)) })
	}
	var keys []table.Key
	for i := range table.MaxGet + 1 {
		keys = append(keys, table.Key{PK: "misuse", SK: fmt.Sprint(i)})
	}
	for name, keys := range map[string][]table.Key{
		"NoKey":          nil,
		"101Keys":        keys,
		"OneKeyTwice":    {k, {PK: "misuse", SK: "y"}, k},
		"NoPartitionKey": {{SK: "x"}},
		"NoSortKey":      {{PK: "misuse"}},
	} {
		t.Run("Get/"+name, func(t *testing.T) {
			_, err := f.Table.Get(t.Context(), keys...)
			wantMisuse(t, err)
		})
	}
	for name, q := range map[string]table.Query{
		"NoPartition":      {Limit: 1},
		"NoLimit":          {PK: "misuse"},
		"NegativeLimit":    {PK: "misuse", Limit: -1},
		"LongPartition":    {PK: strings.Repeat("p", 2*table.MaxKeySize+1), Limit: 1},
		"LongPrefix":       {PK: "misuse", Prefix: strings.Repeat("s", table.MaxKeySize+1), Limit: 1},
		"AfterOutOfPrefix": {PK: "misuse", Prefix: "a#", After: "b#1", Limit: 1},
	} {
		t.Run("Query/"+name, func(t *testing.T) {
			_, err := f.Table.Query(t.Context(), q)
			wantMisuse(t, err)
		})
	}
	if page := f.query(t, table.Query{PK: "misuse", Limit: 1}); len(page.Items) != 0 {
		t.Errorf("a refused commit left %v", page.Items)
	}
}
