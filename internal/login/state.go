package login

import (
	"context"

	"keyfob/internal/account"
	"keyfob/internal/factor"
	"keyfob/internal/fault"
	"keyfob/internal/scope"
	"keyfob/internal/session"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
)

// A State is what there is to be told of a login.
type State struct {
	Account account.Account
	User    account.User
	Session session.Session // the zero one for a token
	Factors []factor.Name   // with which the user's sessions can be unlocked
}

// Lock tells what the login lacks.
func (s State) Lock() scope.Lock {
	if s.Session.ID.IsZero() {
		return scope.Open
	}
	return s.Session.Lock()
}

// State tells the state of a user's session, or of the user's tokens where the session's id is the zero one, in one round
// trip. The error is of kind Unauthenticated where user or session have ended.
func (l *Logins) State(ctx context.Context, who key.User, id token.ID) (State, error) {
	keys := []table.Key{key.Account(who.Account).Key(), who.Key(), key.Factors(who.User).Key()}
	if !id.IsZero() {
		keys = append(keys, key.Session(id.String()).Key())
	}
	items, err := l.Accounts.Table.Get(ctx, keys...)
	if err != nil {
		return State{}, err
	}
	kept, err := factor.FromItem(items[2])
	if err != nil {
		return State{}, err
	}
	var s State
	if s.Account, s.User, err = account.FromItems(items[0], items[1]); fault.Is(err, fault.NotFound) {
		return State{}, fault.New(fault.Unauthenticated, "", "Unauthenticated.").Because(err)
	}
	s.Factors = kept.Names(s.User)
	if err == nil && !id.IsZero() {
		if items[3] == nil {
			return State{}, errRefused()
		}
		s.Session, err = session.FromItem(items[3])
	}
	return s, err
}
