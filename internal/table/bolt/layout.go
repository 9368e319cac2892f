package bolt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"go.etcd.io/bbolt"

	"keyfob/internal/table"
)

// The buckets of the file.
const (
	bucketAbout     = "keyfob"    // formatKey: the format of the file
	bucketItems     = "items"     // an item's key (key.go): the item (codec.go)
	bucketDue       = "due"       // purgeAt and an item's key: a checksum
	bucketFeed      = "feed"      // sequence number, 8 bytes, big endian: the record (record.go)
	bucketBookmarks = "bookmarks" // a consumer's name: the sequence number it has come to, as text, and a checksum
)

const (
	formatKey = "format"
	format    = "1"
)

// inspect finds whether the file is a table and sound, with nothing written to it. A file that is absent, or that
// nothing has been put into yet, is new.
func (t *Table) inspect() (isNew bool, err error) {
	info, err := os.Stat(t.path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return true, nil
	case err != nil:
		return false, withoutPath(err)
	case !info.Mode().IsRegular():
		return false, errors.New("not a regular file")
	case info.Size() == 0:
		return true, nil
	}
	db, err := t.openBolt(true) // which holds the file against others while it is read
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if info, err = t.file.Stat(); err != nil {
		return false, err
	}
	var content error
	err = check(t.file, info.Size(), db.Info().PageSize, func(bucket string, key, value []byte) {
		if content == nil {
			content = checkEntry(bucket, key, value)
		}
	})
	if err != nil {
		return false, fmt.Errorf("the file is damaged: %w", err)
	}
	if err := db.View(func(tx *bbolt.Tx) error { isNew, err = layout(tx); return err }); err != nil || isNew {
		return isNew, err
	}
	if content != nil {
		return false, fmt.Errorf("the file is damaged: %w", content)
	}
	return false, nil
}

// layout finds whether the buckets are those of a table, or there is none yet.
func layout(tx *bbolt.Tx) (isNew bool, err error) {
	if k, _ := tx.Cursor().First(); k == nil {
		return true, nil
	}
	about := tx.Bucket([]byte(bucketAbout))
	if about == nil {
		return false, errors.New("a bbolt file, but not a table")
	}
	if got := about.Get([]byte(formatKey)); string(got) != format {
		return false, fmt.Errorf("a table of format %q, which this version does not read", got)
	}
	for _, name := range []string{bucketItems, bucketDue, bucketFeed, bucketBookmarks} {
		if tx.Bucket([]byte(name)) == nil {
			return false, fmt.Errorf("the file is damaged: no bucket %q", name)
		}
	}
	feed := tx.Bucket([]byte(bucketFeed))
	if last, _ := feed.Cursor().Last(); last != nil && bytes.Compare(appendStamp(nil, feed.Sequence()), last) < 0 {
		return false, errors.New("the file is damaged: the feed would use sequence numbers again")
	}
	return false, nil
}

// checkEntry finds whether an entry of a bucket is what this package wrote.
func checkEntry(bucket string, key, value []byte) (err error) {
	switch bucket {
	case bucketItems:
		if _, err = unseal(nil, value); err == nil && !isUnder(key, value) {
			err = damage("an item lies under another's key")
		}
	case bucketDue:
		_, err = unseal(key, value)
	case bucketFeed:
		_, _, err = splitRecord(key, value)
	case bucketBookmarks:
		_, err = unseal(key, value)
	}
	return err
}

// isUnder finds whether an item that matches its checksum is the one of the key, without decoding it: the encodings of
// its pk and sk are somewhere in it.
func isUnder(key, item []byte) bool {
	if len(key) < 2 || len(key)-2 < int(binary.BigEndian.Uint16(key)) {
		return false
	}
	n := 2 + int(binary.BigEndian.Uint16(key))
	pk := appendText(append(appendText(nil, table.AttrPK), tagText), key[2:n])
	sk := appendText(append(appendText(nil, table.AttrSK), tagText), key[n:])
	return bytes.Contains(item, pk) && bytes.Contains(item, sk)
}

// create makes the buckets of a new table.
func create(tx *bbolt.Tx) error {
	for _, name := range []string{bucketItems, bucketDue, bucketFeed, bucketBookmarks} {
		if _, err := tx.CreateBucket([]byte(name)); err != nil {
			return err
		}
	}
	about, err := tx.CreateBucket([]byte(bucketAbout))
	if err != nil {
		return err
	}
	return about.Put([]byte(formatKey), []byte(format))
}

// syncDir makes a new file's name in the folder outlast a power cut.
func syncDir(dir string) error {
	d, err := os.Open(dir) //#nosec G304 -- the folder of the file that the caller of Open names
	if err != nil {
		return err
	}
	err = d.Sync()
	return errors.Join(err, d.Close())
}
