// Package authority issues, verifies, lists and revokes API tokens, and verifies sessions: it is where a presented
// credential becomes somebody who may do something, or nobody.
//
// It promises that
//   - a malformed credential costs no read and a well-formed one exactly one (P2);
//   - what is revoked, expired, unknown, or not proven by its secret is refused, and all of these alike (S19);
//   - what could not be decided is an error and never a yes (P7);
//   - each change commits with its audit event (P5);
//   - a token of another account is answered like one that does not exist.
//
// It does not know HTTP, and what a route needs is package scope's decision.
package authority

import (
	"context"
	"time"

	"keyfob/internal/audit"
	"keyfob/internal/keyring"
	"keyfob/internal/scope"
	"keyfob/internal/session"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
)

// Authority decides about credentials.
type Authority struct {
	Table table.Table
	Now   func() time.Time
	Form  token.Form
	Keys  keyring.Ring // where credentials are sealed or opened; else nil
}

// A Principal is who stands behind a valid credential.
type Principal struct {
	Kind    token.Kind
	ID      token.ID
	Account string // acc_…
	User    string // usr_…
	Name    string // the token's; empty for a session
	Via     string // how the credential came: audit.ViaDashboard for a browser's cookie, else audit.ViaAPI
	Holder  scope.Holder
	Expires time.Time // zero is never
	NoQuery bool      // the account takes no credentials from the query string
	Login   time.Time // when the user proved who they are; zero for a token
}

// Expired reports whether the credential has ended since it was verified.
func (p Principal) Expired(now time.Time) bool { return !p.Expires.IsZero() && !now.Before(p.Expires) }

// Handle gives the credential's public name.
func (p Principal) Handle() string { return p.ID.Handle(p.Kind) }

// A Denial says why a credential is refused. It is for logs and alarms: callers are told no difference.
// The zero Denial is none.
type Denial string

// The denials.
const (
	None      Denial = ""
	Absent    Denial = "absent"    // none was presented
	Ambiguous Denial = "ambiguous" // more than one was
	Malformed Denial = "malformed" // not a credential of this realm
	Unknown   Denial = "unknown"   // no such record
	Mismatch  Denial = "mismatch"  // the record is there, the secret is another
	Expired   Denial = "expired"
	Revoked   Denial = "revoked"
	Rotated   Denial = "rotated" // its overlap with its successor is over
	Ended     Denial = "ended"   // the user or the account behind it may not act
)

// Verify finds out who stands behind the presented text. A Denial other than None means nobody. An error means that
// it could not be decided: refuse, and say to try again.
func (a *Authority) Verify(ctx context.Context, text string) (Principal, Denial, error) {
	c, err := a.Form.Parse(text)
	if err != nil {
		return Principal{}, Malformed, nil
	}
	k := key.Token(c.ID().String()).Key()
	if c.Kind() == token.Session {
		k = key.Session(c.ID().String()).Key()
	}
	items, err := a.Table.Get(ctx, k)
	if err != nil {
		return Principal{}, None, err
	}
	if items[0] == nil {
		return Principal{}, Unknown, nil
	}
	if c.Kind() == token.Session {
		return a.verifySession(c, items[0])
	}
	return a.verifyToken(c, items[0])
}

func (a *Authority) verifyToken(c token.Credential, it table.Item) (Principal, Denial, error) {
	t, err := tokenFrom(it)
	if err != nil {
		return Principal{}, None, err
	}
	now, digest := a.Now(), c.Digest()
	switch {
	case !digest.Equal(&t.Digest):
		return Principal{}, Mismatch, nil
	case !t.Revoked.IsZero():
		return Principal{}, Revoked, nil
	case !t.RotatedOut.IsZero() && !now.Before(t.RotatedOut):
		return Principal{}, Rotated, nil
	case t.Standing.Ended():
		return Principal{}, Ended, nil
	case t.Life.Expired(now) || t.Life.Purged(now):
		return Principal{}, Expired, nil
	}
	return Principal{
		Kind: token.API, Via: audit.ViaAPI, ID: t.ID, Account: t.Account, User: t.User, Name: t.Name, Expires: t.Life.ExpiresAt,
		Holder: t.Standing.Holder(false, t.Scope), NoQuery: t.Standing.NoQuery,
	}, None, nil
}

func (a *Authority) verifySession(c token.Credential, it table.Item) (Principal, Denial, error) {
	s, err := session.FromItem(it)
	if err != nil {
		return Principal{}, None, err
	}
	digest := c.Digest()
	switch {
	case !digest.Equal(&s.Digest):
		return Principal{}, Mismatch, nil
	case !a.Now().Before(s.Expires):
		return Principal{}, Expired, nil
	case s.Standing.Ended():
		return Principal{}, Ended, nil
	}
	return Principal{Kind: token.Session, Via: audit.ViaAPI, ID: s.ID, Account: s.Account, User: s.User, Holder: s.Holder(), Expires: s.Expires,
		NoQuery: s.Standing.NoQuery, Login: s.Created}, None, nil
}
