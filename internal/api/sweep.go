package api

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"

	"keyfob/internal/agenda"
	"keyfob/internal/metric"
)

// Sweep is the function that looks at what has become due: mails that are outstanding, digests, reminders of tokens that
// will end, and what upkeep would have finished had the stream brought it. A schedule invokes it. It implements
// lambda.Handler.
func Sweep(c Config) *Sweeper {
	tally := metric.NewTally(c.Meter)
	notices, f := c.notices(tally), c.finisher()
	return &Sweeper{c.Log, c.Meter, tally, &agenda.Agenda{Table: c.Table, Now: c.Now}, map[agenda.Kind]agenda.See{
		agenda.Owed: notices.Outstanding, agenda.Digest: notices.Digest, agenda.Finish: f.event, agenda.Reset: f.passwords.Reset,
		agenda.Reminder: func(ctx context.Context, e agenda.Entry) (agenda.Verdict, error) {
			verdict, err := f.authority.Remind(ctx, e)
			if len(verdict.With) > 0 {
				tally.Add(metric.Reminders, 1)
			}
			return verdict, err
		},
		agenda.Purge: func(ctx context.Context, e agenda.Entry) (agenda.Verdict, error) {
			verdict, err := f.authority.Purge(ctx, e)
			if !verdict.Next.IsZero() { // the store has not deleted it yet
				tally.Add(metric.PurgeLag, int64(c.Now().Sub(e.Due)/time.Second))
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
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-margin(deadline)))
		defer cancel()
	}
	defer s.tally.Put()
	var owed, oldest atomic.Int64
	swept, err := s.agenda.Sweep(ctx, func(ctx context.Context, e agenda.Entry) (agenda.Verdict, error) {
		if e.Kind == agenda.Owed {
			owed.Add(1)
			for late, was := int64(e.Overdue(s.agenda.Now())/time.Second), oldest.Load(); late > was && !oldest.CompareAndSwap(was, late); was = oldest.Load() {
			}
		}
		see := s.sees[e.Kind]
		if see == nil {
			return agenda.Verdict{}, errKind
		}
		return see(ctx, e)
	})
	s.meter.Put(metric.OwedNotices.Of(owed.Load()), metric.OldestOwedSeconds.Of(oldest.Load()))
	outcome, level := "ok", slog.LevelInfo
	why := errors.Join(err, swept.Why)
	if why != nil {
		outcome, level = "failed", slog.LevelError
	}
	attrs := []slog.Attr{
		slog.String("outcome", outcome), slog.Int("seen", swept.Seen), slog.Int("failed", swept.Failed), slog.Int("left", swept.Left),
		slog.Int64("owed", owed.Load()), slog.Int64("oldestSeconds", oldest.Load()),
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
