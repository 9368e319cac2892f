package leak_test

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"
	"testing"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/leak"
	"keyfob/internal/purge"
	"keyfob/internal/scope"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
)

// S33: what a signed alert names is of no use from then on, and the trail says where it was found. The answer names each

// by its digest. The same alert again changes nothing.
func TestS33ASignedAlertEndsWhatItNames(t *testing.T) {
	w := newWorld(t)
	text, made := w.token()
	session := w.session()
	imported := w.imported("7", "0123456789abcdefghijABCDEFGHIJ0123456789")
	unknown := w.form.New(token.API).Plaintext().Reveal()
	elsewhere := token.Form{Brand: "kf", Realm: "eu"}.New(token.API).Plaintext().Reveal()
	d := w.github.delivery(t, alert(t, text, session, imported, unknown, elsewhere, "no credential", text))
	verdicts, err := w.leaks().Receive(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []bool{true, true, true, false, false, false, true} {
		if verdicts[i].Real != want || verdicts[i].Type != "keyfob_credential" {
			t.Errorf("%d: %+v", i, verdicts[i])
		}
	}
	if sum := sha256.Sum256([]byte(text)); verdicts[0].Hash != base64.StdEncoding.EncodeToString(sum[:]) {
		t.Error("the digest is not that of what was found")
	}
	again, err := w.receive(d)
	if err != nil || again != "+-+---+" { // an ended session leaves nothing to know it by
		t.Errorf("again: %s, %v", again, err)
	}
	w.is(authority.Revoked, text, imported)
	w.is(authority.Unknown, session)
	leaked := w.events(w.acc.ID, audit.TokenLeaked)
	ended := w.events(w.acc.ID, audit.SessionLeaked)
	if len(leaked) != 2 || len(ended) != 1 || len(w.events(w.acc.ID, audit.TokenRevoked)) != 0 {
		t.Fatalf("%d leaks, %d ends", len(leaked), len(ended))
	}
	for _, e := range append(leaked, ended...) {
		if e.Note != found || e.Actor != (audit.Actor{Via: audit.ViaSystem}) || e.Origin.IP != "192.0.2.33" {
			t.Errorf("%+v", e)
		}
	}
	if !slices.ContainsFunc(leaked, func(e audit.Event) bool { return e.Subject == made.Subject() }) {
		t.Errorf("%+v", leaked)
	}
}

// imported puts a token's record in the place where one of another system's would be.
func (w *world) imported(id, secret string) string {
	w.Helper()
	_, made := w.token()
	items, err := w.table.Get(w.Context(), key.Token(made.ID.String()).Key())
	if err != nil {
		w.Fatal(err)
	}
	kept, err := token.ForeignID(id)
	if err != nil {
		w.Fatal(err)
	}
	digest := token.DigestOf(secret)
	it := items[0]
	it[table.AttrPK], it["foreign"], it["digest"] = table.S(key.Token(kept.String()).Key().PK), table.S(id), table.B(digest.Bytes())
	if err := w.table.Commit(w.Context(), table.Create(it)); err != nil {
		w.Fatal(err)
	}
	w.is(authority.None, id+"|"+secret)
	return id + "|" + secret
}

// What is not a list of findings is refused by field, and nothing of it is done; but what else GitHub tells of a finding is

// What was found in many places is looked up, ended and recorded once.
func TestWhatWasFoundInAThousandPlacesIsEndedOnce(t *testing.T) {
	w := newWorld(t)
	text, _ := w.token()
	before := w.table.gets.Load()
	said, err := w.receive(w.github.delivery(t, alert(t, slices.Repeat([]string{text}, leak.MaxEntries)...)))
	if err != nil || said != strings.Repeat("+", leak.MaxEntries) || len(w.events(w.acc.ID, audit.TokenLeaked)) != 1 {
		t.Errorf("%.20s…, %v", said, err)
	}
	if n := w.table.gets.Load() - before; n > 4 { // the keys, the token, two counts
		t.Errorf("%d reads", n)
	}
}

// What is dead already is known, and left as it is; what only rests is ended, for it would be good again.
func TestWhatIsDeadAlreadyIsKnownAndLeftAsItIs(t *testing.T) {
	w := newWorld(t)
	a := w.authority()
	revoked, r := w.token()
	if err := a.Revoke(t.Context(), w.owner, audit.ViaAPI, audit.Origin{}, r.Handle()); err != nil {
		t.Fatal(err)
	}
	rotated, o := w.token()
	_, next, err := a.Rotate(t.Context(), w.owner, audit.ViaAPI, audit.Origin{}, o.Handle(), authority.Rotation{})
	if err != nil {
		t.Fatal(err)
	}
	overlapping, p := w.token()
	_, _, err = a.Rotate(t.Context(), w.owner, audit.ViaAPI, audit.Origin{}, p.Handle(), authority.Rotation{Overlap: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	life, err := purge.In(time.Hour, w.now())
	if err != nil {
		t.Fatal(err)
	}
	_, short, err := a.Issue(t.Context(), w.owner, audit.ViaAPI, audit.Origin{}, authority.Request{Name: "short", Scope: scope.Full(), Life: &life})
	if err != nil {
		t.Fatal(err)
	}
	resting, q := w.token()
	k := key.Token(q.ID.String()).Key()
	items, err := w.table.Get(t.Context(), k)
	if err != nil {
		t.Fatal(err)
	}
	items[0]["disabled"] = table.Bool(true)
	if err := w.table.Commit(t.Context(), table.Replace(items[0], items[0].Version())); err != nil {
		t.Fatal(err)
	}
	w.is(authority.Ended, resting)
	if said, err := w.receive(w.github.delivery(t, alert(t, overlapping))); said != "+" || err != nil {
		t.Errorf("%s, %v", said, err)
	}
	w.is(authority.Revoked, overlapping)
	w.clock.Add(3600)
	expired := short.Plaintext().Reveal()
	w.is(authority.Expired, expired)
	said, err := w.receive(w.github.delivery(t, alert(t, revoked, rotated, expired, resting)))
	if err != nil || said != "++++" {
		t.Errorf("%s, %v", said, err)
	}
	w.is(authority.Revoked, revoked, resting)
	w.is(authority.Rotated, rotated)
	w.is(authority.Expired, expired)
	w.is(authority.None, next.Plaintext().Reveal())
	if n := len(w.events(w.acc.ID, audit.TokenLeaked)); n != 2 {
		t.Errorf("%d leaks, want the overlapping and the resting one's", n)
	}
}

// A session that has run out is as dead as one that was ended.
func TestASessionThatHasRunOutIsLeftAsItIs(t *testing.T) {
	w := newWorld(t)
	text := w.session()
	w.clock.Add(int64(account.DefaultSessionLife / time.Second))
	w.is(authority.Expired, text)
	if said, err := w.receive(w.github.delivery(t, alert(t, text))); said != "+" || err != nil {
		t.Errorf("%s, %v", said, err)
	}
	if n := len(w.events(w.acc.ID, audit.SessionEnded)); n != 0 {
		t.Errorf("%d ends", n)
	}
}

// What stands in our form is not the imported token of the same place, whatever hash that was imported with.
func TestAnImportedTokenIsNotKnownByAnothersText(t *testing.T) {
	w := newWorld(t)
	id, err := token.ForeignID("7")
	if err != nil {
		t.Fatal(err)
	}
	text := w.form.Format(token.API, id, strings.Repeat("0", token.SecretLen)).Plaintext().Reveal()
	w.imported("7", text)
	if said, err := w.receive(w.github.delivery(t, alert(t, text))); said != "-" || err != nil {
		t.Errorf("%s, %v", said, err)
	}
	w.is(authority.None, "7|"+text)
}

// A credential whose id is right and whose secret is not is somebody's guess, and no leak.
func TestAGuessedSecretEndsNothing(t *testing.T) {
	w := newWorld(t)
	text, made := w.token()
	session := w.session()
	id, err := token.ParseID(session[len("kfs_us_"):][:token.IDLen])
	if err != nil {
		t.Fatal(err)
	}
	guess := func(k token.Kind, id token.ID) string {
		return w.form.Format(k, id, strings.Repeat("0", token.SecretLen)).Plaintext().Reveal()
	}
	if said, err := w.receive(w.github.delivery(t, alert(t, guess(token.API, made.ID), guess(token.Session, id)))); said != "--" || err != nil {
		t.Errorf("%s, %v", said, err)
	}
	w.is(authority.None, text, session)
}

// P3: however a credential comes to stand in the address, the trail does not repeat it; and nothing else than an address
