package api

import (
	"context"
	"errors"
	"log/slog"
	"strings"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/metric"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

// Upkeep is the function that finishes what nobody waits for: it records that the store has deleted a token which was
// due, it carries on changes of users and accounts that whoever began them has left, it revokes the tokens of who was
// removed, it ends what sessions a change of password has left, and it issues links to those who forgot theirs.
func Upkeep(c Config) *Consumer {
	tally := metric.NewTally(c.Meter)
	u := upkeep{c.Log, tally, c.finisher()}
	return &Consumer{c.Log, u.see, tally}
}

type upkeep struct {
	log   *slog.Logger
	tally *metric.Tally
	finisher
}

func (u upkeep) see(ctx context.Context, r table.Record) error {
	pk := r.Change.Keys.String(table.AttrPK)
	var did string
	var err error
	switch {
	case r.Purged() && strings.HasPrefix(pk, key.PrefixToken):
		did, err = "purge", u.purged(ctx, r.Change)
	case r.EventName != table.Remove && strings.HasPrefix(pk, key.PrefixAccount) && r.Change.NewImage.Bool("behind"):
		did, err = "carrying", u.changed(ctx, r.Change)
	case r.EventName == table.Insert && strings.HasPrefix(pk, key.PrefixReset):
		did, err = "reset", u.passwords.ServeReset(ctx, r.Change.NewImage)
	case r.EventName == table.Insert && strings.HasPrefix(pk, key.PrefixAudit) && r.Change.NewImage.String("type") == string(audit.PasswordChanged):
		did, err = "password", u.password(ctx, r.Change.NewImage)
	default:
		return nil
	}
	if err == nil {
		u.log.LogAttrs(ctx, slog.LevelInfo, "upkeep seen through", slog.String("outcome", "ok"), slog.String("did", did), slog.String("sequence", r.Change.SequenceNumber))
	}
	return err
}

// purged has a purge recorded, and measures how late the store was with it.
func (u upkeep) purged(ctx context.Context, c table.Change) error {
	at := c.ApproximateCreationDateTime.Time()
	err := u.authority.Purged(ctx, c.OldImage, at)
	if err == nil {
		u.tally.Add(metric.PurgeLag, at.Unix()-c.OldImage.PurgeAt())
	}
	return err
}

// password ends what sessions a change of password has left.
func (u upkeep) password(ctx context.Context, changed table.Item) error {
	e, err := audit.FromItem(changed)
	if err != nil {
		return err
	}
	return u.passwords.Finish(ctx, e)
}

var errBehind = errors.New("api: what is marked as behind is neither an account nor a user")

// changed carries on the change of a user or an account that is marked as behind.
func (u upkeep) changed(ctx context.Context, c table.Change) error {
	acc := strings.TrimPrefix(c.Keys.String(table.AttrPK), key.PrefixAccount)
	sk := c.Keys.String(table.AttrSK)
	if user, ok := strings.CutPrefix(sk, key.PrefixUser); ok {
		return u.user(ctx, acc, user, account.Status(c.NewImage.String("status")))
	}
	if sk == key.Account(acc).Key().SK {
		return u.carrier.Account(ctx, acc)
	}
	return errBehind
}
