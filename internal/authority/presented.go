package authority

import (
	"context"

	"keyfob/internal/audit"
	"keyfob/internal/session"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
)

// RevokePresented ends the credential that is presented, token or session: possession may revoke. Whatever is not a
// credential of this realm is no error and does nothing, so that the answer tells nobody what exists (RFC 7009 §2.2).
func (a *Authority) RevokePresented(ctx context.Context, text, via string, from audit.Origin) error {
	_, err := a.end(ctx, text, ending{
		token: audit.TokenRevoked, session: audit.SessionEnded, from: from, note: "Ended by somebody who presented it; nobody logged in.",
		by: func(handle string) audit.Actor { return audit.Actor{Credential: handle, Via: via} },
	})
	return err
}

// RevokeLeaked ends the credential, token or session, that somebody has found in public, and notes where. Found says that
// it is one of this realm, whether it was of any use still or not: what is dead already is left as it is, and a second
// report of it leaves no second event.
func (a *Authority) RevokeLeaked(ctx context.Context, text, where string, from audit.Origin) (found bool, err error) {
	return a.end(ctx, text, ending{
		token: audit.TokenLeaked, session: audit.SessionLeaked, from: from, note: where,
		by: func(string) audit.Actor { return audit.Actor{Via: audit.ViaSystem} },
	})
}

// An ending is how a credential that somebody has shown is ended.
type ending struct {
	token, session audit.Type // of the event
	by             func(handle string) audit.Actor
	from           audit.Origin
	note           string
}

// end ends whoever's credential the text is, and says whether it is one. One that is refused only for as long as its user
// or its account may not act is ended too: it would be good again afterwards.
func (a *Authority) end(ctx context.Context, text string, e ending) (found bool, err error) {
	c, err := a.Form.Present(text)
	if err != nil {
		return false, nil
	}
	err = table.Again(ctx, table.Hasty, func() (err error) {
		if c.Kind() == token.Session {
			found, err = a.endSession(ctx, c, e)
		} else {
			found, err = a.endToken(ctx, c, e)
		}
		return err
	})
	return found && err == nil, err
}

func (a *Authority) endToken(ctx context.Context, c token.Credential, e ending) (found bool, err error) {
	items, err := a.Table.Get(ctx, key.Token(c.ID().String()).Key())
	if err != nil || items[0] == nil {
		return false, err
	}
	t, err := tokenFrom(items[0])
	if err != nil {
		return false, err
	}
	if !t.proven(c) {
		return false, nil
	}
	if denial := t.denial(a.Now()); denial != None && denial != Ended {
		return true, nil // it does not come to life again
	}
	why := audit.New(e.token, a.Now(), t.Account, e.by(t.Handle()), e.from, t.Subject())
	why.Note = e.note
	return true, a.revoke(ctx, t, why)
}

func (a *Authority) endSession(ctx context.Context, c token.Credential, e ending) (found bool, err error) {
	items, err := a.Table.Get(ctx, key.Session(c.ID().String()).Key())
	if err != nil || items[0] == nil {
		return false, err
	}
	s, err := session.FromItem(items[0])
	if err != nil {
		return false, err
	}
	if digest := c.Digest(); !digest.Equal(&s.Digest) {
		return false, nil
	}
	if !a.Now().Before(s.Expires) {
		return true, nil
	}
	sessions := session.Sessions{Table: a.Table, Now: a.Now}
	return true, sessions.EndAs(ctx, s.ID, e.session, e.by(s.Handle()), e.from, e.note)
}

// proven reports whether the credential is the token's own.
func (t Token) proven(c token.Credential) bool {
	digest := c.Digest()
	return t.Foreign == c.Foreign() && digest.Equal(&t.Digest)
}
