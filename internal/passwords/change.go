package passwords

import (
	"context"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/fault"
	"keyfob/internal/link"
	"keyfob/internal/scope"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
)

// Change puts another password in the place of the principal's own, whose session goes on while all others end; a link that
// is still under way to the user ends too. Errors: Unprocessable names the field current where that is not the password, and
// the field password where the new one may not be chosen; TooMany says when to try again; Forbidden is for what is no open
// session. Unavailable is as SetByLink's.
func (p *Passwords) Change(ctx context.Context, by authority.Principal, via string, from audit.Origin, current, plain string) error {
	if by.Kind != token.Session {
		return fault.New(fault.Forbidden, string(scope.NeedsASession), scope.NeedsASession.Sentence())
	}
	ticket, err := p.Throttle.Allow(ctx, "password of "+by.User, from.IP)
	if err != nil {
		return err
	}
	acc, u, err := p.self(ctx, by)
	if err != nil {
		return err
	}
	verified, ok, err := p.has(ctx, u, current)
	if err != nil {
		return err
	}
	if !ok {
		if err := p.Throttle.Failed(ctx, ticket); err != nil {
			return err
		}
		return errCurrent()
	}
	// A counter that could not be cleared only means that the next typing error waits longer.
	_ = p.Throttle.Succeeded(ctx, ticket)
	hash, err := Chosen(ctx, p.accounts(), p.Hasher, plain, acc, u)
	if err != nil {
		return err
	}
	actor := audit.Actor{User: by.User, Credential: by.Handle(), Via: via}
	err = table.Again(ctx, table.Patient, func() error {
		if _, u, err = p.self(ctx, by); err != nil {
			return err
		}
		if u.PasswordHash != verified {
			// It has changed since, be it by the user or by an upgrade at a login: the one given is to be judged again.
			if verified, ok, err = p.has(ctx, u, current); err != nil {
				return err
			}
			if !ok {
				return errCurrent()
			}
		}
		u.PasswordHash = hash
		e := audit.New(audit.PasswordChanged, p.Now(), u.Account, actor, from, subject(u))
		err := p.Table.Commit(ctx, append(e.Ops(), u.Replace(), link.Withdraw(u.ID), table.Check(key.Session(by.ID.String()).Key(), table.Present()))...)
		if c, ok := conflict(err); ok && c.Key == key.Session(by.ID.String()).Key() {
			return unauthenticated(nil) // ended meanwhile, as by a link; with the conflict as the cause it would be tried again
		}
		return err
	})
	if err != nil {
		return err
	}
	return p.endOthers(ctx, u, by.ID, actor, from)
}

// has reports whether the user has the password, and gives the hash that says so.
func (p *Passwords) has(ctx context.Context, u account.User, plain string) (hash string, ok bool, err error) {
	match, err := p.Hasher.Match(ctx, []string{u.PasswordHash}, plain)
	return u.PasswordHash, err == nil && match[0], err
}

func errCurrent() error {
	return fault.Refused("current", "wrong_password", "This is not your password.")
}

// self reads the principal's account and user as they are now: who may not act any more is nobody.
func (p *Passwords) self(ctx context.Context, by authority.Principal) (account.Account, account.User, error) {
	acc, u, err := p.accounts().WithUser(ctx, by.Account, by.User)
	if fault.Is(err, fault.NotFound) || err == nil && (acc.Status != account.Active || u.Status != account.Active) {
		err = unauthenticated(err)
	}
	return acc, u, err
}
