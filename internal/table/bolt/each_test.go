package bolt

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"keyfob/internal/table"
)

func TestEachGivesEveryItemUntilItIsStopped(t *testing.T) {
	tab, err := Open(filepath.Join(t.TempDir(), "table.db"), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tab.Close() }()
	want := map[table.Key]bool{}
	for _, pk := range []string{"a", "b"} {
		for _, sk := range []string{"0", "1", "2"} {
			it := item(pk, sk)
			want[it.Key()] = true
			if err := tab.Commit(t.Context(), table.Create(it)); err != nil {
				t.Fatal(err)
			}
		}
	}
	got := map[table.Key]bool{}
	if err := tab.Each(func(it table.Item) error { got[it.Key()] = true; return nil }); err != nil || len(got) != len(want) {
		t.Errorf("%v, %v", got, err)
	}
	enough, n := errors.New("enough"), 0
	if err := tab.Each(func(table.Item) error { n++; return enough }); !errors.Is(err, enough) || n != 1 {
		t.Errorf("%d items, %v", n, err)
	}
}
