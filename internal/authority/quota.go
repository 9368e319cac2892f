package authority

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/fault"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

// A token counts against the quotas of its account and of the user who made it from its making until it is revoked or
// purged; a successor takes its predecessor's place. The counts change in the commits that make and end tokens, so that
// they cannot be outrun (S26). A token that is due for purging still counts until the store has deleted it.

// quotaKeys are the keys of the two counts.
func quotaKeys(account, user string) [2]table.Key {
	return [2]table.Key{key.AccountQuota(account).Key(), key.UserQuota{Account: account, User: user}.Key()}
}

// count gives the operations that change the two counts, read as items, by n.
func count(keys [2]table.Key, items []table.Item, n int64) []table.Op {
	var ops []table.Op
	for i, k := range keys {
		it := table.Item{table.AttrPK: table.S(k.PK), table.AttrSK: table.S(k.SK), "tokens": table.N(max(0, items[i].Int("tokens")+n))}
		if items[i] == nil {
			ops = append(ops, table.Create(it))
		} else {
			ops = append(ops, table.Replace(it, items[i].Version()))
		}
	}
	return ops
}

// room refuses one token more where that would break a quota. At the bound it looks which of the tokens counted are only
// waiting for the store to delete them: whoever makes or ends one meanwhile changes the counts as they were read, and the
// commit that relies on this does not hold.
func (a *Authority) room(ctx context.Context, acc account.Account, user string, counts []table.Item) error {
	for i, q := range []struct {
		pk, whose, code string
		limit           int
	}{
		{key.PrefixAccountTokens + acc.ID, "The account", "account_quota_reached", acc.Policy.TokensPerAccount},
		{key.PrefixUserTokens + user, "The user", "user_quota_reached", acc.Policy.TokensPerUser},
	} {
		if counts[i].Int("tokens") < int64(q.limit) {
			continue
		}
		n := int(counts[i].Int("living"))
		if a.Now().Sub(getTime(counts[i], "countedAt")) >= recount {
			var err error
			if n, err = a.living(ctx, q.pk); err != nil {
				return err
			}
			if err := a.counted(ctx, counts[i], n); err != nil {
				return err
			}
		}
		if n >= q.limit {
			return fault.New(fault.Conflict, q.code, fmt.Sprintf("%s has as many tokens as the account's policy allows: %d.", q.whose, q.limit))
		}
	}
	return nil
}

// recount is for how long a count of the living stands, if nothing is made or ended meanwhile.
const recount = time.Minute

// counted notes the count of the living, so that the next to come up against the bound need not read the whole list. Who
// makes or ends a token writes the counts without it.
func (a *Authority) counted(ctx context.Context, counts table.Item, living int) error {
	it := maps.Clone(counts)
	it["living"] = table.N(living)
	setTime(it, "countedAt", a.Now())
	op := table.Replace(it, counts.Version())
	err := a.Table.Commit(ctx, op)
	if _, moved := errors.AsType[*table.Conflict](err); moved {
		return nil // the commit that relies on the counts does not hold either
	}
	if err == nil {
		maps.Copy(counts, op.Item)
	}
	return err
}

// living counts the tokens of a list that are neither due for purging nor replaced by a successor.
func (a *Authority) living(ctx context.Context, pk string) (int, error) {
	n, now := 0, a.Now().Unix()
	for q := (table.Query{PK: pk, Limit: 1000}); ; {
		page, err := a.Table.Query(ctx, q)
		if err != nil {
			return 0, err
		}
		for _, it := range page.Items {
			if !it.Bool("replaced") && (it.PurgeAt() == 0 || now < it.PurgeAt()) {
				n++
			}
			q.After = it.String(table.AttrSK)
		}
		if !page.More {
			return n, nil
		}
	}
}
