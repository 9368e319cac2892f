package bolt

import (
	"encoding/binary"
	"hash/fnv"
	"io"
)

// How bbolt's file is made up, as far as check has to know. Numbers are in the machine's own byte order.
//
//	page    = id (8) kind (2) count (2) overflow (4) content      overflow: how many pages more it takes
//	meta    = magic (4) version (4) page size (4) flags (4) root bucket (16) freelist (8) pages (8) txid (8) checksum (8)
//	branch  = count of { pos (4) key length (4) child's page (8) } keys
//	leaf    = count of { flags (4) pos (4) key length (4) value length (4) } keys and values
//	free    = count page ids (8 each); where count is 0xffff, the first of them is the true count
//	bucket  = root page (8) sequence (8) [a leaf page, where the root page is 0]
//
// A pos counts from the beginning of its element. Keys and values follow the elements in their order, without a gap.
const (
	pageHeader  = 16
	elementSize = 16
	bucketSize  = 16
	metaSize    = 64

	kindBranch = 0x01
	kindLeaf   = 0x02
	kindFree   = 0x10

	metaMagic  = 0xed0cdaed
	bucketFlag = 1
)

// newestMeta gives the meta page, without its header, that bbolt goes by: of the two the valid one, or the later.
func newestMeta(file io.ReaderAt, pageSize int) (newest []byte, err error) {
	for i := range int64(2) {
		meta := make([]byte, metaSize)
		if _, err := file.ReadAt(meta, i*int64(pageSize)+pageHeader); err != nil {
			return nil, err
		}
		sum := fnv.New64a()
		_, _ = sum.Write(meta[:56])
		if u32(meta) != metaMagic || u64(meta[56:]) != sum.Sum64() {
			continue
		}
		if newest == nil || u64(meta[48:]) > u64(newest[48:]) {
			newest = meta
		}
	}
	if newest == nil {
		return nil, damage("its beginning is not a bbolt file's")
	}
	return newest, nil
}

// A page is a whole page of the file with those it overflows to, or one within a bucket's value. It has a header.
type page []byte

func (p page) kind() uint16 { return binary.NativeEndian.Uint16(p[8:]) }
func (p page) count() int   { return int(binary.NativeEndian.Uint16(p[10:])) }

// An element is an element of a branch or leaf, with the key and the value it points to.
type element struct{ head, key, value []byte }

// elements gives a branch's or leaf's elements. What they point to lies close together behind them, as bbolt writes it,
// so that a changed count or length shows.
func (p page) elements() ([]element, error) {
	elements := make([]element, p.count())
	next := uint64(pageHeader + elementSize*len(elements)) //#nosec G115 -- a count has 16 bits
	if next > uint64(len(p)) {
		return nil, damage("a page has more elements than room")
	}
	for i := range elements {
		at := pageHeader + elementSize*i
		head := p[at : at+elementSize]
		pos, key, value := u32(head), u32(head[4:]), uint32(0)
		if p.kind() == kindLeaf {
			pos, key, value = u32(head[4:]), u32(head[8:]), u32(head[12:])
		}
		from := uint64(at) + uint64(pos) //#nosec G115 -- at is within the page
		middle, end := from+uint64(key), from+uint64(key)+uint64(value)
		if from != next || end > uint64(len(p)) {
			return nil, damage("an element points to the wrong place")
		}
		elements[i] = element{head, p[from:middle], p[middle:end]}
		next = end
	}
	return elements, nil
}

func u32(b []byte) uint32 { return binary.NativeEndian.Uint32(b) }
func u64(b []byte) uint64 { return binary.NativeEndian.Uint64(b) }
