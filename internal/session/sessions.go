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
	"keyfob/internal/token"
)

// Sessions starts, changes and ends sessions.
type Sessions struct {
	Table table.Table
	Now   func() time.Time
}

// A Basis is what a session rests on.
type Basis struct {
	Account  string
	User     string
	Standing standing.Standing
	Life     time.Duration // after which the session ends
	Idle     time.Duration // after which it ends if it is not used; 0 for no bound
	Checks   []table.Op    // conditions under which the basis is still as it was read

	// With gives what else is to be committed when the session starts. May be nil.
	With func(Session) []table.Op
}

// Start starts a session and returns it with the credential that stands for it, which is shown this once. Where the
// basis has changed in the meantime nothing is started and the error is of kind Unavailable: try again.
func (s *Sessions) Start(ctx context.Context, form token.Form, on Basis, via string, from audit.Origin) (Session, token.Credential, error) {
	now := s.Now().UTC()
	credential := form.New(token.Session)
	session := Session{
		ID: credential.ID(), Account: on.Account, User: on.User, Digest: credential.Digest(), Standing: on.Standing, Generation: on.Standing.Generation,
		Created: now.Truncate(time.Millisecond), Proven: now.Truncate(time.Millisecond), Expires: now.Add(on.Life).Truncate(time.Second),
		Idle: on.Idle, Seen: now.Truncate(time.Millisecond), From: audit.Origin{IP: from.IP, UserAgent: from.UserAgent}, Via: via, Version: 1,
	}
	by := audit.Actor{User: session.User, Credential: session.Handle(), Via: via}
	ops := append(session.create(), audit.New(audit.SessionStarted, now, session.Account, by, from, session.Subject()).Ops()...)
	if on.With != nil {
		ops = append(ops, on.With(session)...)
	}
	err := s.Table.Commit(ctx, append(ops, on.Checks...)...)
	if _, changed := errors.AsType[*table.Conflict](err); changed {
		err = fault.Retry(err)
	}
	if err != nil {
		return Session{}, token.Credential{}, err
	}
	return session, credential, nil
}

// Holder tells what the session brings to a decision: the whole of its user's role, or what a lock leaves of it.
func (s Session) Holder() scope.Holder {
	h := s.Standing.Holder(true, scope.Full())
	h.Lock = s.Lock()
	return h
}
