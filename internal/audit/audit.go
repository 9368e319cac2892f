// Package audit is the record of what happened: one event for every change, written in the commit that makes it.
//
// It promises that an event, once committed, names who did what to which thing, from where and when, and that it
// holds no secret. The events are also the outbox: the stream carries each to package notice, which decides
// whether a mail is owed for it.
//
// It does not commit by itself: Event.Ops gives the operations for the change's own commit, so that neither can
// exist without the other (P5).
package audit

import (
	"fmt"
	"strings"
	"time"

	"keyfob/internal/table"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
)

// A Type says what happened: the noun, a dot, the verb in the past.
type Type string

// The types.
const (
	AccountCreated  Type = "account.created"
	UserCreated     Type = "user.created"
	TokenCreated    Type = "token.created"
	TokenRevoked    Type = "token.revoked"
	SessionStarted  Type = "session.started"
	SessionEnded    Type = "session.ended"
	ResourceCreated Type = "resource.created"
	ResourceUpdated Type = "resource.updated"
	ResourceDeleted Type = "resource.deleted"
	NoticeRejected  Type = "notice.rejected" // the mail service refuses a mail for good
)

// The ways a change can come in, for Actor.Via.
const (
	ViaDashboard = "dashboard"
	ViaAPI       = "api"
	ViaOperator  = "operator"
	ViaSystem    = "system"
)

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
}

// New makes an event with an id of its own.
func New(t Type, at time.Time, account string, by Actor, from Origin, on Subject) Event {
	if len(from.UserAgent) > maxUserAgent {
		from.UserAgent = from.UserAgent[:maxUserAgent]
	}
	// A caller may send any bytes, and the cut may have split a character; the table takes only text.
	from.UserAgent = strings.ToValidUTF8(from.UserAgent, "\uFFFD")
	return Event{ID: token.NewName("evt_"), Type: t, At: at.UTC().Truncate(time.Millisecond), Account: account, Actor: by, Origin: from, Subject: on}
}

const maxUserAgent = 256

// Ops gives the operations that record the event: the event itself, and the pointer in its subject's trail.
func (e Event) Ops() []table.Op {
	event := key.Audit{Account: e.Account, At: e.At, Event: e.ID}.Key()
	trail := key.Trail{Account: e.Account, Subject: e.Subject.ID, At: e.At, Event: e.ID}.Key()
	return []table.Op{
		table.Create(table.Item{
			table.AttrPK: table.S(event.PK), table.AttrSK: table.S(event.SK),
			"id": table.S(e.ID), "type": table.S(e.Type), "at": table.N(e.At.UnixMilli()), "account": table.S(e.Account),
			"user": table.S(e.Actor.User), "credential": table.S(e.Actor.Credential), "via": table.S(e.Actor.Via),
			"ip": table.S(e.Origin.IP), "agent": table.S(e.Origin.UserAgent), "request": table.S(e.Origin.RequestID),
			"subjectKind": table.S(e.Subject.Kind), "subject": table.S(e.Subject.ID), "subjectName": table.S(e.Subject.Name),
		}),
		table.Create(table.Item{
			table.AttrPK: table.S(trail.PK), table.AttrSK: table.S(trail.SK),
			"event": table.S(event.SK),
		}),
	}
}

// FromItem reads an event from its item, as the table or a stream gives it.
func FromItem(it table.Item) (Event, error) {
	if it.String("id") == "" || it.String("type") == "" || it.String("account") == "" {
		return Event{}, fmt.Errorf("audit: the item at %s is not an event", it.String(table.AttrSK))
	}
	return Event{
		ID: it.String("id"), Type: Type(it.String("type")), At: time.UnixMilli(it.Int("at")).UTC(), Account: it.String("account"),
		Actor:   Actor{User: it.String("user"), Credential: it.String("credential"), Via: it.String("via")},
		Origin:  Origin{IP: it.String("ip"), UserAgent: it.String("agent"), RequestID: it.String("request")},
		Subject: Subject{Kind: it.String("subjectKind"), ID: it.String("subject"), Name: it.String("subjectName")},
	}, nil
}
