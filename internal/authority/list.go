package authority

import (
	"context"
	"slices"

	"keyfob/internal/audit"
	"keyfob/internal/fault"
	"keyfob/internal/scope"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
)

// A ListRequest asks for a page of tokens, newest first.
type ListRequest struct {
	Own   bool   // only those the user behind the principal has made
	Limit int    // 1 to 100
	After string // the position the last page ended at; empty for the first
}

// A TokenPage is a run of tokens. Next is the position to go on from, empty at the end. A page may be shorter than
// asked for and still have a Next, where tokens on it have been revoked or are due for purging.
type TokenPage struct {
	Tokens []Token
	Next   string
}

// errNoToken answers alike for what does not exist and what the caller may not know of.
func errNoToken() error { return fault.New(fault.NotFound, "not_found", "There is no such token.") }

// seesAll reports whether the principal may see every token of the account, not only those it made.
func seesAll(p Principal, needs scope.Right) bool {
	return slices.Contains(scope.RightsOf(p.Holder.Role, p.Holder.Issuers), needs)
}

// List gives the account's tokens, or the user's own, in two round trips.
func (a *Authority) List(ctx context.Context, by Principal, r ListRequest) (TokenPage, error) {
	q := table.Query{PK: key.PrefixAccountTokens + by.Account, Limit: r.Limit, After: r.After, Descending: true}
	if r.Own || !seesAll(by, scope.ReadTokens) {
		q.PK = key.PrefixUserTokens + by.User
	}
	if r.After != "" && !key.Stamped(r.After) {
		return TokenPage{}, fault.Bad("cursor", "malformed", "cursor is not one that this list has given.")
	}
	page, err := a.Table.Query(ctx, q)
	if err != nil || len(page.Items) == 0 {
		return TokenPage{}, err
	}
	keys := make([]table.Key, len(page.Items))
	for i, it := range page.Items {
		keys[i] = key.Token(idOf(it)).Key()
	}
	items, err := a.Table.Get(ctx, keys...)
	if err != nil {
		return TokenPage{}, err
	}
	var out TokenPage
	for _, it := range items {
		if it == nil {
			continue // purged or revoked between the two reads
		}
		t, err := tokenFrom(it)
		if err != nil {
			return TokenPage{}, err
		}
		if t.Account == by.Account && t.visible(a.Now()) {
			out.Tokens = append(out.Tokens, t)
		}
	}
	if page.More {
		out.Next = page.Items[len(page.Items)-1].String(table.AttrSK)
	}
	return out, nil
}

// idOf gives the token id that a pointer's sort key ends with.
func idOf(pointer table.Item) string {
	sk := pointer.String(table.AttrSK)
	return sk[max(0, len(sk)-token.IDLen):]
}

// Get gives one token of the principal's account. That somebody else than its creator has opened it is recorded before
// it is shown (C12). NotFound covers everything the principal may not see.
func (a *Authority) Get(ctx context.Context, by Principal, via string, from audit.Origin, handle string) (Token, error) {
	t, err := a.find(ctx, by, handle, scope.ReadTokens)
	if err == nil && !t.visible(a.Now()) {
		err = errNoToken()
	}
	if err == nil && t.User != by.User {
		e := audit.New(audit.TokenAccessed, a.Now(), t.Account, by.actor(via), from, t.Subject())
		e.Note = "The token's record was opened."
		err = a.Table.Commit(ctx, e.Ops()...)
	}
	if err != nil {
		return Token{}, err
	}
	return t, nil
}

// findFor is find by what the user behind the principal may do now, and not when the request was let through.
func (a *Authority) findFor(ctx context.Context, b basis, handle string, needs scope.Right) (Token, error) {
	now := b.by
	now.Holder.Role, now.Holder.Issuers = b.user.Role, b.account.Policy.Issuers
	return a.find(ctx, now, handle, needs)
}

// find reads a token of the principal's account that the right, or having made it, lets the principal touch.
func (a *Authority) find(ctx context.Context, by Principal, handle string, needs scope.Right) (Token, error) {
	id, err := token.ParseHandle(token.API, handle)
	if err != nil {
		return Token{}, errNoToken()
	}
	items, err := a.Table.Get(ctx, key.Token(id.String()).Key())
	if err != nil {
		return Token{}, err
	}
	if items[0] == nil {
		return Token{}, errNoToken()
	}
	t, err := tokenFrom(items[0])
	if err != nil {
		return Token{}, err
	}
	if t.Account != by.Account || t.User != by.User && !seesAll(by, needs) {
		return Token{}, errNoToken()
	}
	return t, nil
}
