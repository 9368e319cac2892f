package bolt

import (
	"encoding/binary"
	"hash/crc32"
	"maps"
	"slices"

	"keyfob/internal/table"
)

// How an item lies in the file:
//
//	item   = attributes checksum
//	attributes = count { name value }      names in ascending order
//	name   = length bytes
//	value  = tag payload
//
// Counts and lengths are unsigned varints, numbers are zigzag varints, the checksum is CRC-32C of all before it,
// little endian. appendItem has one encoding for each item, so equal items have equal bytes.
// The pages of the file have no checksums of their own: this one is what tells damage from data.

// The tags of values.
const (
	tagText   = 'S'
	tagNumber = 'N'
	tagBytes  = 'B'
	tagTrue   = 't'
	tagFalse  = 'f'
	tagNull   = '0'
	tagList   = 'L'
	tagMap    = 'M'
)

const checksumSize = 4

// appendItem appends the item's encoding to b. The item has passed table.Validate.
func appendItem(b []byte, it table.Item) []byte {
	from := len(b)
	b = appendAttributes(b, it)
	return binary.LittleEndian.AppendUint32(b, checksum(b[from:]))
}

func appendAttributes(b []byte, it table.Item) []byte {
	b = binary.AppendUvarint(b, uint64(len(it)))
	for _, name := range slices.Sorted(maps.Keys(it)) {
		b = appendText(b, name)
		b = appendValue(b, it[name])
	}
	return b
}

func appendText[T ~string | ~[]byte](b []byte, s T) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

func appendValue(b []byte, v table.Value) []byte {
	switch v := v.(type) {
	case table.S:
		return appendText(append(b, tagText), v)
	case table.N:
		return binary.AppendVarint(append(b, tagNumber), int64(v))
	case table.B:
		return appendText(append(b, tagBytes), v)
	case table.Bool:
		if v {
			return append(b, tagTrue)
		}
		return append(b, tagFalse)
	case table.L:
		b = binary.AppendUvarint(append(b, tagList), uint64(len(v)))
		for _, e := range v {
			b = appendValue(b, e)
		}
		return b
	case table.Item:
		return appendAttributes(append(b, tagMap), v)
	}
	return append(b, tagNull)
}

// checksum gives the CRC-32C of the parts, one after the other.
func checksum(parts ...[]byte) (sum uint32) {
	for _, b := range parts {
		sum = crc32.Update(sum, crc32.MakeTable(crc32.Castagnoli), b)
	}
	return sum
}

// seal appends a checksum to a value that is to lie under the key, so that it covers both.
func seal(key, value []byte) []byte {
	return binary.LittleEndian.AppendUint32(value, checksum(key, value))
}

// unseal takes the checksum off again, and finds whether it is right.
func unseal(key, value []byte) ([]byte, error) {
	n := len(value) - checksumSize
	if n < 0 || checksum(key, value[:n]) != binary.LittleEndian.Uint32(value[n:]) {
		return nil, damage("an entry does not match its checksum")
	}
	return value[:n], nil
}

// damage says what is wrong with bytes that no appendItem has written.
type damage string

func (d damage) Error() string { return string(d) }

// decodeItem reads what appendItem wrote. The item shares no memory with b.
func decodeItem(b []byte) (table.Item, error) {
	body, err := unseal(nil, b)
	if err != nil {
		return nil, err
	}
	d := decoder{rest: string(body)} // one copy serves every text in the item
	it := d.attributes(-1)
	if d.err == nil && d.rest != "" {
		d.fail("an item has more bytes than attributes")
	}
	if d.err != nil {
		return nil, d.err
	}
	return it, nil
}

// A decoder reads from the front of rest until something is wrong; after that it reads nothing more.
type decoder struct {
	rest string
	err  error
}

func (d *decoder) fail(what damage) {
	if d.err == nil {
		d.err = what
	}
	d.rest = ""
}

func (d *decoder) attributes(depth int) table.Item {
	n := d.count(depth)
	it := make(table.Item, n)
	for range n {
		name := d.text()
		v := d.value(depth + 1)
		if d.err != nil {
			return nil
		}
		it[name] = v
	}
	return it
}

func (d *decoder) value(depth int) table.Value {
	if d.rest == "" {
		d.fail("an item is cut short")
		return nil
	}
	tag := d.rest[0]
	d.rest = d.rest[1:]
	switch tag {
	case tagText:
		return table.S(d.text())
	case tagNumber:
		u := d.uvarint()
		return table.N(int64(u>>1) ^ -int64(u&1)) //#nosec G115 -- zigzag: both halves fit
	case tagBytes:
		return table.B(d.text())
	case tagTrue:
		return table.Bool(true)
	case tagFalse:
		return table.Bool(false)
	case tagNull:
		return table.Null{}
	case tagList:
		n := d.count(depth)
		l := make(table.L, n)
		for i := range l {
			if l[i] = d.value(depth + 1); d.err != nil {
				return nil
			}
		}
		return l
	case tagMap:
		return d.attributes(depth)
	}
	d.fail("an item has a value of no kind")
	return nil
}

// count reads the number of elements of a list or map that lies under depth others. It is never more than the bytes
// that are left, so that damage cannot ask for memory.
func (d *decoder) count(depth int) int {
	n := d.uvarint()
	if n > uint64(len(d.rest)) {
		d.fail("an item is cut short")
		return 0
	}
	if depth >= table.MaxDepth {
		d.fail("an item is nested too deep")
		return 0
	}
	return int(n) //#nosec G115 -- n is at most the length
}

func (d *decoder) text() string {
	n := d.uvarint()
	if n > uint64(len(d.rest)) {
		d.fail("an item is cut short")
		return ""
	}
	s := d.rest[:n]
	d.rest = d.rest[n:]
	return s
}

func (d *decoder) uvarint() uint64 {
	if d.rest != "" && d.rest[0] < 0x80 { // nearly always
		u := uint64(d.rest[0])
		d.rest = d.rest[1:]
		return u
	}
	var u uint64
	for i := range min(len(d.rest), binary.MaxVarintLen64) {
		c := d.rest[i]
		u |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			d.rest = d.rest[i+1:]
			return u
		}
	}
	d.fail("an item has a malformed number")
	return 0
}
