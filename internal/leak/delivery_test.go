package leak_test

import (
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"testing"

	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/fault"
	"keyfob/internal/leak"
)

// S33: without the proof that GitHub has sent it, nothing is done, and of the body nothing is read.
func TestS33AForgedAlertChangesNothing(t *testing.T) {
	w := newWorld(t)
	text, _ := w.token()
	session := w.session()
	good := w.github.delivery(t, alert(t, text, session))
	stranger := newSigner(t, w.github.id).delivery(t, string(good.Body))
	another := newSigner(t, "k2").delivery(t, string(good.Body))
	misnamed := good
	misnamed.Key = "k2"
	altered := good
	altered.Body = []byte(strings.Replace(string(good.Body), "main", "trunk", 1))
	garbage := good
	garbage.Body = []byte("{")
	empty := good
	empty.Body = nil
	for name, d := range map[string]leak.Delivery{
		"another's signature": stranger, "an unknown key": another, "a known key under another name": misnamed, "altered": altered, "of other bytes": garbage, "of nothing": empty,
	} {
		before := w.table.gets.Load()
		if said, err := w.receive(d); !fault.Is(err, fault.Unauthenticated) || said != "" {
			t.Errorf("%s: %s, %v", name, said, err)
		}
		if n := w.table.gets.Load() - before; n != 1 {
			t.Errorf("%s: %d reads", name, n)
		}
	}
	if _, err := w.leaks().Configure(t.Context(), nil, audit.Origin{}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.receive(good); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("without keys: %v", err)
	}
	w.is(authority.None, text, session)
	if n := len(w.events(w.acc.ID, audit.TokenLeaked)); n != 0 {
		t.Errorf("%d events", n)
	}
	if _, err := w.leaks().Configure(t.Context(), []leak.PublicKey{w.github.published(t)}, audit.Origin{}); err != nil {
		t.Fatal(err)
	}
	if said, err := w.receive(good); said != "++" || err != nil {
		t.Errorf("the very same alert, proved: %s, %v", said, err)
	}
}

// Headers that cannot be a proof are refused by name, before anything is read.
func TestHeadersThatAreNoProofAreNamed(t *testing.T) {
	w := newWorld(t)
	good := w.github.delivery(t, alert(t, "x"))
	before := w.table.gets.Load()
	for id, header := range map[string]string{"": leak.KeyHeader, "a b": leak.KeyHeader, "ä": leak.KeyHeader, "a\n": leak.KeyHeader, strings.Repeat("a", 129): leak.KeyHeader} {
		d := good
		d.Key = id
		w.names(header, d)
	}
	der := func(b []byte) string { return base64.StdEncoding.EncodeToString(b) }
	right, err := base64.StdEncoding.DecodeString(good.Signature)
	if err != nil {
		t.Fatal(err)
	}
	for _, signature := range []string{
		"", "x", good.Signature + "A", strings.TrimRight(good.Signature, "=") + "!", der(right[:len(right)-1]), der(append(slices.Clone(right), 0)),
		der([]byte("no ASN.1")), der([]byte{0x30, 0}), strings.Repeat("A", 10_000),
	} {
		d := good
		d.Signature = signature
		w.names(leak.SignatureHeader, d)
	}
	if n := w.table.gets.Load() - before; n != 0 {
		t.Errorf("%d reads", n)
	}
}

func (w *world) names(field string, d leak.Delivery) {
	w.Helper()
	_, err := w.receive(d)
	e, ok := errors.AsType[*fault.Error](err)
	if !ok || e.Kind != fault.Invalid || len(e.Fields) != 1 || e.Fields[0].Name != field {
		w.Errorf("key %.20q, signature %.40q, body %.60q: %v; want %s named", d.Key, d.Signature, d.Body, err, field)
	}
}

// its own affair.
func TestAProvedAlertIsReadStrictlyButForWhatIsNotOurs(t *testing.T) {
	w := newWorld(t)
	text, _ := w.token()
	first := `{"token":"` + text + `","type":"t","url":""},`
	for body, field := range map[string]string{
		"": "body", "{": "body", "null": "body", `"x"`: "body", `{"token":"x","type":"t"}`: "body", "[" + first + "] x": "body", `[` + first + `"x"]`: "[1]",
		`[` + first + `{"token":7,"type":"t"}]`:                               "[1].token",
		`[` + first + `{"token":"x","type":["t"]}]`:                           "[1].type",
		`[` + first + `{"token":"x","type":"t","url":{}}]`:                    "[1].url",
		`[` + first + `{"token":"x","token":"y","type":"t"}]`:                 "[1].token",
		`[` + first + `{"type":"t"}]`:                                         "[1].token",
		`[` + first + `{"token":null,"type":"t"}]`:                            "[1].token",
		`[` + first + `{"token":"x"}]`:                                        "[1].type",
		`[` + first + "{\"token\":\"\xff\",\"type\":\"t\"}]":                  "body",
		"[" + first + strings.Repeat(first, 999) + first[:len(first)-1] + "]": "body",
	} {
		w.names(field, w.github.delivery(t, body))
	}
	w.is(authority.None, text)
	long := w.github.delivery(t, `[`+first+`{"token":"`+strings.Repeat("x", leak.MaxBody)+`","type":"t"}]`)
	if _, err := w.receive(long); !fault.Is(err, fault.TooLarge) {
		t.Errorf("over the bound: %v", err)
	}
	w.is(authority.None, text)
	if said, err := w.receive(w.github.delivery(t, "[]")); said != "" || err != nil {
		t.Errorf("nothing: %s, %v", said, err)
	}
	body := `[{"token":"` + text + `","type":"t","url":"` + found + `","source":{"new":[1]},"hash":null,"Token":"x"}]`
	if said, err := w.receive(w.github.delivery(t, body)); said != "+" || err != nil {
		t.Errorf("members of GitHub's own: %s, %v", said, err)
	}
	w.is(authority.Revoked, text)
}
