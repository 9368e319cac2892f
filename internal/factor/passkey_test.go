package factor_test

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"keyfob/internal/audit"
	"keyfob/internal/factor"
	"keyfob/internal/fault"
	"keyfob/internal/scope"
)

func TestAPasskeyUnlocks(t *testing.T) {
	w := newWorld(t)
	d, e := w.passkey(w.user)
	if !strings.HasPrefix(e.Key, "psk_") || len(e.Key) != 20 || len(e.Codes) != 10 {
		t.Fatalf("%s, %d codes", e.Key, len(e.Codes))
	}
	act := w.login(w.user)
	w.clock.Advance(time.Minute)
	_, err := w.factors.Unlock(t.Context(), act, w.show(act, d))
	w.wants(err, 0, "")
	if w.lock(act) != scope.Open {
		t.Error("it is still locked")
	}
	mine, err := w.factors.Mine(t.Context(), act)
	if err != nil || len(mine.Passkeys) != 1 || mine.Passkeys[0].Name != "Laptop" || !mine.Passkeys[0].LastUsed.Equal(w.clock.Now()) || mine.Passkeys[0].Site != w.site.ID {
		t.Errorf("%+v, %v", mine.Passkeys, err)
	}
}

func TestTheOptionsOfAPasskeyAreAsAgreed(t *testing.T) {
	w := newWorld(t)
	act := w.login(w.user)
	q, err := w.factors.EnrolPasskey(t.Context(), act)
	w.wants(err, 0, "")
	var o struct {
		RP          struct{ ID, Name string }
		User        struct{ ID, Name, DisplayName string }
		Challenge   string
		Attestation string
		Timeout     int
		Selection   struct{ UserVerification string } `json:"authenticatorSelection"`
	}
	if err := json.Unmarshal(q.Options, &o); err != nil {
		t.Fatal(err)
	}
	if o.RP.ID != w.site.ID || o.User.Name != w.user.Email || len(o.Challenge) < 40 || o.Attestation != "none" && o.Attestation != "" || o.Selection.UserVerification != "preferred" || o.Timeout != 300_000 {
		t.Errorf("%s", q.Options)
	}
	if !q.Until.Equal(w.clock.Now().Add(5 * time.Minute)) {
		t.Errorf("until %v", q.Until)
	}
}

func TestS7APasskeysAnswerCountsOnce(t *testing.T) {
	w := newWorld(t)
	d, _ := w.passkey(w.user)
	act := w.loginVia(w.user, audit.ViaDashboard)
	proofs := w.show(act, d)
	won := w.race(50, func(int) error { _, err := w.factors.Unlock(t.Context(), act, proofs); return err }, fault.Conflict, fault.Unauthenticated, fault.Unprocessable, fault.TooMany)
	if won != 1 || w.count(audit.SessionUnlocked) != 1 {
		t.Errorf("%d successes", won)
	}
	other := w.login(w.user)
	_, err := w.factors.Unlock(t.Context(), other, proofs)
	w.wrong(err, "factors[0].credential")
	w.show(other, d) // it is asked, and does not answer; the old answer is none to this question
	_, err = w.factors.Unlock(t.Context(), other, proofs)
	w.wrong(err, "factors[0].credential")
}

func TestS7APasskeysAnswerIsBoundToItsSession(t *testing.T) {
	w := newWorld(t)
	d, _ := w.passkey(w.user)
	mine, other := w.login(w.user), w.login(w.user)
	forMine, forOther := w.show(mine, d), w.show(other, d)
	_, err := w.factors.Unlock(t.Context(), mine, forOther)
	w.wrong(err, "factors[0].credential")
	_, err = w.factors.Unlock(t.Context(), mine, forMine)
	w.wants(err, 0, "")
}

