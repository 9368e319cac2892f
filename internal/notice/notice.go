// Package notice decides which events people are told of and who is told, and sees each telling through.
//
// It promises that
//   - an event that owes a mail yields it once to each person concerned (P6): a delivery is claimed in the table before
//     the mail is sent and noted after it. A second mail is possible only where the sender dies, or the table fails,
//     between the mail service's yes and the note of it;
//   - only people of the account who may act and whose address is known to be theirs are written to, but for those who are
//     told that they were invited, disabled or removed (S32);
//   - an address that mail came back from, or whose reader complained, is not written to any more (S32);
//   - what is an alarm, or concerns how people prove who they are, is told whatever the account's policy mutes;
//   - the secret in a mail is made when the mail is sent, and kept nowhere.
//
// It writes no mail (package mail does) and does not watch the stream (functions/notify does), nor the mail service
// (functions/feedback does).
package notice

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/mail"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

// Lease is how long a claimed delivery is left to whoever claimed it. It is longer than the function that sends
// may run.
const Lease = 2 * time.Minute

// keep is how long a delivery is remembered: longer than any stream or sweeper can bring the event again.
const keep = 30 * 24 * time.Hour

// Notices decides about notices.
type Notices struct {
	Table    table.Table
	Now      func() time.Time
	Accounts *account.Accounts
	Sender   mail.Sender
	Realm    string
	URL      string // where people reach the dashboard, without a slash at the end; empty where there is none to name

	// Enclosers make what the mails of an event carry and nobody but their reader may know. It is made for each mail
	// when it is sent, so that it need not be kept anywhere.
	Enclosers map[audit.Type]Encloser

	// Disavow makes the link by which the reader of a mail of the event says that it was not them: the operations that make it,
	// its URL, and when it ends; an empty URL where there is nothing to end. Nil for no links. The operations are committed with
	// the claim, so that no mail carries a link that is not there.
	Disavow func(ctx context.Context, e audit.Event, to account.User) (ops []table.Op, url string, until time.Time, err error)
}

// An Enclosure is a link or a code that only the reader of a mail may know.
type Enclosure struct {
	Link  string
	Code  string
	Until time.Time // when it ends
}

// An Encloser makes the enclosure of an event's mail. It reports false where there is nothing to be told any more: what
// the event was about has been done, withdrawn or missed since.
type Encloser func(context.Context, audit.Event) (enclosed Enclosure, owed bool, err error)

// ErrClaimed says that another sender is at work on the same delivery. Come again later.
var ErrClaimed = errors.New("notice: the delivery is claimed by another sender")

// Deliver tells everybody concerned of the event. It may be called any number of times with the same event. An error
// says that a delivery is still outstanding; those that were made are not made again.
func (n *Notices) Deliver(ctx context.Context, e audit.Event) error {
	if !Owed(e) {
		return nil
	}
	acc, members, err := n.involved(ctx, e)
	if err != nil {
		return err
	}
	if e.Type.Mutable() && acc.Policy.Muted.Has(string(e.Type)) {
		return nil
	}
	var failed error
	for _, to := range recipients(e, members) {
		if err := n.deliver(ctx, e, acc, members, to); err != nil && failed == nil {
			failed = fmt.Errorf("notice: event %s to %s: %w", e.ID, to.user.ID, err)
		}
	}
	return failed
}

// involved gives the account and those of its users who are told or named. An event that one person alone is told of is read
// with that person and who did it, however many others there are: or many such events of a large account, as where it invites
// a thousand people, would keep other accounts' mails waiting.
func (n *Notices) involved(ctx context.Context, e audit.Event) (account.Account, []account.User, error) {
	if audienceOf(e) == person {
		ids := concerned(e, person)
		if e.Actor.User != "" && !slices.Contains(ids, e.Actor.User) {
			ids = append(ids, e.Actor.User)
		}
		return n.Accounts.WithUsers(ctx, e.Account, ids...)
	}
	acc, err := n.Accounts.Get(ctx, e.Account)
	if err != nil || e.Type.Mutable() && acc.Policy.Muted.Has(string(e.Type)) {
		return acc, nil, err
	}
	members, err := n.Accounts.Members(ctx, e.Account)
	return acc, members, err
}

