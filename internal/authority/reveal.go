package authority

import (
	"bytes"
	"context"
	"errors"
	"time"

	"keyfob/internal/audit"
	"keyfob/internal/fault"
	"keyfob/internal/keyring"
	"keyfob/internal/scope"
	"keyfob/internal/table"
	"keyfob/internal/text"
	"keyfob/internal/token"
)

// FreshLogin is how long ago a login may lie for what needs a fresh one (S12).
const FreshLogin = 5 * time.Minute

// Reveal shows a token of the principal's account once more. It takes the right to, developer mode, an account whose
// policy allows it, a token that was made so, a fresh login and a reason; and the event is committed before the text
// leaves (S28).
//
// Errors: Invalid names the field reason; Forbidden with one of the codes fresh_login_required, developer_mode_required,
// not_allowed, role_forbids and outranked; Conflict for a token that was not made revealable; NotFound for everything the
// principal may not see; Unavailable where the key service could not be asked.
func (a *Authority) Reveal(ctx context.Context, by Principal, via string, from audit.Origin, handle, reason string, once Once) (t Token, shown string, err error) {
	if reason == "" {
		return Token{}, "", fault.Bad("reason", "required", "reason is required.")
	}
	if err := text.Name("reason", reason); err != nil {
		return Token{}, "", err
	}
	open := a.opener()
	err = table.Again(ctx, table.Patient, func() error {
		t, shown, err = a.reveal(ctx, by, via, from, handle, reason, once, open)
		return err
	})
	return t, shown, err
}

func (a *Authority) reveal(ctx context.Context, by Principal, via string, from audit.Origin, handle, reason string, once Once, open func(context.Context, Token) (string, error)) (Token, string, error) {
	none := func(err error) (Token, string, error) { return Token{}, "", err }
	forbidden := func(code, message string) (Token, string, error) {
		return none(fault.New(fault.Forbidden, code, message))
	}
	b, err := a.basis(ctx, by, once)
	if err != nil {
		return none(err)
	}
	if err := b.permits(scope.RevealTokens); err != nil {
		return none(err)
	}
	now := a.Now()
	t, err := a.findFor(ctx, b, handle, scope.RevealTokens)
	if err == nil && !t.visible(now) {
		err = errNoToken()
	}
	if err != nil {
		return none(err)
	}
	switch {
	case by.Kind != token.Session:
		return forbidden(string(scope.NeedsASession), scope.NeedsASession.Sentence())
	case now.After(by.Login.Add(FreshLogin)):
		return forbidden("fresh_login_required", "Showing a token needs a login of the last five minutes.")
	case !b.user.Developer:
		return forbidden("developer_mode_required", "Showing a token needs developer mode, which you can switch on for yourself.")
	case !b.account.Policy.Revealable:
		return forbidden("not_allowed", "The account's policy does not allow that tokens are shown again.")
	case !t.Successor.IsZero():
		return none(errField(fault.Conflict, "id", "rotated", "The token was rotated, and what was kept of it is gone. Its successor can be shown, if it was made revealable."))
	case len(t.Sealed) == 0:
		return none(errField(fault.Conflict, "id", "not_revealable", "The token was not made revealable; nothing but its digest is stored."))
	}
	creator, checks, err := a.creator(ctx, b, t)
	if err != nil {
		return none(err)
	}
	if err := b.outranked(creator.Role); err != nil {
		return none(err)
	}
	opened, err := open(ctx, t)
	if err != nil {
		return none(err)
	}
	if b.repeated() {
		return t, opened, nil
	}
	event := audit.New(audit.TokenRevealed, now, t.Account, by.actor(via), from, t.Subject())
	event.Note = reason
	ops := append(checks, table.Check(t.key(), table.VersionIs(t.Version)))
	if b.once != nil {
		ops = append(ops, b.once.op(table.Item{"token": table.S(t.Handle())}, now))
	}
	if err := a.Table.Commit(ctx, b.resting(append(ops, event.Ops()...)...)...); err != nil {
		return none(err)
	}
	return t, opened, nil
}

// opener gives a function that opens what a token has sealed, and asks the key service for it once.
func (a *Authority) opener() func(context.Context, Token) (string, error) {
	var sealed, opened []byte
	return func(ctx context.Context, t Token) (string, error) {
		if opened == nil || !bytes.Equal(sealed, t.Sealed) {
			plain, err := a.Keys.Open(ctx, t.Sealed, keyring.Binding{Account: t.Account, Token: t.Handle()})
			if err != nil {
				return "", err
			}
			if digest := token.DigestOf(string(plain)); !digest.Equal(&t.Digest) {
				return "", errors.New("authority: what was sealed is not this token")
			}
			sealed, opened = t.Sealed, plain
		}
		return string(opened), nil
	}
}
