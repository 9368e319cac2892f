package people

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/fault"
	"keyfob/internal/scope"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

// A Handover is an owner's offer to another user to become the owner in their place. Both have to want it: it comes to be
// by the one's fresh login, and comes true by the other's. An account has at most one.
type Handover struct {
	Account string // acc_…
	From    string // usr_…, an active owner
	To      string // usr_…, active and no owner
	Offered time.Time
	Expires time.Time // it can be accepted until before this instant

	ended   bool // one of the two is no longer who the offer was made by or to
	version int64
}

// offerLife is how long an offer can be accepted.
const offerLife = 7 * 24 * time.Hour

func (h Handover) key() table.Key { return key.Handover(h.Account).Key() }

func (h Handover) item() table.Item {
	k := h.key()
	it := table.Item{
		table.AttrPK: table.S(k.PK), table.AttrSK: table.S(k.SK), table.AttrPurgeAt: table.N(h.Expires.Unix()),
		"from": table.S(h.From), "to": table.S(h.To), "offered": table.N(h.Offered.UnixMilli()), "expires": table.N(h.Expires.Unix()),
	}
	if h.ended {
		it["ended"] = table.Bool(true)
	}
	return it
}

// lasts reports whether there is an offer whose time is not over.
func (h Handover) lasts(now time.Time) bool { return h.version > 0 && now.Before(h.Expires) }

// open reports whether there is an offer that can still be accepted.
func (h Handover) open(now time.Time) bool { return h.lasts(now) && !h.ended }

// handover reads the account's offer; the zero one where there is none.
func (p *People) handover(ctx context.Context, acc string) (Handover, error) {
	items, err := p.Table.Get(ctx, key.Handover(acc).Key())
	if err != nil || items[0] == nil {
		return Handover{Account: acc}, err
	}
	it := items[0]
	h := Handover{
		Account: acc, From: it.String("from"), To: it.String("to"),
		Offered: time.UnixMilli(it.Int("offered")).UTC(), Expires: time.Unix(it.Int("expires"), 0).UTC(), ended: it.Bool("ended"), version: it.Version(),
	}
	if h.From == "" || h.To == "" {
		return Handover{}, fmt.Errorf("people: the item at %s %s is not a handover", it.String(table.AttrPK), it.String(table.AttrSK))
	}
	return h, nil
}

// Handover gives the open offer of the principal's account, and false where there is none that the principal may know of:
// owners and admins may of any, others of one that is made to them.
func (p *People) Handover(ctx context.Context, by authority.Principal) (Handover, bool, error) {
	me, err := p.acting(ctx, by)
	if err != nil {
		return Handover{}, false, err
	}
	h, err := p.handover(ctx, by.Account)
	if err != nil || !h.open(p.Now()) || me.user.Role == scope.Member && me.user.ID != h.To {
		return Handover{}, false, err
	}
	return h, true, nil
}

// OfferHandover offers the account to another user of it. Errors: Forbidden but for owners with a fresh login;
// Unprocessable names the field to; Conflict, offered: there is an offer already.
func (p *People) OfferHandover(ctx context.Context, act Act, to string) (h Handover, err error) {
	if to == "" {
		return Handover{}, fault.Bad("to", "required", "to is required.")
	}
	err = table.Again(ctx, table.Patient, func() error {
		h, err = p.offerHandover(ctx, act, to)
		return err
	})
	return h, err
}

func (p *People) offerHandover(ctx context.Context, act Act, to string) (Handover, error) {
	me, err := p.acting(ctx, act.By)
	if err != nil {
		return Handover{}, err
	}
	if me.user.Role != scope.Owner {
		return Handover{}, forbids()
	}
	if err := p.fresh(act.By, "Handing an account over"); err != nil {
		return Handover{}, err
	}
	u, err := p.user(ctx, act.By.Account, to)
	switch {
	case fault.Is(err, fault.NotFound) || err == nil && u.Status != account.Active:
		return Handover{}, fault.Refused("to", "unknown", "There is no such active user.")
	case err != nil:
		return Handover{}, err
	case u.Role == scope.Owner:
		return Handover{}, fault.Refused("to", "owner", "This user is an owner already.")
	}
	was, err := p.handover(ctx, act.By.Account)
	if err != nil {
		return Handover{}, err
	}
	now := p.Now().UTC().Truncate(time.Millisecond)
	if was.open(now) {
		return Handover{}, fault.New(fault.Conflict, "offered", "The account has been offered to somebody. That has to be withdrawn first.")
	}
	h := Handover{Account: u.Account, From: me.user.ID, To: u.ID, Offered: now, Expires: now.Add(offerLife).Truncate(time.Second), version: was.version + 1}
	put := table.Create(h.item())
	if was.version > 0 { // one that has ended and is still there
		put = table.Replace(h.item(), was.version)
	}
	ops := append(handed(audit.HandoverOffered, now, act, me.user, u).Ops(), put, table.Check(u.Key(), table.VersionIs(u.Version)))
	return h, p.Table.Commit(ctx, me.resting(ops...)...)
}

