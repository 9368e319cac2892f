package bolt

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
	"testing"

	"keyfob/internal/table"
)

// keys makes keys of every combination of awkward parts.
func awkwardKeys() []table.Key {
	parts := []string{"a", "ab", "abc", "b", "bc", "c", "\x00", "\x00a", "a\x00", "a\x00b", "\x01", "é", "\uffee", "\U0001f600", "\U0010ffff",
		strings.Repeat("x", 255), strings.Repeat("x", 256), strings.Repeat("x", table.MaxKeySize)}
	var keys []table.Key
	for _, pk := range append(parts, strings.Repeat("p", 2*table.MaxKeySize)) {
		for _, sk := range parts {
			keys = append(keys, table.Key{PK: pk, SK: sk})
		}
	}
	return keys
}

func TestKeysOrderByPartitionThenSortKeyAndNoTwoAreAlike(t *testing.T) {
	keys := awkwardKeys()
	slices.SortFunc(keys, func(a, b table.Key) int {
		return bytes.Compare(appendKey(nil, a.PK, a.SK), appendKey(nil, b.PK, b.SK))
	})
	finished := map[string]bool{}
	for i := 1; i < len(keys); i++ {
		last, k := keys[i-1], keys[i]
		if bytes.Equal(appendKey(nil, last.PK, last.SK), appendKey(nil, k.PK, k.SK)) {
			t.Errorf("%q and %q are one key", last, k)
		}
		if last.PK == k.PK {
			if cmp.Compare(last.SK, k.SK) >= 0 {
				t.Errorf("in partition %.20q, %.20q comes before %.20q", k.PK, last.SK, k.SK)
			}
			continue
		}
		finished[last.PK] = true
		if finished[k.PK] {
			t.Errorf("partition %.20q is in two places", k.PK)
		}
	}
}

func TestSuccessorIsTheFirstKeyAfterAPrefix(t *testing.T) {
	for _, k := range awkwardKeys() {
		prefix := appendKey(nil, k.PK, k.SK)
		end := successor(bytes.Clone(prefix))
		if inside := append(bytes.Clone(prefix), bytes.Repeat([]byte{0xff}, 20)...); bytes.Compare(inside, end) >= 0 {
			t.Errorf("the successor of %x is not after its keys", prefix)
		}
		if bytes.HasPrefix(end, prefix) || bytes.Compare(prefix, end) >= 0 {
			t.Errorf("the successor of %x is %x", prefix, end)
		}
	}
	if got := successor([]byte{0, 1, 0xff, 0xff}); !bytes.Equal(got, []byte{0, 2}) {
		t.Errorf("the successor of 0001ffff is %x", got)
	}
}
