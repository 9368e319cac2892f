package authority_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/fault"
	"keyfob/internal/keyring"
	"keyfob/internal/scope"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

// ring keeps what it seals in the clear, with its binding: the adapters' own tests are about sealing.
type ring struct{ fail error }

func (r ring) Seal(_ context.Context, plaintext []byte, b keyring.Binding) ([]byte, error) {
	return append([]byte(b.Account+"/"+b.Token+"/"), plaintext...), r.fail
}

func (r ring) Open(_ context.Context, sealed []byte, b keyring.Binding) ([]byte, error) {
	prefix := b.Account + "/" + b.Token + "/"
	if r.fail != nil {
		return nil, r.fail
	}
	if len(sealed) < len(prefix) || string(sealed[:len(prefix)]) != prefix {
		return nil, keyring.ErrSealed
	}
	return sealed[len(prefix):], nil
}

// revealable is a world in which everything is as it has to be for a reveal.
func revealable(t *testing.T) (w *world, p authority.Principal, made authority.Token, plain string) {
	w = newWorld(t)
	w.policy(func(a *account.Account) { a.Policy.Revealable = true })
	w.developer(w.owner, true)
	p, _ = w.login(w.acc, w.owner)
	a := w.withRing(ring{})
	made, c, err := a.Issue(t.Context(), p, audit.ViaAPI, audit.Origin{}, authority.Request{Name: "x", Scope: scope.Full(), Revealable: true})
	if err != nil {
		t.Fatal(err)
	}
	return w, p, made, c.Plaintext().Reveal()
}

func (w *world) withRing(r keyring.Ring) *authority.Authority {
	a := w.authority()
	a.Keys = r
	return a
}

func (w *world) developer(u account.User, on bool) {
	w.Helper()
	_, u, err := (&account.Accounts{Table: w.table}).WithUser(w.Context(), u.Account, u.ID)
	if err != nil {
		w.Fatal(err)
	}
	u.Developer = on
	if err := w.table.Commit(w.Context(), u.Replace()); err != nil {
		w.Fatal(err)
	}
}

// C11, S12: a token is shown only with everything that it takes, and each showing is recorded with its reason.
func TestC11AShowingTakesAllOfItsConditions(t *testing.T) {
	const reason = "moving to another server"
	reveal := func(w *world, p authority.Principal, handle, why string) (string, error) {
		_, s, err := w.withRing(ring{}).Reveal(t.Context(), p, audit.ViaDashboard, audit.Origin{}, handle, why, authority.Once{})
		return s, err
	}
	w, p, made, plain := revealable(t)
	w.clock.Advance(authority.FreshLogin)
	if shown, err := reveal(w, p, made.Handle(), reason); err != nil || shown != plain || w.events(w.acc.ID, audit.TokenRevealed) != 1 {
		t.Fatalf("%v", err)
	}
	for what, c := range map[string]struct {
		spoil func(w *world, p *authority.Principal, made *authority.Token)
		why   string
		kind  fault.Kind
		name  string
	}{
		"no reason": {nil, "", fault.Invalid, "reason"},
		"an old login": {func(w *world, _ *authority.Principal, _ *authority.Token) {
			w.clock.Advance(authority.FreshLogin + time.Second)
		}, reason, fault.Forbidden, "fresh_login_required"},
		"no developer mode": {func(w *world, _ *authority.Principal, _ *authority.Token) { w.developer(w.owner, false) }, reason, fault.Forbidden, "developer_mode_required"},
		"the policy": {func(w *world, _ *authority.Principal, _ *authority.Token) {
			w.policy(func(a *account.Account) { a.Policy.Revealable = false })
		}, reason, fault.Forbidden, "not_allowed"},
		"a token for a session": {func(w *world, p *authority.Principal, _ *authority.Token) {
			_, c := w.issue(*p, full)
			*p = w.verify(c)
		}, reason, fault.Forbidden, "needs_session"},
		"a token not made so": {func(w *world, p *authority.Principal, made *authority.Token) { *made, _ = w.issue(*p, full) }, reason, fault.Conflict, "not_revealable"},
		"a demotion":          {func(w *world, _ *authority.Principal, _ *authority.Token) { w.set(w.owner.Key(), "role", "member") }, reason, fault.Forbidden, "role_forbids"},
		"an admin, of an owner's token": {func(w *world, p *authority.Principal, _ *authority.Token) {
			u := w.user(scope.Admin)
			w.developer(u, true)
			*p, _ = w.login(w.acc, u)
		}, reason, fault.Forbidden, "outranked"},
		"a stranger": {func(w *world, p *authority.Principal, _ *authority.Token) {
			acc, u := w.account("other@example.com")
			w.developer(u, true)
			*p, _ = w.login(acc, u)
		}, reason, fault.NotFound, "not_found"},
	} {
		w, p, made, _ := revealable(t)
		if c.spoil != nil {
			c.spoil(w, &p, &made)
		}
		shown, err := reveal(w, p, made.Handle(), c.why)
		e, ok := errors.AsType[*fault.Error](err)
		if !ok || e.Kind != c.kind || e.Code != c.name && (len(e.Fields) == 0 || e.Fields[0].Name != c.name) || shown != "" {
			t.Errorf("%s: %v", what, err)
		}
		if n := w.events(w.acc.ID, audit.TokenRevealed); n != 0 {
			t.Errorf("%s: %d showings recorded", what, n)
		}
	}
	w, p, _, _ = revealable(t)
	w.policy(func(a *account.Account) { a.Policy.Revealable = false })
	_, err := w.ask(p, authority.Request{Scope: scope.Full(), Revealable: true})
	w.refused(err, fault.Unprocessable, "revealable")
}

