package bolt

import "encoding/binary"

// All items lie in one bucket, so that a partition costs nothing. An item's key there is
//
//	length of pk (2 bytes, big endian) pk sk
//
// The length keeps apart what would run together ("a"+"bc", "ab"+"c"), a partition is the run of keys with its
// prefix, and within it the order is that of the sort key's bytes.

// appendKey appends the key in the bucket, or, with an empty or partial sk, a prefix of keys. The parts have passed
// one of package table's validations, so the length fits.
func appendKey(b []byte, pk, sk string) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(len(pk))) //#nosec G115 -- see above
	b = append(b, pk...)
	return append(b, sk...)
}

// successor is the first key after all those that begin with prefix. It reuses prefix. The high byte of the length
// is never 0xff, so there always is one.
func successor(prefix []byte) []byte {
	for i := len(prefix) - 1; ; i-- {
		if prefix[i]++; prefix[i] != 0 {
			return prefix[:i+1]
		}
	}
}

// Due times are indexed by the time, 8 bytes, big endian, followed by the item's key in its bucket.

const stampSize = 8

func appendStamp(b []byte, n uint64) []byte { return binary.BigEndian.AppendUint64(b, n) }

// dueKey is the key in the index of an item that is due at the given time.
func dueKey(at int64, key []byte) []byte {
	return append(appendStamp(make([]byte, 0, stampSize+len(key)), uint64(at)), key...) //#nosec G115 -- only times after 1970 are indexed
}
