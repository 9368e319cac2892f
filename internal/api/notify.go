package api

import (
	"context"
	"log/slog"
	"strings"

	"keyfob/internal/audit"
	"keyfob/internal/notice"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

// Notify is the function that sees that people are told of events.
func Notify(c Config) *Consumer {
	n := notifications{c.Log, &notice.Notices{Table: c.Table, Now: c.Now, Accounts: c.accounts(), Sender: c.Sender, Realm: c.Form.Realm}}
	return &Consumer{c.Log, n.see}
}

type notifications struct {
	log     *slog.Logger
	notices *notice.Notices
}

func (n notifications) see(ctx context.Context, r table.Record) error {
	if r.EventName != table.Insert || !strings.HasPrefix(r.Change.Keys.String(table.AttrPK), key.PrefixAudit) {
		return nil
	}
	e, err := audit.FromItem(r.Change.NewImage)
	if err != nil {
		return err
	}
	if !notice.Owed(e.Type) {
		return nil
	}
	if err := n.notices.Deliver(ctx, e); err != nil {
		return err
	}
	n.log.LogAttrs(ctx, slog.LevelInfo, "notice seen through", slog.String("outcome", "ok"), slog.String("event", e.ID), slog.String("type", string(e.Type)))
	return nil
}
