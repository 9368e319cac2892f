package soak

import (
	"context"
	"strings"
	"time"

	"keyfob/internal/table/key"
)

// sweeper is the function that sends what the stream has lost, and takes over what a sender that died had claimed.
const sweeper = "functions/sweep"

// swept reports whether the service has the sweeper.
func (w *world) swept() bool {
	_, err := w.house.server.Invoke(context.Background(), sweeper, []byte("{}"))
	return err == nil || !strings.Contains(err.Error(), "there is no function")
}

// Settling goes on in steps of the service's time until nothing is owed any more, for as long at the least as claims, retries
// and steps of the clock take, and at the most for longer than the stream tries to deliver a record.
const (
	settleStep  = time.Minute
	settleLeast = 20
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
		if _, err := w.house.server.Advance(ctx, settleStep); err != nil {
			return err
		}
		if w.swept() && n < settleLeast { // which invokes it
			continue
		}
		if n >= settleLeast && n%10 == 0 && len(w.take(key.PrefixAudit, key.PrefixNotice).unsent(w)) == 0 {
			break
		}
	}
	return w.house.server.Settle(ctx)
}