// S28: without its event nothing is shown; and a key service that does not answer shows nothing and records nothing.
func TestS28NothingIsShownUnrecorded(t *testing.T) {
	w, p, made, _ := revealable(t)
	a := w.withRing(ring{})
	a.Table = failing{w.table}
	if _, shown, err := a.Reveal(t.Context(), p, audit.ViaAPI, audit.Origin{}, made.Handle(), "why", authority.Once{}); err == nil || shown != "" {
		t.Error("shown without its event")
	}
	a = w.withRing(ring{fail: fault.Retry(errors.New("injected"))})
	if _, shown, err := a.Reveal(t.Context(), p, audit.ViaAPI, audit.Origin{}, made.Handle(), "why", authority.Once{}); !fault.Is(err, fault.Unavailable) || shown != "" {
		t.Errorf("%v", err)
	}
	if n := w.events(w.acc.ID, audit.TokenRevealed); n != 0 {
		t.Errorf("%d showings recorded", n)
	}
}

// S30: what is sealed opens only for the token that it was sealed for.
func TestS30ExchangedSealsDoNotOpen(t *testing.T) {
	w, p, made, _ := revealable(t)
	a := w.withRing(ring{})
	other, _, err := a.Issue(t.Context(), p, audit.ViaAPI, audit.Origin{}, authority.Request{Name: "y", Scope: scope.Full(), Revealable: true})
	if err != nil {
		t.Fatal(err)
	}
	items, err := w.table.Get(t.Context(), key.Token(made.ID.String()).Key(), key.Token(other.ID.String()).Key())
	if err != nil {
		t.Fatal(err)
	}
	items[0]["sealed"] = items[1]["sealed"]
	if err := w.table.Commit(t.Context(), table.Replace(items[0], items[0].Version())); err != nil {
		t.Fatal(err)
	}
	if _, shown, err := a.Reveal(t.Context(), p, audit.ViaAPI, audit.Origin{}, made.Handle(), "why", authority.Once{}); err == nil || shown != "" || w.events(w.acc.ID, audit.TokenRevealed) != 0 {
		t.Errorf("%v", err)
	}
}

// S27: a repeated showing is recorded once.
func TestS27ARepeatedShowingIsRecordedOnce(t *testing.T) {
	w, _, made, plain := revealable(t)
	p, session := w.login(w.acc, w.owner)
	for range 3 {
		_, shown, err := w.withRing(ring{}).Reveal(t.Context(), p, audit.ViaAPI, audit.Origin{}, made.Handle(), "why", once(session, "k", "why"))
		if err != nil || shown != plain {
			t.Fatal(err)
		}
	}
	if n := w.events(w.acc.ID, audit.TokenRevealed); n != 1 {
		t.Errorf("%d showings recorded", n)
	}
}
