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
	"keyfob/internal/scope"
	"keyfob/internal/standing"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
)

// A Session is a login's proof. All that a decision about it needs stands in its one record.
type Session struct {
	ID         token.ID
	Account    string // acc_…
	User       string // usr_…
	Digest     token.Digest
	Standing   standing.Standing // kept in step with the user and the account
	Generation int64             // of the password that it rests on; another one than its standing's has been set since
	Created    time.Time         // when it was started
	Proven     time.Time         // when its user last proved who they are: by the login, by unlocking it or by a step-up
	Factor     bool              // a second factor was among the proofs
	Expires    time.Time         // refused from this instant on, however much it is used
	Idle       time.Duration     // refused when it was not used for so long; 0 for no bound
	Seen       time.Time         // when it was last used, to within a second or, if that is more, a 3600th of Idle
	Tries      int               // second factors that were refused since the last that was taken
	From       audit.Origin      // of the login; without a request id
	Via        string            // of the login: audit.ViaDashboard where a cookie carries it
	Version    int64
}

// Ends gives the instant from which on the session is refused if it is not used again.
func (s Session) Ends() time.Time {
	if idle := s.Seen.Add(s.Idle); s.Idle > 0 && idle.Before(s.Expires) {
		return idle
	}
	return s.Expires
}

// Ended reports whether the session is refused, however long it might still go on: its user or account may not act, or the
// password that it rests on is not the user's any more.
func (s Session) Ended() bool { return s.Standing.Ended() || s.Generation != s.Standing.Generation }

// Lock tells what the session lacks before it may do anything else.
func (s Session) Lock() scope.Lock {
	switch {
	case s.Factor:
		return scope.Open
	case s.Standing.Factors:
		return scope.Locked
	case s.Standing.NeedsFactors:
		return scope.Enrol
	}
	return scope.Open
}

// seenEvery is the part of the idle time that a session's last use may be off by, at least a second: every note of it is a
// write that a request waits for.
const seenEvery = 3600

// Used puts a use of the session into its item, and reports whether it is due to be noted.
func (s Session) Used(it table.Item, now time.Time) bool {
	if s.Idle <= 0 || now.Sub(s.Seen) < max(time.Second, s.Idle/seenEvery) {
		return false
	}
	it[attrSeen] = table.N(now.UnixMilli())
	return true
}

const attrSeen = "seen"

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
		"proven": table.N(s.Proven.UnixMilli()), "idle": table.N(s.Idle / time.Second), attrSeen: table.N(s.Seen.UnixMilli()),
		"ip": table.S(s.From.IP), "agent": table.S(s.From.UserAgent), "via": table.S(s.Via),
	}
	if s.Factor {
		it["factor"] = table.Bool(true)
	}
	if s.Generation > 0 {
		it["begunUnder"] = table.N(s.Generation)
	}
	if s.Tries > 0 {
		it["tries"] = table.N(s.Tries)
	}
	s.Standing.Put(it)
	return it
}

// create gives the operations that make the session's record, and its pointers in its user's and its account's list.
func (s Session) create() []table.Op {
	ops := []table.Op{table.Create(s.item())}
	for _, k := range s.pointers() {
		ops = append(ops, table.Create(table.Item{table.AttrPK: table.S(k.PK), table.AttrSK: table.S(k.SK), table.AttrPurgeAt: table.N(s.Expires.Unix())}))
	}
	return ops
}

func (s Session) pointers() []table.Key {
	id := s.ID.String()
	return []table.Key{key.UserSession{User: s.User, ID: id}.Key(), key.AccountSession{Account: s.Account, ID: id}.Key()}
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
	s := Session{
		ID: id, Account: it.String("account"), User: it.String("user"), Digest: digest, Standing: standing.From(it),
		Created: time.UnixMilli(it.Int("created")).UTC(), Proven: time.UnixMilli(it.Int("proven")).UTC(), Factor: it.Bool("factor"),
		Expires: time.Unix(it.Int("expires"), 0).UTC(), Idle: time.Duration(it.Int("idle")) * time.Second, Seen: time.UnixMilli(it.Int(attrSeen)).UTC(),
		Tries: int(it.Int("tries")), Generation: it.Int("begunUnder"), From: audit.Origin{IP: it.String("ip"), UserAgent: it.String("agent")}, Via: it.String("via"), Version: it.Version(),
	}
	if it["proven"] == nil {
		s.Expires = s.Created // from before sessions were listed by account, so that a suspension would not find it: log in again
	}
	return s, nil
}

var errRecord = fmt.Errorf("session: a session's record is damaged")
