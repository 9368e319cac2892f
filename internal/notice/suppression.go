package notice

import (
	"context"
	"slices"
	"strings"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/fault"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

// Suppressions keep mail from addresses that it came back from, or whose readers complained of it (S32). The mail service
// would stop delivering for everybody if one went on.
//
// Each account in which the address is a login name has an event of it, once, however often the mail service tells of it
// and wherever the telling is interrupted.
type Suppressions struct {
	Table    table.Table
	Now      func() time.Time
	Accounts *account.Accounts
}

// A Reason is why an address is not written to.
type Reason string

// The reasons.
const (
	Bounced    Reason = "bounce"    // a mail came back, and every other would
	Complained Reason = "complaint" // the reader called a mail unwanted
)

// A Return is what the mail service tells of one mail that did not do what it should.
type Return struct {
	Reason  Reason
	Address string    // that it was sent to
	Detail  string    // the mail service's own word for it, a short one
	Event   string    // evt_…, whose mail it was; empty where that is not known
	At      time.Time // when it happened
}

// keepLifted is how long it is remembered that an address may be written to again.
const keepLifted = 30 * 24 * time.Hour

// A suppression is the record of an address that is, or was, not written to.
type suppression struct {
	address string
	reason  Reason
	detail  string
	event   string
	at      time.Time
	told    string    // the last account that has an event of it; those before it in their order have one too
	whole   bool      // all accounts have
	lifted  time.Time // when the operator let the address be written to again; else zero
	version int64
}

// holds reports whether the address is not to be written to.
func (s suppression) holds() bool { return s.version > 0 && s.lifted.IsZero() }

func (s suppression) put() table.Op {
	k := key.Suppression(s.address).Key()
	it := table.Item{
		table.AttrPK: table.S(k.PK), table.AttrSK: table.S(k.SK), "reason": table.S(s.reason), "detail": table.S(s.detail),
		"event": table.S(s.event), "at": table.N(s.at.UnixMilli()), "told": table.S(s.told), "whole": table.Bool(s.whole),
	}
	if !s.lifted.IsZero() {
		it["lifted"], it[table.AttrPurgeAt] = table.N(s.lifted.UnixMilli()), table.N(s.lifted.Add(keepLifted).Unix())
	}
	if s.version == 0 {
		return table.Create(it)
	}
	return table.Replace(it, s.version)
}

// suppressionFrom reads a record; the zero one, which holds nothing, of nil.
func suppressionFrom(it table.Item) suppression {
	if it == nil {
		return suppression{}
	}
	s := suppression{
		reason: Reason(it.String("reason")), detail: it.String("detail"), event: it.String("event"), at: time.UnixMilli(it.Int("at")).UTC(),
		told: it.String("told"), whole: it.Bool("whole"), version: it.Version(),
	}
	if it["lifted"] != nil {
		s.lifted = time.UnixMilli(it.Int("lifted")).UTC()
	}
	return s
}

func (s *Suppressions) get(ctx context.Context, address string) (suppression, error) {
	items, err := s.Table.Get(ctx, key.Suppression(address).Key())
	if err != nil {
		return suppression{}, err
	}
	found := suppressionFrom(items[0])
	found.address = address
	return found, nil
}

// Held is that an address is not written to.
type Held struct {
	Reason Reason
	Since  time.Time
}

// Of gives those of the addresses that are not written to, in a round trip for every table.MaxGet of them.
func (s *Suppressions) Of(ctx context.Context, addresses ...string) (map[string]Held, error) {
	all := map[string]Held{}
	for some := range slices.Chunk(addresses, table.MaxGet) {
		byKey := make(map[table.Key][]string, len(some)) // two may be ways to write one
		var keys []table.Key
		for _, address := range some {
			k := key.Suppression(address).Key()
			if byKey[k] == nil {
				keys = append(keys, k)
			}
			byKey[k] = append(byKey[k], address)
		}
		items, err := s.Table.Get(ctx, keys...)
		if err != nil {
			return nil, err
		}
		for i, it := range items {
			if found := suppressionFrom(it); found.holds() {
				for _, address := range byKey[keys[i]] {
					all[address] = Held{found.reason, found.at}
				}
			}
		}
	}
	return all, nil
}

// Hold keeps mail from the address from now on. When it returns without an error, every account concerned has its event;
// else ask again. What happened before the address was let be written to again does not count.
func (s *Suppressions) Hold(ctx context.Context, r Return) error {
	if err := account.Email("address", r.Address); err != nil {
		return err
	}
	return table.Again(ctx, table.Patient, func() error {
		now, err := s.get(ctx, r.Address)
		if err != nil || now.whole && now.holds() || !now.lifted.IsZero() && !r.At.After(now.lifted) {
			return err
		}
		if !now.holds() {
			now = suppression{address: r.Address, reason: r.Reason, detail: r.Detail, event: r.Event, at: s.Now().UTC(), version: now.version}
		}
		return s.tell(ctx, now, audit.NoticeHeld, audit.Actor{Via: audit.ViaSystem}, audit.Origin{})
	})
}

// Resume lets the address be written to again, for the operator, and reports whether it was not. Each account in which the
// address is a login name has an event of it. Mails that were kept back are not sent any more.
func (s *Suppressions) Resume(ctx context.Context, address string, from audit.Origin) (resumed bool, err error) {
	if err := account.Email("email", address); err != nil {
		return false, err
	}
	err = table.Again(ctx, table.Patient, func() error {
		now, err := s.get(ctx, address)
		if err != nil || !now.holds() && (now.version == 0 || now.whole) {
			return err
		}
		if now.holds() {
			now.lifted, now.told, now.whole = s.Now().UTC(), "", false
		}
		resumed = true
		return s.tell(ctx, now, audit.NoticeResumed, audit.Actor{Via: audit.ViaOperator}, from)
	})
	return resumed && err == nil, err
}

// atOnce is how many accounts have their event in one commit: the record is one operation more.
const atOnce = (table.MaxCommit - 1) / audit.MostOps

// tell writes the record and an event in each of the accounts that have none yet. So many are told in one commit that the
// record says from where to go on.
func (s *Suppressions) tell(ctx context.Context, now suppression, t audit.Type, by audit.Actor, from audit.Origin) error {
	logins, err := s.Accounts.Logins(ctx, now.address)
	if err != nil {
		return err
	}
	logins = slices.DeleteFunc(logins, func(l key.User) bool { return l.Account <= now.told })
	for first := true; first || len(logins) > 0; first = false {
		some := logins[:min(len(logins), atOnce)]
		logins = logins[len(some):]
		ops := []table.Op{}
		for _, l := range some {
			now.told = l.Account
			_, u, err := s.Accounts.WithUser(ctx, l.Account, l.User)
			if fault.Is(err, fault.NotFound) {
				continue
			}
			if err != nil {
				return err
			}
			e := audit.New(t, s.Now(), u.Account, by, from, audit.Subject{Kind: "user", ID: u.ID, Name: u.Name})
			e.Note = now.note()
			ops = append(ops, e.Ops()...)
		}
		now.whole = len(logins) == 0
		put := now.put()
		if err := s.Table.Commit(ctx, append(ops, put)...); err != nil {
			return err
		}
		now.version = put.Item.Version()
	}
	return nil
}

// note says in words for people why the address is or was not written to.
func (s suppression) note() string {
	said := "A mail to this address came back for good"
	if s.reason == Complained {
		said = "The reader of this address complained of a mail"
	}
	about := strings.Join(slices.DeleteFunc([]string{s.detail, s.event}, func(w string) bool { return w == "" }), ", ")
	if about != "" {
		about = " (" + about + ")"
	}
	return said + about + "."
}
