package link

import (
	"context"
	"slices"

	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

// All gives the records of those of the users who have one, by the user, in a round trip for every table.MaxGet of them.
func (l *Links) All(ctx context.Context, users ...string) (map[string]Record, error) {
	found := map[string]Record{}
	for some := range slices.Chunk(users, table.MaxGet) {
		keys := make([]table.Key, len(some))
		for i, u := range some {
			keys[i] = key.Link(u).Key()
		}
		items, err := l.Table.Get(ctx, keys...)
		if err != nil {
			return nil, err
		}
		for i, it := range items {
			if it == nil {
				continue
			}
			if found[some[i]], err = fromItem(it); err != nil {
				return nil, err
			}
		}
	}
	return found, nil
}
