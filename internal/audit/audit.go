// Package audit is the record of what happened: one event for every change, written in the commit that makes it.
//
// It promises that an event, once committed, names who did what to which thing, from where and when, and that it
// holds no secret. The events are also the outbox: the stream carries each to package notice, which decides who is
// mailed of it; and of one that owes mails an entry of the agenda comes into being with it, so that it is found even
// where the stream has lost it.
//
// It does not commit by itself: Event.Ops gives the operations for the change's own commit, so that neither can
// exist without the other (P5).
package audit

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"keyfob/internal/agenda"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
)

// A Type says what happened: the noun, a dot, the verb in the past.
type Type string

// The types.
const (
	AccountCreated Type = "account.created"
	UserCreated    Type = "user.created"
	UserInvited    Type = "user.invited"    // made without a password: a link to set one is owed to the person
	UserJoined     Type = "user.joined"     // has set the first password by the link
	UserChanged    Type = "user.changed"    // role, status or developer mode
	UserRemoved    Type = "user.removed"    // or an invitation withdrawn
	AccountChanged Type = "account.changed" // policy or licence

	AccountSuspended  Type = "account.suspended"
	AccountResumed    Type = "account.resumed"
	HandoverOffered   Type = "handover.offered" // an owner asks another user to take the ownership over
	HandoverAccepted  Type = "handover.accepted"
	HandoverWithdrawn Type = "handover.withdrawn" // by the one, or declined by the other

	PasswordRequested Type = "password.requested" // forgotten: a link to set another is owed to the person
	PasswordChanged   Type = "password.changed"   // by the person, with the old one or with a link
	FactorEnrolled    Type = "factor.enrolled"
	FactorRemoved     Type = "factor.removed"
	FactorRequested   Type = "factor.requested" // a code is owed to the person by mail
	FactorRefused     Type = "factor.refused"   // so many wrong ones that the session was ended, or that somebody may be guessing
	CodesRenewed      Type = "codes.renewed"    // other recovery codes in the place of the old ones
	CodeUsed          Type = "codes.used"       // a recovery code in the place of a factor
	TokenCreated      Type = "token.created"
	TokenImported     Type = "token.imported"
	TokenEdited       Type = "token.edited"
	TokenRotated      Type = "token.rotated"
	TokenRevealed     Type = "token.revealed"
	TokenAccessed     Type = "token.accessed" // used from a new network, or its record opened by another than its creator
	TokenReused       Type = "token.reused"   // presented after it was rotated out: an alarm
	TokenLeaked       Type = "token.leaked"   // found in public, and revoked
	TokenRevoked      Type = "token.revoked"
	TokenPurged       Type = "token.purged"
	TokenExpiring     Type = "token.expiring" // #nosec G101 -- the name of an event: it will end by itself, so many days from now
	SessionStarted    Type = "session.started"
	SessionEnded      Type = "session.ended"
	SessionUnlocked   Type = "session.unlocked" // with a second factor
	SessionProven     Type = "session.proven"   // its user has proven once more who they are: a step-up
	SessionNovel      Type = "session.novel"    // was started from a network that the user has not logged in from
	SessionRefused    Type = "session.refused"  // the right password, from where the policy lets nobody log in
	SessionLeaked     Type = "session.leaked"   // found in public, and ended
	AccountImported   Type = "account.imported" // tokens of another system, each with an event of its own besides
	ResourceCreated   Type = "resource.created"
	ResourceUpdated   Type = "resource.updated"
	ResourceDeleted   Type = "resource.deleted"
	ResourceRun       Type = "resource.run"
	NoticeRejected    Type = "notice.rejected"   // the mail service refuses a mail for good
	NoticeHeld        Type = "notice.suppressed" // an address is not written to any more: mail to it bounced, or was complained of
	NoticeResumed     Type = "notice.resumed"    // the operator has let it be written to again
	LeakKeysChanged   Type = "leakkeys.changed"
)

// The ways a change can come in, for Actor.Via.
const (
	ViaDashboard = "dashboard"
	ViaAPI       = "api"
	ViaOperator  = "operator"
	ViaSystem    = "system"
	ViaMail      = "mail" // with the link that a mail carried
)

// Deployment stands in an event in the place of the account where the change is the whole deployment's. No account has
// this id, so no account's people see such events.
const Deployment = "deployment"

// An Actor is who did it.
type Actor struct {
	User       string // usr_…; empty for the operator and the system
	Credential string // the public handle of the credential it was done with: tok_… or ses_…
	Via        string // one of the Via constants
}

// An Origin is where a request came from.
type Origin struct {
	IP        string
	UserAgent string // at most 256 bytes are kept
	RequestID string
}

// A Subject is the thing it was done to.
type Subject struct {
	Kind string // token, session, user, account, or a category of the catalogue
	ID   string // its public handle
	Name string // its name at that time
	User string // of a token: usr_…, who made it; else empty
}

// An Event is one thing that happened.
type Event struct {
	ID      string // evt_…
	Type    Type
	At      time.Time
	Account string // acc_…
	Actor   Actor
	Origin  Origin
	Subject Subject
	Also    []Subject // other things in whose trails the event belongs
	Changes []Change
	Note    string // what a person gave as the reason, or what else is to be known; at most 1,000 bytes are kept
}

