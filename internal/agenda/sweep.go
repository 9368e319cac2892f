package agenda

import (
	"context"
	"errors"
	"sync"
	"time"

	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

// An Agenda is swept.
type Agenda struct {
	Table table.Table
	Now   func() time.Time
}

// A Verdict is what is to become of an entry that somebody has looked at: it is taken off, or put to another time.
type Verdict struct {
	Next time.Time  // when to look at it again; zero for never
	With []table.Op // committed with the entry's end, and only if it was still there
}

// See looks at an entry. It may be called any number of times for the same one. An error says that it could not be seen to.
type See func(context.Context, Entry) (Verdict, error)

// Swept is what a sweep has found.
type Swept struct {
	Seen    int           // entries that were due and seen to
	Failed  int           // entries that were due and could not be seen to
	Left    int           // shards that were not swept to their ends, for want of time or of the table
	Overdue time.Duration // of the entry that has failed for the longest time; 0 for none
	Why     error         // the first failure of each shard, joined; nil for none
}

// Sweep looks at every entry that is due, oldest first in each shard, until ctx ends or none is left. Any number of sweeps
// may run at once. The error says that a shard could not be read to its end.
func (a *Agenda) Sweep(ctx context.Context, see See) (Swept, error) {
	var mu sync.Mutex
	var all sync.WaitGroup
	var swept Swept
	var failed error
	for shard := range shards {
		all.Go(func() {
			one, err := a.shard(ctx, shard, see)
			mu.Lock()
			defer mu.Unlock()
			swept.Seen, swept.Failed, swept.Left = swept.Seen+one.Seen, swept.Failed+one.Failed, swept.Left+one.Left
			swept.Overdue, swept.Why = max(swept.Overdue, one.Overdue), errors.Join(swept.Why, one.Why)
			failed = errors.Join(failed, err)
		})
	}
	all.Wait()
	return swept, failed
}

// atOnce is how many entries are read at once.
const atOnce = 100

func (a *Agenda) shard(ctx context.Context, shard int, see See) (swept Swept, err error) {
	now := a.Now()
	for q := (table.Query{PK: key.DueShard(shard), Limit: atOnce}); ; {
		page, err := a.Table.Query(ctx, q)
		if err != nil {
			swept.Left = 1
			return swept, err
		}
		for _, it := range page.Items {
			q.After = it.String(table.AttrSK)
			e := fromItem(it)
			if e.Due.After(now) {
				return swept, nil
			}
			if ctx.Err() != nil {
				swept.Left = 1
				return swept, nil
			}
			if err := a.see(ctx, e, see); err != nil {
				swept.Failed++
				swept.Overdue = max(swept.Overdue, now.Sub(e.since))
				if swept.Why == nil {
					swept.Why = err
				}
				continue
			}
			swept.Seen++
		}
		if !page.More {
			return swept, nil
		}
	}
}

// see has the entry looked at, and brings about what is to become of it. What could not be seen to is put off.
func (a *Agenda) see(ctx context.Context, e Entry, see See) error {
	failed := table.Again(ctx, table.Patient, func() error {
		verdict, err := see(ctx, e)
		if err != nil {
			return err
		}
		next := e
		next.tries = 0
		return a.settle(ctx, e, next.at(verdict.Next), !verdict.Next.IsZero(), verdict.With)
	})
	if failed == nil {
		return nil
	}
	next := e
	next.tries++
	if err := a.settle(ctx, e, next.at(a.Now().Add(Pause(next.tries))), true, nil); err != nil {
		failed = errors.Join(failed, err) // it stays where it is, and the next sweep finds it
	}
	return failed
}

// settle takes the entry off the agenda, and puts on what comes after it. Where it is gone, another sweep has seen to it.
func (a *Agenda) settle(ctx context.Context, e, next Entry, more bool, with []table.Op) error {
	if more && next.Key() == e.Key() {
		next = next.at(next.Due.Add(time.Millisecond))
	}
	gone := table.Delete(e.Key(), table.VersionIs(e.version))
	ops := append([]table.Op{gone}, with...)
	if more {
		ops = append(ops, next.Add())
	}
	err := a.Table.Commit(ctx, ops...)
	if conflict, ok := errors.AsType[*table.Conflict](err); ok {
		switch {
		case conflict.Key == gone.Key:
			return nil
		case more && conflict.Key == next.Key(): // it is on the agenda already
			return a.settle(ctx, e, next, false, with)
		}
	}
	return err
}

// Pause is how long an entry that has failed so often is put off: from a minute, doubled each time, up to six hours.
func Pause(tries int) time.Duration {
	return min(time.Minute<<min(max(tries-1, 0), 10), 6*time.Hour)
}
