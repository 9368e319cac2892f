package authority

import (
	"context"
	"errors"
	"slices"

	"keyfob/internal/account"
	"keyfob/internal/fault"
	"keyfob/internal/scope"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

// A basis is what a change of tokens rests on, with the conditions under which it still holds.
type basis struct {
	by      Principal
	account account.Account
	user    account.User
	checks  []table.Op
	once    *onceRecord  // nil where the caller gave no key
	counts  []table.Item // of the account's and the user's tokens
}

// basis reads the account, the user and the principal's own credential, and what else a change may need, in one round
// trip.
func (a *Authority) basis(ctx context.Context, by Principal, once Once) (basis, error) {
	quota := quotaKeys(by.Account, by.User)
	keys := []table.Key{key.Account(by.Account).Key(), key.User{Account: by.Account, User: by.User}.Key(), by.Record(), quota[0], quota[1]}
	if once.Key != "" {
		keys = append(keys, once.recordKey(by.User))
	}
	items, err := a.Table.Get(ctx, keys...)
	if err != nil {
		return basis{}, err
	}
	acc, user, err := account.FromItems(items[0], items[1])
	if fault.Is(err, fault.NotFound) || err == nil && (acc.Status != account.Active || user.Status != account.Active) {
		err = errEnded()
	}
	if err != nil {
		return basis{}, err
	}
	// It may have been locked or ended since it was let through, and what is issued here would outlive that.
	if _, err := by.Still(items[2], a.Now()); err != nil {
		return basis{}, err
	}
	b := basis{by: by, account: acc, user: user, counts: items[3:5]}
	for i, k := range keys[:3] {
		b.checks = append(b.checks, table.Check(k, table.VersionIs(items[i].Version())))
	}
	if once.Key != "" {
		if c, err := a.Form.Present(once.Presented); err != nil || c.ID() != by.ID {
			return basis{}, errors.New("authority: what was presented is not the principal's credential")
		}
		if b.once, err = once.read(keys[5], items[5], by, a.Now()); err != nil {
			return basis{}, err
		}
	}
	return b, nil
}

// repeated reports whether the request was carried out before.
func (b basis) repeated() bool { return b.once != nil && b.once.answer != nil }

// rights are what the user may do now.
func (b basis) rights() []scope.Right { return scope.RightsOf(b.user.Role, b.account.Policy.Issuers) }

// permits refuses who has none of the rights now.
func (b basis) permits(rights ...scope.Right) error {
	for _, r := range rights {
		if slices.Contains(b.rights(), r) {
			return nil
		}
	}
	return fault.New(fault.Forbidden, string(scope.RoleForbids), scope.RoleForbids.Sentence())
}

// outranked refuses to hand the secret of somebody's token to who may do less than they may (S23).
func (b basis) outranked(creator scope.Role) error {
	may := b.rights()
	for _, r := range scope.RightsOf(creator, b.account.Policy.Issuers) {
		if !slices.Contains(may, r) {
			return fault.New(fault.Forbidden, "outranked", "The token's creator may do more than you may.")
		}
	}
	return nil
}

// resting puts the basis' conditions before a change's operations, but for those on items that the change itself writes
// on a condition of its own.
func (b basis) resting(ops ...table.Op) []table.Op {
	out := slices.DeleteFunc(slices.Clone(b.checks), func(check table.Op) bool {
		return slices.ContainsFunc(ops, func(op table.Op) bool { return op.Key == check.Key })
	})
	return append(out, ops...)
}
