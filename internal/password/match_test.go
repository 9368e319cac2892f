package password

import (
	"context"
	"slices"
	"testing"

	"keyfob/internal/fault"
)

const phrase = "a quite long passphrase"

// like hashes a password as a sibling of the other ones.
func like(t *testing.T, plain string, siblings ...string) string {
	t.Helper()
	encoded, err := HashLike(plain, siblings...)
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}

// S5: what the passwords of one login name are told apart by is one hash.
func TestS5SiblingsShareTheSaltAndAreEachVerifiedAlone(t *testing.T) {
	first := like(t, phrase)
	second := like(t, "another quite long one", "", "nonsense", cheap("weak"), first)
	a, errA := parse(first)
	b, errB := parse(second)
	if errA != nil || errB != nil || !a.alike(b) || slices.Equal(a.key, b.key) {
		t.Errorf("%s\n%s", first, second)
	}
	for plain, want := range map[string][]bool{
		phrase: {true, false, false, true}, "another quite long one": {false, true, false, false}, "neither": {false, false, false, false},
		"": {false, false, false, false}, "\xff": {false, false, false, false}, string(make([]byte, MaxBytes+1)): {false, false, false, false},
	} {
		match, err := Match([]string{first, second, "", like(t, phrase)}, plain)
		if err != nil || !slices.Equal(match, want) {
			t.Errorf("%.20q: %v, %v", plain, match, err)
		}
	}
	if ok, err := Verify(second, "another quite long one"); err != nil || !ok {
		t.Errorf("the sibling alone: %t, %v", ok, err)
	}
}

func TestASiblingThatIsTooWeakIsNotFollowed(t *testing.T) {
	weak := cheap("x")
	encoded := like(t, phrase, weak)
	h, err := parse(encoded)
	if err != nil || NeedsUpgrade(encoded) {
		t.Fatal(encoded, err)
	}
	if w, err := parse(weak); err != nil || h.alike(w) {
		t.Errorf("%+v, %v", w, err)
	}
	if _, err := HashLike(string(make([]byte, MaxBytes+1)), encoded); err == nil {
		t.Error("a sibling's salt let a password be longer")
	}
}

func TestMatchTellsADamagedHashFromAWrongPassword(t *testing.T) {
	if match, err := Match([]string{like(t, phrase), "nonsense"}, phrase); err == nil || match != nil {
		t.Errorf("%v, %v", match, err)
	}
}

// S5: no tenant, one, and a hundred of them take the same work: one derivation with the parameters of today.
func TestS5TheWorkOfAMatchDoesNotTellHowManyThereAre(t *testing.T) {
	hashes := []string{like(t, phrase)}
	for range 9 {
		hashes = append(hashes, like(t, "another quite long one", hashes...))
	}
	for name, encodeds := range map[string][]string{"none": nil, "one without a password": {""}, "one": hashes[:1], "ten": hashes} {
		_, work, err := grouped(encodeds)
		if err != nil || len(work) != 1 || work[0].memory != memory || work[0].passes != passes || work[0].threads != threads || len(work[0].key) != keyLen {
			t.Errorf("%s: %d derivations, %v", name, len(work), err)
		}
	}
	_, work, err := grouped([]string{hashes[0], like(t, phrase)})
	if err != nil || len(work) != 2 {
		t.Errorf("two salts: %d derivations, %v", len(work), err)
	}
}

func TestAHasherMatchesInOneTurn(t *testing.T) {
	h := NewHasher(1)
	encoded, err := h.HashLike(t.Context(), phrase)
	if err != nil {
		t.Fatal(err)
	}
	if match, err := h.Match(t.Context(), []string{encoded, ""}, phrase); err != nil || !slices.Equal(match, []bool{true, false}) {
		t.Errorf("%v, %v", match, err)
	}
	err = h.within(t.Context(), func() {
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := h.Match(gone, []string{encoded}, phrase); !fault.Is(err, fault.Unavailable) {
			t.Errorf("Match without a turn: %v", err)
		}
		if _, err := h.HashLike(gone, phrase, encoded); !fault.Is(err, fault.Unavailable) {
			t.Errorf("HashLike without a turn: %v", err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}
