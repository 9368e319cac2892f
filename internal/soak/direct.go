package soak

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"keyfob/internal/faulty"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

// acts is how often the director has its turn in a run, so that each of what it does comes in a short run too.
const acts = 60

// direct makes what no call does: the process dies, the table is down for a while, a record is poison, the clock steps, the
// TTL stops, the consumer is down for a day.
func (w *world) direct(ctx context.Context, over *atomic.Bool, r *rand.Rand) {
	begun := time.Now()
	part := func() float64 {
		byOps, byTime := 0.0, 0.0
		if w.config.Ops > 0 {
			byOps = float64(w.tally.ops()) / float64(w.config.Ops)
		}
		if w.config.Duration > 0 {
			byTime = float64(time.Since(begun)) / float64(w.config.Duration)
		}
		return max(byOps, byTime)
	}
	for act := 0; act < acts; act++ {
		for ctx.Err() == nil && !over.Load() && part() < (float64(act)+0.5)/acts {
			pauseFor(ctx, tick/5)
		}
		if ctx.Err() != nil || over.Load() {
			return
		}
		w.says("%d operations, %d mails; act %d of %d", w.tally.ops(), len(w.house.post.Sent()), act+1, acts)
		switch act % 6 {
		case 0, 3:
			w.die(ctx, over)
		case 1:
			w.outage(ctx)
		case 2:
			w.steps(r)
		case 4:
			w.lingers(ctx)
		case 5:
			switch act / 6 % 5 {
			case 0:
				w.poison(ctx)
			case 1, 3:
				w.dayOff(ctx)
			}
		}
	}
}

func pauseFor(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// die has the process die at the next commit, and starts another.
func (w *world) die(ctx context.Context, over *atomic.Bool) {
	order := w.plan.InjectAfter(3, faulty.ProcessDies, 1, faulty.Of("", faulty.Commit))
	for !over.Load() && ctx.Err() == nil {
		select {
		case <-w.house.process.Dead():
			w.restart(ctx)
			return
		case <-time.After(tick):
		}
	}
	order.Stop()
	select {
	case <-w.house.process.Dead():
		w.restart(ctx)
	default:
	}
}

// restart starts a process in the place of one that has died, when all whom it leaves without an answer know.
func (w *world) restart(ctx context.Context) {
	w.gate.Lock()
	defer w.gate.Unlock()
	err := w.house.stop()
	if err == nil {
		err = w.house.start(context.WithoutCancel(ctx))
	}
	if err != nil {
		w.broke(halfDone, "the service does not start again: %v", err)
		panic(err) // there is nothing to drive any more
	}
	w.inspect()
}

// outage has the table answer nobody for a while: none may be let in meanwhile.
func (w *world) outage(ctx context.Context) {
	w.plan.Count(faulty.Outage)
	order := w.plan.Inject(faulty.TableBusy, -1, func(faulty.Call) bool { return true })
	pauseFor(ctx, 4*tick)
	order.Stop()
}

// steps has the clock step by up to five minutes, ahead and back again.
func (w *world) steps(r *rand.Rand) {
	w.gate.Lock() // and nobody's request, nor a consumer's, is under way
	defer w.gate.Unlock()
	w.rest()
	w.plan.Count(faulty.ClockStep)
	w.house.attention.work.Lock() // nor a sender's, whose claim would end under its hands
	defer w.house.attention.work.Unlock()
	w.house.wrong.Set(time.Duration(r.IntN(601)-300) * time.Second)
}

// rest waits until the consumers have come to rest.
func (w *world) rest() {
	settling, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_ = w.house.server.Settle(settling)
}

// lingers stops the TTL for a while: what is due stays, and is refused all the same.
func (w *world) lingers(ctx context.Context) {
	w.plan.Count(faulty.TTLStopped)
	w.house.noTTL.Store(true)
	pauseFor(ctx, 20*tick)
	w.house.noTTL.Store(false)
}

// nowhere is an account that nobody has. Its events are none.
const nowhere = "acc_0000000000000000"

// poison puts a record into the stream that no consumer can do anything with.
func (w *world) poison(ctx context.Context) {
	w.gate.Lock()
	defer w.gate.Unlock()
	w.poisonStream(ctx)
	w.passes(2*time.Hour, time.Minute) // as long as the stream goes on trying, and nothing else comes through it
}

// poisonStream commits the poison.
func (w *world) poisonStream(ctx context.Context) {
	w.plan.Count(faulty.PoisonRecord)
	k := key.Audit{Account: nowhere, At: w.now(), Event: fmt.Sprintf("evt_poison%d", w.serial.Add(1))}.Key()
	if err := w.house.store.Commit(ctx, table.Create(table.Item{table.AttrPK: table.S(k.PK), table.AttrSK: table.S(k.SK)})); err != nil {
		w.broke(odd, "the poison was not taken: %v", err)
	}
}

// dayOff has the mails' consumer be down for 25 hours, in which the stream forgets what it had for it.
func (w *world) dayOff(ctx context.Context) {
	w.plan.Count(faulty.Down25Hours)
	order := w.plan.Inject(faulty.ConsumerDown, -1, faulty.Of("", faulty.Invoke))
	defer order.Stop()
	pauseFor(ctx, 20*tick)
	w.gate.Lock()
	defer w.gate.Unlock()
	w.passes(25*time.Hour, 10*time.Minute)
}

// passes lets time pass in which nobody asks for anything.
func (w *world) passes(d, step time.Duration) {
	for ; d > 0; d -= step {
		w.rest()
		w.house.attention.work.Lock()
		w.house.clock.Advance(step)
		w.house.attention.work.Unlock()
	}
}
