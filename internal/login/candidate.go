package login

import (
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/factor"
	"keyfob/internal/fault"
	"keyfob/internal/network"
	"keyfob/internal/password"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

// A candidate is a user whom a login name stands for in one account.
type candidate struct {
	account account.Account
	user    account.User
	kept    factor.Record // what can unlock sessions of the user
	visit   visit         // from the network that the attempt comes from
	may     bool          // may log in at all
	right   bool          // and the password is right
}

// recordsOf is how many records of a candidate are read.
const recordsOf = 4

// maxCandidates bounds the accounts that a name without a tenant is looked for in: what one Get can read. Who is in more
// names the tenant.
const maxCandidates = table.MaxGet / recordsOf

// maxTenant bounds an account's id, with room to spare.
const maxTenant = 64

// candidates finds the users that the attempt may mean: with one query and one Get where nobody is found too, or somebody who
// may not log in.
func (l *Logins) candidates(ctx context.Context, a Attempt, from audit.Origin) ([]candidate, error) {
	prefix := a.Tenant
	if len(prefix) > maxTenant || !utf8.ValidString(prefix) {
		prefix = "none"
	}
	who, err := l.Accounts.LoginsOf(ctx, a.Name, prefix, maxCandidates)
	if err != nil {
		return nil, err
	}
	if a.Tenant != "" {
		who = slices.DeleteFunc(who, func(u key.User) bool { return u.Account != a.Tenant })
	}
	if len(who) == 0 {
		who = []key.User{{Account: "none", User: "none"}}
	}
	return l.read(ctx, who, from)
}

// judge checks the password: with the hashing of one where nobody may log in too.
func (l *Logins) judge(ctx context.Context, found []candidate, plain string) error {
	encoded := make([]string, len(found))
	for i, c := range found {
		if c.may {
			encoded[i] = c.user.PasswordHash
		}
	}
	match, err := l.Hasher.Match(ctx, encoded, plain)
	if err != nil {
		return err
	}
	for i := range found {
		found[i].right = found[i].may && match[i]
	}
	return nil
}

// read reads all that is to be known of the users in one round trip.
func (l *Logins) read(ctx context.Context, who []key.User, from audit.Origin) ([]candidate, error) {
	keys := make([]table.Key, 0, recordsOf*len(who))
	for _, u := range who {
		keys = append(keys, key.Account(u.Account).Key(), u.Key(), key.Factors(u.User).Key(), visitKey(u.User, from.IP))
	}
	items, err := l.Accounts.Table.Get(ctx, keys...)
	if err != nil {
		return nil, err
	}
	found := make([]candidate, len(who))
	for i := range who {
		records := items[recordsOf*i : recordsOf*(i+1)]
		c := &found[i]
		if c.account, c.user, err = account.FromItems(records[0], records[1]); err != nil && !fault.Is(err, fault.NotFound) {
			return nil, err
		}
		c.may = err == nil && c.account.Status == account.Active && c.user.Status == account.Active && c.user.PasswordHash != ""
		if c.kept, err = factor.FromItem(records[2]); err != nil {
			return nil, err
		}
		c.visit = visitFrom(keys[recordsOf*i+3], records[3])
	}
	return found, nil
}

// choose gives the one candidate who has proven to be it, from where they may. Unauthenticated: none has. Unprocessable:
// the name stands for several who may log in, and nobody else is told so than who knows the password of one of them.
func (l *Logins) choose(found []candidate, from audit.Origin) (*candidate, error) {
	var may, proven []*candidate
	for i := range found {
		c := &found[i]
		if c.may {
			may = append(may, c)
		}
		if c.right && within(c.account.Policy, from) {
			proven = append(proven, c)
		}
	}
	switch {
	case len(proven) == 0:
		return nil, errRefused()
	case len(may) == 1:
		return proven[0], nil
	}
	ids := make([]string, len(proven))
	for i, c := range proven {
		ids[i] = c.account.ID
	}
	return nil, fault.Refused("tenant", "required", "This name belongs to several accounts. Name the tenant: "+strings.Join(ids, " or ")+".")
}

// within reports whether the policy lets people log in from there.
func within(p account.Policy, from audit.Origin) bool {
	return p.LoginNetworks == "" || network.Within(p.LoginNetworks.Words(), from.IP)
}

// upgrade replaces an outdated hash of the candidate's.
func (l *Logins) upgrade(ctx context.Context, c *candidate, siblings []candidate, plain string) error {
	if !password.NeedsUpgrade(c.user.PasswordHash) {
		return nil
	}
	var others []string
	for _, s := range siblings {
		others = append(others, s.user.PasswordHash)
	}
	hash, err := l.Hasher.HashLike(ctx, plain, others...)
	if err == nil {
		c.user, err = l.Accounts.UpgradePassword(ctx, c.user, hash)
	}
	return err
}
