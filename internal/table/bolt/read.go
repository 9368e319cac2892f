package bolt

import (
	"bytes"
	"context"

	"go.etcd.io/bbolt"

	"keyfob/internal/table"
)

// Get implements table.Table. All keys are read in one snapshot.
func (t *Table) Get(ctx context.Context, keys ...table.Key) ([]table.Item, error) {
	if err := table.ValidateGet(keys); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	items := make([]table.Item, len(keys))
	err := t.view(func(tx *bbolt.Tx) error {
		bucket := tx.Bucket([]byte(bucketItems))
		buf := make([]byte, 0, 128)
		for i, k := range keys {
			buf = appendKey(buf[:0], k.PK, k.SK)
			v := bucket.Get(buf)
			if v == nil {
				continue
			}
			it, err := decodeItem(v)
			if err != nil {
				return err
			}
			if it.Key() != k {
				return damage("an item lies under another's key")
			}
			items[i] = it
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return items, nil
}

// Query implements table.Table.
func (t *Table) Query(ctx context.Context, q table.Query) (table.Page, error) {
	if err := table.ValidateQuery(q); err != nil {
		return table.Page{}, err
	}
	if err := ctx.Err(); err != nil {
		return table.Page{}, err
	}
	var page table.Page
	err := t.view(func(tx *bbolt.Tx) error {
		prefix := appendKey(nil, q.PK, q.Prefix)
		c := tx.Bucket([]byte(bucketItems)).Cursor()
		k, v := seek(c, q, prefix)
		for bytes.HasPrefix(k, prefix) {
			if len(page.Items) == q.Limit {
				page.More = true
				return nil
			}
			it, err := decodeItem(v)
			if err != nil {
				return err
			}
			page.Items = append(page.Items, it)
			if q.Descending {
				k, v = c.Prev()
			} else {
				k, v = c.Next()
			}
		}
		return nil
	})
	if err != nil {
		return table.Page{}, err
	}
	return page, nil
}

// seek moves the cursor to the first item of the query's run.
func seek(c *bbolt.Cursor, q table.Query, prefix []byte) (k, v []byte) {
	if !q.Descending {
		if q.After == "" {
			return c.Seek(prefix)
		}
		after := appendKey(nil, q.PK, q.After)
		if k, v = c.Seek(after); bytes.Equal(k, after) {
			return c.Next()
		}
		return k, v
	}
	end := appendKey(nil, q.PK, q.After)
	if q.After == "" {
		end = successor(bytes.Clone(prefix))
	}
	if k, _ = c.Seek(end); k == nil {
		return c.Last()
	}
	return c.Prev()
}
