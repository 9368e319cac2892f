package bolt

import (
	"go.etcd.io/bbolt"

	"keyfob/internal/table"
)

// Each calls fn with every item that there is, all as of one moment, until fn returns an error, which is then Each's too.
// It is for who judges a table as a whole; the role has no such call, because DynamoDB has none of that kind.
func (t *Table) Each(fn func(table.Item) error) error {
	var told error
	err := t.view(func(tx *bbolt.Tx) error {
		c := tx.Bucket([]byte(bucketItems)).Cursor()
		for k, v := c.First(); k != nil; k, v = c.Next() {
			it, err := decodeItem(v)
			if err != nil {
				return err
			}
			if told = fn(it); told != nil {
				return nil
			}
		}
		return nil
	})
	if told != nil {
		return told
	}
	return err
}
