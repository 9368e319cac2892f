// Package throttle slows down whoever fails to log in, and only them.
//
// It counts failures for each pair of login name and network, and for each network: an IPv4 /24 or an IPv6 /64. A
// victim in another network than the attacker has counters of its own, so nobody can hold a login shut from afar (S4).
//
// It promises that a pair's first 5 failures are free and the next attempts wait 1 s, 2 s, 4 s … up to 5 minutes; that
// a network has 50 free and waits up to 1 minute; that second factors are counted likewise but apart, and the codes that a
// person could guess together besides, over all networks, with 100 free and waits up to 1 minute; that an attempt which comes too early is refused and changes
// nothing, so that waiting always helps; that once a counter makes attempts wait, no two go at once, on any instance;
// that names which exist and names which do not are treated alike; and that neither names nor addresses are stored,
// only their digests. When it cannot count, it refuses: with a fault of kind TooMany where others are counting at the
// same time, else with the table's own.
//
// It does not tell people within one network apart: an attacker in the victim's own network can keep it waiting there.
// And until a counter is full, attempts made at the same instant all go: they are counted when they have failed.
package throttle

import (
	"context"
	"errors"
	"time"

	"keyfob/internal/fault"
	"keyfob/internal/table"
)

// A Throttle decides whether an attempt may be made now.
type Throttle struct {
	Table table.Table
	Now   func() time.Time
}

// A Ticket is an attempt that may be made. Hand it to Failed or Succeeded when it is over; one that is handed to
// neither may have been counted as a failure.
type Ticket struct {
	pair, network counter
	user          *counter // of all networks; nil where none is kept
}

// counters are those that the attempt is counted in.
func (k *Ticket) counters() []*counter {
	all := []*counter{&k.pair, &k.network}
	if k.user != nil {
		all = append(all, k.user)
	}
	return all
}

// tries bounds how often a counter is tried that others change at the same time.
const tries = 8

// Allow lets an attempt of the login name from the IP address be made now, or refuses it with a fault of kind TooMany
// that says for how long to wait. It costs one Get, and a commit only where a counter already makes attempts wait: the
// attempt is then counted beforehand, and so is the only one.
func (t *Throttle) Allow(ctx context.Context, name, ip string) (Ticket, error) {
	net := networkOf(ip)
	return t.allow(ctx, Ticket{
		pair:    counter{key: digest("pair", net, name), limit: pairLimit()},
		network: counter{key: digest("network", net), limit: networkLimit()},
	})
}

// AllowFactor is Allow for an attempt to show a second factor of the user, by whoever has shown the password already. The
// user's failures are counted apart from the login's, which a right password forgets. Where a person could guess what is
// shown, a code of a few digits, they are counted over all networks too, or whoever knows the password could guess from
// many. An attacker who goes on takes the one attempt a minute from the user: so what cannot be guessed is to pass by that.
func (t *Throttle) AllowFactor(ctx context.Context, user, ip string, guessable bool) (Ticket, error) {
	net := networkOf(ip)
	k := Ticket{
		pair:    counter{key: digest("factor", net, user), limit: pairLimit()},
		network: counter{key: digest("network", net), limit: networkLimit()},
	}
	if guessable {
		k.user = &counter{key: digest("factors", user), limit: userLimit()}
	}
	return t.allow(ctx, k)
}

func (t *Throttle) allow(ctx context.Context, k Ticket) (Ticket, error) {
	for range tries {
		if err := t.read(ctx, k.counters()...); err != nil {
			return Ticket{}, err
		}
		now := t.Now()
		var wait time.Duration
		for _, c := range k.counters() {
			wait = max(wait, c.wait(now))
		}
		if wait > 0 {
			return Ticket{}, slow(wait)
		}
		var ops []table.Op
		for _, c := range k.counters() {
			if c == k.user || c.level(now) >= c.limit.free {
				ops = append(ops, c.counted(now).op())
				c.beforehand = true
			}
		}
		if len(ops) == 0 {
			return k, nil
		}
		err := t.Table.Commit(ctx, ops...)
		if err == nil {
			return k, nil
		}
		if !conflict(err) {
			return Ticket{}, err
		}
	}
	return Ticket{}, slow(time.Second)
}

// Failed counts the attempt as failed. Answer its error instead of the refusal of the login: it says that the failure
// could not be counted.
func (t *Throttle) Failed(ctx context.Context, k Ticket) error {
	for _, c := range k.counters() {
		if c.beforehand {
			continue
		}
		if err := t.change(ctx, *c, func(c counter) table.Op { return c.counted(t.Now()).op() }); err != nil {
			if conflict(err) { // as many others as there were tries have been counted instead
				return slow(time.Second)
			}
			return err
		}
	}
	return nil
}

// Succeeded forgets the pair's failures, and takes back what was counted beforehand of the network's and the user's; those
// that other attempts have earned stay, or an attacker could clear the network's by an account of its own, and the user's
// through the user. An error leaves counters too high, never too low: the login itself stands.
func (t *Throttle) Succeeded(ctx context.Context, k Ticket) error {
	if k.pair.version > 0 {
		if err := t.Table.Commit(ctx, table.Delete(k.pair.key, table.Anything())); err != nil {
			return err
		}
	}
	return t.takeBack(ctx, k.counters()[1:])
}

// Undecided takes back what was counted beforehand of an attempt that neither failed nor succeeded, as where something that
// was needed to decide could not be asked.
func (t *Throttle) Undecided(ctx context.Context, k Ticket) error {
	return t.takeBack(ctx, k.counters())
}

// takeBack takes the attempt out of those of the counters that it was counted in beforehand.
func (t *Throttle) takeBack(ctx context.Context, counters []*counter) error {
	for _, c := range counters {
		if !c.beforehand {
			continue
		}
		before := *c
		after := before.counted(t.Now())
		after.version = before.version + 1
		err := t.change(ctx, after, func(c counter) table.Op { return c.less(before).op() })
		if err != nil && !conflict(err) {
			return err
		}
	}
	return nil
}

// change commits what op makes of the counter, at first as it is and then as it is read anew, until nobody else has
// changed it meanwhile. The error is a *table.Conflict where that does not come about.
func (t *Throttle) change(ctx context.Context, c counter, op func(counter) table.Op) error {
	var err error
	for range tries {
		if err = t.Table.Commit(ctx, op(c)); !conflict(err) {
			return err
		}
		if err := t.read(ctx, &c); err != nil {
			return err
		}
	}
	return err
}

// read reads the counters in one Get.
func (t *Throttle) read(ctx context.Context, counters ...*counter) error {
	keys := make([]table.Key, len(counters))
	for i, c := range counters {
		keys[i] = c.key
	}
	items, err := t.Table.Get(ctx, keys...)
	if err != nil {
		return err
	}
	for i, c := range counters {
		c.fill(items[i])
	}
	return nil
}

func conflict(err error) bool {
	_, ok := errors.AsType[*table.Conflict](err)
	return ok
}

// slow refuses with a wait in whole seconds, rounded up: that is what Retry-After can say.
func slow(wait time.Duration) error {
	return fault.Slow((wait + time.Second - 1).Truncate(time.Second))
}
