package authority

import (
	"context"
	"errors"

	"keyfob/internal/audit"
	"keyfob/internal/fault"
	"keyfob/internal/scope"
	"keyfob/internal/session"
	"keyfob/internal/table"
	"keyfob/internal/token"
)

// Revoke ends a token of the principal's account, at once. Revoking again what the account has revoked is no error
// (S18); NotFound covers everything the principal may not see.
func (a *Authority) Revoke(ctx context.Context, by Principal, via string, from audit.Origin, handle string) error {
	actor := audit.Actor{User: by.User, Credential: by.Handle(), Via: via}
	for range tries {
		t, err := a.find(ctx, by, handle, scope.RevokeTokens)
		if err == nil && t.Life.Purged(a.Now()) && t.Revoked.IsZero() {
			err = errNoToken()
		}
		if err != nil {
			return err
		}
		err = a.revoke(ctx, t, actor, from)
		if _, moved := errors.AsType[*table.Conflict](err); !moved {
			return err
		}
	}
	return errContended()
}

// RevokePresented ends the credential that is presented, token or session: possession may revoke. Whatever is not a
// live credential of this realm is no error and does nothing, so that the answer tells nobody what exists
// (RFC 7009 §2.2).
func (a *Authority) RevokePresented(ctx context.Context, text, via string, from audit.Origin) error {
	for range tries {
		p, denial, err := a.Verify(ctx, text)
		if err != nil || denial != None {
			return err
		}
		actor := audit.Actor{User: p.User, Credential: p.Handle(), Via: via}
		if p.Kind == token.Session {
			sessions := session.Sessions{Table: a.Table, Now: a.Now}
			return sessions.End(ctx, p.ID, actor, from)
		}
		t, err := a.find(ctx, p, p.Handle(), scope.RevokeTokens)
		if fault.Is(err, fault.NotFound) {
			return nil // gone since it was verified
		}
		if err != nil {
			return err
		}
		err = a.revoke(ctx, t, actor, from)
		if _, moved := errors.AsType[*table.Conflict](err); !moved {
			return err
		}
	}
	return errContended()
}

func errContended() error {
	return fault.Retry(errors.New("authority: revoking kept colliding with other changes"))
}

func (a *Authority) revoke(ctx context.Context, t Token, by audit.Actor, from audit.Origin) error {
	if !t.Revoked.IsZero() {
		return nil
	}
	now := a.Now().UTC()
	version := t.Version
	t.Revoked = now
	ops := []table.Op{table.Replace(t.item(), version)}
	for _, k := range t.pointers() {
		ops = append(ops, table.Delete(k, table.Anything()))
	}
	ops = append(ops, audit.New(audit.TokenRevoked, now, t.Account, by, from, t.Subject()).Ops()...)
	return a.Table.Commit(ctx, ops...)
}