func TestS7APasskeysQuestionIsGoodForFiveMinutes(t *testing.T) {
	w := newWorld(t)
	d, _ := w.passkey(w.user)
	for _, late := range []bool{false, true} {
		act := w.login(w.user)
		proofs := w.show(act, d)
		w.clock.Advance(factor.PasskeyLife - time.Second)
		if late {
			w.clock.Advance(time.Second)
			_, err := w.factors.Unlock(t.Context(), act, proofs)
			w.wrong(err, "factors[0].credential")
			continue
		}
		_, err := w.factors.Unlock(t.Context(), act, proofs)
		w.wants(err, 0, "")
	}
	act := w.unlockedBy(d)
	q, err := w.factors.EnrolPasskey(t.Context(), act)
	w.wants(err, 0, "")
	answer := newDevice(w.site).create(t, q.Options)
	w.clock.Advance(factor.PasskeyLife)
	_, err = w.factors.ConfirmPasskey(t.Context(), act, "Phone", answer)
	w.wrong(err, "credential")
}

// unlockedBy gives an act in a session that was unlocked by the device.
func (w *world) unlockedBy(d *device) factor.Act {
	w.Helper()
	act := w.login(w.user)
	if _, err := w.factors.Unlock(w.Context(), act, w.show(act, d)); err != nil {
		w.Fatal(err)
	}
	return act
}

// A counter that does not go on is the sign of a copy: it is refused, the session ends at once, and the event says why.
func TestAPasskeyWhoseCounterWentBackIsRefused(t *testing.T) {
	w := newWorld(t)
	d, _ := w.passkey(w.user)
	w.unlockedBy(d)
	w.unlockedBy(d)
	act := w.login(w.user)
	d.key.Counter = 0 // show counts it up to 1, which was there before
	_, err := w.factors.Unlock(t.Context(), act, w.show(act, d))
	w.wrong(err, "factors[0].credential")
	if !w.session(act).ID.IsZero() {
		t.Error("the session goes on")
	}
	var notes []string
	for _, e := range w.events() {
		if e.Type == audit.FactorRefused {
			notes = append(notes, e.Note)
		}
	}
	if len(notes) != 1 || !strings.Contains(notes[0], "counter") {
		t.Errorf("notes: %q", notes)
	}
	d.key.Counter = 100
	w.unlockedBy(d)
}

// Many authenticators do not count at all: what stays at zero is no sign of anything.
func TestAPasskeyThatDoesNotCountIsTaken(t *testing.T) {
	w := newWorld(t)
	d, _ := w.passkey(w.user)
	for range 3 {
		act := w.login(w.user)
		q, err := w.factors.Challenge(t.Context(), act, factor.Passkey)
		w.wants(err, 0, "")
		d.key.Counter = ^uint32(0) // get counts it up to 0
		_, err = w.factors.Unlock(t.Context(), act, []factor.Proof{{Factor: factor.Passkey, Credential: d.get(t, q.Options)}})
		w.wants(err, 0, "")
	}
}

// What is not the person's own authenticator answering this site's question is wrong, all in the same way.
func TestPasskeysOfOthersAndOfOtherSitesUnlockNothing(t *testing.T) {
	w := newWorld(t)
	d, _ := w.passkey(w.user)
	stranger := w.person(w.acc, "otto@example.com")
	theirs, _ := w.passkey(stranger)
	evil := *d
	evil.party.Origin = "https://keyfob.example.com.evil.example"
	otherParty := *d
	otherParty.party.ID = "evil.example"
	tried := 0
	for name, answer := range map[string]func(options []byte) []byte{
		"another person's": func(o []byte) []byte { return theirs.get(t, o) },
		"another origin":   func(o []byte) []byte { return evil.get(t, o) },
		"another party":    func(o []byte) []byte { return otherParty.get(t, o) },
		"nothing":          func([]byte) []byte { return []byte("{}") },
		"not JSON":         func([]byte) []byte { return []byte("{") },
		"a signature damaged": func(o []byte) []byte {
			return bytes.Replace(d.get(t, o), []byte(`"signature":"MEU`), []byte(`"signature":"MEA`), 1)
		},
		"an attestation": func(o []byte) []byte {
			return []byte(`{"id":"AA","rawId":"AA","type":"public-key","response":{"clientDataJSON":"e30","attestationObject":"oA"}}`)
		},
		"a new key's, unknown": func(o []byte) []byte { return newDevice(w.site).get(t, o) },
	} {
		act := w.login(w.user)
		tried++
		act.From.IP = "10.0." + strconv.Itoa(tried) + ".1" // each from another network, so that none is slowed down
		q, err := w.factors.Challenge(t.Context(), act, factor.Passkey)
		w.wants(err, 0, "")
		_, err = w.factors.Unlock(t.Context(), act, []factor.Proof{{Factor: factor.Passkey, Credential: answer(q.Options)}})
		if name == "a signature damaged" && err == nil {
			continue // the signature began otherwise this time
		}
		if err == nil {
			t.Errorf("%s unlocks", name)
			continue
		}
		w.wrong(err, "factors[0].credential")
	}
}

