package bolt

import (
	"bytes"
	"io"
)

// bbolt trusts its file: a damaged page may send it into memory that is not there, into an endless recursion, or, where
// the list of free pages is damaged, into writing over pages in use. So before bbolt is let at a file, check reads it
// by itself, and believes nothing in it.

// A checker knows which of the file's pages have been found in use, or free.
type checker struct {
	file     io.ReaderAt
	pageSize int64
	claimed  []bool
	entry    func(bucket string, key, value []byte)
}

// check finds whether the file is one that bbolt can work with: every page is used once or free, all that points
// somewhere points to what it should, and keys are in order. It calls entry for each entry of each bucket. A bucket
// within a bucket goes by both names, with a slash between them.
func check(file io.ReaderAt, size int64, pageSize int, entry func(bucket string, key, value []byte)) error {
	meta, err := newestMeta(file, pageSize)
	if err != nil {
		return err
	}
	pages := u64(meta[40:])
	room := uint64(size / int64(pageSize)) //#nosec G115 -- sizes are not negative
	if pages > room {
		return damage("it is cut short")
	}
	c := &checker{file: file, pageSize: int64(pageSize), claimed: make([]bool, pages), entry: entry}
	for id := range min(2, pages) {
		c.claimed[id] = true
	}
	if err := c.free(u64(meta[32:])); err != nil {
		return err
	}
	if err := c.tree("", u64(meta[16:]), nil, nil); err != nil {
		return err
	}
	for _, claimed := range c.claimed {
		if !claimed {
			return damage("a page is neither used nor free")
		}
	}
	return nil
}

func (c *checker) claim(id uint64) error {
	if id >= uint64(len(c.claimed)) {
		return damage("a page number is out of bounds")
	}
	if c.claimed[id] {
		return damage("a page is used twice, or is used and free")
	}
	c.claimed[id] = true
	return nil
}

// page reads the page, with those it overflows to, and claims them.
func (c *checker) page(id uint64) (page, error) {
	if err := c.claim(id); err != nil {
		return nil, err
	}
	at := int64(id) * c.pageSize //#nosec G115 -- id is within the file
	header := make([]byte, pageHeader)
	if _, err := c.file.ReadAt(header, at); err != nil {
		return nil, err
	}
	overflow := u32(header[12:])
	if u64(header) != id {
		return nil, damage("a page is not where it should be")
	}
	for i := range uint64(overflow) {
		if err := c.claim(id + 1 + i); err != nil {
			return nil, err
		}
	}
	p := make(page, (int64(overflow)+1)*c.pageSize)
	if _, err := c.file.ReadAt(p, at); err != nil {
		return nil, err
	}
	return p, nil
}

// free claims the pages on the list of free ones.
func (c *checker) free(id uint64) error {
	p, err := c.page(id)
	if err != nil {
		return err
	}
	ids, count := p[pageHeader:], uint64(p.count()) //#nosec G115 -- a count has 16 bits
	if count == 0xffff {
		count, ids = u64(ids), ids[8:]
	}
	room := uint64(len(ids) / 8) //#nosec G115 -- a length is not negative
	if p.kind() != kindFree || count > room {
		return damage("the list of free pages is malformed")
	}
	for i := range count {
		if err := c.claim(u64(ids[8*i:])); err != nil {
			return err
		}
	}
	return nil
}

// tree goes through the page and those below it, whose keys are from lower up to but without upper; nil is no bound.
func (c *checker) tree(bucket string, id uint64, lower, upper []byte) error {
	p, err := c.page(id)
	if err != nil {
		return err
	}
	if p.kind() == kindLeaf {
		if p.count() == 0 && lower != nil {
			return damage("a leaf below a branch is empty")
		}
		return c.leaf(bucket, p, lower, upper)
	}
	if p.kind() != kindBranch || p.count() == 0 {
		return damage("a page is of the wrong kind")
	}
	children, err := p.elements()
	if err != nil {
		return err
	}
	if err := ordered(children, lower, upper); err != nil {
		return err
	}
	for i, child := range children {
		end := upper
		if i+1 < len(children) {
			end = children[i+1].key
		}
		if err := c.tree(bucket, u64(child.head[8:]), child.key, end); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) leaf(bucket string, p page, lower, upper []byte) error {
	entries, err := p.elements()
	if err != nil {
		return err
	}
	if err := ordered(entries, lower, upper); err != nil {
		return err
	}
	for _, e := range entries {
		if u32(e.head)&bucketFlag == 0 {
			c.entry(bucket, e.key, e.value)
			continue
		}
		name := string(e.key)
		if bucket != "" {
			name = bucket + "/" + name
		}
		if err := c.bucket(name, e.value); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) bucket(name string, value []byte) error {
	if len(value) < bucketSize {
		return damage("a bucket is cut short")
	}
	if root := u64(value); root != 0 {
		return c.tree(name, root, nil, nil)
	}
	p := page(value[bucketSize:])
	if len(p) < pageHeader || p.kind() != kindLeaf {
		return damage("a bucket is cut short")
	}
	return c.leaf(name, p, nil, nil)
}

// ordered asserts that the elements' keys ascend within their bounds.
func ordered(elements []element, lower, upper []byte) error {
	for i, e := range elements {
		if i > 0 && bytes.Compare(elements[i-1].key, e.key) >= 0 || bytes.Compare(e.key, lower) < 0 || upper != nil && bytes.Compare(e.key, upper) >= 0 {
			return damage("keys are out of order")
		}
	}
	return nil
}
