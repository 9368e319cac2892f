package session

import (
	"context"
	"errors"
	"time"

	"keyfob/internal/audit"
	"keyfob/internal/fault"
	"keyfob/internal/scope"
	"keyfob/internal/standing"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
)

// Sessions starts and ends sessions.
type Sessions struct {
	Table table.Table
	Now   func() time.Time
}

// A Basis is what a session rests on.
type Basis struct {
	Account  string
	User     string
	Standing standing.Standing
	Checks   []table.Op // conditions under which the basis is still as it was read
}

// Start starts a session and returns it with the credential that stands for it, which is shown this once. Where the
// basis has changed in the meantime nothing is started and the error is of kind Unavailable: try again.
func (s *Sessions) Start(ctx context.Context, form token.Form, on Basis, via string, from audit.Origin) (Session, token.Credential, error) {
	now := s.Now().UTC()
	credential := form.New(token.Session)
	session := Session{
		ID: credential.ID(), Account: on.Account, User: on.User, Digest: credential.Digest(), Standing: on.Standing,
		Created: now.Truncate(time.Millisecond), Expires: now.Add(Absolute).Truncate(time.Second), Version: 1,
	}
	pointer := key.UserSession{User: session.User, ID: session.ID.String()}.Key()
	by := audit.Actor{User: session.User, Credential: session.Handle(), Via: via}
	ops := append([]table.Op{
		table.Create(session.item()),
		table.Create(table.Item{table.AttrPK: table.S(pointer.PK), table.AttrSK: table.S(pointer.SK), table.AttrPurgeAt: table.N(session.Expires.Unix())}),
	}, audit.New(audit.SessionStarted, now, session.Account, by, from, session.Subject()).Ops()...)
	err := s.Table.Commit(ctx, append(ops, on.Checks...)...)
	if _, changed := errors.AsType[*table.Conflict](err); changed {
		err = fault.Retry(err)
	}
	if err != nil {
		return Session{}, token.Credential{}, err
	}
	return session, credential, nil
}

// End ends the session. One that has ended already is no error.
func (s *Sessions) End(ctx context.Context, id token.ID, by audit.Actor, from audit.Origin) error {
	return s.EndAs(ctx, id, audit.SessionEnded, by, from, "")
}

// EndAs is End with an event of another type, and a note of why.
func (s *Sessions) EndAs(ctx context.Context, id token.ID, what audit.Type, by audit.Actor, from audit.Origin, note string) error {
	k := key.Session(id.String()).Key()
	items, err := s.Table.Get(ctx, k)
	if err != nil || items[0] == nil {
		return err
	}
	session, err := FromItem(items[0])
	if err != nil {
		return err
	}
	ended := audit.New(what, s.Now(), session.Account, by, from, session.Subject())
	ended.Note = note
	ops := append([]table.Op{
		table.Delete(k, table.Present()),
		table.Delete(key.UserSession{User: session.User, ID: id.String()}.Key(), table.Anything()),
	}, ended.Ops()...)
	err = s.Table.Commit(ctx, ops...)
	if _, gone := errors.AsType[*table.Conflict](err); gone {
		return nil // somebody else ended it in between
	}
	return err
}

// EndAll ends all sessions of the user. None is left of those that were there when it was called.
func (s *Sessions) EndAll(ctx context.Context, user string, by audit.Actor, from audit.Origin) error {
	q := table.Query{PK: key.PrefixUserSessions + user, Limit: table.MaxGet}
	for {
		page, err := s.Table.Query(ctx, q)
		if err != nil {
			return err
		}
		for _, pointer := range page.Items {
			q.After = pointer.String(table.AttrSK)
			id, err := token.ParseID(q.After)
			if err != nil {
				return errRecord
			}
			if err := s.End(ctx, id, by, from); err != nil {
				return err
			}
		}
		if !page.More {
			return nil
		}
	}
}

// Holder tells what the session brings to a decision: the whole of its user's role.
func (s Session) Holder() scope.Holder {
	return s.Standing.Holder(true, scope.Full())
}
