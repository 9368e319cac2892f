package bolt

import (
	"bytes"
	"context"
	"encoding/binary"
	"time"

	"go.etcd.io/bbolt"
)

// purgePerCommit bounds the items, and the feed's old records, that one transaction takes away, so that other
// commits get their turn between them.
const purgePerCommit = 500

// Purge deletes the items that are due by the clock, recording each as DynamoDB's TTL would, and the feed's records of
// more than 24 hours. It returns the number of items. When nothing is due it only looks. Some may be deleted already
// when it returns an error.
func (t *Table) Purge(ctx context.Context) (int, error) {
	now := t.now()
	total := 0
	for {
		if err := ctx.Err(); err != nil {
			return total, err
		}
		if work, err := t.due(now); err != nil || !work {
			return total, err
		}
		n := 0
		j := newJob(0, func(c *change) (refusal, err error) {
			if n, err = c.purge(now, purgePerCommit); err == nil {
				err = c.trim(now, purgePerCommit)
			}
			return nil, err
		})
		if err := t.submit(ctx, j); err != nil {
			return total, err
		}
		total += n
	}
}

// due tells whether there is anything to purge or to trim.
func (t *Table) due(now time.Time) (work bool, err error) {
	err = t.view(func(tx *bbolt.Tx) error {
		if k, _ := tx.Bucket([]byte(bucketDue)).Cursor().First(); k != nil {
			at, err := dueTime(k)
			if err != nil {
				return err
			}
			work = at <= now.Unix()
		}
		if k, v := tx.Bucket([]byte(bucketFeed)).Cursor().First(); k != nil {
			at, err := recordTime(v)
			if err != nil {
				return err
			}
			work = work || expired(at, now)
		}
		return nil
	})
	return work, err
}

func dueTime(key []byte) (int64, error) {
	if len(key) <= stampSize {
		return 0, damage("a due time is cut short")
	}
	return int64(binary.BigEndian.Uint64(key)), nil //#nosec G115 -- it was written from an int64
}

// purge deletes up to limit items that are due, the longest due first.
func (c *change) purge(now time.Time, limit int) (int, error) {
	var keys [][]byte
	cursor := c.due.Cursor()
	for k, _ := cursor.First(); k != nil && len(keys) < limit; k, _ = cursor.Next() {
		at, err := dueTime(k)
		if err != nil {
			return 0, err
		}
		if at > now.Unix() {
			break
		}
		keys = append(keys, k)
	}
	for _, k := range keys {
		key := k[stampSize:]
		old := c.items.Get(key)
		it, err := decodeItem(old)
		if err != nil {
			return 0, err
		}
		at := it.PurgeAt()
		if !bytes.Equal(dueKey(at, key), k) {
			return 0, damage("an item is not due when the index says")
		}
		if err := c.set(key, stored{old, at}, stored{}, true); err != nil {
			return 0, err
		}
	}
	return len(keys), nil
}
