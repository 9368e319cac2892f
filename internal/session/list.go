package session

import (
	"context"
	"slices"

	"keyfob/internal/table"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
)

// A Page is a part of a user's sessions, the last used first.
type Page struct {
	Sessions []Session
	Next     string // where the next page begins; empty where there is none
}

// List gives a page of the user's sessions that have not ended: of at most limit of them, or fewer where some of those
// in their place have. After is what the last page said, empty for the first.
func (s *Sessions) List(ctx context.Context, user, after string, limit int) (Page, error) {
	p, err := s.page(ctx, userList(user), after, min(limit, table.MaxGet))
	if err != nil {
		return Page{}, err
	}
	now := s.Now()
	all := slices.DeleteFunc(p.sessions, func(session Session) bool { return session.Ended() || !now.Before(session.Ends()) })
	slices.SortFunc(all, func(a, b Session) int { return b.Seen.Compare(a.Seen) })
	return Page{all, p.next}, nil
}

// userList is the list of a user's sessions.
func userList(user string) string { return key.PrefixUserSessions + user }

// A page is a part of a list of pointers.
type page struct {
	sessions []Session // ended or not
	gone     []string  // ids to which there is no record: ended or renewed since, or purged before their pointer was
	next     string    // where the next page begins; empty where there is none
}

// page gives up to limit pointers of the list, and what they lead to.
func (s *Sessions) page(ctx context.Context, list, after string, limit int) (p page, err error) {
	pointers, err := s.Table.Query(ctx, table.Query{PK: list, After: after, Limit: limit})
	if err != nil || len(pointers.Items) == 0 {
		return page{}, err
	}
	keys, ids := make([]table.Key, len(pointers.Items)), make([]string, len(pointers.Items))
	for i, pointer := range pointers.Items {
		ids[i] = pointer.String(table.AttrSK)
		if _, err := token.ParseID(ids[i]); err != nil {
			return page{}, errRecord
		}
		keys[i] = key.Session(ids[i]).Key()
	}
	if pointers.More {
		p.next = ids[len(ids)-1]
	}
	items, err := s.Table.Get(ctx, keys...)
	if err != nil {
		return page{}, err
	}
	for i, it := range items {
		if it == nil {
			p.gone = append(p.gone, ids[i])
			continue
		}
		session, err := FromItem(it)
		if err != nil {
			return page{}, err
		}
		p.sessions = append(p.sessions, session)
	}
	return p, nil
}
