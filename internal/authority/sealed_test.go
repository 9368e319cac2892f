package authority_test

import (
	"context"
	"testing"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/fault"
	"keyfob/internal/keyring"
	"keyfob/internal/scope"
	"keyfob/internal/table/key"
)

// P3: what was sealed goes with the secret it stands for, and a successor is sealed only where the policy still allows it.
func TestARotatedTokenIsNoLongerSealed(t *testing.T) {
	for _, allowed := range []bool{true, false} {
		w, p, made, _ := revealable(t)
		w.policy(func(a *account.Account) { a.Policy.Revealable = allowed })
		next, _, err := w.withRing(ring{}).Rotate(t.Context(), p, audit.ViaAPI, audit.Origin{}, made.Handle(), authority.Rotation{})
		if err != nil || len(next.Sealed) > 0 != allowed {
			t.Errorf("allowed %t: sealed %t, %v", allowed, len(next.Sealed) > 0, err)
		}
		items, err := w.table.Get(t.Context(), key.Token(made.ID.String()).Key())
		if err != nil || items[0].Bytes("sealed") != nil {
			t.Errorf("the old one is still sealed: %v", err)
		}
		name := "x"
		if _, err := w.edit(p, made.Handle(), authority.Edit{Name: &name}); err != nil {
			t.Error(err)
		}
		_, err = w.edit(p, made.Handle(), authority.Edit{Life: w.choose("4h")})
		w.refused(err, fault.Conflict, "autoPurge")
	}
}

// The key service is asked once for a request, however often its commit is tried.
func TestTheKeyServiceIsAskedOnce(t *testing.T) {
	w, p, made, _ := revealable(t)
	asked := 0
	db := &counted{Table: w.table}
	a := authority.Authority{Table: db, Now: w.clock.Now, Form: w.form, Keys: countingRing{ring{}, &asked}}
	disturb := func() { w.developer(w.owner, true) }
	for what, do := range map[string]func() error{
		"issue": func() error {
			_, _, err := a.Issue(t.Context(), p, audit.ViaAPI, audit.Origin{}, authority.Request{Name: "x", Scope: scope.Full(), Revealable: true})
			return err
		},
		"reveal": func() error {
			_, _, err := a.Reveal(t.Context(), p, audit.ViaAPI, audit.Origin{}, made.Handle(), "why", authority.Once{})
			return err
		},
	} {
		asked, db.before, db.commits = 0, disturb, 0
		if err := do(); err != nil || asked != 1 || db.commits != 2 {
			t.Errorf("%s: asked %d times in %d commits, %v", what, asked, db.commits, err)
		}
	}
}

type countingRing struct {
	ring
	asked *int
}

func (c countingRing) Seal(ctx context.Context, plaintext []byte, b keyring.Binding) ([]byte, error) {
	*c.asked++
	return c.ring.Seal(ctx, plaintext, b)
}

func (c countingRing) Open(ctx context.Context, sealed []byte, b keyring.Binding) ([]byte, error) {
	*c.asked++
	return c.ring.Open(ctx, sealed, b)
}
