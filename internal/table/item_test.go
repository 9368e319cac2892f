package table

import (
	"math"
	"testing"
)

func TestAttributesOfAnotherTypeReadAsNone(t *testing.T) {
	it := Item{"s": S("text"), "n": N(7), "b": B("bytes"), "t": Bool(true), "l": L{N(1)}, "m": Item{"k": S("v")}, "0": Null{}}
	for _, name := range []string{"s", "n", "b", "t", "l", "m", "0", "absent"} {
		if got := it.String(name); (got != "") != (name == "s") {
			t.Errorf("String(%q) = %q", name, got)
		}
		if got := it.Int(name); (got != 0) != (name == "n") {
			t.Errorf("Int(%q) = %d", name, got)
		}
		if got := it.Bytes(name); (got != nil) != (name == "b") {
			t.Errorf("Bytes(%q) = %q", name, got)
		}
		if got := it.Bool(name); got != (name == "t") {
			t.Errorf("Bool(%q) = %t", name, got)
		}
		if got := it.List(name); (got != nil) != (name == "l") {
			t.Errorf("List(%q) = %v", name, got)
		}
		if got := it.Map(name); (got != nil) != (name == "m") {
			t.Errorf("Map(%q) = %v", name, got)
		}
	}
}

func TestSizeCountsAsDynamoDBDoes(t *testing.T) {
	for _, test := range []struct {
		name string
		it   Item
		want int
	}{
		{"empty", nil, 0},
		{"text in UTF-8 bytes", Item{"ä": S("🗝")}, 2 + 4},
		{"bytes", Item{"b": B{1, 2, 3}}, 1 + 3},
		{"truth values and null", Item{"a": Bool(true), "b": Bool(false), "c": Null{}}, 3 + 3},
		{"list", Item{"l": L{S("ab"), Null{}}}, 1 + 3 + (1 + 2) + (1 + 1)},
		{"empty list and map", Item{"l": L{}, "m": Item{}}, 2 + 3 + 3},
		{"map", Item{"m": Item{"k": S("v")}}, 1 + 3 + 1 + 1 + 1},
	} {
		if got := test.it.Size(); got != test.want {
			t.Errorf("%s: %d bytes, want %d", test.name, got, test.want)
		}
	}
	// A number takes about a byte for two digits and one more; never fewer than counted.
	for n, least := range map[N]int{0: 1, 99: 2, -99: 3, math.MaxInt64: 11, math.MinInt64: 12} {
		if got := (Item{"": n}).Size(); got < least || got > least+1 {
			t.Errorf("%d counts as %d bytes, want %d or one more", n, got, least)
		}
	}
}
