package authority

import (
	"context"
	"slices"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/fault"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

// RevokeOrphans revokes the tokens that a removed user has left. They have been refused since the removal was acknowledged;
// this takes them out of the lists and the quotas, each with its event, by the system. Those that are only waiting for the
// store to delete them are left to it. Of somebody who is not removed nothing is revoked.
//
// It may be cut short anywhere, and any number may run at once: what is done is kept, and the rest is left for another run.
func (a *Authority) RevokeOrphans(ctx context.Context, acc, user string) error {
	_, u, err := (&account.Accounts{Table: a.Table}).WithUser(ctx, acc, user)
	if fault.Is(err, fault.NotFound) || err == nil && u.Status != account.Removed {
		return nil
	}
	if err != nil {
		return err
	}
	for q := (table.Query{PK: key.PrefixUserTokens + user, Limit: orphansAtOnce}); ; {
		page, err := a.Table.Query(ctx, q)
		if err != nil {
			return err
		}
		if len(page.Items) > 0 {
			q.After = page.Items[len(page.Items)-1].String(table.AttrSK)
			if err := table.Again(ctx, table.Patient, func() error { return a.revokeOrphans(ctx, acc, user, page.Items) }); err != nil {
				return err
			}
		}
		if !page.More {
			return nil
		}
		if ctx.Err() != nil {
			return fault.Retry(ctx.Err())
		}
	}
}

// orphansAtOnce is how many tokens are revoked in one commit: each takes its record, three deletions and its event, and all of
// them two for the counts.
const orphansAtOnce = (table.MaxCommit - 2) / (4 + audit.MostOps)

// revokeOrphans revokes those of the tokens that the pointers name which still are to be revoked.
func (a *Authority) revokeOrphans(ctx context.Context, acc, user string, pointers []table.Item) error {
	keys := make([]table.Key, len(pointers))
	for i, p := range pointers {
		keys[i] = key.Token(idOf(p)).Key()
	}
	items, err := a.Table.Get(ctx, keys...)
	if err != nil {
		return err
	}
	var orphans []Token
	now := a.Now()
	for _, it := range slices.DeleteFunc(items, func(it table.Item) bool { return it == nil }) {
		t, err := tokenFrom(it)
		if err != nil {
			return err
		}
		if t.Account == acc && t.User == user && t.visible(now) {
			orphans = append(orphans, t)
		}
	}
	if len(orphans) == 0 {
		return nil
	}
	ops, err := a.Revocations(ctx, orphans, func(t Token) audit.Event {
		e := audit.New(audit.TokenRevoked, now, acc, audit.Actor{Via: audit.ViaSystem}, audit.Origin{}, t.Subject())
		e.Note = "Its user was removed."
		return e
	})
	if err != nil {
		return err
	}
	return a.Table.Commit(ctx, ops...)
}
