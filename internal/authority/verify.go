// Package authority issues, verifies, lists and revokes API tokens, and verifies sessions: it is where a presented
// credential becomes somebody who may do something, or nobody.
//
// It promises that
//   - a malformed credential costs no read and a well-formed one exactly one (P2);
//   - what is revoked, expired, unknown, or not proven by its secret is refused, and all of these alike (S19);
//   - what could not be decided is an error and never a yes (P7);
//   - each change commits with its audit event (P5);
//   - when and from where a token is used is noted, at most once in five minutes but for networks that are new, which are
//     told of; whether that can be noted decides nothing;
//   - a token of another account is answered like one that does not exist.
//
// It does not know HTTP, and what a route needs is package scope's decision.
package authority

import (
	"context"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/keyring"
	"keyfob/internal/network"
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

// actor names the principal in audit events.
func (p Principal) actor(via string) audit.Actor {
	return audit.Actor{User: p.User, Credential: p.Handle(), Via: via}
}

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
	InQuery   Denial = "query"   // it stands in the query string, where its account takes none
)

// A Presentation is a credential as a request shows it.
type Presentation struct {
	Text   string
	Query  bool // it stands in the query string
	Cookie bool // it is a browser's
	From   audit.Origin
}

// A Sighting is what was found out about a presentation. Hand it to Note when the request is decided.
type Sighting struct {
	Principal Principal // zero where the Denial is not None
	Denial    Denial

	token    Token           // that was proven by its secret; zero for sessions and all else
	session  session.Session // likewise
	item     table.Item      // the record as it was read; nil where there is none
	networks account.List    // that the credential may be used from; empty for any
	from     audit.Origin    // of the presentation
}

// Verify finds out who stands behind the presented text. A Denial other than None means nobody. An error means that
// it could not be decided: refuse, and say to try again.
func (a *Authority) Verify(ctx context.Context, text string) (Principal, Denial, error) {
	s, err := a.Sight(ctx, Presentation{Text: text})
	return s.Principal, s.Denial, err
}

// Sight is Verify for a request that is to be watched. By itself it only reads.
func (a *Authority) Sight(ctx context.Context, p Presentation) (Sighting, error) {
	s, err := a.sight(ctx, p.Text)
	if s.Denial == None && p.Query && s.Principal.NoQuery {
		return Sighting{Denial: InQuery}, err
	}
	if s.networks != "" {
		s.Principal.Holder.Outside = !network.Within(s.networks.Words(), p.From.IP)
	}
	s.from = p.From
	return s, err
}

func (a *Authority) sight(ctx context.Context, text string) (Sighting, error) {
	c, err := a.Form.Present(text)
	if err != nil {
		return Sighting{Denial: Malformed}, nil
	}
	k := key.Token(c.ID().String()).Key()
	if c.Kind() == token.Session {
		k = key.Session(c.ID().String()).Key()
	}
	items, err := a.Table.Get(ctx, k)
	if err != nil {
		return Sighting{}, err
	}
	if items[0] == nil {
		return Sighting{Denial: Unknown}, nil
	}
	if c.Kind() == token.Session {
		return a.sightSession(c, items[0])
	}
	return a.sightToken(c, items[0])
}

func (a *Authority) sightToken(c token.Credential, it table.Item) (Sighting, error) {
	t, err := tokenFrom(it)
	if err != nil {
		return Sighting{}, err
	}
	if !t.proven(c) {
		return Sighting{Denial: Mismatch}, nil
	}
	switch denial := t.denial(a.Now()); denial {
	case None:
	case Rotated:
		return Sighting{Denial: Rotated, token: t, item: it}, nil
	default:
		return Sighting{Denial: denial}, nil
	}
	return Sighting{token: t, item: it, networks: t.Standing.TokenNetworks, Principal: Principal{
		Kind: token.API, Via: audit.ViaAPI, ID: t.ID, Account: t.Account, User: t.User, Name: t.Name, Expires: t.Ends(),
		Holder: t.Standing.Holder(false, t.Scope), NoQuery: t.Standing.NoQuery,
	}}, nil
}

func (a *Authority) sightSession(c token.Credential, it table.Item) (Sighting, error) {
	s, err := session.FromItem(it)
	if err != nil {
		return Sighting{}, err
	}
	digest := c.Digest()
	switch {
	case !digest.Equal(&s.Digest):
		return Sighting{Denial: Mismatch}, nil
	case !a.Now().Before(s.Ends()):
		return Sighting{Denial: Expired}, nil
	case s.Ended():
		return Sighting{Denial: Ended}, nil
	}
	return Sighting{session: s, item: it, networks: s.Standing.LoginNetworks, Principal: Principal{
		Kind: token.Session, Via: audit.ViaAPI, ID: s.ID, Account: s.Account, User: s.User, Holder: s.Holder(), Expires: s.Expires,
		NoQuery: s.Standing.NoQuery, Login: s.Proven,
	}}, nil
}
