package bolt

import (
	"context"

	"go.etcd.io/bbolt"

	"keyfob/internal/table"
)

// Bookmark returns the sequence number that the consumer of the feed has come to, empty where it has none yet: the
// place to call Changes with.
func (t *Table) Bookmark(consumer string) (string, error) {
	var sequence string
	err := t.view(func(tx *bbolt.Tx) error {
		v := tx.Bucket([]byte(bucketBookmarks)).Get([]byte(consumer))
		if v == nil {
			return nil
		}
		v, err := unseal([]byte(consumer), v)
		sequence = string(v)
		return err
	})
	return sequence, err
}

// SetBookmark remembers how far the consumer has come, and returns when that is on the disk. An empty sequence number
// sends it back to the beginning.
func (t *Table) SetBookmark(consumer, sequence string) error {
	if consumer == "" {
		return &table.Misuse{Reason: "a consumer of the feed has a name"}
	}
	if sequence != "" {
		if _, err := parseSequence(sequence); err != nil {
			return err
		}
	}
	return t.submit(context.Background(), newJob(len(sequence), func(c *change) (refusal, err error) {
		c.changed = true
		key := []byte(consumer)
		if sequence == "" {
			return nil, c.bookmarks.Delete(key)
		}
		return nil, c.bookmarks.Put(key, seal(key, []byte(sequence)))
	}))
}
