package soak

import (
	"slices"
	"strings"

	"keyfob/internal/audit"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

// An inventory is all that the table holds, as of one moment.
type inventory struct {
	items  map[table.Key]table.Item
	events map[string]audit.Event // by id
}

// take takes the inventory of the table; where there are prefixes, of the partitions that begin with one of them.
func (w *world) take(prefixes ...string) *inventory {
	inv := &inventory{items: map[table.Key]table.Item{}, events: map[string]audit.Event{}}
	err := w.house.store.Each(func(it table.Item) error {
		k := it.Key()
		if len(prefixes) > 0 && !slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(k.PK, p) }) {
			return nil
		}
		inv.items[k] = it
		if account, is := cutPrefix(k.PK, key.PrefixAudit); is && account != nowhere {
			e, err := audit.FromItem(it)
			if err != nil {
				w.broke(halfDone, "the event at %s: %v", k.SK, err)
				return nil
			}
			inv.events[e.ID] = e
		}
		return nil
	})
	if err != nil {
		w.broke(lost, "the table cannot be read: %v", err)
	}
	return inv
}

// under gives the items whose partition begins with the prefix, each with the rest of its partition.
func (inv *inventory) under(prefix string, fn func(rest string, it table.Item)) {
	for k, it := range inv.items {
		if rest, is := strings.CutPrefix(k.PK, prefix); is {
			fn(rest, it)
		}
	}
}
