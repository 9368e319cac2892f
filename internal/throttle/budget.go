package throttle

import (
	"context"
	"time"

	"keyfob/internal/table"
)

// A Budget is how often something may be done that is no failure, but that nobody needs to do without end: mails that reach
// others are spent from one. It fills up again with time.
type Budget struct{ counters []counter }

// InvitationsBy is what an account may invite people with: 200 freely, and 200 in an hour for good.
func InvitationsBy(account string) Budget {
	l := limit{free: 200, forget: 18 * time.Second, longest: time.Minute, most: 210}
	return Budget{[]counter{{key: digest("invitations by", account), limit: l}}}
}

// InvitationsTo is how often an address may be invited, by all accounts together: 5 times freely, and 6 times in an hour for
// good.
func InvitationsTo(email string) Budget {
	l := limit{free: 5, forget: 10 * time.Minute, longest: 10 * time.Minute, most: 15}
	return Budget{[]counter{{key: digest("invitations to", email), limit: l}}}
}

// ResetsOf is how often a user is mailed a link to set a new password with: 5 times freely, then every 5 minutes at most.
func ResetsOf(user string) Budget {
	l := limit{free: 5, forget: 5 * time.Minute, longest: 5 * time.Minute, least: 5 * time.Minute, most: 5}
	return Budget{[]counter{{key: digest("resets of", user), limit: l}}}
}

// CodesOf is how often a user is mailed a code: every minute at most, and after 10 every 6 minutes.
func CodesOf(user string) Budget {
	minute := limit{free: 1, forget: time.Second, longest: time.Minute, least: time.Minute, most: 1}
	hour := limit{free: 10, forget: 6 * time.Minute, longest: 6 * time.Minute, least: 6 * time.Minute, most: 10}
	return Budget{[]counter{{key: digest("code of", user), limit: minute}, {key: digest("codes of", user), limit: hour}}}
}

// Spending gives the operations that spend once of each budget, to be committed with what it is spent for; a *table.Conflict
// on one of them says that others spend at the same time. The error is of kind TooMany, and says for how long to wait, where
// one of the budgets is spent: then nothing is to be taken of the others either. It costs one Get.
func (t *Throttle) Spending(ctx context.Context, from ...Budget) ([]table.Op, error) {
	var counters []*counter
	for _, b := range from {
		for _, c := range b.counters {
			counters = append(counters, &c)
		}
	}
	if err := t.read(ctx, counters...); err != nil {
		return nil, err
	}
	now := t.Now()
	var wait time.Duration
	ops := make([]table.Op, len(counters))
	for i, c := range counters {
		wait = max(wait, c.wait(now))
		ops[i] = c.counted(now).op()
	}
	if wait > 0 {
		return nil, slow(wait)
	}
	return ops, nil
}

// Spend spends once of each budget, or of none: for what cannot be committed with it.
func (t *Throttle) Spend(ctx context.Context, from ...Budget) error {
	return table.Again(ctx, table.Patient, func() error {
		ops, err := t.Spending(ctx, from...)
		if err != nil {
			return err
		}
		return t.Table.Commit(ctx, ops...)
	})
}
