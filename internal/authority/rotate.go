package authority

import (
	"context"
	"fmt"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/fault"
	"keyfob/internal/purge"
	"keyfob/internal/scope"
	"keyfob/internal/standing"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
)

// A Rotation asks for a token's successor.
type Rotation struct {
	Overlap time.Duration // for how long the token goes on beside it
	Life    *purge.Life   // of the successor; nil for the same settings
	Match   []int64       // the editions that the caller takes the token to be; nil for any
	Once    Once
}

// Rotate gives a token of the principal's account a successor: the same settings and creator, a new secret. The token
// itself is refused from the end of the overlap on; with none, from the moment the rotation is acknowledged (P1). One
// commit makes the successor and ends the token, so that there are never two without a bound, nor none (S17).
//
// Errors: as Edit's; Conflict for a token that was rotated or revoked before, or whose creator may not act now;
// Forbidden where the creator may do more than the principal's user.
func (a *Authority) Rotate(ctx context.Context, by Principal, via string, from audit.Origin, handle string, r Rotation) (next Token, c token.Credential, err error) {
	var d drawing
	err = table.Again(ctx, table.Patient, func() error {
		next, c, err = a.rotate(ctx, by, via, from, handle, r, &d)
		return err
	})
	return next, c, err
}

func (a *Authority) rotate(ctx context.Context, by Principal, via string, from audit.Origin, handle string, r Rotation, d *drawing) (Token, token.Credential, error) {
	none := func(err error) (Token, token.Credential, error) { return Token{}, token.Credential{}, err }
	b, err := a.basis(ctx, by, r.Once)
	if err != nil {
		return none(err)
	}
	if err := b.permits(scope.IssueTokens, scope.OwnTokens); err != nil {
		return none(err)
	}
	if b.repeated() {
		return a.shown(b.once)
	}
	old, err := a.findFor(ctx, b, handle, scope.IssueTokens)
	if err != nil {
		return none(err)
	}
	if b.once != nil && r.Overlap == 0 && old.ID == by.ID {
		return none(fault.Refused("overlapSeconds", "required", "A token that rotates itself under an Idempotency-Key needs an overlap: without one it could not repeat the request."))
	}
	now := a.Now().UTC()
	if err := b.rotatable(old, r, now); err != nil {
		return none(err)
	}
	if err := a.alone(ctx, old, r, now); err != nil {
		return none(err)
	}
	creator, checks, err := a.creator(ctx, b, old)
	if err != nil {
		return none(err)
	}
	if err := b.outranked(creator.Role); err != nil {
		return none(err)
	}
	life := r.Life
	if life == nil {
		same, err := old.Life.Again(now)
		if err != nil {
			return none(err)
		}
		life = &same
	}
	bounded, err := b.life(life, r.Life == nil, now)
	if err != nil {
		return none(err)
	}
	c := a.draw(d, b.once)
	next := Token{
		ID: c.ID(), Account: old.Account, User: old.User, Name: old.Name, Description: old.Description, Digest: c.Digest(),
		Scope: old.Scope, Standing: standing.OfToken(b.account, creator), Life: bounded, Predecessor: old.ID,
		Created: now.Truncate(time.Millisecond), LifeSet: 1, Edition: 1, Version: 1,
	}
	if len(old.Sealed) > 0 && b.account.Policy.Revealable {
		if next.Sealed, err = a.seal(ctx, d, next); err != nil {
			return none(err)
		}
	}
	rotated := old
	rotated.Successor, rotated.RotatedOut, rotated.Sealed = next.ID, now.Add(r.Overlap).Truncate(time.Second), nil
	rotated.NoOverlap = r.Overlap == 0 // a fact, since another instance's clock may be behind (P1)
	rotated.Edition++
	if rotated.LifeSet == 0 {
		rotated.LifeSet = rotated.Edition // from now on its purge is on the agenda
	}
	ops := append(append(checks, table.Replace(rotated.item(), old.Version)), repurge(old, rotated)...)
	moved, err := a.relist(ctx, rotated)
	if err != nil {
		return none(err)
	}
	ops = append(append(ops, moved...), next.create()...)
	if b.once != nil {
		ops = append(ops, b.once.op(next.item(), now))
	}
	event := audit.New(audit.TokenRotated, now, old.Account, by.actor(via), from, old.Subject())
	event.Also = []audit.Subject{next.Subject()}
	event.Changes = []audit.Change{{Field: "successor", To: next.Handle()}, {Field: "endsAt", To: instant(rotated.RotatedOut)}}
	if err := a.Table.Commit(ctx, b.resting(append(ops, event.Ops()...)...)...); err != nil {
		return none(err)
	}
	return next, c, nil
}

// rotatable refuses what cannot be rotated, and an overlap that there cannot be.
func (b basis) rotatable(old Token, r Rotation, now time.Time) error {
	field := "id"
	if r.Overlap > 0 {
		field = "overlapSeconds"
	}
	switch {
	case !old.Revoked.IsZero():
		return errField(fault.Conflict, field, "revoked", "The token is revoked. Make a new one.")
	case !old.visible(now):
		return errNoToken()
	case !old.Successor.IsZero():
		return errField(fault.Conflict, field, "rotated", "The token was rotated before: rotate its successor.")
	case r.Overlap > 0 && old.Life.Expired(now):
		return errField(fault.Conflict, field, "expired", "The token has expired, and cannot go on beside its successor.")
	case r.Overlap < 0 || r.Overlap > b.account.Policy.MaxOverlap:
		return fault.Refused("overlapSeconds", "out_of_range", fmt.Sprintf("overlapSeconds is from 0 to what the account's policy allows: %d.", b.account.Policy.MaxOverlap/time.Second))
	}
	return old.matches(r.Match)
}

// alone refuses an overlap while the token's own predecessor still goes on beside it: a place in the quotas is for two
// credentials at the most, and for two only for a while (S26).
func (a *Authority) alone(ctx context.Context, t Token, r Rotation, now time.Time) error {
	if r.Overlap == 0 || t.Predecessor.IsZero() {
		return nil
	}
	items, err := a.Table.Get(ctx, key.Token(t.Predecessor.String()).Key())
	if err != nil || items[0] == nil {
		return err
	}
	before, err := tokenFrom(items[0])
	if err != nil {
		return err
	}
	if before.denial(now) == None {
		return errField(fault.Conflict, "overlapSeconds", "predecessor_active", "The token's predecessor still goes on beside it. Revoke that, or rotate without an overlap.")
	}
	return nil
}

// creator gives the user who made the token, who is the successor's too, with the condition that the record is still as
// it was read.
func (a *Authority) creator(ctx context.Context, b basis, t Token) (account.User, []table.Op, error) {
	if t.User == b.user.ID {
		return b.user, nil, nil
	}
	k := key.User{Account: t.Account, User: t.User}.Key()
	items, err := a.Table.Get(ctx, key.Account(t.Account).Key(), k)
	if err != nil {
		return account.User{}, nil, err
	}
	_, user, err := account.FromItems(items[0], items[1])
	if fault.Is(err, fault.NotFound) || err == nil && user.Status != account.Active {
		return account.User{}, nil, errField(fault.Conflict, "id", "creator_ended", "The user who made the token may not act. Make a new one.")
	}
	if err != nil {
		return account.User{}, nil, err
	}
	return user, []table.Op{table.Check(k, table.VersionIs(user.Version))}, nil
}
