package session

import (
	"context"
	"errors"

	"keyfob/internal/audit"
	"keyfob/internal/fault"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
)

// End ends the session. One that has ended already is no error.
func (s *Sessions) End(ctx context.Context, id token.ID, by audit.Actor, from audit.Origin) error {
	return s.EndAs(ctx, id, audit.SessionEnded, by, from, "")
}

// EndAs is End with an event of another type, and a note of why.
func (s *Sessions) EndAs(ctx context.Context, id token.ID, what audit.Type, by audit.Actor, from audit.Origin, note string) error {
	session, err := s.read(ctx, id)
	if err != nil || session.ID.IsZero() {
		return err
	}
	_, err = s.end(ctx, session, what, by, from, note)
	return err
}

// EndOne ends one of the user's own sessions. NotFound is another's, and one that has ended or never was, alike.
func (s *Sessions) EndOne(ctx context.Context, user string, id token.ID, by audit.Actor, from audit.Origin) error {
	session, err := s.read(ctx, id)
	if err != nil {
		return err
	}
	ended := false
	if session.User == user && user != "" && !session.Ended() && s.Now().Before(session.Ends()) {
		ended, err = s.end(ctx, session, audit.SessionEnded, by, from, "")
	}
	if err == nil && !ended {
		err = fault.New(fault.NotFound, "not_found", "There is no such session.")
	}
	return err
}

// EndAll ends all sessions of the user. None is left of those that were there when it was called.
func (s *Sessions) EndAll(ctx context.Context, user string, by audit.Actor, from audit.Origin) error {
	_, err := s.EndOthers(ctx, user, token.ID{}, by, from)
	return err
}

// EndOthers ends all sessions of the user but the one to keep, and counts those that had not ended by themselves. None is
// left of those that were there when it was called.
func (s *Sessions) EndOthers(ctx context.Context, user string, keep token.ID, by audit.Actor, from audit.Origin) (ended int, err error) {
	return s.endIn(ctx, userList(user), func(session Session) bool { return session.ID == keep }, by, from)
}

// EndOlder ends all sessions of the user that rest on an older password than the one of that generation.
func (s *Sessions) EndOlder(ctx context.Context, user string, generation int64, by audit.Actor, from audit.Origin) error {
	_, err := s.endIn(ctx, userList(user), func(session Session) bool { return session.Generation >= generation }, by, from)
	return err
}

// EndAccount ends all sessions of all users of the account, as EndAll does those of one.
func (s *Sessions) EndAccount(ctx context.Context, acc string, by audit.Actor, from audit.Origin) error {
	_, err := s.endIn(ctx, key.PrefixAccountSessions+acc, func(Session) bool { return false }, by, from)
	return err
}

// endIn ends the sessions in the list of pointers but those to spare.
func (s *Sessions) endIn(ctx context.Context, list string, spare func(Session) bool, by audit.Actor, from audit.Origin) (ended int, err error) {
	// One that is renewed meanwhile may come to stand before the place reached, so the list is walked until nothing is left;
	// and once more for a pointer to nothing, which may be what a renewal has left since the list was read. But once only: the
	// pointer of a record that was purged may stay for days.
	dangling := map[string]bool{}
	for more := true; more; {
		more = false
		for after := ""; ; {
			page, err := s.page(ctx, list, after, table.MaxGet)
			if err != nil {
				return ended, err
			}
			for _, id := range page.gone {
				more = more || !dangling[id]
				dangling[id] = true
			}
			for _, session := range page.sessions {
				if spare(session) {
					continue
				}
				ours, err := s.end(ctx, session, audit.SessionEnded, by, from, "")
				if err != nil {
					return ended, err
				}
				more = true
				if ours && !session.Ended() && s.Now().Before(session.Ends()) {
					ended++
				}
			}
			if after = page.next; after == "" {
				break
			}
		}
	}
	return ended, nil
}

// end deletes the session, whatever has become of its record since it was read, and reports whether this call did.
func (s *Sessions) end(ctx context.Context, session Session, what audit.Type, by audit.Actor, from audit.Origin, note string) (bool, error) {
	ended := audit.New(what, s.Now(), session.Account, by, from, session.Subject())
	ended.Note = note
	err := s.Table.Commit(ctx, append(session.delete(table.Present()), ended.Ops()...)...)
	if _, gone := errors.AsType[*table.Conflict](err); gone {
		return false, nil // somebody else ended it in between
	}
	return err == nil, err
}

// delete gives the operations that take the session away, where its record is as the condition says.
func (s Session) delete(c table.Cond) []table.Op {
	ops := []table.Op{table.Delete(key.Session(s.ID.String()).Key(), c)}
	for _, k := range s.pointers() {
		ops = append(ops, table.Delete(k, table.Anything()))
	}
	return ops
}

// read gives the session as it is, the zero one where there is none.
func (s *Sessions) read(ctx context.Context, id token.ID) (Session, error) {
	items, err := s.Table.Get(ctx, key.Session(id.String()).Key())
	if err != nil || items[0] == nil {
		return Session{}, err
	}
	return FromItem(items[0])
}
