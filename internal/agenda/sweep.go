package agenda

import (
	"cmp"
	"context"
	"errors"
	"fmt"
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

// See looks at an entry. It may be called any number of times for the same one. An error says that it could not be seen to;
// ErrNoTime, that there was no time to try.
type See func(context.Context, Entry) (Verdict, error)

// ErrNoTime says that too little time is left to see to an entry. It is left as it is, for the next sweep.
var ErrNoTime = errors.New("agenda: there is too little time left")

// Swept is what a sweep has found.
type Swept struct {
	Seen   int   // entries that were due and seen to
	Failed int   // entries that were due and could not be seen to
	Left   int   // shards that were not swept to their ends, for want of time or of the table
	Why    error // the first failure of each shard, joined; nil for none
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
			swept.Why = errors.Join(swept.Why, one.Why)
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
			err := a.see(ctx, e, see)
			switch {
			case errors.Is(err, ErrNoTime):
				swept.Left = 1
				return swept, nil
			case err == nil:
				swept.Seen++
			default:
				swept.Failed++
				swept.Why = cmp.Or(swept.Why, err)
			}
		}
		if !page.More {
			return swept, nil
		}
	}
}

// see has the entry looked at, and brings about what is to become of it. What could not be seen to is put off.
func (a *Agenda) see(ctx context.Context, e Entry, see See) error {
	failed := table.Again(ctx, table.Patient, func() error {
		verdict, err := safely(ctx, e, see)
		if err != nil {
			return err
		}
		next := e
		next.tries = 0
		return a.settle(ctx, e, next.at(verdict.Next), !verdict.Next.IsZero(), verdict.With)
	})
	if failed == nil || errors.Is(failed, ErrNoTime) {
		return failed
	}
	// Also where it has used up all the time there was, or it would be first to do so in each sweep.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), putOff)
	defer cancel()
	next := e
	next.tries++
	if err := a.settle(ctx, e, next.at(a.Now().Add(Pause(next.tries))), true, nil); err != nil {
		failed = errors.Join(failed, err) // it stays where it is, and the next sweep finds it
	}
	return failed
}

// putOff is how long it may take to put off what has failed.
const putOff = 2 * time.Second

// safely makes an error of a panic: or one entry would end the sweeps, and all that they are at, for good.
func safely(ctx context.Context, e Entry, see See) (v Verdict, err error) {
	defer func() {
		if p := recover(); p != nil {
			v, err = Verdict{}, fmt.Errorf("agenda: looking at %s %s: panic: %v", e.Kind, e.Ref, p)
		}
	}()
	return see(ctx, e)
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
