// Package notice decides which events people are told of, and sees each telling through.
//
// It promises that an event that owes a mail yields it once to each person concerned (P6): a delivery is claimed in
// the table before the mail is sent and noted after it. A second mail is possible only where the sender dies, or the
// table fails, between the mail service's yes and the note of it.
//
// It writes no mail (package mail does) and does not watch the stream (functions/notify does).
package notice

import (
	"context"
	"errors"
	"fmt"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/mail"
	"keyfob/internal/scope"
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
}

// Owed reports whether people are to be told of events of the type.
func Owed(t audit.Type) bool {
	switch t {
	case audit.TokenCreated, audit.TokenEdited, audit.TokenRotated, audit.TokenRevealed, audit.TokenAccessed, audit.TokenReused,
		audit.TokenLeaked, audit.TokenRevoked, audit.TokenPurged, audit.SessionLeaked, audit.AccountImported:
		return true
	}
	return false
}

// ErrClaimed says that another sender is at work on the same delivery. Come again later.
var ErrClaimed = errors.New("notice: the delivery is claimed by another sender")

// Deliver tells everybody concerned of the event. It may be called any number of times with the same event. An error
// says that a delivery is still outstanding; those that were made are not made again.
func (n *Notices) Deliver(ctx context.Context, e audit.Event) error {
	if !Owed(e.Type) {
		return nil
	}
	acc, err := n.Accounts.Get(ctx, e.Account)
	if err != nil {
		return err
	}
	members, err := n.Accounts.Members(ctx, e.Account)
	if err != nil {
		return err
	}
	var failed error
	actor := actorOf(e, members)
	for _, to := range recipients(members) {
		if err := n.deliver(ctx, e, acc, actor, to); err != nil && failed == nil {
			failed = fmt.Errorf("notice: event %s to %s: %w", e.ID, to.ID, err)
		}
	}
	return failed
}

// recipients are the owners and admins who can act on a token: active, and of a verified address (S32).
func recipients(members []account.User) []account.User {
	var to []account.User
	for _, u := range members {
		if u.Status == account.Active && u.Verified && (u.Role == scope.Owner || u.Role == scope.Admin) {
			to = append(to, u)
		}
	}
	return to
}

func actorOf(e audit.Event, members []account.User) account.User {
	for _, u := range members {
		if u.ID == e.Actor.User {
			return u
		}
	}
	return account.User{}
}

func (n *Notices) deliver(ctx context.Context, e audit.Event, acc account.Account, actor, to account.User) error {
	d, err := n.claim(ctx, e.ID, to.ID)
	if err != nil || d == nil {
		return err
	}
	message, err := mail.Compose(n.said(e, acc, actor, to))
	if err == nil {
		err = n.Sender.Send(ctx, message)
	}
	if rejected, ok := errors.AsType[*mail.Rejected](err); ok {
		// Nobody will be told by mail, so the trail has to say it (P5).
		about := audit.Subject{Kind: "notice", ID: e.ID + "/" + to.ID, Name: rejected.Reason}
		told := audit.New(audit.NoticeRejected, n.Now(), e.Account, audit.Actor{Via: audit.ViaSystem}, audit.Origin{}, about)
		return n.note(ctx, d, stateRejected, rejected.Reason, told.Ops()...)
	}
	if err != nil {
		// The claim is given back, so that the next try need not wait for the lease to run out.
		return errors.Join(err, n.note(ctx, d, stateFailed, ""))
	}
	return n.note(ctx, d, stateSent, "")
}

// The states of a delivery.
const (
	stateClaimed  = "claimed"
	stateFailed   = "failed" // to be tried again
	stateSent     = "sent"
	stateRejected = "rejected" // the mail service refuses it for good
)

// claim takes the delivery for this sender. It returns nil where it is done with already.
func (n *Notices) claim(ctx context.Context, event, recipient string) (table.Item, error) {
	k := key.Notice{Event: event, Recipient: recipient}.Key()
	items, err := n.Table.Get(ctx, k)
	if err != nil {
		return nil, err
	}
	now := n.Now()
	d := table.Item{table.AttrPK: table.S(k.PK), table.AttrSK: table.S(k.SK)}
	op := table.Create
	if old := items[0]; old != nil {
		switch {
		case old.String("state") == stateSent || old.String("state") == stateRejected:
			return nil, nil
		case old.String("state") == stateClaimed && now.Before(time.UnixMilli(old.Int("until"))):
			return nil, ErrClaimed
		}
		d["attempt"] = table.N(old.Int("attempt"))
		op = func(it table.Item) table.Op { return table.Replace(it, old.Version()) }
	}
	d["state"], d["attempt"] = table.S(stateClaimed), table.N(d.Int("attempt")+1)
	d["until"], d[table.AttrPurgeAt] = table.N(now.Add(Lease).UnixMilli()), table.N(now.Add(keep).Unix())
	put := op(d)
	err = n.Table.Commit(ctx, put)
	if _, lost := errors.AsType[*table.Conflict](err); lost {
		return nil, ErrClaimed
	}
	if err != nil {
		return nil, err
	}
	return put.Item, nil
}

// note writes what became of a claimed delivery, with what else belongs to it.
func (n *Notices) note(ctx context.Context, d table.Item, state, reason string, with ...table.Op) error {
	d["state"], d["reason"] = table.S(state), table.S(reason)
	return n.Table.Commit(ctx, append(with, table.Replace(d, d.Version()))...)
}

// said puts the event into the words of a mail.
func (n *Notices) said(e audit.Event, acc account.Account, actor, to account.User) mail.Notice {
	by := mail.Person{Name: actor.Name, Email: actor.Email}
	switch {
	case e.Actor.Via == audit.ViaOperator:
		by = mail.Person{Name: mail.Operator}
	case e.Actor.User == "" && e.Actor.Credential != "":
		by = mail.Person{Name: mail.Holder}
	case e.Actor.User == "":
		by = mail.Person{Name: mail.System}
	case actor.ID == "":
		by = mail.Person{Name: e.Actor.User} // has left the account since
	}
	said := mail.Notice{
		EventID: e.ID, Event: string(e.Type), At: e.At, Account: acc.Name, Realm: n.Realm,
		Actor: by, Via: e.Actor.Via, IP: e.Origin.IP, UserAgent: e.Origin.UserAgent,
		To: mail.Person{Name: to.Name, Email: to.Email}, Note: e.Note,
	}
	for _, c := range e.Changes {
		said.Changes = append(said.Changes, mail.Change(c))
	}
	if e.Subject.Kind == "token" {
		said.Token = mail.Token{Name: e.Subject.Name, Handle: e.Subject.ID}
	}
	return said
}
