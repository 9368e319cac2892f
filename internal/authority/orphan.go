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
	counts := quotaKeys(acc, user)
	keys := counts[:]
	for _, p := range pointers {
		keys = append(keys, key.Token(idOf(p)).Key())
	}
	items, err := a.Table.Get(ctx, keys...)
	if err != nil {
		return err
	}
	var ops []table.Op
	now, counted := a.Now(), int64(0)
	for _, it := range slices.DeleteFunc(items[2:], func(it table.Item) bool { return it == nil }) {
		t, err := tokenFrom(it)
		if err != nil {
			return err
		}
		if t.Account != acc || t.User != user || !t.visible(now) {
			continue
		}
		if t.Successor.IsZero() {
			counted++
		}
		e := audit.New(audit.TokenRevoked, now, acc, audit.Actor{Via: audit.ViaSystem}, audit.Origin{}, t.Subject())
		e.Note = "Its user was removed."
		was := t
		t.Revoked = e.At
		t.Edition++
		ops = append(append(ops, table.Replace(t.item(), t.Version)), repurge(was, t)...)
		for _, k := range t.pointers() {
			ops = append(ops, table.Delete(k, table.Anything()))
		}
		ops = append(ops, e.Ops()...)
	}
	if len(ops) == 0 {
		return nil
	}
	if counted > 0 {
		ops = append(ops, count(counts, items[:2], -counted)...)
	}
	return a.Table.Commit(ctx, ops...)
}