// handed is an event about an offer. It is the receiver's and the giver's.
func handed(t audit.Type, at time.Time, act Act, from, to account.User) audit.Event {
	e := audit.New(t, at, to.Account, act.actor(), act.From, subject(to))
	e.Also = []audit.Subject{subject(from)}
	return e
}

func errNoOffer() error {
	return fault.New(fault.NotFound, "not_found", "There is no offer to hand the account over.")
}

// WithdrawHandover ends the open offer: an owner takes it back, or the receiver declines. NotFound: there is none that the
// actor may know of.
func (p *People) WithdrawHandover(ctx context.Context, act Act) error {
	return table.Again(ctx, table.Hasty, func() error {
		me, err := p.acting(ctx, act.By)
		if err != nil {
			return err
		}
		h, err := p.handover(ctx, act.By.Account)
		if err != nil {
			return err
		}
		switch {
		case !h.open(p.Now()):
			return errNoOffer()
		case me.user.Role == scope.Owner || me.user.ID == h.To:
		case me.user.Role == scope.Admin:
			return forbids()
		default:
			return errNoOffer()
		}
		e, err := p.withdrawn(ctx, act, h)
		if err != nil {
			return err
		}
		return p.Table.Commit(ctx, me.resting(append(e.Ops(), table.Delete(h.key(), table.VersionIs(h.version)))...)...)
	})
}

// withdrawn gives the event of the offer's end before it was accepted.
func (p *People) withdrawn(ctx context.Context, act Act, h Handover) (audit.Event, error) {
	var both [2]account.User
	for i, id := range []string{h.From, h.To} {
		u, err := p.record(ctx, h.Account, id)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return audit.Event{}, err
		}
		if both[i] = u; err != nil {
			both[i] = account.User{ID: id, Account: h.Account} // the record has gone since
		}
	}
	return handed(audit.HandoverWithdrawn, p.Now(), act, both[0], both[1]), nil
}

// endOffer gives the operations that end the open offer where u, when they are what next says, can no longer give or take.
// So none comes to life again with somebody's role. An offer that is made meanwhile depends on both their records.
func (p *People) endOffer(ctx context.Context, act Act, u, next account.User) ([]table.Op, error) {
	h, err := p.handover(ctx, u.Account)
	if err != nil || !h.open(p.Now()) {
		return nil, err
	}
	if h.From == u.ID && !owns(next) || h.To == u.ID && (next.Status != account.Active || next.Role == scope.Owner) {
		e, err := p.withdrawn(ctx, act, h)
		if err != nil {
			return nil, err
		}
		h.ended = true
		return append(e.Ops(), table.Replace(h.item(), h.version)), nil
	}
	return nil, nil
}

// AcceptHandover makes the principal the owner whom the open offer means, and the giver an admin, in one commit. When it
// returns without an error, the credentials of both have followed; an error of kind Unavailable says that it may be
// accepted, and that upkeep sees to the rest. Errors: NotFound: there is no offer to the principal; Conflict,
// handover_ended: the giver has not been an active owner all the time; Forbidden without a fresh login.
func (p *People) AcceptHandover(ctx context.Context, act Act) (account.User, error) {
	var h Handover
	err := table.Again(ctx, table.Patient, func() (err error) {
		h, err = p.acceptHandover(ctx, act)
		return err
	})
	if err != nil {
		return account.User{}, err
	}
	for _, u := range []string{h.From, h.To} { // what is taken away first
		if err := p.carrier().User(ctx, h.Account, u); err != nil {
			return account.User{}, err
		}
	}
	return p.user(ctx, h.Account, h.To)
}

func (p *People) acceptHandover(ctx context.Context, act Act) (Handover, error) {
	me, err := p.acting(ctx, act.By)
	if err != nil {
		return Handover{}, err
	}
	h, err := p.handover(ctx, act.By.Account)
	if err != nil {
		return Handover{}, err
	}
	if !h.lasts(p.Now()) || h.To != me.user.ID {
		return Handover{}, errNoOffer()
	}
	if err := p.fresh(act.By, "Taking an account over"); err != nil {
		return Handover{}, err
	}
	from, err := p.user(ctx, h.Account, h.From)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return Handover{}, err
	}
	if err != nil || !owns(from) || h.ended {
		if now, err := p.handover(ctx, act.By.Account); err != nil || now.version != h.version {
			return Handover{}, cmp.Or(err, errNoOffer()) // it was accepted or withdrawn since it was read
		}
		return Handover{}, fault.New(fault.Conflict, "handover_ended", "The offer has ended: who made it, or whom it was made to, is no longer who they were.")
	}
	giver, receiver, now := from, me.user, p.Now()
	giver.Role, receiver.Role, giver.Behind, receiver.Behind = scope.Admin, scope.Owner, true, true
	ops := []table.Op{giver.Replace(), receiver.Replace(), table.Delete(h.key(), table.VersionIs(h.version))}
	e := handed(audit.HandoverAccepted, now, act, from, me.user)
	e.Changes = []audit.Change{{Field: "role", From: string(me.user.Role), To: string(receiver.Role)}, {Field: "role", From: string(from.Role), To: string(giver.Role)}}
	return h, p.Table.Commit(ctx, me.resting(append(ops, e.Ops()...)...)...)
}
