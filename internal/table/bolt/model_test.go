package bolt

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"keyfob/internal/table"
)

// TestTableHoldsWhatAMapWouldOverManyCommitsAndReopenings walks a table through growth, change and decay, with small
// items and large ones. Each reopening checks the file's structure, and the feed must go on telling the table.
func TestTableHoldsWhatAMapWouldOverManyCommitsAndReopenings(t *testing.T) {
	t.Parallel()
	c := newClock()
	path := filepath.Join(t.TempDir(), "table.db")
	random := rand.New(rand.NewPCG(3, 4))
	model := map[table.Key]table.Item{}
	tab := open(t, path, c.now)
	for round := range 10 {
		growing := round%8 < 5
		for range 12 {
			var ops []table.Op
			used := map[table.Key]bool{}
			for range 1 + random.IntN(table.MaxCommit/2) {
				k := table.Key{PK: fmt.Sprint("p", random.IntN(5)), SK: fmt.Sprint(random.IntN(600))}
				if used[k] {
					continue
				}
				used[k] = true
				old, there := model[k]
				it := item(k.PK, k.SK)
				switch {
				case there && (!growing || random.IntN(4) == 0):
					ops = append(ops, table.Delete(k, table.VersionIs(old.Version())))
					delete(model, k)
					continue
				case random.IntN(40) == 0:
					it["b"] = make(table.B, random.IntN(30_000))
				case random.IntN(3) == 0:
					it[table.AttrPurgeAt] = table.N(c.now().Add(time.Duration(random.IntN(600)) * time.Minute).Unix())
				}
				op := table.Create(it)
				if there {
					op = table.Replace(it, old.Version())
				}
				ops, model[k] = append(ops, op), op.Item
			}
			mustCommit(t, tab, ops...)
		}
		c.advance(20 * time.Minute)
		due := 0
		for k, it := range model {
			if at := it.PurgeAt(); at > 0 && at <= c.now().Unix() {
				due++
				delete(model, k)
			}
		}
		mustPurge(t, tab, due)
		if err := tab.Close(); err != nil {
			t.Fatal(err)
		}
		tab = open(t, path, c.now)
		seen := 0
		for p := range 5 {
			page, err := tab.Query(t.Context(), table.Query{PK: fmt.Sprint("p", p), Limit: 1000})
			if err != nil {
				t.Fatal(err)
			}
			for _, it := range page.Items {
				wantItem(t, model[it.Key()], it)
				seen++
			}
		}
		if seen != len(model) {
			t.Fatalf("round %d: %d items, want %d", round, seen, len(model))
		}
		feedTellsTheTable(t, tab)
	}
}
