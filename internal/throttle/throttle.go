// Package throttle slows down whoever fails to log in, and only them; and whoever has mails sent to others.
//
// It counts failures for each pair of login name and network, and for each network: an IPv4 /24 or an IPv6 /64. A
// victim in another network than the attacker has counters of its own, so nobody can hold a login shut from afar (S4).
// Against guesses from many networks it counts the failures of a name over all of them too. That counter rules where the
// name's user is not known from only, so it does not keep the victim out from where they usually are.
//
// It promises that a pair's first 5 failures are free and the next attempts wait 1 s, 2 s, 4 s … up to 5 minutes; that
// a network has 50 free and waits up to 1 minute; that a name has 100 free over all networks and waits up to 1 minute; that
// second factors are counted likewise but apart, and the codes that a person could guess together besides, over all networks,
// with 100 free and waits up to 1 minute; that what is spent of a Budget is counted in the same way; that an attempt which
// comes too early is refused and changes nothing, so that waiting always helps; that once a counter makes attempts wait, no two go at once, on any instance;
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
	name          *counter // likewise; AllowStranger alone goes by it
}

// counters are those that the attempt is counted in.
func (k *Ticket) counters() []*counter {
	all := k.ruling()
	if k.name != nil {
		all = append(all, k.name)
	}
	return all
}

// ruling are those that every attempt has to wait for.
func (k *Ticket) ruling() []*counter {
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
// attempt is then counted beforehand, and so is the only one. From where the name's user is not known it needs the word of
// AllowStranger too.
func (t *Throttle) Allow(ctx context.Context, name, ip string) (Ticket, error) {
	net := networkOf(ip)
	return t.allow(ctx, Ticket{
		pair:    counter{key: digest("pair", net, name), limit: pairLimit()},
		network: counter{key: digest("network", net), limit: networkLimit()},
		name:    &counter{key: digest("name", name), limit: nameLimit()},
	})
}

// AllowStranger decides about an attempt that Allow has let through, and that comes from a network which the name's user, if
// there is one, has not logged in from before: it goes by the name's failures over all networks. Use the ticket it gives in
// the place of the other. What it refuses is counted nowhere. It reads nothing but where others count at the same time.
func (t *Throttle) AllowStranger(ctx context.Context, k Ticket) (Ticket, error) {
	name := *k.name
	k.name = &name
	err := t.beforehand(ctx, k.name)
	if err != nil {
		if err := t.Undecided(ctx, k); err != nil {
			return Ticket{}, err
		}
		return Ticket{}, err
	}
	return k, nil
}

// beforehand refuses where the counter makes the attempt wait, and counts it where the next one will have to.
func (t *Throttle) beforehand(ctx context.Context, c *counter) error {
	for range tries {
		now := t.Now()
		if wait := c.wait(now); wait > 0 {
			return slow(wait)
		}
		if c.level(now) < c.limit.free {
			return nil
		}
		err := t.Table.Commit(ctx, c.counted(now).op())
		if err == nil {
			c.beforehand = true
			return nil
		}
		if !conflict(err) {
			return err
		}
		if err := t.read(ctx, c); err != nil {
			return err
		}
	}
	return slow(time.Second)
}

// AllowReset is Allow for asking for a link to set a new password with. Nothing is guessed by that, so a name's requests are
// counted by the network only.
func (t *Throttle) AllowReset(ctx context.Context, name, ip string) (Ticket, error) {
	net := networkOf(ip)
	return t.allow(ctx, Ticket{
		pair:    counter{key: digest("reset", net, name), limit: pairLimit()},
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
		for _, c := range k.ruling() {
			wait = max(wait, c.wait(now))
		}
		if wait > 0 {
			return Ticket{}, slow(wait)
		}
		var ops []table.Op
		for _, c := range k.ruling() {
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

// Succeeded forgets the pair's failures, and takes back what was counted beforehand of the others'; those that other attempts
// have earned stay, or an attacker could clear the network's by an account of its own, and the user's and the name's through
// the user. An error leaves counters too high, never too low: the login itself stands.
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
