package api

import (
	"context"
	"log/slog"
	"strings"

	"keyfob/internal/audit"
	"keyfob/internal/factor"
	"keyfob/internal/link"
	"keyfob/internal/notice"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

// Notify is the function that sees that people are told of events.
func Notify(c Config) *Consumer {
	links := &link.Links{Table: c.Table, Now: c.Now, Form: c.Form, URL: c.URL}
	factors := &factor.Factors{Table: c.Table, Now: c.Now, Form: c.Form}
	n := notifications{c.Log, &notice.Notices{
		Table: c.Table, Now: c.Now, Accounts: c.accounts(), Sender: c.Sender, Realm: c.Form.Realm, URL: c.URL,
		Enclosers: map[audit.Type]notice.Encloser{
			audit.UserInvited: links.Enclose, audit.PasswordRequested: links.Enclose,
			audit.FactorRequested: func(ctx context.Context, e audit.Event) (notice.Enclosure, bool, error) {
				code, until, owed, err := factors.Enclose(ctx, e)
				return notice.Enclosure{Code: code, Until: until}, owed, err
			},
		},
		Disavow: c.disavowals().Mint,
	}}
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
	if !notice.Owed(e) {
		return nil
	}
	if err := n.notices.Deliver(ctx, e); err != nil {
		return err
	}
	n.log.LogAttrs(ctx, slog.LevelInfo, "notice seen through", slog.String("outcome", "ok"), slog.String("event", e.ID), slog.String("type", string(e.Type)))
	return nil
}