func (n *Notices) deliver(ctx context.Context, e audit.Event, acc account.Account, members []account.User, to recipient) error {
	said := n.said(e, acc, members, to)
	d, suppressed, err := n.claim(ctx, e, to.user, &said)
	if err != nil || d == nil {
		return err
	}
	if suppressed {
		return n.note(ctx, d, stateSuppressed, "")
	}
	owed, err := n.send(ctx, e, said)
	if err == nil && !owed {
		return n.note(ctx, d, stateMoot, "")
	}
	if rejected, ok := errors.AsType[*mail.Rejected](err); ok {
		// Nobody will be told by mail, so the trail has to say it (P5).
		about := audit.Subject{Kind: "notice", ID: e.ID + "/" + to.user.ID, Name: rejected.Reason}
		told := audit.New(audit.NoticeRejected, n.Now(), e.Account, audit.Actor{Via: audit.ViaSystem}, audit.Origin{}, about)
		return n.note(ctx, d, stateRejected, rejected.Reason, told.Ops()...)
	}
	if err != nil {
		// The claim is given back, so that the next try need not wait for the lease to run out.
		return errors.Join(err, n.note(ctx, d, stateFailed, ""))
	}
	return n.note(ctx, d, stateSent, "")
}

// send writes and sends the mail, and reports false where there is nothing to be told any more.
func (n *Notices) send(ctx context.Context, e audit.Event, said mail.Notice) (owed bool, err error) {
	if enclose := n.Enclosers[e.Type]; enclose != nil {
		enclosed, owed, err := enclose(ctx, e)
		if err != nil || !owed {
			return false, err
		}
		said.Link, said.Code, said.Until = enclosed.Link, enclosed.Code, enclosed.Until
	}
	message, err := mail.Compose(said)
	if err != nil {
		return true, err
	}
	return true, n.Sender.Send(ctx, message)
}

// The states of a delivery.
const (
	stateClaimed    = "claimed"
	stateFailed     = "failed" // to be tried again
	stateSent       = "sent"
	stateRejected   = "rejected"   // the mail service refuses it for good
	stateMoot       = "moot"       // there is nothing to be told any more
	stateSuppressed = "suppressed" // the address is not written to
)

// done reports whether nothing is to become of a delivery any more.
func done(state string) bool {
	return slices.Contains([]string{stateSent, stateRejected, stateMoot, stateSuppressed}, state)
}

// claim takes the delivery for this sender, and tells whether the address may not be written to. It returns nil where the
// delivery is done with already. What is said in the mail gains the link that disavows the event.
func (n *Notices) claim(ctx context.Context, e audit.Event, to account.User, said *mail.Notice) (d table.Item, suppressed bool, err error) {
	k := key.Notice{Event: e.ID, Recipient: to.ID}.Key()
	items, err := n.Table.Get(ctx, k, key.Suppression(to.Email).Key())
	if err != nil {
		return nil, false, err
	}
	now := n.Now()
	d = table.Item{table.AttrPK: table.S(k.PK), table.AttrSK: table.S(k.SK)}
	op := table.Create
	if old := items[0]; old != nil {
		switch {
		case done(old.String("state")):
			return nil, false, nil
		case old.String("state") == stateClaimed && now.Before(time.UnixMilli(old.Int("until"))):
			return nil, false, ErrClaimed
		}
		d["attempt"] = table.N(old.Int("attempt"))
		op = func(it table.Item) table.Op { return table.Replace(it, old.Version()) }
	}
	d["state"], d["attempt"] = table.S(stateClaimed), table.N(d.Int("attempt")+1)
	d["until"], d[table.AttrPurgeAt] = table.N(now.Add(Lease).UnixMilli()), table.N(now.Add(keep).Unix())
	put := op(d)
	ops := []table.Op{put}
	if suppressed = suppressionFrom(items[1]).holds(); n.Disavow != nil && !suppressed {
		var link []table.Op
		if link, said.Disavow, said.DisavowUntil, err = n.Disavow(ctx, e, to); err != nil {
			return nil, false, err
		}
		ops = append(ops, link...)
	}
	err = n.Table.Commit(ctx, ops...)
	if _, lost := errors.AsType[*table.Conflict](err); lost {
		return nil, false, ErrClaimed
	}
	if err != nil {
		return nil, false, err
	}
	return put.Item, suppressed, nil
}

// note writes what became of a claimed delivery, with what else belongs to it.
func (n *Notices) note(ctx context.Context, d table.Item, state, reason string, with ...table.Op) error {
	d["state"], d["reason"] = table.S(state), table.S(reason)
	return n.Table.Commit(ctx, append(with, table.Replace(d, d.Version()))...)
}