// A Change is one thing that is other than it was, in words for people. Where there was nothing before, From is empty.
type Change struct{ Field, From, To string }

// New makes an event with an id of its own.
func New(t Type, at time.Time, account string, by Actor, from Origin, on Subject) Event {
	from.UserAgent = bounded(from.UserAgent, maxUserAgent)
	return Event{ID: token.NewName("evt_"), Type: t, At: at.UTC().Truncate(time.Millisecond), Account: account, Actor: by, Origin: from, Subject: on}
}

const (
	maxUserAgent = 256
	maxNote      = 1000
)

// Key gives the key of the event's item.
func (e Event) Key() table.Key { return key.Audit{Account: e.Account, At: e.At, Event: e.ID}.Key() }

// Grace is how long the stream has for the mails that an event owes before the sweeper looks for them.
const Grace = 2 * time.Minute

// Outstanding is the entry of the agenda that is there for as long as mails of the event may be outstanding.
func (e Event) Outstanding() agenda.Entry {
	return agenda.Entry{Due: e.At.Add(Grace), Kind: agenda.Owed, Ref: e.ID, Account: e.Account, Place: e.Key().SK}
}

// MostOps is how many operations an event with one subject takes at the most.
const MostOps = 4

// Ops gives the operations that record the event: the event itself, a pointer in the trail of each of its subjects, and
// where it owes mails, or whoever makes it has more to do than fits into the commit, its entries of the agenda.
func (e Event) Ops() []table.Op {
	k := e.Key()
	it := table.Item{
		table.AttrPK: table.S(k.PK), table.AttrSK: table.S(k.SK),
		"id": table.S(e.ID), "type": table.S(e.Type), "at": table.N(e.At.UnixMilli()), "account": table.S(e.Account),
		"user": table.S(e.Actor.User), "credential": table.S(e.Actor.Credential), "via": table.S(e.Actor.Via),
		"ip": table.S(e.Origin.IP), "agent": table.S(e.Origin.UserAgent), "request": table.S(e.Origin.RequestID),
		"subjectKind": table.S(e.Subject.Kind), "subject": table.S(e.Subject.ID), "subjectName": table.S(e.Subject.Name),
	}
	if note := bounded(e.Note, maxNote); note != "" {
		it["note"] = table.S(note)
	}
	for _, c := range e.Changes {
		it["changes"] = append(table.L(it.List("changes")), table.Item{"field": table.S(c.Field), "from": table.S(c.From), "to": table.S(c.To)})
	}
	for _, s := range e.Also {
		it["also"] = append(table.L(it.List("also")), table.Item{"kind": table.S(s.Kind), "id": table.S(s.ID), "name": table.S(s.Name)})
	}
	if e.Subject.User != "" {
		it["subjectUser"] = table.S(e.Subject.User)
	}
	ops := []table.Op{table.Create(it)}
	if e.Owed() {
		ops = append(ops, e.Outstanding().Add())
	}
	if slices.Contains(carried, e.Type) {
		ops = append(ops, agenda.Entry{Due: e.At.Add(Grace), Kind: agenda.Finish, Ref: e.ID, Account: e.Account, Place: k.SK}.Add())
	}
	for _, s := range append([]Subject{e.Subject}, e.Also...) {
		trail := key.Trail{Account: e.Account, Subject: s.ID, At: e.At, Event: e.ID}.Key()
		ops = append(ops, table.Create(table.Item{table.AttrPK: table.S(trail.PK), table.AttrSK: table.S(trail.SK), "event": table.S(k.SK)}))
	}
	return ops
}

// FromItem reads an event from its item, as the table or a stream gives it.
func FromItem(it table.Item) (Event, error) {
	if it.String("id") == "" || it.String("type") == "" || it.String("account") == "" {
		return Event{}, fmt.Errorf("audit: the item at %s is not an event", it.String(table.AttrSK))
	}
	e := Event{
		ID: it.String("id"), Type: Type(it.String("type")), At: time.UnixMilli(it.Int("at")).UTC(), Account: it.String("account"),
		Actor:   Actor{User: it.String("user"), Credential: it.String("credential"), Via: it.String("via")},
		Origin:  Origin{IP: it.String("ip"), UserAgent: it.String("agent"), RequestID: it.String("request")},
		Subject: Subject{Kind: it.String("subjectKind"), ID: it.String("subject"), Name: it.String("subjectName"), User: it.String("subjectUser")},
		Note:    it.String("note"),
	}
	for _, v := range it.List("changes") {
		c, _ := v.(table.Item)
		e.Changes = append(e.Changes, Change{Field: c.String("field"), From: c.String("from"), To: c.String("to")})
	}
	for _, v := range it.List("also") {
		s, _ := v.(table.Item)
		e.Also = append(e.Also, Subject{Kind: s.String("kind"), ID: s.String("id"), Name: s.String("name")})
	}
	return e, nil
}

// bounded cuts a text to so many bytes. A caller may send any bytes, and the cut may split a character; the table takes
// only text.
func bounded(s string, limit int) string {
	return strings.ToValidUTF8(s[:min(len(s), limit)], "\uFFFD")
}
