package bolt

import (
	"bytes"
	"context"

	"keyfob/internal/fault"
	"keyfob/internal/table"
)

// A write is an op as it meets the file.
type write struct {
	op       table.Op
	key      []byte
	old, new stored
}

// A stored item is its encoding and the time it is due; the zero value is no item.
type stored struct {
	bytes []byte
	due   int64 // epoch seconds, 0 or less is never
}

// Commit implements table.Table. It returns when the change is on the disk. An error of ctx says that nothing was
// changed.
func (t *Table) Commit(ctx context.Context, ops ...table.Op) error {
	if err := table.Validate(ops); err != nil {
		return err
	}
	return t.submit(ctx, commitJob(ops))
}

// commitJob does what can be done beforehand, and by the caller: the encoding.
func commitJob(ops []table.Op) *job {
	size := 0
	writes := make([]write, len(ops))
	for i, op := range ops {
		w := write{op: op, key: appendKey(nil, op.Key.PK, op.Key.SK)}
		if op.Kind == table.KindPut {
			w.new = stored{appendItem(nil, op.Item), op.Item.PurgeAt()}
		}
		size += len(w.new.bytes)
		writes[i] = w
	}
	return newJob(size, func(c *change) (refusal, err error) {
		if refusal := c.refuse(writes); refusal != nil {
			return refusal, nil
		}
		for _, w := range writes {
			if w.op.Kind == table.KindCheck {
				continue
			}
			if err := c.set(w.key, w.old, w.new, false); err != nil {
				return nil, err
			}
		}
		return nil, nil
	})
}

// refuse decides the conditions, all before anything is changed, and fills in what the writes will replace.
func (c *change) refuse(writes []write) error {
	for i := range writes {
		w := &writes[i]
		var old table.Item
		if w.old.bytes = c.items.Get(w.key); w.old.bytes != nil {
			var err error
			if old, err = decodeItem(w.old.bytes); err != nil {
				return fault.Retry(err)
			}
			w.old.due = old.PurgeAt()
		}
		if !w.op.Cond.Holds(old) {
			return &table.Conflict{Index: i, Key: w.op.Key}
		}
	}
	return nil
}

// set puts the new item in the place of the old one, either of which may be none, keeps the index of due items and
// records the change in the feed.
func (c *change) set(key []byte, old, new stored, purged bool) error {
	if bytes.Equal(old.bytes, new.bytes) {
		return nil // as little a change for DynamoDB's streams
	}
	c.changed = true
	if new.bytes == nil {
		if err := c.items.Delete(key); err != nil {
			return err
		}
	} else if err := c.items.Put(key, new.bytes); err != nil {
		return err
	}
	if old.due != new.due {
		if old.due > 0 {
			if err := c.due.Delete(dueKey(old.due, key)); err != nil {
				return err
			}
		}
		if new.due > 0 {
			k := dueKey(new.due, key)
			if err := c.due.Put(k, seal(k, nil)); err != nil {
				return err
			}
		}
	}
	return c.record(old.bytes, new.bytes, purged)
}
