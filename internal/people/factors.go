package people

import (
	"context"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/factor"
	"keyfob/internal/fault"
	"keyfob/internal/table"
)

// ResetFactors takes all second factors of a user who has lost them, and ends the user's sessions. Then the password alone
// lets the user in, to enrol others where the policy asks for them. It is nothing that people do to themselves, since that
// would be a way around the factor.
func (p *People) ResetFactors(ctx context.Context, act Act, id string) error {
	if err := mayManage(act.By); err != nil {
		return err
	}
	if act.By.User == id {
		return fault.New(fault.Conflict, "oneself", "Somebody else has to do that for you.")
	}
	var u account.User
	err := table.Again(ctx, table.Patient, func() (err error) {
		u, err = p.resetFactors(ctx, act, id)
		return err
	})
	if err != nil || !u.Behind {
		return err
	}
	// Sessions first: one that was still locked would be opened by what is carried.
	if err := p.sessions().EndAll(ctx, u.ID, act.actor(), act.From); err != nil {
		return err
	}
	return p.carrier().User(ctx, u.Account, u.ID)
}

func (p *People) resetFactors(ctx context.Context, act Act, id string) (account.User, error) {
	me, err := p.acting(ctx, act.By)
	if err != nil {
		return account.User{}, err
	}
	u, err := p.user(ctx, act.By.Account, id)
	if err != nil {
		return account.User{}, err
	}
	if err := p.may(act.By, me.user, u, u); err != nil {
		return account.User{}, err
	}
	if err := p.fresh(act.By, "Taking somebody's second factors"); err != nil {
		return account.User{}, err
	}
	if !u.Factors && u.Behind {
		return u, nil // decided before; what is left of it will be carried
	}
	if err := act.matches(u.Version); err != nil || !u.Factors {
		return u, err
	}
	// Those there are now end before the factors do, and none that begins meanwhile is open until it is ended, too.
	if err := p.sessions().EndAll(ctx, u.ID, act.actor(), act.From); err != nil {
		return account.User{}, err
	}
	u, forgotten := factor.Forget(u)
	e := audit.New(audit.FactorRemoved, p.Now(), u.Account, act.actor(), act.From, subject(u))
	e.Changes = []audit.Change{{Field: "factor", From: "all"}}
	ops := append(e.Ops(), u.Replace(), forgotten)
	return u, p.Table.Commit(ctx, me.resting(ops...)...)
}
