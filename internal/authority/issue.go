package authority

import (
	"context"
	"slices"
	"time"

	"keyfob/internal/audit"
	"keyfob/internal/fault"
	"keyfob/internal/purge"
	"keyfob/internal/scope"
	"keyfob/internal/standing"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
	"keyfob/internal/text"
	"keyfob/internal/token"
)

// A Request asks for a token.
type Request struct {
	Name        string
	Description string
	Scope       scope.Scope
	Life        *purge.Life // nil: the account's default
	Capped      bool        // a life beyond the account's maximum is cut to it, and not refused
	Revealable  bool
	Once        Once
}

// Issue makes a token for the user behind the principal. The commit depends on the user and on the credential it was
// asked for with, as they were read in it: a role taken away, or a session ended, can never be outrun. The
// credential is returned this once, and to the same request again where it names a key.
//
// Errors: Invalid and Unprocessable name the field; *UnknownInstance where the scope names what is not registered;
// Forbidden where the user may not issue (now); Unlicensed; Conflict at a quota, or for a key that stands for another
// request; NotFound for an unknown integration.
func (a *Authority) Issue(ctx context.Context, by Principal, via string, from audit.Origin, r Request) (t Token, c token.Credential, err error) {
	if err := text.Name("name", r.Name); err != nil {
		return Token{}, token.Credential{}, err
	}
	if err := text.Description("description", r.Description); err != nil {
		return Token{}, token.Credential{}, err
	}
	var d drawing
	err = table.Again(ctx, table.Patient, func() error {
		t, c, err = a.issue(ctx, by, via, from, r, &d)
		return err
	})
	return t, c, err
}

func (a *Authority) issue(ctx context.Context, by Principal, via string, from audit.Origin, r Request, d *drawing) (Token, token.Credential, error) {
	none := func(err error) (Token, token.Credential, error) { return Token{}, token.Credential{}, err }
	b, err := a.basis(ctx, by, r.Once)
	if err != nil {
		return none(err)
	}
	if err := b.permits(scope.IssueTokens, scope.OwnTokens); err != nil {
		return none(err)
	}
	if b.repeated() {
		return a.shown(b.once)
	}
	now := a.Now().UTC()
	life, err := b.life(r.Life, r.Capped, now)
	if err != nil {
		return none(err)
	}
	if r.Revealable && !b.account.Policy.Revealable {
		return none(fault.Refused("revealable", "not_allowed", "The account's policy does not allow revealable tokens."))
	}
	if err := a.registered(ctx, by.Account, r.Scope); err != nil {
		return none(err)
	}
	if err := a.room(ctx, b.account, by.User, b.counts); err != nil {
		return none(err)
	}
	c := a.draw(d, b.once)
	t := Token{
		ID: c.ID(), Account: by.Account, User: by.User, Name: r.Name, Description: r.Description, Digest: c.Digest(),
		Scope: r.Scope, Standing: standing.OfToken(b.account, b.user), Life: life,
		Created: now.Truncate(time.Millisecond), LifeSet: 1, Edition: 1, Version: 1,
	}
	if r.Revealable {
		if t.Sealed, err = a.seal(ctx, d, t); err != nil {
			return none(err)
		}
	}
	ops := b.resting(t.create()...)
	if id := t.Scope.IntegrationID(); id != "" {
		ops = append(ops, table.Check(integrationKey(by.Account, id), table.Present()))
	}
	ops = append(ops, count(quotaKeys(by.Account, by.User), b.counts, 1)...)
	if b.once != nil {
		ops = append(ops, b.once.op(t.item(), now))
	}
	ops = append(ops, audit.New(audit.TokenCreated, now, t.Account, by.actor(via), from, t.Subject()).Ops()...)
	if err := a.Table.Commit(ctx, ops...); err != nil {
		return none(err)
	}
	return t, c, nil
}

// create gives the operations that make the token's record, its places in the lists and on the agenda.
func (t Token) create() []table.Op {
	ops := []table.Op{table.Create(t.item())}
	for _, it := range t.pointerItems() {
		ops = append(ops, table.Create(it))
	}
	return slices.Concat(ops, t.reminders(t.Created), repurge(Token{}, t))
}

// An UnknownInstance says that a scope names what is not in the account's catalogue.
type UnknownInstance struct {
	Category scope.Category
	ID       string
}

func (u *UnknownInstance) Error() string {
	return "authority: " + string(u.Category) + "/" + u.ID + " is not registered"
}

// registered refuses a scope that names an instance which is not in the account's catalogue.
func (a *Authority) registered(ctx context.Context, account string, s scope.Scope) error {
	if id := s.IntegrationID(); id != "" {
		items, err := a.Table.Get(ctx, integrationKey(account, id))
		if err == nil && items[0] == nil {
			err = fault.New(fault.NotFound, "not_found", "There is no such resource.")
		}
		return err
	}
	for grants := s.Grants(); len(grants) > 0; {
		n := min(len(grants), table.MaxGet)
		keys := make([]table.Key, n)
		for i, g := range grants[:n] {
			keys[i] = key.Resource{Account: account, Category: string(g.Category), ID: g.ID}.Key()
		}
		items, err := a.Table.Get(ctx, keys...)
		if err != nil {
			return err
		}
		for i, it := range items {
			if it == nil {
				return &UnknownInstance{grants[i].Category, grants[i].ID}
			}
		}
		grants = grants[n:]
	}
	return nil
}

// integrationKey is where the catalogue keeps an integration, beside the resources.
func integrationKey(account, id string) table.Key {
	return key.Resource{Account: account, Category: "integrations", ID: id}.Key()
}
