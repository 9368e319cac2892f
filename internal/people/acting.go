package people

import (
	"context"
	"slices"

	"keyfob/internal/account"
	"keyfob/internal/authority"
	"keyfob/internal/fault"
	"keyfob/internal/scope"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
)

// acting is who asks for a change, as they, their account and their credential are now, with the conditions under which
// they stay so.
type acting struct {
	account account.Account
	user    account.User
	checks  []table.Op
}

// acting reads who the principal is now. Who may not act any more, be it that their credential has ended since it was let
// through, is nobody.
func (p *People) acting(ctx context.Context, by authority.Principal) (acting, error) {
	keys := []table.Key{key.Account(by.Account).Key(), key.User{Account: by.Account, User: by.User}.Key(), by.Record()}
	items, err := p.Table.Get(ctx, keys...)
	if err != nil {
		return acting{}, err
	}
	acc, user, err := account.FromItems(items[0], items[1])
	if fault.Is(err, fault.NotFound) || err == nil && (acc.Status != account.Active || user.Status != account.Active) {
		err = fault.New(fault.Unauthenticated, "", "Unauthenticated.").Because(err)
	}
	if err != nil {
		return acting{}, err
	}
	credential, err := by.Still(items[2], p.Now())
	if err != nil {
		return acting{}, err
	}
	return acting{acc, user, []table.Op{
		table.Check(acc.Key(), table.VersionIs(acc.Version)), table.Check(user.Key(), table.VersionIs(user.Version)), credential,
	}}, nil
}

// but gives the conditions other than those on the items of the keys.
func (a acting) but(keys ...table.Key) []table.Op {
	return slices.DeleteFunc(slices.Clone(a.checks), func(check table.Op) bool { return slices.Contains(keys, check.Key) })
}

// resting puts the conditions before a change's operations, but for those on items that the change itself writes on a
// condition of its own.
func (a acting) resting(ops ...table.Op) []table.Op {
	keys := make([]table.Key, len(ops))
	for i, op := range ops {
		keys[i] = op.Key
	}
	return append(a.but(keys...), ops...)
}

// fresh refuses what is no session, and one whose user has not proven of late who they are; what says what needs it.
func (p *People) fresh(by authority.Principal, what string) error {
	if by.Kind != token.Session {
		return fault.New(fault.Forbidden, string(scope.NeedsASession), scope.NeedsASession.Sentence())
	}
	if p.Now().After(by.Login.Add(authority.FreshLogin)) {
		return fault.New(fault.Forbidden, "fresh_login_required", what+" needs a login of the last five minutes.")
	}
	return nil
}
