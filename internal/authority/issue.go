package authority

import (
	"context"
	"errors"
	"slices"
	"time"

	"keyfob/internal/account"
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
}

// tries bounds how often a change is made again because what it rests on moved in between.
const tries = 5

// Issue makes a token for the user behind the principal. The commit depends on the user and on the credential it was
// asked for with, as they were read in it: a role taken away, or a session ended, can never be outrun. The
// credential is returned this once.
//
// Errors: Invalid and Unprocessable name the field; Forbidden where the user may not issue (now).
func (a *Authority) Issue(ctx context.Context, by Principal, via string, from audit.Origin, r Request) (Token, token.Credential, error) {
	if err := text.Name("name", r.Name); err != nil {
		return Token{}, token.Credential{}, err
	}
	if err := text.Description("description", r.Description); err != nil {
		return Token{}, token.Credential{}, err
	}
	for range tries {
		t, c, err := a.issue(ctx, by, via, from, r)
		if _, moved := errors.AsType[*table.Conflict](err); !moved {
			return t, c, err
		}
	}
	return Token{}, token.Credential{}, fault.Retry(errors.New("authority: issuing kept colliding with other changes"))
}

func (a *Authority) issue(ctx context.Context, by Principal, via string, from audit.Origin, r Request) (Token, token.Credential, error) {
	basis, err := a.basis(ctx, by)
	if err != nil {
		return Token{}, token.Credential{}, err
	}
	rights := scope.RightsOf(basis.user.Role, basis.account.Policy.Issuers)
	if !slices.Contains(rights, scope.IssueTokens) && !slices.Contains(rights, scope.OwnTokens) {
		return Token{}, token.Credential{}, fault.New(fault.Forbidden, string(scope.RoleForbids), scope.RoleForbids.Sentence())
	}
	now := a.Now().UTC()
	life := r.Life
	if life == nil {
		def, err := purge.Until(now.Add(basis.account.Policy.DefaultLife), now)
		if err != nil {
			return Token{}, token.Credential{}, err
		}
		life = &def
	}
	c := a.Form.New(token.API)
	t := Token{
		ID: c.ID(), Account: by.Account, User: by.User, Name: r.Name, Description: r.Description, Digest: c.Digest(),
		Scope: r.Scope, Standing: standing.Of(basis.account, basis.user), Life: *life,
		Created: now.Truncate(time.Millisecond), Edition: 1, Version: 1,
	}
	ops := append(basis.checks, table.Create(t.item()))
	for _, k := range t.pointers() {
		pointer := table.Item{table.AttrPK: table.S(k.PK), table.AttrSK: table.S(k.SK)}
		setTime(pointer, table.AttrPurgeAt, t.Life.PurgeAt)
		ops = append(ops, table.Create(pointer))
	}
	actor := audit.Actor{User: by.User, Credential: by.Handle(), Via: via}
	ops = append(ops, audit.New(audit.TokenCreated, now, t.Account, actor, from, t.Subject()).Ops()...)
	if err := a.Table.Commit(ctx, ops...); err != nil {
		return Token{}, token.Credential{}, err
	}
	return t, c, nil
}

// basis is what issuing rests on, with the conditions under which it still holds.
type basis struct {
	account account.Account
	user    account.User
	checks  []table.Op
}

// basis reads the account, the user and the principal's own credential in one round trip.
func (a *Authority) basis(ctx context.Context, by Principal) (basis, error) {
	own := key.Token(by.ID.String()).Key()
	if by.Kind == token.Session {
		own = key.Session(by.ID.String()).Key()
	}
	keys := []table.Key{key.Account(by.Account).Key(), key.User{Account: by.Account, User: by.User}.Key(), own}
	items, err := a.Table.Get(ctx, keys...)
	if err != nil {
		return basis{}, err
	}
	acc, user, err := account.FromItems(items[0], items[1])
	gone := fault.Is(err, fault.NotFound) || items[2] == nil || items[2].Int("revoked") != 0 || by.Expired(a.Now())
	if err != nil && !gone {
		return basis{}, err
	}
	if gone || acc.Status != account.Active || user.Status != account.Active {
		return basis{}, fault.New(fault.Unauthenticated, "", "Unauthenticated.")
	}
	b := basis{account: acc, user: user}
	for i, k := range keys {
		b.checks = append(b.checks, table.Check(k, table.VersionIs(items[i].Version())))
	}
	return b, nil
}
