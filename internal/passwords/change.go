package passwords

import (
	"context"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/fault"
	"keyfob/internal/link"
	"keyfob/internal/scope"
	"keyfob/internal/session"
	"keyfob/internal/standing"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
)

// Change puts another password in the place of the principal's own, whose session goes on while all others end; a link that
// is still under way to the user ends too. It gives the session as it is then: one that a browser holds has another id by
// then, and the credential is the one that stands for it, shown this once; else that is the zero one.
//
// Errors: Unprocessable names the field current where that is not the password, and the field password where the new one may
// not be chosen; TooMany says when to try again; Forbidden is for what is no open session. Unavailable is as SetByLink's.
func (p *Passwords) Change(ctx context.Context, by authority.Principal, via string, from audit.Origin, current, plain string) (session.Session, token.Credential, error) {
	s, c, err := p.change(ctx, by, via, from, current, plain)
	if err == nil {
		err = p.superseded(ctx, s.Account, s.User, s.Generation, audit.Actor{User: by.User, Credential: by.Handle(), Via: via}, from)
	}
	if err != nil {
		return session.Session{}, token.Credential{}, err
	}
	return s, c, nil
}

func (p *Passwords) change(ctx context.Context, by authority.Principal, via string, from audit.Origin, current, plain string) (s session.Session, c token.Credential, err error) {
	if by.Kind != token.Session {
		return s, c, fault.New(fault.Forbidden, string(scope.NeedsASession), scope.NeedsASession.Sentence())
	}
	ticket, err := p.Throttle.Allow(ctx, "password of "+by.User, from.IP)
	if err != nil {
		return s, c, err
	}
	me, err := p.self(ctx, by)
	if err != nil {
		return s, c, err
	}
	verified, ok, err := p.has(ctx, me.user, current)
	if err != nil {
		return s, c, err
	}
	if !ok {
		if err := p.Throttle.Failed(ctx, ticket); err != nil {
			return s, c, err
		}
		return s, c, errCurrent()
	}
	// A counter that could not be cleared only means that the next typing error waits longer.
	_ = p.Throttle.Succeeded(ctx, ticket)
	hash, err := Chosen(ctx, p.accounts(), p.Hasher, plain, me.account, me.user)
	if err != nil {
		return s, c, err
	}
	err = table.Again(ctx, table.Patient, func() error {
		if me, err = p.self(ctx, by); err != nil {
			return err
		}
		if me.user.PasswordHash != verified {
			// It has changed since, be it by the user or by an upgrade at a login: the one given is to be judged again.
			if verified, ok, err = p.has(ctx, me.user, current); err != nil {
				return err
			}
			if !ok {
				return errCurrent()
			}
		}
		u := set(me.user, hash)
		var ops []table.Op
		s, c, ops = p.moved(me, by, u)
		e := audit.New(audit.PasswordChanged, p.Now(), u.Account, audit.Actor{User: by.User, Credential: by.Handle(), Via: via}, from, subject(u))
		if s.ID != by.ID {
			e.Also = []audit.Subject{me.session.Subject(), s.Subject()}
		}
		ops = append(ops, u.Replace(), link.Withdraw(u.ID), table.Check(me.account.Key(), table.VersionIs(me.account.Version)))
		return p.Table.Commit(ctx, append(e.Ops(), ops...)...)
	})
	return s, c, err
}

// moved gives the principal's session as one that rests on the password of u, with the operations that make it so: in its
// place, or under another id where a browser holds it, so that a copy of the cookie is worth nothing any more.
func (p *Passwords) moved(me self, by authority.Principal, u account.User) (session.Session, token.Credential, []table.Op) {
	s := me.session
	s.Standing, s.Generation = standing.Of(me.account, u), u.Generation
	if by.Via == audit.ViaDashboard || s.Via == audit.ViaDashboard {
		return s.Renewed(p.Links.Form)
	}
	return s, token.Credential{}, []table.Op{s.Replace()}
}

// has reports whether the user has the password, and gives the hash that says so.
func (p *Passwords) has(ctx context.Context, u account.User, plain string) (hash string, ok bool, err error) {
	match, err := p.Hasher.Match(ctx, []string{u.PasswordHash}, plain)
	return u.PasswordHash, err == nil && match[0], err
}

func errCurrent() error {
	return fault.Refused("current", "wrong_password", "This is not your password.")
}

// self is a principal's account, user and session as they are now.
type self struct {
	account account.Account
	user    account.User
	session session.Session
}

// self reads who the principal is: who may not act any more is nobody.
func (p *Passwords) self(ctx context.Context, by authority.Principal) (me self, err error) {
	items, err := p.Table.Get(ctx, key.Account(by.Account).Key(), key.User{Account: by.Account, User: by.User}.Key(), by.Record())
	if err != nil {
		return self{}, err
	}
	me.account, me.user, err = account.FromItems(items[0], items[1])
	if fault.Is(err, fault.NotFound) || err == nil && (me.account.Status != account.Active || me.user.Status != account.Active) {
		err = unauthenticated(err)
	}
	if err == nil {
		_, err = by.Still(items[2], p.Now())
	}
	if err != nil {
		return self{}, err
	}
	if me.session, err = session.FromItem(items[2]); err == nil && me.session.Generation != me.user.Generation {
		err = unauthenticated(nil) // another one was set meanwhile, and the session is about to be told
	}
	return me, err
}
