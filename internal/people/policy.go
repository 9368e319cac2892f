package people

import (
	"context"
	"slices"
	"strings"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/fault"
	"keyfob/internal/network"
	"keyfob/internal/scope"
	"keyfob/internal/standing"
	"keyfob/internal/table"
	"keyfob/internal/token"
)

// Account gives the principal's account.
func (p *People) Account(ctx context.Context, by authority.Principal) (account.Account, error) {
	acc, err := p.accounts().Get(ctx, by.Account)
	if fault.Is(err, fault.NotFound) {
		err = fault.New(fault.Unauthenticated, "", "Unauthenticated.").Because(err)
	}
	return acc, err
}

// ChangePolicy changes the policy of the principal's account. When it returns without an error, every credential of the
// account has followed; else it is with it as with Change. What could lock people out, or keep from them what is done, takes
// a session with a fresh login. Networks for logins that the principal's own request is from outside of are refused.
func (p *People) ChangePolicy(ctx context.Context, act Act, c PolicyChange) (account.Account, error) {
	if c == (PolicyChange{}) {
		return account.Account{}, errNothing()
	}
	if !slices.Contains(act.By.Holder.Rights(), scope.ManageAccount) {
		return account.Account{}, forbids()
	}
	return p.carried(ctx, act.By.Account, func() error {
		me, err := p.acting(ctx, act.By)
		if err != nil {
			return err
		}
		acc := me.account
		if !slices.Contains(scope.RightsOf(me.user.Role, acc.Policy.Issuers), scope.ManageAccount) {
			return forbids()
		}
		next, err := c.on(acc.Policy)
		if err != nil {
			return err
		}
		if guards(next) != guards(acc.Policy) {
			if err := p.fresh(act.By, "Changing who is let in, or which mails are sent,"); err != nil {
				return err
			}
		}
		if err := lockOut(act, acc.Policy, next); err != nil {
			return err
		}
		if next == acc.Policy && acc.Behind {
			return nil // decided before; what is left of it will be carried
		}
		if err := act.matches(acc.Version); err != nil {
			return err
		}
		return p.setPolicy(ctx, acc, next, act.actor(), act.From, me.but(acc.Key())...)
	})
}

// SetPolicy changes the policy of an account as ChangePolicy does, for the operator: who is nobody of the account, cannot
// be locked out of it, and lets in again who has been. NotFound where there is no such account.
func (p *People) SetPolicy(ctx context.Context, id string, c PolicyChange, from audit.Origin) (account.Account, error) {
	if bare, ok := strings.CutPrefix(id, "acc_"); !ok || !wellFormed(bare) {
		return account.Account{}, fault.New(fault.NotFound, "not_found", "There is no such account.")
	}
	if c == (PolicyChange{}) {
		return account.Account{}, errNothing()
	}
	return p.carried(ctx, id, func() error {
		acc, err := p.accounts().Get(ctx, id)
		if err != nil {
			return err
		}
		next, err := c.on(acc.Policy)
		if err != nil {
			return err
		}
		return p.setPolicy(ctx, acc, next, audit.Actor{Via: audit.ViaOperator}, from)
	})
}

func wellFormed(bare string) bool {
	_, err := token.ParseID(bare)
	return err == nil
}

func errNothing() error {
	return fault.Bad("policy", "required", "policy names at least one thing to change.")
}

// carried decides, brings what was decided to every credential of the account, and gives the account as it is then.
func (p *People) carried(ctx context.Context, id string, decide func() error) (account.Account, error) {
	if err := table.Again(ctx, table.Patient, decide); err != nil {
		return account.Account{}, err
	}
	if err := p.carrier().Account(ctx, id); err != nil {
		return account.Account{}, err
	}
	return p.accounts().Get(ctx, id)
}

// setPolicy commits the policy where it is another than the account's, with its event.
func (p *People) setPolicy(ctx context.Context, acc account.Account, next account.Policy, by audit.Actor, from audit.Origin, checks ...table.Op) error {
	was := acc
	if acc.Policy = next; acc == was {
		return nil
	}
	if standing.Of(acc, account.User{}) != standing.Of(was, account.User{}) {
		acc.Behind = true // the credentials lend from what has changed
	}
	e := audit.New(audit.AccountChanged, p.Now(), acc.ID, by, from, audit.Subject{Kind: "account", ID: acc.ID, Name: acc.Name})
	before := words(was.Policy)
	for i, after := range words(next) {
		if after != before[i] {
			e.Changes = append(e.Changes, audit.Change{Field: after.field, From: before[i].value, To: after.value})
		}
	}
	return p.Table.Commit(ctx, append(append(checks, acc.Replace()), e.Ops()...)...)
}

// guards gives the part of a policy with which a stolen credential could lock all people out, or hide what it does.
func guards(p account.Policy) account.Policy {
	return account.Policy{MFA: p.MFA, LoginNetworks: p.LoginNetworks, TokenNetworks: p.TokenNetworks, Muted: p.Muted, Reminders: p.Reminders}
}

// lockOut refuses networks that would keep out the very session that asks for them: nobody could undo them with it.
func lockOut(act Act, was, next account.Policy) error {
	after := next.LoginNetworks
	if after == was.LoginNetworks || after == "" || network.Within(after.Words(), act.From.IP) {
		return nil
	}
	return fault.Refused("policy.loginNetworks", "locks_out",
		"policy.loginNetworks does not have the network that this request comes from: it would lock you out.")
}
