package operator

import (
	"context"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/session"
	"keyfob/internal/standing"
	"keyfob/internal/table"
)

// Suspend stops an account. When it returns without an error, none of the account's sessions and tokens opens anything, and
// nobody can log in. An error of kind Unavailable says that it may be decided and not have reached all of them yet: asking
// for the same again finishes it, and so does upkeep. To suspend what is suspended is no error.
func (o *Operator) Suspend(ctx context.Context, id string, from audit.Origin) (account.Account, error) {
	acc, err := o.turn(ctx, id, account.Suspended, audit.AccountSuspended, from)
	if err == nil {
		err = o.endSessions(ctx, acc, from)
	}
	return acc, err
}

// Resume lets a suspended account go on. When it returns without an error, its tokens open again what they did; its people
// log in anew, for no session outlives a suspension. As with Suspend, asking again finishes what was interrupted.
func (o *Operator) Resume(ctx context.Context, id string, from audit.Origin) (account.Account, error) {
	acc, err := o.account(ctx, id)
	if err == nil && acc.Status == account.Suspended {
		// While the account is suspended no session begins. So none that was there before comes to life again.
		err = o.endSessions(ctx, acc, from)
	}
	if err != nil {
		return account.Account{}, err
	}
	return o.turn(ctx, id, account.Active, audit.AccountResumed, from)
}

// turn gives the account the status, and brings that to every credential.
func (o *Operator) turn(ctx context.Context, id string, status account.Status, what audit.Type, from audit.Origin) (acc account.Account, err error) {
	err = table.Again(ctx, table.Hasty, func() error {
		if acc, err = o.account(ctx, id); err != nil || acc.Status == status {
			return err
		}
		e := audit.New(what, o.now(), acc.ID, audit.Actor{Via: audit.ViaOperator}, from, audit.Subject{Kind: "account", ID: acc.ID, Name: acc.Name})
		e.Changes = []audit.Change{{Field: "status", From: string(acc.Status), To: string(status)}}
		acc.Status, acc.Behind = status, true
		return o.Table.Commit(ctx, append(e.Ops(), acc.Replace())...)
	})
	if err != nil {
		return account.Account{}, err
	}
	if err := (&standing.Carrier{Table: o.Table, Accounts: o.accounts()}).Account(ctx, id); err != nil {
		return account.Account{}, err
	}
	return o.accounts().Get(ctx, id)
}

// endSessions ends all sessions of all users of the account.
func (o *Operator) endSessions(ctx context.Context, acc account.Account, from audit.Origin) error {
	sessions := session.Sessions{Table: o.Table, Now: o.Now}
	return sessions.EndAccount(ctx, acc.ID, audit.Actor{Via: audit.ViaOperator}, from)
}
