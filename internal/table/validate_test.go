package table

import (
	"errors"
	"strconv"
	"strings"
	"testing"
)

func puts(n, size int) []Op {
	ops := make([]Op, n)
	for i := range ops {
		it := Item{AttrPK: S("p"), AttrSK: S(strconv.Itoa(10_000 + i)), "b": B{}}
		it["b"] = make(B, size-Create(it).Item.Size())
		ops[i] = Create(it)
	}
	return ops
}

// under makes a put of an item with one attribute more.
func under(name string, v Value) []Op {
	return []Op{Create(Item{AttrPK: S("p"), AttrSK: S("s"), name: v})}
}

func nested(depth int) Value {
	var v Value = Null{}
	for i := range depth {
		if i%2 == 0 {
			v = L{v}
		} else {
			v = Item{"in": v}
		}
	}
	return v
}

func TestValidate(t *testing.T) {
	k := Key{"p", "s"}
	longest := Key{strings.Repeat("p", 2*MaxKeySize), strings.Repeat("s", MaxKeySize)}
	item := Create(Item{AttrPK: S("p"), AttrSK: S("s")}).Item
	for _, test := range []struct {
		name string
		ops  []Op
		ok   bool
	}{
		{"one operation", []Op{Check(k, Present())}, true},
		{"none", nil, false},
		{"the most operations", puts(MaxCommit, 100), true},
		{"one more", puts(MaxCommit+1, 100), false},
		{"the largest item", puts(1, MaxItemSize), true},
		{"one byte more", puts(1, MaxItemSize+1), false},
		{"the largest commit", append(puts(10, MaxItemSize), Op{KindPut, Key{"q", "s"}, Absent(), Create(Item{AttrPK: S("q"), AttrSK: S("s"), "b": make(B, MaxCommitSize-10*MaxItemSize-20)}).Item}), true},
		{"a larger one", puts(11, MaxItemSize), false},
		{"a key twice", []Op{Check(k, Present()), Delete(k, Anything())}, false},
		{"two keys that look alike when joined", []Op{Check(Key{"ab", "c"}, Present()), Check(Key{"a", "bc"}, Present())}, true},
		{"the longest key", []Op{Check(longest, Present())}, true},
		{"a longer partition key", []Op{Check(Key{longest.PK + "p", "s"}, Present())}, false},
		{"a longer sort key", []Op{Check(Key{"p", longest.SK + "s"}, Present())}, false},
		{"no partition key", []Op{Check(Key{"", "s"}, Present())}, false},
		{"no sort key", []Op{Check(Key{"p", ""}, Present())}, false},
		{"a partition key not in UTF-8", []Op{Check(Key{"\xff", "s"}, Present())}, false},
		{"a sort key not in UTF-8", []Op{Check(Key{"p", "\xff"}, Present())}, false},
		{"a delete of anything", []Op{Delete(k, Anything())}, true},
		{"a delete of what is absent", []Op{Delete(k, Absent())}, true},
		{"a check of anything", []Op{Check(k, Anything())}, false},
		{"a put of anything", []Op{{KindPut, k, Anything(), item}}, false},
		{"a put over what is present", []Op{{KindPut, k, Present(), item}}, true},
		{"a put under another key", []Op{{KindPut, Key{"p", "t"}, Absent(), item}}, false},
		{"a put without a version", []Op{{KindPut, k, Absent(), Item{AttrPK: S("p"), AttrSK: S("s")}}}, false},
		{"a put with a version of text", []Op{{KindPut, k, Absent(), Item{AttrPK: S("p"), AttrSK: S("s"), AttrVersion: S("1")}}}, false},
		{"an operation of no kind", []Op{{0, k, Absent(), nil}}, false},
		{"an operation of an unknown kind", []Op{{9, k, Absent(), item}}, false},
		{"a key that is a number", []Op{Create(Item{AttrPK: N(1), AttrSK: S("s")})}, false},
		{"every kind of value", under("v", L{S(""), N(0), B(nil), Bool(false), Null{}, L(nil), Item(nil)}), true},
		{"nothing for a value", under("v", nil), false},
		{"nothing in a list", under("v", L{nil}), false},
		{"nothing in a map", under("v", Item{"k": nil}), false},
		{"text not in UTF-8", under("v", L{Item{"k": S("\xc3\x28")}}), false},
		{"a name not in UTF-8", under("\xc3\x28", N(1)), false},
		{"an empty name", under("", N(1)), false},
		{"an empty name in a map", under("v", Item{"": N(1)}), false},
		{"the deepest nesting", under("v", nested(MaxDepth)), true},
		{"one level more", under("v", nested(MaxDepth+1)), false},
	} {
		err := Validate(test.ops)
		if _, misuse := errors.AsType[*Misuse](err); test.ok != (err == nil) || misuse == test.ok {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

func TestValidateGet(t *testing.T) {
	keys := func(n int) []Key {
		keys := make([]Key, n)
		for i := range keys {
			keys[i] = Key{"p", strconv.Itoa(i)}
		}
		return keys
	}
	for _, test := range []struct {
		name string
		keys []Key
		ok   bool
	}{
		{"one", keys(1), true},
		{"none", nil, false},
		{"the most", keys(MaxGet), true},
		{"one more", keys(MaxGet + 1), false},
		{"one twice", append(keys(2), keys(1)...), false},
		{"an empty one", append(keys(2), Key{"p", ""}), false},
	} {
		err := ValidateGet(test.keys)
		if _, misuse := errors.AsType[*Misuse](err); test.ok != (err == nil) || misuse == test.ok {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

func TestValidateQuery(t *testing.T) {
	long := strings.Repeat("s", MaxKeySize)
	for _, test := range []struct {
		name string
		q    Query
		ok   bool
	}{
		{"a partition", Query{PK: "p", Limit: 1}, true},
		{"no partition", Query{Limit: 1}, false},
		{"no limit", Query{PK: "p"}, false},
		{"a negative limit", Query{PK: "p", Limit: -1}, false},
		{"the longest texts", Query{PK: long + long, Prefix: long, After: long, Limit: 1}, true},
		{"a longer partition", Query{PK: long + long + "p", Limit: 1}, false},
		{"a longer prefix", Query{PK: "p", Prefix: long + "s", Limit: 1}, false},
		{"a longer place to go on", Query{PK: "p", After: long + "s", Limit: 1}, false},
		{"a partition not in UTF-8", Query{PK: "\xff", Limit: 1}, false},
		{"a prefix not in UTF-8", Query{PK: "p", Prefix: "\xff", Limit: 1}, false},
		{"going on within the prefix", Query{PK: "p", Prefix: "a#", After: "a#1", Limit: 1}, true},
		{"going on after the prefix itself", Query{PK: "p", Prefix: "a#", After: "a#", Limit: 1}, true},
		{"going on outside it", Query{PK: "p", Prefix: "a#", After: "b#", Limit: 1}, false},
		{"going on before it", Query{PK: "p", Prefix: "a#", After: "a", Limit: 1, Descending: true}, false},
	} {
		err := ValidateQuery(test.q)
		if _, misuse := errors.AsType[*Misuse](err); test.ok != (err == nil) || misuse == test.ok {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}
