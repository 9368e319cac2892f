package api

import (
	"context"

	"keyfob/internal/account"
	"keyfob/internal/agenda"
	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/fault"
	"keyfob/internal/passwords"
	"keyfob/internal/session"
	"keyfob/internal/standing"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

// A finisher finishes what others have begun and may not have ended: for the stream, which brings it soon, and for the agenda,
// which brings what the stream has lost.
type finisher struct {
	accounts  *account.Accounts
	authority *authority.Authority
	carrier   *standing.Carrier
	sessions  *session.Sessions
	passwords *passwords.Passwords
}

func (c Config) finisher() finisher {
	return finisher{c.accounts(), c.authority(), &standing.Carrier{Table: c.Table, Accounts: c.accounts()}, &session.Sessions{Table: c.Table, Now: c.Now}, c.passwords()}
}

// user carries on a change of a user, and ends what somebody who was removed has left. Nobody who was removed comes back,
// however old the news of it is.
func (f finisher) user(ctx context.Context, acc, user string, status account.Status) error {
	if err := f.carrier.User(ctx, acc, user); err != nil || status != account.Removed {
		return err
	}
	if err := f.sessions.EndAll(ctx, user, audit.Actor{Via: audit.ViaSystem}, audit.Origin{}); err != nil {
		return err
	}
	return f.authority.RevokeOrphans(ctx, acc, user)
}

// event is the agenda.See of agenda.Finish: it sees that the change which the event is of has reached everything.
func (f finisher) event(ctx context.Context, entry agenda.Entry) (agenda.Verdict, error) {
	items, err := f.accounts.Table.Get(ctx, table.Key{PK: key.PrefixAudit + entry.Account, SK: entry.Place})
	if err != nil || items[0] == nil {
		return agenda.Verdict{}, err
	}
	e, err := audit.FromItem(items[0])
	if err != nil {
		return agenda.Verdict{}, err
	}
	for _, s := range append([]audit.Subject{e.Subject}, e.Also...) {
		if err := f.subject(ctx, e.Account, s); err != nil {
			return agenda.Verdict{}, err
		}
	}
	if e.Type == audit.PasswordChanged {
		err = f.passwords.Finish(ctx, e)
	}
	return agenda.Verdict{}, err
}

func (f finisher) subject(ctx context.Context, acc string, s audit.Subject) error {
	switch s.Kind {
	case "account":
		return f.carrier.Account(ctx, acc)
	case "user":
		_, u, err := f.accounts.WithUser(ctx, acc, s.ID)
		if fault.Is(err, fault.NotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		return f.user(ctx, acc, u.ID, u.Status)
	}
	return nil
}
