package soak

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"keyfob/internal/faulty"
)

// mix sets how often what fails while everybody works.
func (w *world) mix() {
	for kind, part := range map[faulty.Kind]float64{
		faulty.TableBusy: 0.004, faulty.TableLost: 0.004, faulty.TableHang: 0.0002, faulty.DiesBefore: 0.001, faulty.DiesAfter: 0.002,
		faulty.MailBusy: 0.01, faulty.MailQuota: 0.004, faulty.MailPaused: 0.004, faulty.MailRejected: 0.002, faulty.MailLost: 0.005,
		faulty.MailDies: 0.003, faulty.MailDiesEre: 0.003, faulty.MailHang: 0.0005, faulty.MailSlow: 0.005, faulty.KeysDenied: 0.03, faulty.KeysHang: 0.002,
		faulty.ConsumerEmpty: 0.002, faulty.BatchTenfold: 0.01, faulty.BatchAtOnce: 0.01, faulty.BatchShuffled: 0.02, faulty.BatchLate: 0.02, faulty.ConsumerPanic: 0.005, faulty.ConsumerDies: 0.005,
	} {
		w.plan.Rate(kind, part)
	}
}

// The pace of the service's clock, and how long a function may take in real time. What hangs is over soon; and in the longest
// invocation so little of the service's time passes that a claim of a delivery outlasts who has it by far, as it does on AWS.
const (
	tick       = 50 * time.Millisecond
	perTick    = 600 * time.Millisecond
	invocation = 3 * time.Second
)

// perStuckTick is what passes at once where the stream only waits until it may bring a batch again, and no consumer is at work.
const perStuckTick = 20 * time.Second

// passTick lets a little of the service's time pass.
func (w *world) passTick() {
	a := &w.house.attention
	if !a.stuck.Load() || !a.work.TryLock() {
		w.house.clock.Advance(perTick)
		return
	}
	defer a.work.Unlock()
	w.house.clock.Advance(perStuckTick)
}

// think is how long somebody pauses between two things, on average and in real time. Without it the mails of all that is done
// would not be sent while it is done, and so not while anything fails.
const think = 30 * time.Millisecond

// work has everybody work until the run's bound is reached, while a director makes what no call does.
func (w *world) work(ctx context.Context) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if w.config.Duration > 0 {
		timer := time.AfterFunc(w.config.Duration, stop)
		defer timer.Stop()
	}
	var all sync.WaitGroup
	var over atomic.Bool
	lane := uint64(0)
	run := func(step func(context.Context), r *rand.Rand) {
		all.Go(func() {
			for ctx.Err() == nil && !over.Load() {
				w.gate.RLock()
				step(context.WithoutCancel(ctx)) // what was begun is seen through
				w.gate.RUnlock()
				pauseFor(ctx, time.Duration(r.Int64N(int64(2*think))))
				if w.config.Ops > 0 && w.tally.ops() >= w.config.Ops {
					over.Store(true)
				}
			}
		})
	}
	dice := func() *rand.Rand {
		lane++
		return rand.New(rand.NewPCG(w.config.Seed, lane)) //#nosec G404 -- a play, not a secret
	}
	for _, t := range w.tenants {
		s := &steward{world: w, tenant: t, random: dice()}
		s.users = append(s.users, t.guest.session)
		run(s.step, s.random)
		for _, p := range t.members {
			m := &member{world: w, person: p, random: dice()}
			run(m.step, m.random)
		}
	}
	directing := make(chan struct{})
	go func() {
		defer close(directing)
		w.direct(ctx, &over, dice())
	}()
	paced := make(chan struct{})
	go func() {
		defer close(paced)
		for ticker := time.NewTicker(tick); ; {
			select {
			case <-ticker.C:
				w.passTick()
			case <-directing:
				ticker.Stop()
				return
			}
		}
	}()
	all.Wait()
	over.Store(true)
	<-directing
	<-paced
}
