package bolt

import (
	"bytes"
	"context"
	"sync"
	"time"

	"go.etcd.io/bbolt"

	"keyfob/internal/table"
)

// retention is how long the feed keeps its records at least.
const retention = 24 * time.Hour

// trimPerCommit bounds the old records that a commit takes away in passing, so that the first commit after a long
// pause is no slower than others. It is more than a commit adds, so the feed does shrink.
const trimPerCommit = 2 * table.MaxCommit

// Changes implements table.Feed. A record is there as soon as its commit has returned. Where the records after the
// given one are older than a day and gone, it goes on with the oldest there is.
func (t *Table) Changes(ctx context.Context, after string, limit int) ([]table.Record, error) {
	if limit < 1 {
		return nil, &table.Misuse{Reason: "a limit is at least 1"}
	}
	var from uint64
	if after != "" {
		var err error
		if from, err = parseSequence(after); err != nil {
			return nil, err
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var records []table.Record
	start := appendStamp(nil, from)
	err := t.view(func(tx *bbolt.Tx) error {
		c := tx.Bucket([]byte(bucketFeed)).Cursor()
		for k, v := c.Seek(start); k != nil && len(records) < limit; k, v = c.Next() {
			if bytes.Equal(k, start) {
				continue
			}
			r, err := decodeRecord(k, v)
			if err != nil {
				return err
			}
			records = append(records, r)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return records, nil
}

// record appends a change to the feed.
func (c *change) record(old, new []byte, purged bool) error {
	sequence, err := c.feed.NextSequence()
	if err != nil {
		return err
	}
	c.recorded = true
	key := appendStamp(nil, sequence)
	return c.feed.Put(key, encodeRecord(key, c.at.Unix(), old, new, purged))
}

// expired tells whether a record of that time has been kept for long enough. Times are whole seconds rounded down,
// so a difference of more than 24 hours is one of the exact times too.
func expired(recorded int64, now time.Time) bool {
	return now.Unix()-recorded > int64(retention/time.Second)
}

// trim takes up to limit records from the feed's beginning, as far as they have expired by now.
func (c *change) trim(now time.Time, limit int) error {
	var old [][]byte
	cursor := c.feed.Cursor()
	for k, v := cursor.First(); k != nil && len(old) < limit; k, v = cursor.Next() {
		at, err := recordTime(v)
		if err != nil {
			return err
		}
		if !expired(at, now) {
			break
		}
		old = append(old, k)
	}
	for _, k := range old {
		c.changed = true
		if err := c.feed.Delete(k); err != nil {
			return err
		}
	}
	return nil
}

// Changed returns a channel that is closed when the feed next grows, or the table is closed. A consumer takes the
// channel, then reads Changes until there is nothing left, then waits on the channel: so it misses nothing.
func (t *Table) Changed() <-chan struct{} { return t.feed.changed() }

// An announcement wakes all who wait for the same thing.
type announcement struct {
	mu   sync.Mutex
	next chan struct{}
}

func (a *announcement) changed() <-chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.next
}

func (a *announcement) announce() {
	a.mu.Lock()
	defer a.mu.Unlock()
	close(a.next)
	a.next = make(chan struct{})
}
