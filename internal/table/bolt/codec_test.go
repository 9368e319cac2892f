package bolt

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keyfob/internal/table"
)

// deep makes lists and maps within each other.
func deep(depth int) table.Value {
	var v table.Value = table.Null{}
	for i := range depth {
		if i%2 == 0 {
			v = table.L{v}
		} else {
			v = table.Item{"in": v}
		}
	}
	return v
}

func samples() []table.Item {
	return []table.Item{
		{},
		{"pk": table.S("tok#1"), "sk": table.S("tok"), "ver": table.N(1)},
		{"largest": table.N(math.MaxInt64), "smallest": table.N(math.MinInt64), "zero": table.N(0), "minus": table.N(-1), "64": table.N(64)},
		{"empty": table.S(""), "bytes": table.B{0, 0xff}, "none": table.B{}, "true": table.Bool(true), "false": table.Bool(false), "null": table.Null{}},
		{"list": table.L{table.S("a"), table.L{}, table.Item{}, table.L{table.N(1)}}, "map": table.Item{"k": table.Item{"k": table.B("v")}}},
		{"": table.S("\x00🗝\u202e"), "long": table.S(bytes.Repeat([]byte("x"), 300))},
		{"deepest": deep(table.MaxDepth)},
		table.Create(token(7)).Item,
	}
}

func wantItem(t *testing.T, want, got table.Item) {
	t.Helper()
	if !reflect.DeepEqual(want, got) {
		t.Errorf("(-want +got):\n%s", cmp.Diff(want, got))
	}
}

func TestItemsComeBackFromTheirEncoding(t *testing.T) {
	for _, it := range samples() {
		b := appendItem([]byte("before"), it)[len("before"):]
		got, err := decodeItem(b)
		if err != nil {
			t.Errorf("%v: %v", it, err)
		}
		wantItem(t, it, got)
		if again := appendItem(nil, it); !bytes.Equal(again, b) {
			t.Errorf("%v has two encodings", it)
		}
	}
}

func TestDecodedItemSharesNothingWithTheFile(t *testing.T) {
	want := table.Item{"s": table.S("text"), "b": table.B("bytes")}
	b := appendItem(nil, want)
	got, err := decodeItem(b)
	if err != nil {
		t.Fatal(err)
	}
	clear(b)
	wantItem(t, want, got) // though the bytes it was read from have changed
}

func TestEveryChangedByteOfAnItemIsFound(t *testing.T) {
	for _, it := range samples() {
		b := appendItem(nil, it)
		for i := range b {
			for _, flip := range []byte{1, 0x80, 0xff} {
				b[i] ^= flip
				if got, err := decodeItem(b); err == nil {
					t.Fatalf("byte %d of %v changed, read as %v", i, it, got)
				}
				b[i] ^= flip
			}
		}
		for n := range b {
			if got, err := decodeItem(b[:n]); err == nil {
				t.Fatalf("the first %d bytes of %v are read as %v", n, it, got)
			}
		}
	}
}

func TestMalformedItemsAreRefusedThoughTheirChecksumIsRight(t *testing.T) {
	for name, body := range map[string][]byte{
		"nothing":              {},
		"count without names":  {3},
		"more than there is":   {1, 1, 'a', tagText, 9, 'x'},
		"bytes left over":      {1, 1, 'a', tagNull, 0},
		"unknown tag":          {1, 1, 'a', 'X'},
		"no tag":               {1, 1, 'a'},
		"count of 2^63":        {1, 1, 'a', tagList, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
		"number of 11 bytes":   append([]byte{1, 1, 'a', tagNumber}, append(slices.Repeat([]byte{0x80}, 10), 0)...),
		"number without end":   {1, 1, 'a', tagNumber, 0x80},
		"nested one too deep":  appendAttributes(nil, table.Item{"a": deep(table.MaxDepth + 1)}),
		"nested without end":   append([]byte{1, 1, 'a'}, bytes.Repeat([]byte{tagList, 1}, 1<<16)...),
		"empty map after list": {1, 1, 'a', tagList, 2, tagMap},
	} {
		if got, err := decodeItem(binary.LittleEndian.AppendUint32(body, checksum(body))); err == nil {
			t.Errorf("%s: read as %v", name, got)
		}
	}
}

// FuzzDecodeItem holds that no bytes make the decoder panic, and that whatever it reads it can write and read again.
func FuzzDecodeItem(f *testing.F) {
	for _, it := range samples() {
		b := appendItem(nil, it)
		f.Add(b)
		f.Add(b[:len(b)-checksumSize])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = decodeItem(b)
		key := appendStamp(nil, 1)
		_, _ = decodeRecord(key, b)
		_, _ = decodeRecord(key, seal(key, bytes.Clone(b)))
		it, err := decodeItem(binary.LittleEndian.AppendUint32(bytes.Clone(b), checksum(b)))
		if err != nil {
			return
		}
		again, err := decodeItem(appendItem(nil, it))
		if err != nil {
			t.Fatalf("%v is not read again: %v", it, err)
		}
		wantItem(t, it, again)
	})
}

// FuzzItemRoundTrip holds that decoding undoes encoding, for the items that a fuzzer can write in JSON.
func FuzzItemRoundTrip(f *testing.F) {
	for _, it := range samples() {
		text, err := json.Marshal(it)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var it table.Item
		if json.Unmarshal(text, &it) != nil || it == nil {
			return
		}
		it["pk"], it["sk"] = table.S("p"), table.S("s")
		op := table.Create(it)
		if table.Validate([]table.Op{op}) != nil {
			return
		}
		got, err := decodeItem(appendItem(nil, op.Item))
		if err != nil {
			t.Fatalf("%v: %v", op.Item, err)
		}
		wantItem(t, op.Item, got)
	})
}
