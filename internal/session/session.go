// Package session is the proof of a login that a browser or program carries from request to request.
//
// It promises that a session exists only if nothing it rests on changed while it was being started, and that an
// ended session is refused from the moment its end is acknowledged (P1).
//
// It knows nothing of passwords (package login does), and does not decide what a session may do (packages authority
// and scope do).
package session

import (
	"fmt"
	"time"

	"keyfob/internal/audit"
	"keyfob/internal/standing"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
)

// Absolute is how long a session lasts at the most.
const Absolute = 24 * time.Hour

// A Session is a login's proof. All that a decision about it needs stands in its one record.
type Session struct {
	ID       token.ID
	Account  string // acc_…
	User     string // usr_…
	Digest   token.Digest
	Standing standing.Standing // kept in step with the user and the account
	Created  time.Time         // the login
	Expires  time.Time         // refused from this instant on
	Version  int64
}

// Handle gives the session's public name.
func (s Session) Handle() string { return s.ID.Handle(token.Session) }

// Subject names the session in audit events.
func (s Session) Subject() audit.Subject { return audit.Subject{Kind: "session", ID: s.Handle()} }

func (s Session) item() table.Item {
	k := key.Session(s.ID.String()).Key()
	it := table.Item{
		table.AttrPK: table.S(k.PK), table.AttrSK: table.S(k.SK),
		"account": table.S(s.Account), "user": table.S(s.User), "digest": table.B(s.Digest.Bytes()),
		"created": table.N(s.Created.UnixMilli()), "expires": table.N(s.Expires.Unix()), table.AttrPurgeAt: table.N(s.Expires.Unix()),
	}
	s.Standing.Put(it)
	return it
}

// FromItem reads a session from its record.
func FromItem(it table.Item) (Session, error) {
	id, err := token.ParseID(it.String(table.AttrPK)[min(len(key.PrefixSession), len(it.String(table.AttrPK))):])
	if err != nil {
		return Session{}, errRecord
	}
	digest, err := token.DigestFrom(it.Bytes("digest"))
	if err != nil {
		return Session{}, errRecord
	}
	return Session{
		ID: id, Account: it.String("account"), User: it.String("user"), Digest: digest,
		Standing: standing.From(it),
		Created:  time.UnixMilli(it.Int("created")).UTC(), Expires: time.Unix(it.Int("expires"), 0).UTC(), Version: it.Version(),
	}, nil
}

var errRecord = fmt.Errorf("session: a session's record is damaged")
