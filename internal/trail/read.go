package trail

import (
	"context"
	"slices"

	"keyfob/internal/audit"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

// Bounds of one request's work.
const (
	// maxExamined is how many events are looked at, wanted or not.
	maxExamined = MaxExport

	// maxSize bounds what the events of a page take in the table. Written out it can be seven times as much, where a text
	// is all control characters, and an answer of Lambda's has room for 6 MB.
	maxSize = 640 << 10

	// leastRun is how many events are read at once where a filter may leave most of them out.
	leastRun = 100
)

// read collects what the filter lets through, going back in time.
func (t *Trails) read(ctx context.Context, from source, f Filter, limit int, after string) (Page, error) {
	var out Page
	position, size := f.start(after), 0
	for left := maxExamined; left > 0; {
		run := limit - len(out.Events)
		if f.narrow() {
			run = max(run, leastRun)
		}
		found, more, err := from.before(ctx, position, f.floor(), min(run, left))
		if err != nil {
			return Page{}, err
		}
		for i, e := range found {
			if f.matches(e.event) {
				if size += e.size; size > maxSize && len(out.Events) > 0 {
					out.Next = position
					return out, nil
				}
				out.Events = append(out.Events, e.event)
			}
			position = e.at
			if len(out.Events) == limit {
				if more || i < len(found)-1 {
					out.Next = position
				}
				return out, nil
			}
		}
		if !more {
			return out, nil
		}
		left -= len(found)
	}
	out.Next = position
	return out, nil
}

// An entry is an event with its place in the order of time, and what it takes in the table.
type entry struct {
	event audit.Event
	at    string
	size  int
}

// A source is the events of an account, or those about one of its things: then there are pointers to follow.
type source struct {
	table   table.Table
	account string
	subject string // its public handle; empty for the account's
}

// before gives up to limit events below the position, newest first, down to the floor. more says that there may be
// further ones.
func (s source) before(ctx context.Context, position, floor string, limit int) (found []entry, more bool, err error) {
	q := table.Query{PK: key.PrefixAudit + s.account, After: position, Limit: limit, Descending: true}
	if s.subject != "" {
		q.PK = key.Trail{Account: s.account, Subject: s.subject}.Key().PK
		q.Limit = min(limit, table.MaxGet)
	}
	page, err := s.table.Query(ctx, q)
	if err != nil {
		return nil, false, err
	}
	items, more := page.Items, page.More
	if i := slices.IndexFunc(items, func(it table.Item) bool { return it.String(table.AttrSK) < floor }); i >= 0 {
		items, more = items[:i], false
	}
	if s.subject != "" && len(items) > 0 {
		if items, err = s.follow(ctx, items); err != nil {
			return nil, false, err
		}
	}
	for _, it := range items {
		e, err := audit.FromItem(it)
		if err != nil {
			return nil, false, err
		}
		found = append(found, entry{e, it.String(table.AttrSK), it.Size()})
	}
	return found, more, nil
}

// follow gives the events that the pointers lead to. Both were written in one commit, so that each has its event, at the
// same place in the order of time.
func (s source) follow(ctx context.Context, pointers []table.Item) ([]table.Item, error) {
	keys := make([]table.Key, len(pointers))
	for i, p := range pointers {
		keys[i] = table.Key{PK: key.PrefixAudit + s.account, SK: p.String("event")}
	}
	return s.table.Get(ctx, keys...)
}
