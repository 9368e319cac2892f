package leak_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"keyfob/internal/audit"
	"keyfob/internal/fault"
	"keyfob/internal/leak"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

// P5: keys are put in the place of those before as a whole, with an event; the same again changes nothing.
func TestP5KeysAreReplacedAsAWhole(t *testing.T) {
	w := newWorld(t)
	two, three := newSigner(t, "k2"), newSigner(t, "k3")
	configure := func(want string, keys ...leak.PublicKey) {
		t.Helper()
		w.clock.Add(1)
		ids, err := w.leaks().Configure(t.Context(), keys, audit.Origin{RequestID: "r-2"})
		read, again := w.leaks().Keys(t.Context())
		if err != nil || again != nil || strings.Join(ids, " ") != want || !slices.Equal(ids, read) {
			t.Errorf("%v, %v, %v, %v; want %s", ids, read, err, again, want)
		}
	}
	taken := func(s signer, want bool) {
		t.Helper()
		if _, err := w.receive(s.delivery(t, "[]")); (err == nil) != want {
			t.Errorf("%s: %v", s.id, err)
		}
	}
	taken(w.github, true)
	for range 2 {
		configure("k2 k3", two.published(t), three.published(t))
	}
	taken(w.github, false)
	taken(two, true)
	taken(three, true)
	other := newSigner(t, "k3") // the same name for another key
	configure("k2 k3", two.published(t), other.published(t))
	taken(three, false)
	taken(other, true)
	configure("")
	taken(two, false)
	changes := w.events(audit.Deployment, audit.LeakKeysChanged)
	if len(changes) != 4 {
		t.Fatalf("%d events, want that of the start and three more", len(changes))
	}
	for i, want := range []string{"keys:  to k1:", "keys: k1: to k2: k3:", "keys: k2: k3: to k2: k3:", "keys: k2: k3: to "} {
		e := changes[i]
		if said := e.Changes[0]; e.Actor.Via != audit.ViaOperator || len(e.Changes) != 1 || said.From == said.To ||
			regexp.MustCompile(`:[0-9a-f]{16}`).ReplaceAllString(said.Field+": "+said.From+" to "+said.To, ":") != want {
			t.Errorf("%+v, want %s", e, want)
		}
	}
}

// A key that could prove nothing is refused by its place in the document, and the keys stay as they are.
func TestKeysThatProveNothingAreNamed(t *testing.T) {
	w := newWorld(t)
	good := newSigner(t, "k2").published(t)
	wide, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	edwards, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	many := make([]leak.PublicKey, leak.MaxKeys+1)
	for i := range many {
		many[i] = leak.PublicKey{Identifier: fmt.Sprint("k", i), PEM: good.PEM}
	}
	if _, err := w.leaks().Configure(t.Context(), many[:leak.MaxKeys], audit.Origin{}); err != nil {
		t.Errorf("%d keys: %v", leak.MaxKeys, err)
	}
	const second = "publicKeys.public_keys[1]."
	for _, c := range []struct {
		field string
		keys  []leak.PublicKey
	}{
		{"publicKeys.public_keys", many},
		{second + "key_identifier", []leak.PublicKey{good, {Identifier: "", PEM: good.PEM}}},
		{second + "key_identifier", []leak.PublicKey{good, {Identifier: "a b", PEM: good.PEM}}},
		{second + "key_identifier", []leak.PublicKey{good, good}},
		{second + "key", []leak.PublicKey{good, {Identifier: "x"}}},
		{second + "key", []leak.PublicKey{good, {Identifier: "x", PEM: "no PEM"}}},
		{second + "key", []leak.PublicKey{good, {Identifier: "x", PEM: good.PEM + good.PEM}}},
		{second + "key", []leak.PublicKey{good, {Identifier: "x", PEM: strings.ReplaceAll(good.PEM, "PUBLIC KEY", "CERTIFICATE")}}},
		{second + "key", []leak.PublicKey{good, {Identifier: "x", PEM: encoded(t, &wide.PublicKey)}}},
		{second + "key", []leak.PublicKey{good, {Identifier: "x", PEM: encoded(t, edwards)}}},
	} {
		_, err := w.leaks().Configure(t.Context(), c.keys, audit.Origin{})
		e, ok := errors.AsType[*fault.Error](err)
		if !ok || e.Kind != fault.Invalid || e.Fields[0].Name != c.field {
			t.Errorf("%v; want %s named", err, c.field)
		}
	}
	if ids, err := w.leaks().Keys(t.Context()); err != nil || len(ids) != leak.MaxKeys {
		t.Errorf("%v, %v", ids, err)
	}
}

// P7: a record of keys that cannot be read proves nothing, and the alert is to come again.
func TestP7ADamagedKeyProvesNothing(t *testing.T) {
	w := newWorld(t)
	items, err := w.table.Get(t.Context(), key.LeakKeys{}.Key())
	if err != nil {
		t.Fatal(err)
	}
	items[0]["keys"] = table.L{table.Item{"id": table.S(w.github.id), "der": table.B("damaged")}, table.S("damaged")}
	if err := w.table.Commit(t.Context(), table.Replace(items[0], items[0].Version())); err != nil {
		t.Fatal(err)
	}
	if _, err := w.receive(w.github.delivery(t, "[]")); !fault.Is(err, fault.Unavailable) {
		t.Error(err)
	}
}
