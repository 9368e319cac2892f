package login

import (
	"context"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/fault"
	"keyfob/internal/table"
)

// Prove has the person behind a session show the password once more, for a fresh login, and gives the generation of the
// password that it is. It is slowed down as a login is.
// Errors: Unprocessable names the field password where it is the wrong one, Invalid where there is none; TooMany says when to
// try again; Unauthenticated that the user may not act any more.
func (l *Logins) Prove(ctx context.Context, by authority.Principal, plain string, from audit.Origin) (generation int64, err error) {
	if plain == "" {
		return 0, fault.Bad("password", "required", "password is required.")
	}
	acc, user, err := l.Accounts.WithUser(ctx, by.Account, by.User)
	if fault.Is(err, fault.NotFound) || err == nil && (acc.Status != account.Active || user.Status != account.Active || user.PasswordHash == "") {
		return 0, errRefused()
	}
	if err != nil {
		return 0, err
	}
	ticket, err := l.Throttle.Allow(ctx, user.Email, from.IP)
	if err != nil {
		return 0, err
	}
	items, err := l.Accounts.Table.Get(ctx, visitKey(user.ID, from.IP))
	if err != nil {
		return 0, err
	}
	if !visitFrom(table.Key{}, items[0]).known(l.Now()) {
		if ticket, err = l.Throttle.AllowStranger(ctx, ticket); err != nil {
			return 0, err
		}
	}
	right, err := l.Hasher.Verify(ctx, user.PasswordHash, plain)
	if err != nil {
		return 0, err
	}
	if !right {
		if err := l.Throttle.Failed(ctx, ticket); err != nil {
			return 0, err
		}
		return 0, fault.Refused("password", "wrong_password", "This is not your password.")
	}
	_ = l.Throttle.Succeeded(ctx, ticket) // as at a login: it makes the next typing error wait longer, and no more
	return user.Generation, nil
}
