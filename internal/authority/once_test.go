package authority_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"sync"
	"testing"
	"time"

	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/fault"
	"keyfob/internal/scope"
	"keyfob/internal/table"
	"keyfob/internal/token"
)

func once(c token.Credential, key, body string) authority.Once {
	return authority.Once{Key: key, Presented: c.Plaintext().Reveal(), Fingerprint: sha256.Sum256([]byte(body))}
}

// S27: the same request under the same key, however often and at the same time, makes one token with one event, and each
// time shows the same secret; and that secret is nowhere in the table (P3).
func TestS27TheSameKeyMakesOneToken(t *testing.T) {
	w := newWorld(t)
	p, session := w.login(w.acc, w.owner)
	r := authority.Request{Name: "x", Scope: scope.Full(), Once: once(session, "k1", "body")}
	var wg sync.WaitGroup
	secrets := make([]string, 20)
	for i := range secrets {
		wg.Go(func() {
			_, c, err := w.authority().Issue(t.Context(), p, audit.ViaAPI, audit.Origin{}, r)
			if err != nil {
				t.Error(err)
				return
			}
			secrets[i] = c.Plaintext().Reveal()
		})
	}
	wg.Wait()
	for _, s := range secrets {
		if s != secrets[0] || s == "" {
			t.Fatal("the answers differ")
		}
	}
	if n := w.events(w.acc.ID, audit.TokenCreated); n != 1 {
		t.Errorf("%d tokens", n)
	}
	records, err := w.embedded.Changes(t.Context(), "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, record := range records {
		for _, v := range record.Change.NewImage {
			if b, ok := v.(table.B); ok && bytes.Contains(b, []byte(secrets[0][len("kf_us_")+token.IDLen:])) {
				t.Error("the secret is stored")
			}
			if s, ok := v.(table.S); ok && bytes.Contains([]byte(s), []byte(secrets[0][len("kf_us_")+token.IDLen:])) {
				t.Error("the secret is stored")
			}
		}
	}
	// What has become of the token meanwhile changes nothing of the answer.
	id, err := w.form.Parse(secrets[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := w.authority().Revoke(t.Context(), p, audit.ViaAPI, audit.Origin{}, id.ID().Handle(token.API)); err != nil {
		t.Fatal(err)
	}
	again, c, err := w.authority().Issue(t.Context(), p, audit.ViaAPI, audit.Origin{}, r)
	if err != nil || c.Plaintext().Reveal() != secrets[0] || !again.Revoked.IsZero() {
		t.Errorf("%+v, %v", again, err)
	}
}

// S27: a key stands for one request of one credential, for a day.
func TestS27AKeyStandsForOneRequest(t *testing.T) {
	w := newWorld(t)
	p, session := w.login(w.acc, w.owner)
	r := authority.Request{Name: "x", Scope: scope.Full(), Life: w.auto("never"), Once: once(session, "k1", "body")}
	first, _ := w.issue(p, r)
	other := r
	other.Once = once(session, "k1", "another body")
	_, err := w.ask(p, other)
	w.refused(err, fault.Conflict, "Idempotency-Key")
	p2, session2 := w.login(w.acc, w.owner)
	other.Once = once(session2, "k1", "body")
	_, err = w.ask(p2, other)
	w.refused(err, fault.Conflict, "Idempotency-Key")
	admin, theirs := w.login(w.acc, w.user(scope.Admin))
	other.Once = once(theirs, "k1", "body")
	if made, err := w.ask(admin, other); err != nil || made.ID == first.ID {
		t.Errorf("another user's key of the same name: %v", err)
	}
	key, c := w.issue(p, authority.Request{Scope: scope.Full(), Life: w.auto("never")})
	_ = key
	holder := w.verify(c)
	r.Once = once(c, "k2", "body")
	second, _ := w.issue(holder, r)
	w.clock.Advance(24*time.Hour - time.Second)
	if again, _ := w.issue(holder, r); again.ID != second.ID {
		t.Error("forgotten within the day")
	}
	w.clock.Advance(time.Second)
	if again, _ := w.issue(holder, r); again.ID == second.ID {
		t.Error("remembered beyond the day")
	}
}

// S27: where the answer to a commit that was made is lost, the repetition gives the answer.
func TestS27ALostAnswerIsGivenAgain(t *testing.T) {
	w := newWorld(t)
	p, session := w.login(w.acc, w.owner)
	a := authority.Authority{Table: lossy{w.table}, Now: w.clock.Now, Form: w.form}
	r := authority.Request{Name: "x", Scope: scope.Full(), Once: once(session, "k1", "body")}
	if _, _, err := a.Issue(t.Context(), p, audit.ViaAPI, audit.Origin{}, r); !fault.Is(err, fault.Unavailable) {
		t.Fatal(err)
	}
	made, c := w.issue(p, r)
	if p := w.verify(c); p.ID != made.ID || w.events(w.acc.ID, audit.TokenCreated) != 1 {
		t.Errorf("%+v", p)
	}
	a.Table = lossy{w.table}
	rotation := authority.Rotation{Once: once(session, "k2", "rotate")}
	if _, _, err := a.Rotate(t.Context(), p, audit.ViaAPI, audit.Origin{}, made.Handle(), rotation); !fault.Is(err, fault.Unavailable) {
		t.Fatal(err)
	}
	next, c2, err := w.rotate(p, made.Handle(), rotation)
	if err != nil || w.verify(c2).ID != next.ID || w.events(w.acc.ID, audit.TokenRotated) != 1 {
		t.Errorf("%+v, %v", next, err)
	}
}

// lossy is a table that commits and then loses the answer.
type lossy struct{ table.Table }

func (l lossy) Commit(ctx context.Context, ops ...table.Op) error {
	if err := l.Table.Commit(ctx, ops...); err != nil {
		return err
	}
	return fault.Retry(errors.New("injected"))
}
