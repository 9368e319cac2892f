package bolt

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"keyfob/internal/fault"
	"keyfob/internal/table"
)

// sound makes a table's file with items, due times, a feed and freed pages in it, and gives what it holds.
func sound(t testing.TB) (file []byte, items map[table.Key]table.Item) {
	path := filepath.Join(t.TempDir(), "table.db")
	tab, err := Open(path, newClock().now)
	if err != nil {
		t.Fatal(err)
	}
	items = map[table.Key]table.Item{}
	for i := range int64(50) {
		its := []table.Item{token(i), item("short", fmt.Sprint(i))}
		if err := tab.Commit(t.Context(), table.Create(its[0]), table.Create(its[1])); err != nil {
			t.Fatal(err)
		}
		items[its[0].Key()], items[its[1].Key()] = table.Create(its[0]).Item, table.Create(its[1]).Item
		if i%3 == 0 {
			if err := tab.Commit(t.Context(), table.Delete(its[1].Key(), table.Present())); err != nil {
				t.Fatal(err)
			}
			items[its[1].Key()] = nil
		}
	}
	for range 2 { // a file whose newest meta page is damaged is like one whose last commit did not end
		if err := tab.SetBookmark("notify", formatSequence(7)); err != nil {
			t.Fatal(err)
		}
	}
	if err := tab.Close(); err != nil {
		t.Fatal(err)
	}
	if file, err = os.ReadFile(path); err != nil {
		t.Fatal(err)
	}
	return file, items
}

// use opens the file and does everything with it. Either it is refused, in one line, or the damage lies where nothing
// is: then the table must be as good as the sound one.
func use(t *testing.T, path string, items map[table.Key]table.Item) (refused bool) {
	t.Helper()
	tab, err := Open(path, newClock().now)
	if err != nil {
		wantOneLine(t, err, path, "")
		return true
	}
	for k, want := range items {
		wantItem(t, want, mustGet(t, tab, k.PK, k.SK))
	}
	feedTellsTheTable(t, tab)
	var ops []table.Op
	for i := range 20 {
		ops = append(ops, table.Create(item("new", fmt.Sprint(i))), table.Delete(item("short", fmt.Sprint(i)).Key(), table.Anything()))
	}
	mustCommit(t, tab, ops...)
	mustPurge(t, tab, 0)
	if sequence, err := tab.Bookmark("notify"); err != nil || sequence != formatSequence(7) {
		t.Errorf("the bookmark is at %q, %v", sequence, err)
	}
	feedTellsTheTable(t, tab)
	if err := tab.Close(); err != nil {
		t.Error(err)
	}
	return false
}

func TestDamagedFileIsRefusedOrAsGoodAsASoundOne(t *testing.T) {
	t.Parallel()
	file, items := sound(t)
	pageSize := os.Getpagesize()
	dir := t.TempDir()
	files, refused := 0, 0
	try := func(b []byte) {
		path := filepath.Join(dir, fmt.Sprint(files))
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if use(t, path, items) {
			refused++
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if files++; t.Failed() {
			t.Fatalf("damaged file %d", files)
		}
	}
	if try(file); refused != 0 {
		t.Fatal("the sound file is refused")
	}
	for from := 0; from < len(file); from += pageSize {
		for _, fill := range []byte{0, 0xff} {
			b := bytes.Clone(file)
			copy(b[from:], bytes.Repeat([]byte{fill}, pageSize))
			try(b)
		}
		if from > 0 {
			try(file[:from])
		}
		try(file[:from+pageSize/2])
		// Another page in its place, such as a write gone astray.
		b := bytes.Clone(file)
		copy(b[from:from+pageSize], file[(from+2*pageSize)%len(file):])
		try(b)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 60 {
		b := bytes.Clone(file)
		for range 1 + random.IntN(20) {
			b[random.IntN(len(b))] ^= byte(1 + random.IntN(255))
		}
		try(b)
	}
	for range 200 { // at the pages' beginnings, where the structure is
		b := bytes.Clone(file)
		b[random.IntN(len(b)/pageSize)*pageSize+random.IntN(96)] ^= byte(1 << random.IntN(8))
		try(b)
	}
	t.Logf("%d of %d damaged files were refused", refused, files-1)
	if refused < files/3 {
		t.Errorf("only %d of %d damaged files were refused", refused, files-1)
	}
}

// FuzzCheck holds that no file makes the check panic, or claim memory beyond the file's size. The input is a list of
// places in a sound file and the bytes to put there, so that the damage reaches deep.
func FuzzCheck(f *testing.F) {
	file, _ := sound(f)
	pageSize := os.Getpagesize()
	f.Add([]byte{})
	for id := range len(file) / pageSize {
		for _, at := range []int{8, 10, 12, 16, 20, 24, 32} {
			f.Add(append(binary.BigEndian.AppendUint32(nil, uint32(id*pageSize+at)), 0xff))
		}
	}
	f.Fuzz(func(t *testing.T, patches []byte) {
		b := bytes.Clone(file)
		for ; len(patches) >= 5; patches = patches[5:] {
			b[int(binary.BigEndian.Uint32(patches))%len(b)] = patches[4]
		}
		_ = check(bytes.NewReader(b), int64(len(b)), pageSize, func(bucket string, key, value []byte) { _ = checkEntry(bucket, key, value) })
	})
}

func TestFileCutShortUnderAnOpenTableBreaksIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "table.db")
	tab := open(t, path, newClock().now)
	mustCommit(t, tab, table.Create(token(1)))
	if err := os.Truncate(path, 2*int64(os.Getpagesize())); err != nil {
		t.Fatal(err)
	}
	for call := range 2 {
		if _, err := tab.Get(t.Context(), token(1).Key()); !fault.Is(err, fault.Unavailable) {
			t.Errorf("Get %d: %v, want Unavailable", call, err)
		}
		if err := tab.Commit(t.Context(), table.Create(token(2))); !fault.Is(err, fault.Unavailable) {
			t.Errorf("Commit %d: %v, want Unavailable", call, err)
		}
	}
}
