package people

import (
	"context"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/factor"
	"keyfob/internal/link"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

// keepRemoved is how long the record of somebody who was removed stays: long enough for all that is told of their removal,
// and for their tokens to be revoked one after the other.
const keepRemoved = 30 * 24 * time.Hour

// Remove takes a user out of the account, or withdraws an invitation. When it returns without an error, none of the user's
// sessions and tokens opens anything any more, no link or factor of theirs is left, and the e-mail can be invited again; the
// tokens are revoked, each with its event, by upkeep. An error of kind Unavailable says that it may be decided and not be
// done to its end yet: asking for the same again finishes it, and so does upkeep.
func (p *People) Remove(ctx context.Context, act Act, id string) error {
	if err := mayManage(act.By); err != nil {
		return err
	}
	err := table.Again(ctx, table.Patient, func() error { return p.remove(ctx, act, id) })
	if err != nil {
		return err
	}
	if err := p.carrier().User(ctx, act.By.Account, id); err != nil {
		return err
	}
	return p.sessions().EndAll(ctx, id, act.actor(), act.From)
}

func (p *People) remove(ctx context.Context, act Act, id string) error {
	me, err := p.acting(ctx, act.By)
	if err != nil {
		return err
	}
	u, err := p.record(ctx, act.By.Account, id)
	if err != nil {
		return err
	}
	if u.Status == account.Removed && !u.Behind {
		return errNoUser()
	}
	now := p.Now().UTC()
	next, forgotten := factor.Forget(u)
	next.Status, next.Gone = account.Removed, now.Add(keepRemoved).Truncate(time.Second)
	next.PasswordHash, next.Developer = "", false
	if err := p.may(act.By, me.user, u, next); err != nil {
		return err
	}
	if u.Status == account.Removed {
		return nil // decided before; what is left of it will be carried
	}
	if err := act.matches(u.Version); err != nil {
		return err
	}
	ops, err := p.leaving(ctx, act, me, u, next)
	if err != nil {
		return err
	}
	e := audit.New(audit.UserRemoved, now, u.Account, act.actor(), act.From, subject(u))
	e.Changes = []audit.Change{{Field: "status", From: string(u.Status), To: string(next.Status)}}
	ops = append(ops,
		next.Replace(), table.Delete(key.Login{Email: u.Email, Account: u.Account}.Key(), table.Anything()),
		link.Withdraw(u.ID), forgotten,
	)
	return p.Table.Commit(ctx, me.resting(append(ops, e.Ops()...)...)...)
}
