package tabletest

import (
	"fmt"
	"testing"

	"keyfob/internal/table"
)

// testConditions walks every kind of operation with every condition over a key in every state.
func testConditions(t *testing.T, f Fixture) {
	conds := []struct {
		name              string
		cond              table.Cond
		onAbsent, present bool // whether it holds for no item, and for version 2 of one
	}{
		{"Anything", table.Anything(), true, true},
		{"Absent", table.Absent(), true, false},
		{"Present", table.Present(), false, true},
		{"ThisVersion", table.VersionIs(2), false, true},
		{"OlderVersion", table.VersionIs(1), false, false},
		{"NewerVersion", table.VersionIs(3), false, false},
		{"VersionZero", table.VersionIs(0), false, false},
	}
	kinds := map[string]table.Kind{"Put": table.KindPut, "Delete": table.KindDelete, "Check": table.KindCheck}
	for kindName, kind := range kinds {
		for _, c := range conds {
			if c.cond.IsAnything() && kind != table.KindDelete {
				continue // a misuse
			}
			for _, there := range []bool{false, true} {
				name := fmt.Sprintf("%s/%s/there=%t", kindName, c.name, there)
				t.Run(name, func(t *testing.T) {
					k := table.Key{PK: name, SK: "x"}
					var before table.Item
					if there {
						f.commit(t, table.Create(item(k.PK, k.SK, 1)))
						f.commit(t, table.Replace(item(k.PK, k.SK, 2), 1))
						before = f.get(t, k)
					}
					op := table.Op{Kind: kind, Key: k, Cond: c.cond}
					want := before
					if kind == table.KindPut {
						op.Item = item(k.PK, k.SK, 3)
						op.Item[table.AttrVersion] = table.N(7)
					}
					holds := c.onAbsent && !there || c.present && there
					if holds && kind == table.KindPut {
						want = op.Item
					}
					if holds && kind == table.KindDelete {
						want = nil
					}
					err := f.Table.Commit(t.Context(), op)
					if holds && err != nil {
						t.Fatalf("the condition holds, but: %v", err)
					}
					if !holds {
						wantConflict(t, err, 0, k)
					}
					if d := diff(want, f.get(t, k)); d != "" {
						t.Errorf("the item afterwards (-want +got):\n%s", d)
					}
				})
			}
		}
	}
}

func testCommit(t *testing.T, f Fixture) {
	t.Run("CreateWritesVersion1AndReplaceOneMore", func(t *testing.T) {
		k := table.Key{PK: "version", SK: "x"}
		f.commit(t, table.Create(item(k.PK, k.SK, 10)))
		for n := int64(1); n <= 3; n++ {
			got := f.get(t, k)
			if got.Version() != n {
				t.Fatalf("version %d, want %d", got.Version(), n)
			}
			f.commit(t, table.Replace(item(k.PK, k.SK, 10+n), n))
		}
		f.commit(t, table.Delete(k, table.VersionIs(4)))
		f.commit(t, table.Create(item(k.PK, k.SK, 20)))
		if got := f.get(t, k).Version(); got != 1 {
			t.Errorf("version %d after being deleted and made again, want 1", got)
		}
	})
	t.Run("ReplaceLeavesNothingOfTheOldItem", func(t *testing.T) {
		old := item("replaced", "x", 1)
		old["gone"] = table.S("old")
		f.commit(t, table.Create(old))
		f.commit(t, table.Replace(item("replaced", "x", 2), 1))
		want := item("replaced", "x", 2)
		want[table.AttrVersion] = table.N(2)
		if d := diff(want, f.get(t, want.Key())); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
	})
	t.Run("SecondOfTwoWritersFromOneReadConflicts", func(t *testing.T) {
		k := table.Key{PK: "stale", SK: "x"}
		f.commit(t, table.Create(item(k.PK, k.SK, 0)))
		f.commit(t, table.Replace(item(k.PK, k.SK, 1), 1))
		wantConflict(t, f.Table.Commit(t.Context(), table.Replace(item(k.PK, k.SK, 2), 1)), 0, k)
		wantConflict(t, f.Table.Commit(t.Context(), table.Delete(k, table.VersionIs(1))), 0, k)
		if got := f.get(t, k).Int("n"); got != 1 {
			t.Errorf("n = %d, want the first writer's 1", got)
		}
	})
	t.Run("ConflictNamesTheFirstFailedOperationAndNothingChanges", func(t *testing.T) {
		f.commit(t, table.Create(item("first", "held", 1)), table.Create(item("first", "other", 1)))
		replaced, gone := table.Key{PK: "first", SK: "other"}, table.Key{PK: "first", SK: "gone"}
		before := f.query(t, table.Query{PK: "first", Limit: 10})
		err := f.Table.Commit(t.Context(),
			table.Create(item("first", "new", 2)),
			table.Replace(item("first", "other", 2), 1),
			table.Create(item("first", "held", 2)),
			table.Delete(gone, table.Present()),
			table.Check(table.Key{PK: "first", SK: "absent"}, table.VersionIs(4)),
		)
		wantConflict(t, err, 2, table.Key{PK: "first", SK: "held"})
		err = f.Table.Commit(t.Context(),
			table.Delete(replaced, table.Anything()),
			table.Check(table.Key{PK: "first", SK: "absent"}, table.Present()),
			table.Create(item("first", "new", 2)),
		)
		wantConflict(t, err, 1, table.Key{PK: "first", SK: "absent"})
		if d := diff(before, f.query(t, table.Query{PK: "first", Limit: 10})); d != "" {
			t.Errorf("a refused commit changed something (-before +after):\n%s", d)
		}
	})
	t.Run("HundredOperationsOverHundredPartitions", func(t *testing.T) {
		var create, keys = make([]table.Op, table.MaxCommit), make([]table.Key, table.MaxCommit)
		for i := range create {
			it := item(fmt.Sprintf("hundred-%d", i), "x", int64(i))
			create[i], keys[i] = table.Create(it), it.Key()
		}
		count := func() (n int) {
			items, err := f.Table.Get(t.Context(), keys...)
			if err != nil {
				t.Fatal(err)
			}
			for _, it := range items {
				if it != nil {
					n++
				}
			}
			return n
		}
		held := keys[table.MaxCommit-1]
		f.commit(t, table.Create(item(held.PK, held.SK, 0)))
		wantConflict(t, f.Table.Commit(t.Context(), create...), table.MaxCommit-1, held)
		if n := count(); n != 1 {
			t.Fatalf("%d items after a refused commit, want the 1 of before", n)
		}
		f.commit(t, table.Delete(held, table.Present()))
		f.commit(t, create...)
		if n := count(); n != table.MaxCommit {
			t.Errorf("%d items, want all %d", n, table.MaxCommit)
		}
	})
	t.Run("CommittedItemIsNotTheCallersAnyMore", func(t *testing.T) {
		it := item("alias", "x", 1)
		it["b"] = table.B("bytes")
		f.commit(t, table.Create(it))
		it["b"].(table.B)[0] = '?'
		got := f.get(t, it.Key())
		if b := string(got.Bytes("b")); b != "bytes" {
			t.Fatalf("b = %q after the caller changed its own slice", b)
		}
		got["b"].(table.B)[0] = '!'
		got["n"] = table.N(9)
		if again := f.get(t, it.Key()); string(again.Bytes("b")) != "bytes" || again.Int("n") != 1 {
			t.Errorf("%v after a reader changed what it was given", again)
		}
	})
}
