package api

import (
	"context"
	"errors"
	"log/slog"
	"strings"

	"keyfob/internal/authority"
	"keyfob/internal/standing"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

// Upkeep is the function that finishes what nobody waits for: it records that the store has deleted a token which was
// due, and it carries on changes of users and accounts that whoever began them has left.
func Upkeep(c Config) *Consumer {
	u := upkeep{c.Log, c.authority(), &standing.Carrier{Table: c.Table, Accounts: c.accounts()}}
	return &Consumer{c.Log, u.see}
}

type upkeep struct {
	log       *slog.Logger
	authority *authority.Authority
	carrier   *standing.Carrier
}

func (u upkeep) see(ctx context.Context, r table.Record) error {
	pk := r.Change.Keys.String(table.AttrPK)
	var did string
	var err error
	switch {
	case r.Purged() && strings.HasPrefix(pk, key.PrefixToken):
		did, err = "purge", u.authority.Purged(ctx, r.Change.OldImage, r.Change.ApproximateCreationDateTime.Time())
	case r.EventName != table.Remove && strings.HasPrefix(pk, key.PrefixAccount) && r.Change.NewImage.Bool("behind"):
		did, err = "carrying", u.carry(ctx, r.Change.Keys)
	default:
		return nil
	}
	if err == nil {
		u.log.LogAttrs(ctx, slog.LevelInfo, "upkeep seen through", slog.String("outcome", "ok"), slog.String("did", did), slog.String("sequence", r.Change.SequenceNumber))
	}
	return err
}

var errBehind = errors.New("api: what is marked as behind is neither an account nor a user")

func (u upkeep) carry(ctx context.Context, keys table.Item) error {
	account := strings.TrimPrefix(keys.String(table.AttrPK), key.PrefixAccount)
	sk := keys.String(table.AttrSK)
	if user, ok := strings.CutPrefix(sk, key.PrefixUser); ok {
		return u.carrier.User(ctx, account, user)
	}
	if sk == key.Account(account).Key().SK {
		return u.carrier.Account(ctx, account)
	}
	return errBehind
}
