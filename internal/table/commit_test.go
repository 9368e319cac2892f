package table

import (
	"strconv"
	"testing"
)

func TestCondHolds(t *testing.T) {
	v2 := Item{AttrPK: S("p"), AttrSK: S("s"), AttrVersion: N(2)}
	for _, test := range []struct {
		name            string
		cond            Cond
		onNone, onEmpty bool // for no item, and for one without a version
		onVersion2      bool
	}{
		{"Anything", Anything(), true, true, true},
		{"Absent", Absent(), true, false, false},
		{"Present", Present(), false, true, true},
		{"VersionIs(1)", VersionIs(1), false, false, false},
		{"VersionIs(2)", VersionIs(2), false, false, true},
		{"VersionIs(3)", VersionIs(3), false, false, false},
	} {
		if got := test.cond.Holds(nil); got != test.onNone {
			t.Errorf("%s of no item: %t", test.name, got)
		}
		if got := test.cond.Holds(Item{}); got != test.onEmpty {
			t.Errorf("%s of an item without a version: %t", test.name, got)
		}
		if got := test.cond.Holds(v2); got != test.onVersion2 {
			t.Errorf("%s of version 2: %t", test.name, got)
		}
	}
}

func TestCondIsExactlyOneKind(t *testing.T) {
	for i, c := range []Cond{Anything(), Absent(), Present(), VersionIs(0), VersionIs(5)} {
		n, versioned := c.Version()
		if c.IsAnything() != (i == 0) || c.IsAbsent() != (i == 1) || c.IsPresent() != (i == 2) || versioned != (i >= 3) {
			t.Errorf("condition %d: %+v", i, c)
		}
		if i == 4 && n != 5 {
			t.Errorf("VersionIs(5) asks for %d", n)
		}
	}
}

func TestPutsCarryTheirVersionAndLeaveTheCallersItemAlone(t *testing.T) {
	it := Item{AttrPK: S("p"), AttrSK: S("s"), AttrVersion: N(9)}
	create, replace := Create(it), Replace(it, 4)
	if v := create.Item.Version(); v != 1 || !create.Cond.IsAbsent() {
		t.Errorf("Create puts version %d under %+v", v, create.Cond)
	}
	if n, ok := replace.Cond.Version(); replace.Item.Version() != 5 || !ok || n != 4 {
		t.Errorf("Replace(4) puts version %d under %+v", replace.Item.Version(), replace.Cond)
	}
	if it.Version() != 9 {
		t.Errorf("the caller's item has version %d, want its 9", it.Version())
	}
	if k := (Key{"p", "s"}); create.Key != k || replace.Key != k {
		t.Errorf("the keys are %v and %v", create.Key, replace.Key)
	}
	if err := Validate([]Op{Create(nil)}); err == nil {
		t.Error("an item of nothing may be created")
	}
}

func TestErrorsNameWhatFailed(t *testing.T) {
	c := &Conflict{Index: 3, Key: Key{"tok#a", "tok"}}
	if got, want := c.Error(), "table: condition of operation "+strconv.Itoa(3)+" does not hold (tok#a, tok)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
