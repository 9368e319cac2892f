package people

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/fault"
	"keyfob/internal/scope"
	"keyfob/internal/table"
)

// A PolicyChange is what is to become of an account's policy; what is nil stays as it is. Lives are in seconds.
type PolicyChange struct {
	Issuers          *scope.Issuers
	DefaultLife      *int // 0: a choice is required
	MaxLife          *int // 0: no bound
	MaxOverlap       *int
	Revealable       *bool
	QueryCredentials *bool
	TokensPerAccount *int
	TokensPerUser    *int
}

// MaxLife bounds the lives that a policy names, in seconds: a little under a hundred years.
const MaxLife = 36_500 * 24 * 60 * 60

// Account gives the principal's account.
func (p *People) Account(ctx context.Context, by authority.Principal) (account.Account, error) {
	acc, err := p.accounts().Get(ctx, by.Account)
	if fault.Is(err, fault.NotFound) {
		err = fault.New(fault.Unauthenticated, "", "Unauthenticated.").Because(err)
	}
	return acc, err
}

// ChangePolicy changes the policy of the principal's account. When it returns without an error, every credential of the
// account has followed; else it is with it as with Change.
func (p *People) ChangePolicy(ctx context.Context, act Act, c PolicyChange) (account.Account, error) {
	if c == (PolicyChange{}) {
		return account.Account{}, fault.Bad("policy", "required", "policy names at least one thing to change.")
	}
	if !slices.Contains(act.By.Holder.Rights(), scope.ManageAccount) {
		return account.Account{}, forbids()
	}
	if err := table.Again(ctx, table.Patient, func() error { return p.changePolicy(ctx, act, c) }); err != nil {
		return account.Account{}, err
	}
	if err := p.carrier().Account(ctx, act.By.Account); err != nil {
		return account.Account{}, err
	}
	return p.accounts().Get(ctx, act.By.Account)
}

func (p *People) changePolicy(ctx context.Context, act Act, c PolicyChange) error {
	acc, actor, err := p.self(ctx, act.By)
	if err != nil {
		return err
	}
	if !slices.Contains(scope.RightsOf(actor.Role, acc.Policy.Issuers), scope.ManageAccount) {
		return forbids()
	}
	was := acc.Policy
	if acc.Policy, err = c.on(was); err != nil {
		return err
	}
	if acc.Policy == was && acc.Behind {
		return nil // decided before; what is left of it will be carried
	}
	if err := act.matches(acc.Version); err != nil || acc.Policy == was {
		return err
	}
	if acc.Policy.Issuers != was.Issuers || acc.Policy.QueryCredentials != was.QueryCredentials {
		acc.Behind = true
	}
	e := audit.New(audit.AccountChanged, p.Now(), acc.ID, act.actor(), act.From, audit.Subject{Kind: "account", ID: acc.ID, Name: acc.Name})
	before := words(was)
	for i, after := range words(acc.Policy) {
		if after != before[i] {
			e.Changes = append(e.Changes, audit.Change{Field: after.field, From: before[i].value, To: after.value})
		}
	}
	ops := []table.Op{acc.Replace(), table.Check(actor.Key(), table.VersionIs(actor.Version))}
	return p.Table.Commit(ctx, append(ops, e.Ops()...)...)
}

// on gives the policy with the change. Errors name the field.
func (c PolicyChange) on(p account.Policy) (account.Policy, error) {
	if c.Issuers != nil {
		if p.Issuers = *c.Issuers; p.Issuers != scope.IssuersAdmins && p.Issuers != scope.IssuersEveryone {
			return p, fault.Bad("policy.issuers", "unknown_value", "policy.issuers is admins or everyone.")
		}
	}
	if c.Revealable != nil {
		p.Revealable = *c.Revealable
	}
	if c.QueryCredentials != nil {
		p.QueryCredentials = *c.QueryCredentials
	}
	for _, n := range []struct {
		field       string
		asked       *int
		least, most int
		set         func(int)
	}{
		{"defaultLifeSeconds", c.DefaultLife, 0, MaxLife, func(n int) { p.DefaultLife = seconds(n) }},
		{"maxLifeSeconds", c.MaxLife, 0, MaxLife, func(n int) { p.MaxLife = seconds(n) }},
		{"maxOverlapSeconds", c.MaxOverlap, 0, MaxLife, func(n int) { p.MaxOverlap = seconds(n) }},
		{"tokensPerAccount", c.TokensPerAccount, 1, account.MaxTokens, func(n int) { p.TokensPerAccount = n }},
		{"tokensPerUser", c.TokensPerUser, 1, account.MaxTokens, func(n int) { p.TokensPerUser = n }},
	} {
		if n.asked == nil {
			continue
		}
		if *n.asked < n.least || *n.asked > n.most {
			return p, fault.Bad("policy."+n.field, "out_of_range", fmt.Sprintf("policy.%s is a whole number from %d to %d.", n.field, n.least, n.most))
		}
		n.set(*n.asked)
	}
	// A maximum below a default that stays as it is caps it where it is used.
	if c.DefaultLife != nil && p.MaxLife > 0 && p.DefaultLife > p.MaxLife {
		return p, fault.Refused("policy.defaultLifeSeconds", "conflicting", "A token's default life would be longer than the longest.")
	}
	return p, nil
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }

// word is one thing that a policy says, in words for people.
type word struct{ field, value string }

func words(p account.Policy) []word {
	life := func(d time.Duration) string { return strconv.FormatInt(int64(d/time.Second), 10) }
	return []word{
		{"issuers", string(p.Issuers)}, {"defaultLifeSeconds", life(p.DefaultLife)}, {"maxLifeSeconds", life(p.MaxLife)},
		{"maxOverlapSeconds", life(p.MaxOverlap)}, {"revealable", strconv.FormatBool(p.Revealable)},
		{"queryCredentials", strconv.FormatBool(p.QueryCredentials)}, {"tokensPerAccount", strconv.Itoa(p.TokensPerAccount)},
		{"tokensPerUser", strconv.Itoa(p.TokensPerUser)},
	}
}
