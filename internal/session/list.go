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
	all, next, err := s.page(ctx, user, after, min(limit, table.MaxGet))
	if err != nil {
		return Page{}, err
	}
	now := s.Now()
	all = slices.DeleteFunc(all, func(session Session) bool { return !now.Before(session.Ends()) })
	slices.SortFunc(all, func(a, b Session) int { return b.Seen.Compare(a.Seen) })
	return Page{all, next}, nil
}

// page gives the sessions, ended or not, that up to limit of the user's pointers lead to, and where the next ones begin.
func (s *Sessions) page(ctx context.Context, user, after string, limit int) (all []Session, next string, err error) {
	pointers, err := s.Table.Query(ctx, table.Query{PK: key.PrefixUserSessions + user, After: after, Limit: limit})
	if err != nil || len(pointers.Items) == 0 {
		return nil, "", err
	}
	keys := make([]table.Key, len(pointers.Items))
	for i, pointer := range pointers.Items {
		next = pointer.String(table.AttrSK)
		if _, err := token.ParseID(next); err != nil {
			return nil, "", errRecord
		}
		keys[i] = key.Session(next).Key()
	}
	if !pointers.More {
		next = ""
	}
	items, err := s.Table.Get(ctx, keys...)
	if err != nil {
		return nil, "", err
	}
	for _, it := range items {
		if it == nil {
			continue // ended since, or purged before its pointer was
		}
		session, err := FromItem(it)
		if err != nil {
			return nil, "", err
		}
		all = append(all, session)
	}
	return all, next, nil
}
