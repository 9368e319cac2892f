package soak

import (
	"context"
	"time"

	"keyfob/internal/table/key"
)

// Settling goes on in steps of the service's time until nothing is owed any more, for as long at the least as claims, retries
// and steps of the clock take, and at the most for longer than the stream tries to deliver a record.
const (
	settleStep  = time.Minute
	settleLeast = 20
	settleSmall = 60 // steps, after which they are ten times as long
	settleMost  = 8 * 60
)

// settle ends all faults and lets the service come to rest.
func (w *world) settle(ctx context.Context) error {
	w.plan.Stop()
	w.house.noTTL.Store(false)
	w.house.wrong.Set(0)
	select {
	case <-w.house.process.Dead():
		w.restart(ctx)
	default:
	}
	for n := range settleMost {
		if err := w.house.server.Settle(ctx); err != nil {
			return err
		}
		step := settleStep
		if n >= settleSmall {
			step *= 10
		}
		if _, err := w.house.server.Advance(ctx, step); err != nil {
			return err
		}
		if n >= settleLeast && n%10 == 0 {
			if inv := w.take(key.PrefixAudit, key.PrefixNotice, key.PrefixDue, key.PrefixToken); len(inv.unsent(w)) == 0 && len(inv.pending()) == 0 {
				break
			}
		}
	}
	return w.house.server.Settle(ctx)
}
