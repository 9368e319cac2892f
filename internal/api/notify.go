package api

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"keyfob/internal/audit"
	"keyfob/internal/factor"
	"keyfob/internal/link"
	"keyfob/internal/metric"
	"keyfob/internal/notice"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

// Notify is the function that sees that people are told of events.
func Notify(c Config) *Consumer {
	tally := metric.NewTally(c.Meter)
	return &Consumer{c.Log, notifications{c.Log, c.notices(tally)}.see, tally}
}

// notices decides about notices, for the functions that send them, and measures what becomes of mails.
func (c Config) notices(tally *metric.Tally) *notice.Notices {
	links := &link.Links{Table: c.Table, Now: c.Now, Form: c.Form, URL: c.URL}
	factors := &factor.Factors{Table: c.Table, Now: c.Now, Form: c.Form}
	return &notice.Notices{
		Table: c.Table, Now: c.Now, Accounts: c.accounts(), Sender: c.Sender, Realm: c.Form.Realm, URL: c.URL, Observe: tallied(tally),
		Enclosers: map[audit.Type]notice.Encloser{
			audit.UserInvited: links.Enclose, audit.PasswordRequested: links.Enclose,
			audit.FactorRequested: func(ctx context.Context, e audit.Event) (notice.Enclosure, bool, error) {
				code, until, owed, err := factors.Enclose(ctx, e)
				return notice.Enclosure{Code: code, Until: until}, owed, err
			},
		},
		Disavow: c.disavowals().Mint,
	}
}

// tallied measures what becomes of mails.
func tallied(t *metric.Tally) func(notice.Outcome, time.Duration) {
	return func(what notice.Outcome, after time.Duration) {
		switch what {
		case notice.Sent:
			t.Add(metric.NoticesSent, 1)
			t.Add(metric.NoticeLatency, after.Milliseconds())
		case notice.Rejected:
			t.Add(metric.NoticesRejected, 1)
		case notice.Suppressed:
			t.Add(metric.NoticesSuppressed, 1)
		}
	}
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
	if !e.Owed() {
		return nil
	}
	outcome := "ok"
	err = n.notices.Deliver(ctx, e)
	if left, ok := errors.AsType[*notice.Left](err); ok {
		// The sweeper sees to it. Were it reported as outstanding, the events behind it would wait for it.
		outcome, err = "left", nil
		if left.Why != nil {
			n.log.LogAttrs(ctx, slog.LevelWarn, "notice outstanding", slog.String("event", e.ID), slog.String("error", left.Why.Error()))
		}
	}
	if err != nil {
		return err
	}
	n.log.LogAttrs(ctx, slog.LevelInfo, "notice seen through", slog.String("outcome", outcome), slog.String("event", e.ID), slog.String("type", string(e.Type)))
	return nil
}
