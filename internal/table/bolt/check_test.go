package bolt

import (
	"bytes"
	"encoding/binary"
	"os"
	"strings"
	"testing"
)

// parts are the places of a sound file that its structure hangs on.
type parts struct {
	file               []byte
	pages              uint64
	free, branch, leaf page // the list of free pages; the items' root and its first child
}

func takeApart(t *testing.T, file []byte) parts {
	t.Helper()
	pageSize := uint64(os.Getpagesize())
	at := func(id uint64) page { return page(file[id*pageSize : (id+1)*pageSize]) }
	meta, err := newestMeta(bytes.NewReader(file), int(pageSize))
	if err != nil {
		t.Fatal(err)
	}
	f := parts{file: file, pages: u64(meta[40:]), free: at(u64(meta[32:]))}
	buckets, err := at(u64(meta[16:])).elements()
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range buckets {
		if string(b.key) == bucketItems {
			f.branch = at(u64(b.value))
		}
	}
	children, err := f.branch.elements()
	if err != nil {
		t.Fatal(err)
	}
	f.leaf = at(u64(children[0].head[8:]))
	if f.free.kind() != kindFree || f.free.count() == 0 || f.branch.kind() != kindBranch || f.leaf.kind() != kindLeaf || f.leaf.count() < 3 {
		t.Fatal("the sound file lacks what the test is to damage")
	}
	return f
}

func TestCheckFindsEachKindOfDamage(t *testing.T) {
	sound, _ := sound(t)
	order := binary.NativeEndian
	setCount := func(p page, n int) { order.PutUint16(p[10:], uint16(n)) }
	for _, test := range []struct {
		name   string
		damage func(f *parts)
		want   string
	}{
		{"none", func(*parts) {}, ""},
		{"the last element of a leaf lost", func(f *parts) { setCount(f.leaf, f.leaf.count()-1) }, "an element points to the wrong place"},
		{"the last child of a branch lost", func(f *parts) { setCount(f.branch, f.branch.count()-1) }, "an element points to the wrong place"},
		{"all elements of a leaf lost", func(f *parts) { setCount(f.leaf, 0) }, "a leaf below a branch is empty"},
		{"all children lost", func(f *parts) { setCount(f.branch, 0) }, "a page is of the wrong kind"},
		{"more elements than room", func(f *parts) { setCount(f.leaf, 0xffff) }, "a page has more elements than room"},
		{"a value longer than it was", func(f *parts) { f.leaf[pageHeader+12]++ }, "an element points to the wrong place"},
		{"a value out of its page", func(f *parts) { f.leaf[pageHeader+15] = 0xff }, "an element points to the wrong place"},
		{"a leaf that says it is a list of free pages", func(f *parts) { f.leaf[8] = kindFree }, "a page is of the wrong kind"},
		{"a branch without end", func(f *parts) { copy(f.branch[pageHeader+8:pageHeader+16], f.branch[:8]) }, "a page is used twice, or is used and free"},
		{"two children in one place", func(f *parts) {
			copy(f.branch[pageHeader+elementSize+8:pageHeader+2*elementSize], f.leaf[:8])
		}, "a page is used twice, or is used and free"},
		{"a child beyond the end", func(f *parts) { order.PutUint64(f.branch[pageHeader+8:], f.pages) }, "a page number is out of bounds"},
		// Which of two it is depends on what bbolt has put behind the page.
		{"a page that overflows into others", func(f *parts) { f.leaf[12]++ }, "a page "},
		{"a page that overflows beyond the end", func(f *parts) { f.leaf[15] = 0xff }, "a page "},
		{"another page's content", func(f *parts) { f.leaf[0] ^= 1 }, "a page is not where it should be"},
		{"keys that have changed places", func(f *parts) {
			e, err := f.leaf.elements()
			if err != nil {
				t.Fatal(err)
			}
			first := bytes.Clone(e[1].key)
			copy(e[1].key, e[2].key)
			copy(e[2].key, first)
		}, "keys are out of order"},
		{"a child below its branch's key", func(f *parts) { f.branch[pageHeader+f.branch.count()*elementSize] = 0xff }, "keys are out of order"},
		{"a page in use that is called free", func(f *parts) { copy(f.free[pageHeader:], f.leaf[:8]) }, "a page is used twice, or is used and free"},
		{"a free page forgotten", func(f *parts) { setCount(f.free, f.free.count()-1) }, "a page is neither used nor free"},
		{"more free pages than room", func(f *parts) { setCount(f.free, 0xfffe) }, "the list of free pages is malformed"},
		{"very many free pages", func(f *parts) { setCount(f.free, 0xffff); f.free[pageHeader+7] = 0x7f }, "the list of free pages is malformed"},
		{"the last page cut off", func(f *parts) { f.file = f.file[:(f.pages-1)*uint64(os.Getpagesize())] }, "it is cut short"},
		{"both metas", func(f *parts) { f.file[pageHeader]++; f.file[os.Getpagesize()+pageHeader]++ }, "its beginning is not a bbolt file's"},
	} {
		f := takeApart(t, bytes.Clone(sound))
		test.damage(&f)
		err := check(bytes.NewReader(f.file), int64(len(f.file)), os.Getpagesize(), func(string, []byte, []byte) {})
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
}
