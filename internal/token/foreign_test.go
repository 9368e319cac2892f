package token

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
)

const foreignSecret = "ExampleSecretExampleSecretExampleSecretEx"

// K4: the form <id>|<secret>, and what is stored of it. The vectors are made by another program.
func TestK4PublishedVectorsOfForeignTokens(t *testing.T) {
	f, err := os.Open("testdata/foreign.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var good, bad int
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line := lines.Text()
		if strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Split(line, "\t")
		if len(fields) != 3 {
			t.Fatalf("vector %q has %d fields, want 3", line, len(fields))
		}
		text, expect, digest := fields[0], fields[1], fields[2]
		c, err := ParseForeign(text)
		if expect == "malformed" {
			bad++
			if err == nil || c.Kind() != 0 || c.Plaintext().Reveal() != "" || c.Foreign() != "" {
				t.Errorf("%q: accepted, want malformed", text)
			}
			continue
		}
		good++
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		id, _, _ := strings.Cut(text, "|")
		d := c.Digest()
		if got := c.Handle(); got != expect || c.Kind() != API || c.Foreign() != id || c.Plaintext().Reveal() != text {
			t.Errorf("%q: handle %s of %q, want %s", text, got, c.Foreign(), expect)
		}
		if got := hex.EncodeToString(d.Bytes()); got != digest {
			t.Errorf("%q: digest %s, want %s", text, got, digest)
		}
		if _, err := ParseHandle(API, c.Handle()); err != nil {
			t.Errorf("%q: its handle is none: %v", text, err)
		}
	}
	if good < 10 || bad < 10 {
		t.Fatalf("only %d good and %d bad vectors", good, bad)
	}
}

// K4: each of the two forms is read as itself and never as the other.
func TestK4APresentedCredentialIsOfOneFormOnly(t *testing.T) {
	ours := us.New(API).Plaintext().Reveal()
	for text, foreign := range map[string]string{ours: "", us.New(Session).Plaintext().Reveal(): "", "1|" + ours: "1", "1|" + foreignSecret: "1"} {
		c, err := us.Present(text)
		if err != nil || c.Foreign() != foreign || c.Plaintext().Reveal() != text {
			t.Errorf("%q: read as one of %q: %v", text, c.Foreign(), err)
		}
	}
	for _, text := range []string{"", "nonsense", ours[1:], ours + "|" + foreignSecret[:3], "1|", "1%7C" + foreignSecret} {
		if c, err := us.Present(text); !errors.Is(err, ErrMalformed) || c.Kind() != 0 {
			t.Errorf("%q: read as %s, %v", text, c.Handle(), err)
		}
	}
	if _, err := us.Parse("1|" + foreignSecret); err == nil {
		t.Error("the own form takes a foreign credential")
	}
}

// The ids are spread evenly over their alphabet: no digit is a tenth more or less frequent than chance has it.
func TestForeignIDsAreSpreadEvenly(t *testing.T) {
	const n = 20_000
	var counts [IDLen][256]int
	seen := map[ID]bool{}
	for i := range n {
		id, err := ForeignID(fmt.Sprint(i))
		if err != nil || seen[id] {
			t.Fatalf("%d: %v, or made before", i, err)
		}
		seen[id] = true
		for place, c := range []byte(id.String()) {
			counts[place][c]++
		}
	}
	for place := range counts {
		for _, c := range []byte(alphabet) {
			// 323 are expected with a deviation of 18; six deviations are beyond chance.
			if got := counts[place][c]; got < n/62-108 || got > n/62+108 {
				t.Errorf("%c stands %d times in place %d", c, got, place)
			}
		}
	}
}

// P3: what another system issued shows itself as little as our own.
func TestP3ForeignSecretsPrintAsRedacted(t *testing.T) {
	c, err := ParseForeign("1|" + foreignSecret)
	if err != nil {
		t.Fatal(err)
	}
	d := c.Digest()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		out := fmt.Sprintf(verb, c) + fmt.Sprintf(verb, []any{c, d})
		for _, canary := range []string{foreignSecret[:12], hex.EncodeToString([]byte(foreignSecret[:8])), hex.EncodeToString(d.Bytes())[:12]} {
			if strings.Contains(out, canary) {
				t.Errorf("%s prints %s", verb, out)
			}
		}
	}
}

// Whatever is read is what an id, a bar and a secret make, and the same parts give the same digest and id.
func FuzzForeignParts(f *testing.F) {
	for _, s := range []string{"1|" + foreignSecret, "1|a|b|c|d|e", "|", "1|", "é|" + foreignSecret, "1|\x00" + foreignSecret, us.New(API).Plaintext().Reveal()} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := ParseForeign(s)
		if err != nil {
			if c.Kind() != 0 || c.Plaintext().Reveal() != "" {
				t.Fatal("an error with a credential")
			}
			return
		}
		id, secret, ok := strings.Cut(s, "|")
		again, err := ForeignID(id)
		d, want := c.Digest(), DigestOf(secret)
		if !ok || err != nil || again != c.ID() || c.Foreign() != id || !d.Equal(&want) {
			t.Fatalf("%q is read as %q: %v", s, c.Foreign(), err)
		}
		if _, err := us.Parse(s); err == nil {
			t.Fatalf("%q is of both forms", s)
		}
		other := []byte(s)
		other[len(id)+1+rand.IntN(len(secret))] ^= 1
		if c, err := ParseForeign(string(other)); err == nil {
			if got := c.Digest(); got.Equal(&d) {
				t.Fatalf("%q and %q have one digest", s, other)
			}
		}
	})
}

func BenchmarkParseForeign(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseForeign("1|" + foreignSecret); err != nil {
			b.Fatal(err)
		}
	}
}
