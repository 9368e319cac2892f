package notice

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/mail"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

// Lease is how long a claimed delivery is left to whoever claimed it. It is longer than the functions that send may run.
const Lease = time.Minute

// Keep is how long a delivery is remembered: longer than what was given up is kept, and so than anything can bring the event
// again.
const Keep = 400 * 24 * time.Hour

const (
	giveUp     = 14 * 24 * time.Hour // after the first attempt, when a mail that could not be sent is not tried again
	insistent  = 3                   // attempts that whoever the stream waits for makes; further ones are the sweeper's
	sendWithin = 2 * time.Second     // that have to be left to begin with a mail
	noteWithin = 4 * time.Second     // that the note of a mail may take: as long as the table may try
)

// The states of a delivery.
const (
	stateClaimed    = "claimed"
	stateFailed     = "failed" // to be tried again
	stateSent       = "sent"
	stateGathered   = "gathered"   // the recipient's digest will tell it
	stateRejected   = "rejected"   // the mail service refuses it for good, or it could not be sent for too long
	stateMoot       = "moot"       // there is nothing to be told any more
	stateSuppressed = "suppressed" // the address is not written to
)

// done reports whether nothing is to become of a delivery by itself any more.
func done(state string) bool {
	return slices.Contains([]string{stateSent, stateGathered, stateRejected, stateMoot, stateSuppressed}, state)
}

// A delivery is one that was claimed.
type delivery struct {
	item       table.Item
	attempt    int64     // 1 for the first
	first      time.Time // when that was
	suppressed bool      // the address may not be written to
}

// held reports whether a claim that ends then holds now. Where the clock has stepped back by a little, its sender may still be at
// work; where by much, nobody is to wait until the clock is there again.
func held(until, now time.Time) bool { return now.Before(until) && until.Sub(now) <= Lease+aLittle }

// aLittle is more than clocks step back by themselves, or differ.
const aLittle = 10 * time.Minute

// claim takes the delivery for this sender. It returns nil where the delivery is done with already, or is left to the
// recipient's digest. What is said in the mail gains the link that disavows the event. The error is a *Left where another
// sender has claimed it.
func (n *Notices) claim(ctx context.Context, e audit.Event, to account.User, said *mail.Notice) (d *delivery, err error) {
	err = table.Again(ctx, table.Patient, func() error {
		d, err = n.tryClaim(ctx, e, to, said)
		return err
	})
	return d, err
}

func (n *Notices) tryClaim(ctx context.Context, e audit.Event, to account.User, said *mail.Notice) (*delivery, error) {
	k := key.Notice{Event: e.ID, Recipient: to.ID}.Key()
	items, err := n.Table.Get(ctx, k, key.Suppression(to.Email).Key(), key.Digest(to.ID).Key())
	if err != nil {
		return nil, err
	}
	now := n.Now()
	it := table.Item{table.AttrPK: table.S(k.PK), table.AttrSK: table.S(k.SK), table.AttrPurgeAt: table.N(now.Add(Keep).Unix())}
	put := table.Create
	attempt, first := int64(1), now.Truncate(time.Millisecond)
	if old := items[0]; old != nil {
		until := time.UnixMilli(old.Int("until")).UTC()
		switch {
		case done(old.String("state")):
			return nil, nil
		case old.String("state") == stateClaimed && held(until, now):
			return nil, &Left{Until: until}
		}
		attempt, first = old.Int("attempt")+1, time.UnixMilli(old.Int("first"))
		put = func(it table.Item) table.Op { return table.Replace(it, old.Version()) }
	}
	it["state"], it["attempt"], it["until"] = table.S(stateClaimed), table.N(attempt), table.N(now.Add(Lease).UnixMilli())
	it["first"] = table.N(first.UnixMilli())
	suppressed := suppressionFrom(items[1]).holds()
	var with []table.Op
	if attempt == 1 && !suppressed && gatherable(e) {
		gather, ops := meterFrom(to, items[2]).take(e, now)
		if with = ops; gather {
			it["state"] = table.S(stateGathered)
		}
	}
	if it.String("state") == stateClaimed && !suppressed {
		link, err := n.disavow(ctx, e, to, said)
		if err != nil {
			return nil, err
		}
		with = append(with, link...)
	}
	op := put(it)
	err = n.Table.Commit(ctx, append([]table.Op{op}, with...)...)
	if conflict, lost := errors.AsType[*table.Conflict](err); lost && conflict.Key == k {
		return nil, &Left{Until: now.Add(Lease)}
	}
	if err != nil || it.String("state") == stateGathered {
		return nil, err
	}
	return &delivery{item: op.Item, attempt: attempt, first: first, suppressed: suppressed}, nil
}

// disavow puts the link that disavows the event into what is said of it, if it has one, and gives the operations that make
// the link.
func (n *Notices) disavow(ctx context.Context, e audit.Event, to account.User, said *mail.Notice) (ops []table.Op, err error) {
	if n.Disavow != nil {
		ops, said.Disavow, said.DisavowUntil, err = n.Disavow(ctx, e, to)
	}
	return ops, err
}

// note writes what became of a claimed delivery, with what else belongs to it. A mail that was sent and is not noted would
// be sent again, so it takes a time of its own for that, and insists.
func (n *Notices) note(ctx context.Context, d *delivery, state, reason string, with ...table.Op) error {
	it := d.item
	it["state"] = table.S(state)
	if reason != "" {
		it["reason"] = table.S(reason)
	}
	return insist(ctx, func(ctx context.Context) error {
		err := n.Table.Commit(ctx, append([]table.Op{table.Replace(it, it.Version())}, with...)...)
		if conflict, moved := errors.AsType[*table.Conflict](err); moved && conflict.Key == it.Key() {
			return n.noted(ctx, it)
		}
		return err
	})
}

// errOvertaken says that the lease ran out before a delivery was noted, and another sender has it now.
var errOvertaken = errors.New("notice: another sender has taken the delivery over")

// noted reports as an error whether something else was noted of a delivery than it: nothing was where the answer to the
// very same note had been lost.
func (n *Notices) noted(ctx context.Context, it table.Item) error {
	items, err := n.Table.Get(ctx, it.Key())
	if err != nil {
		return err
	}
	if now := items[0]; now == nil || now.Version() != it.Version()+1 || now.String("state") != it.String("state") {
		return errOvertaken
	}
	return nil
}

// insist does something again, after pauses that grow, until it works, is overtaken, or noteWithin is over. The time that
// ctx has left does not bound it.
func insist(ctx context.Context, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteWithin)
	defer cancel()
	for longest := 5 * time.Millisecond; ; longest = min(2*longest, 250*time.Millisecond) {
		err := do(ctx)
		if _, conflict := errors.AsType[*table.Conflict](err); err == nil || conflict || errors.Is(err, errOvertaken) {
			return err
		}
		select {
		case <-time.After(longest/2 + rand.N(longest/2)): //#nosec G404 -- when to try again is no secret
		case <-ctx.Done():
			return err
		}
	}
}
