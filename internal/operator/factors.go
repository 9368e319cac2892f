package operator

import (
	"context"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/factor"
	"keyfob/internal/session"
	"keyfob/internal/standing"
	"keyfob/internal/table"
)

// ResetFactors takes all second factors of a user who has lost them and whom nobody of the account can help, and ends the
// user's sessions. Where there are none nothing is done. Asking again finishes what was interrupted.
func (o *Operator) ResetFactors(ctx context.Context, acc, user string, from audit.Origin) (u account.User, err error) {
	by := audit.Actor{Via: audit.ViaOperator}
	sessions := session.Sessions{Table: o.Table, Now: o.Now}
	err = table.Again(ctx, table.Patient, func() error {
		if _, err := o.account(ctx, acc); err != nil {
			return err
		}
		if u, err = o.user(ctx, acc, user); err != nil || !u.Factors {
			return err
		}
		// Those there are now end before the factors do, and none that begins meanwhile is open until it is ended, too.
		if err := sessions.EndAll(ctx, u.ID, by, from); err != nil {
			return err
		}
		var forgotten table.Op
		u, forgotten = factor.Forget(u)
		e := audit.New(audit.FactorRemoved, o.now(), u.Account, by, from, subject(u))
		e.Changes = []audit.Change{{Field: "factor", From: "all"}}
		return o.Table.Commit(ctx, append(e.Ops(), u.Replace(), forgotten)...)
	})
	if err != nil || !u.Behind {
		return u, err
	}
	// Sessions first: one that was still locked would be opened by what is carried.
	if err := sessions.EndAll(ctx, u.ID, by, from); err != nil {
		return account.User{}, err
	}
	if err := (&standing.Carrier{Table: o.Table, Accounts: o.accounts()}).User(ctx, u.Account, u.ID); err != nil {
		return account.User{}, err
	}
	return o.user(ctx, acc, user)
}
