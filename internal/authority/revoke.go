package authority

import (
	"context"

	"keyfob/internal/audit"
	"keyfob/internal/fault"
	"keyfob/internal/scope"
	"keyfob/internal/table"
)

// Revoke ends a token of the principal's account, at once. Revoking again what the account has revoked is no error
// (S18). Where editions are given, the token has to be of one of them. NotFound covers everything the principal may not
// see; Precondition says that the token is of another edition.
func (a *Authority) Revoke(ctx context.Context, by Principal, via string, from audit.Origin, handle string, editions ...int64) error {
	return table.Again(ctx, table.Hasty, func() error {
		t, err := a.find(ctx, by, handle, scope.RevokeTokens)
		if err == nil && !t.visible(a.Now()) && t.Revoked.IsZero() {
			err = errNoToken()
		}
		if err == nil && t.Revoked.IsZero() {
			err = t.matches(editions)
		}
		if err != nil {
			return err
		}
		return a.revoke(ctx, t, audit.New(audit.TokenRevoked, a.Now(), t.Account, by.actor(via), from, t.Subject()))
	})
}

// revoking is what it takes to revoke by a handle, where no authorizer has asked for it.
var revoking, _ = scope.ParsePermission(string(scope.RevokeTokens) + "|" + string(scope.OwnTokens))

// RevokeNamed is Revoke for a route that no authorizer guards: by whoever stands behind the credential that is presented
// with the request. Errors: Unauthenticated, Forbidden, and Revoke's.
func (a *Authority) RevokeNamed(ctx context.Context, by Presentation, handle string) error {
	s, err := a.Sight(ctx, by)
	if err != nil {
		return err
	}
	_ = a.Note(ctx, s) // the error says that it was not noted, and decides nothing
	if s.Denial != None {
		return fault.New(fault.Unauthenticated, "", "Unauthenticated.")
	}
	if reason := scope.Decide(s.Principal.Holder, revoking); reason != scope.Allowed {
		return fault.New(fault.Forbidden, string(reason), reason.Sentence())
	}
	via := audit.ViaAPI
	if by.Cookie {
		via = audit.ViaDashboard
	}
	return a.Revoke(ctx, s.Principal, via, by.From, handle)
}

// revoke ends the token, for the reason that the event gives.
func (a *Authority) revoke(ctx context.Context, t Token, why audit.Event) error {
	if !t.Revoked.IsZero() {
		return nil
	}
	ops, err := a.Revocations(ctx, []Token{t}, func(Token) audit.Event { return why })
	if err != nil {
		return err
	}
	return a.Table.Commit(ctx, ops...)
}

// Revocations gives the operations that revoke the tokens, all of them of one user and none revoked yet, each with the event
// that why gives for it: for a commit with more than that. A *table.Conflict says that one of them has changed since it was read.
func (a *Authority) Revocations(ctx context.Context, tokens []Token, why func(Token) audit.Event) ([]table.Op, error) {
	var ops []table.Op
	counted := int64(0)
	for _, t := range tokens {
		if t.Successor.IsZero() {
			counted++
		}
		e, was := why(t), t
		t.Revoked = e.At
		t.Edition++
		ops = append(append(ops, table.Replace(t.item(), t.Version)), repurge(was, t)...)
		for _, k := range t.pointers() {
			ops = append(ops, table.Delete(k, table.Anything()))
		}
		ops = append(ops, e.Ops()...)
	}
	if counted > 0 {
		keys := quotaKeys(tokens[0].Account, tokens[0].User)
		counts, err := a.Table.Get(ctx, keys[:]...)
		if err != nil {
			return nil, err
		}
		ops = append(ops, count(keys, counts, -counted)...)
	}
	return ops, nil
}
