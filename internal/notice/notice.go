// Package notice decides which events people are told of and who is told, and sees each telling through.
//
// It promises that
//   - an event that owes a mail yields it once to each person concerned (P6): a delivery is claimed in the table before
//     the mail is sent and noted after it. A second mail is possible only where the sender dies between the mail
//     service's yes and the note of it, or the yes or the table does not reach it for so long; and where the clocks of
//     senders differ by more than a Lease;
//   - an event stays on the agenda until everybody has been told, so that what neither the stream nor whoever had claimed
//     it sees through is found by the sweeper;
//   - what the mail service refuses for good, or for two weeks, is an entry in the trail, and is not tried again;
//   - many mails to one person in a short time become one, a digest, which leaves none of them out;
//   - only people of the account who may act and whose address is known to be theirs are written to, but for those who are
//     told that they were invited, disabled or removed (S32);
//   - an address that mail came back from, or whose reader complained, is not written to any more (S32);
//   - what is an alarm, or concerns how people prove who they are, is told at once, whatever the account's policy or the
//     person mutes, and however much else there is to tell;
//   - the secret in a mail is made when the mail is sent, and kept nowhere.
//
// It writes no mail (package mail does) and does not watch the stream (functions/notify does), the clock (functions/sweep
// does) nor the mail service (functions/feedback does).
package notice

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/agenda"
	"keyfob/internal/audit"
	"keyfob/internal/mail"
	"keyfob/internal/table"
)

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

	// Observe is told what became of a mail, and how long after its event, as soon as that is known; nil where nobody asks.
	// It is told again where a mail goes out again because it could not be noted.
	Observe func(what Outcome, after time.Duration)

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

// Left says that a delivery is left to the sweeper: another sender is at work on it, or it has failed so often that
// whoever waits for it would wait in vain. The event stays on the agenda.
type Left struct {
	Until time.Time // before which there is no use in looking at it again, where another sender is at work
	Why   error     // what went wrong; nil where another sender is at work
}

func (l *Left) Error() string {
	if l.Why == nil {
		return "notice: another sender is at work on the delivery"
	}
	return "notice: left to the sweeper: " + l.Why.Error()
}

// Unwrap gives what went wrong.
func (l *Left) Unwrap() error { return l.Why }

// Deliver tells everybody concerned of the event, and takes it off the agenda when nothing is outstanding any more. It may
// be called any number of times with the same event. An error says that a delivery is still outstanding; those that were
// made are not made again. It is a *Left where nothing else is outstanding than what is left to the sweeper.
func (n *Notices) Deliver(ctx context.Context, e audit.Event) error {
	if !e.Owed() {
		return nil
	}
	acc, members, err := n.involved(ctx, e)
	if err != nil {
		return err
	}
	if wanted(acc, e) {
		if err := n.tell(ctx, e, acc, members); err != nil {
			return err
		}
	}
	return n.Table.Commit(ctx, e.Outstanding().Drop())
}

// wanted reports whether the account wants mails of the event.
func wanted(acc account.Account, e audit.Event) bool {
	return !e.Type.Mutable() || !acc.Policy.Muted.Has(string(e.Type))
}

// tell makes the delivery to each recipient. The failure of one saves none of the others.
func (n *Notices) tell(ctx context.Context, e audit.Event, acc account.Account, members []account.User) error {
	var failed error
	var left *Left
	for _, to := range recipients(e, members) {
		err := n.deliver(ctx, e, acc, members, to)
		if l, ok := errors.AsType[*Left](err); ok {
			if left == nil || l.Why != nil || left.Why == nil && l.Until.Before(left.Until) {
				left = l
			}
			continue
		}
		if err != nil && failed == nil {
			failed = fmt.Errorf("notice: event %s to %s: %w", e.ID, to.user.ID, err)
		}
	}
	if failed == nil && left != nil {
		return left
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
	if err != nil || !wanted(acc, e) {
		return acc, nil, err
	}
	members, err := n.Accounts.Members(ctx, e.Account)
	return acc, members, err
}

// timely reports whether there is the time to send a mail. The time to note it is not ctx's: whoever calls keeps some beside it.
func timely(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return !ok || time.Until(deadline) >= sendWithin
}

func (n *Notices) deliver(ctx context.Context, e audit.Event, acc account.Account, members []account.User, to recipient) error {
	if !timely(ctx) {
		return agenda.ErrNoTime
	}
	said := n.said(e, acc, members, to)
	d, err := n.claim(ctx, e, to.user, &said)
	if err != nil || d == nil {
		return err
	}
	if d.suppressed {
		n.observed(e, Suppressed)
		return n.note(ctx, d, stateSuppressed, "")
	}
	if !timely(ctx) { // the claim has taken long; a mail that is cut off may be out all the same
		return errors.Join(agenda.ErrNoTime, n.note(ctx, d, stateFailed, ""))
	}
	owed, err := n.send(ctx, e, said)
	switch rejected, ok := errors.AsType[*mail.Rejected](err); {
	case err == nil && owed:
		n.observed(e, Sent)
		return n.note(ctx, d, stateSent, "")
	case err == nil:
		return n.note(ctx, d, stateMoot, "")
	case ok:
		return n.reject(ctx, d, e, to.user, rejected.Reason)
	case n.Now().Sub(d.first) > giveUp:
		return n.reject(ctx, d, e, to.user, "It could not be sent for two weeks.")
	}
	// The claim is given back, so that the next try need not wait for the lease to run out.
	failed := errors.Join(err, n.note(ctx, d, stateFailed, ""))
	if d.attempt >= insistent {
		return &Left{Why: failed}
	}
	return failed
}

// reject notes that nobody will be told by mail. So the trail has to say it (P5).
func (n *Notices) reject(ctx context.Context, d *delivery, e audit.Event, to account.User, reason string) error {
	n.observed(e, Rejected)
	return n.note(ctx, d, stateRejected, reason, n.rejection(e.Account, e.ID+"/"+to.ID, reason).Ops()...)
}

// rejection is the event of a mail that is not sent any more.
func (n *Notices) rejection(acc, id, reason string) audit.Event {
	about := audit.Subject{Kind: "notice", ID: id, Name: reason}
	return audit.New(audit.NoticeRejected, n.Now(), acc, audit.Actor{Via: audit.ViaSystem}, audit.Origin{}, about)
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
