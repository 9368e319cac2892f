package api

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/go-json-experiment/json"

	"keyfob/internal/agenda"
	"keyfob/internal/metric"
)

// Sweep is the function that looks at what has become due: mails that are outstanding, digests, reminders of tokens that
// will end. A schedule invokes it. It implements lambda.Handler.
func Sweep(c Config) *Sweeper {
	tally := metric.NewTally(c.Meter)
	notices, tokens := c.notices(tally), c.authority()
	return &Sweeper{c.Log, c.Meter, tally, &agenda.Agenda{Table: c.Table, Now: c.Now}, map[agenda.Kind]agenda.See{
		agenda.Owed: notices.Outstanding, agenda.Digest: notices.Digest,
		agenda.Reminder: func(ctx context.Context, e agenda.Entry) (agenda.Verdict, error) {
			verdict, err := tokens.Remind(ctx, e)
			if len(verdict.With) > 0 {
				tally.Add(metric.Reminders, 1)
			}
			return verdict, err
		},
	}}
}

// Sweeper sweeps the agenda.
type Sweeper struct {
	log    *slog.Logger
	meter  *metric.Meter
	tally  *metric.Tally // of what an invocation does
	agenda *agenda.Agenda
	sees   map[agenda.Kind]agenda.See
}

// sweepMargin is what is kept of the function's time, a quarter at the most, so that what was begun can be noted.
const sweepMargin = 5 * time.Second

var errKind = errors.New("api: there is no such kind of entry on the agenda")

// Invoke sweeps once. It takes a schedule's event or an empty object, and nothing else: what another service sends here has
// gone astray. An error says that, or that the agenda could not be read to its end; what else fails stays on the agenda,
// for a later sweep.
func (s *Sweeper) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var event struct {
		Source *string `json:"source"`
	}
	if err := json.Unmarshal(payload, &event); err != nil || event.Source != nil && *event.Source != "aws.events" && *event.Source != "aws.scheduler" {
		s.log.LogAttrs(ctx, slog.LevelError, "agenda swept", slog.String("outcome", "failed"), slog.String("error", errNotOfSchedule.Error()))
		return nil, errNotOfSchedule
	}
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-min(sweepMargin, time.Until(deadline)/4)))
		defer cancel()
	}
	defer s.tally.Put()
	swept, err := s.agenda.Sweep(ctx, func(ctx context.Context, e agenda.Entry) (agenda.Verdict, error) {
		see := s.sees[e.Kind]
		if see == nil {
			return agenda.Verdict{}, errKind
		}
		return see(ctx, e)
	})
	s.meter.Put(metric.OwedNotices.Of(int64(swept.Failed)), metric.OldestOwedSeconds.Of(int64(swept.Overdue/time.Second)))
	outcome, level := "ok", slog.LevelInfo
	why := errors.Join(err, swept.Why)
	if why != nil {
		outcome, level = "failed", slog.LevelError
	}
	attrs := []slog.Attr{
		slog.String("outcome", outcome), slog.Int("seen", swept.Seen), slog.Int("failed", swept.Failed), slog.Int("left", swept.Left),
		slog.Int64("overdueSeconds", int64(swept.Overdue/time.Second)),
	}
	if why != nil {
		attrs = append(attrs, slog.String("error", why.Error()))
	}
	s.log.LogAttrs(ctx, level, "agenda swept", attrs...)
	if err != nil {
		return nil, errSweep
	}
	return []byte("{}"), nil
}

var errNotOfSchedule = errors.New("api: the payload is no event of a schedule")

var errSweep = errors.New("the agenda could not be read to its end")