func TestAPasskeyOfAnotherSiteIsNotAskedForHere(t *testing.T) {
	w := newWorld(t)
	w.passkey(w.user)
	act := w.login(w.user)
	act.Site = factor.Site{ID: "other.example.com", Origin: "https://other.example.com"}
	_, err := w.factors.Challenge(t.Context(), act, factor.Passkey)
	w.wants(err, fault.Unprocessable, "not_enrolled")
	act = w.login(w.person(w.acc, "otto@example.com"))
	act.Site = factor.Site{}
	_, err = w.factors.EnrolPasskey(t.Context(), act)
	w.wants(err, fault.Conflict, "no_site")
}

func TestACredentialIsEnrolledOnceAndTenAtTheMost(t *testing.T) {
	w := newWorld(t)
	d, _ := w.passkey(w.user)
	act := w.unlockedBy(d)
	q, err := w.factors.EnrolPasskey(t.Context(), act)
	w.wants(err, 0, "")
	_, err = w.factors.ConfirmPasskey(t.Context(), act, "Again", d.create(t, q.Options))
	w.wrong(err, "credential")
	for range 9 {
		w.passkeyIn(act)
	}
	_, err = w.factors.EnrolPasskey(t.Context(), act)
	w.wants(err, fault.Conflict, "too_many")
	mine, err := w.factors.Mine(t.Context(), act)
	if err != nil || len(mine.Passkeys) != 10 {
		t.Fatalf("%d passkeys, %v", len(mine.Passkeys), err)
	}
	w.wants(w.factors.RemovePasskey(t.Context(), act, mine.Passkeys[0].ID), 0, "")
	w.wants(w.factors.RemovePasskey(t.Context(), act, mine.Passkeys[0].ID), fault.NotFound, "not_found")
	act2 := w.login(w.user)
	q, err = w.factors.Challenge(t.Context(), act2, factor.Passkey)
	w.wants(err, 0, "")
	_, err = w.factors.Unlock(t.Context(), act2, []factor.Proof{{Factor: factor.Passkey, Credential: d.get(t, q.Options)}})
	w.wrong(err, "factors[0].credential")
}

// Asked while it was enrolled, answered when it was not any more.
func TestAPasskeyThatIsRemovedMeanwhileUnlocksNothing(t *testing.T) {
	w := newWorld(t)
	d, e := w.passkey(w.user)
	owner := w.unlockedBy(d)
	other, _ := w.passkeyIn(owner)
	act := w.login(w.user)
	q, err := w.factors.Challenge(t.Context(), act, factor.Passkey)
	w.wants(err, 0, "")
	w.wants(w.factors.RemovePasskey(t.Context(), owner, e.Key), 0, "")
	_, err = w.factors.Unlock(t.Context(), act, []factor.Proof{{Factor: factor.Passkey, Credential: d.get(t, q.Options)}})
	w.wrong(err, "factors[0].credential")
	_, err = w.factors.Unlock(t.Context(), act, []factor.Proof{{Factor: factor.Passkey, Credential: other.get(t, q.Options)}})
	w.wants(err, 0, "")
}

func TestANameOfAPasskeyIsAName(t *testing.T) {
	w := newWorld(t)
	act := w.login(w.user)
	for _, name := range []string{"", " x", "a\r\nb", strings.Repeat("x", 201), "a\u202eb"} {
		if _, err := w.factors.ConfirmPasskey(t.Context(), act, name, []byte("{}")); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", name, err)
		}
	}
	_, err := w.factors.ConfirmPasskey(t.Context(), act, "Laptop", nil)
	w.wants(err, fault.Invalid, "required")
}
