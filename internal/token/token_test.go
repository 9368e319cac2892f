package token

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"testing"
)

var us = Form{Brand: "kf", Realm: "us"}

// The vectors are published: another implementation can check itself against them.
func TestPublishedVectors(t *testing.T) {
	f, err := os.Open("testdata/vectors.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	n := 0
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line := lines.Text()
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Split(line, "\t")
		if len(fields) != 5 {
			t.Fatalf("vector %q has %d fields, want 5", line, len(fields))
		}
		brand, realm, text, expect, digest := fields[0], fields[1], fields[2], fields[3], fields[4]
		n++
		c, err := Form{Brand: brand, Realm: realm}.Parse(text)
		switch {
		case expect == "malformed":
			if err == nil {
				t.Errorf("%s: accepted, want malformed", text)
			}
		case err != nil:
			t.Errorf("%s: %v, want %s", text, err, expect)
		default:
			d := c.Digest()
			if got := c.Handle(); got != expect {
				t.Errorf("%s: handle %s, want %s", text, got, expect)
			}
			if got := hex.EncodeToString(d.Bytes()); got != digest {
				t.Errorf("%s: digest %s, want %s", text, got, digest)
			}
		}
	}
	if n < 10 {
		t.Fatalf("only %d vectors", n)
	}
}

// S13: 10,000 issued tokens all match the published pattern, are parsed back to themselves, and differ.
func TestS13IssuedTokensMatchThePublishedPattern(t *testing.T) {
	pattern := regexp.MustCompile("^" + us.Pattern() + "$")
	seen := map[string]bool{}
	for i := range 10_000 {
		c := us.New([]Kind{API, Session, Link, Disavowal}[i%4])
		s := c.Plaintext().Reveal()
		if !pattern.MatchString(s) {
			t.Fatalf("token %d does not match %s", i, pattern)
		}
		back, err := us.Parse(s)
		if err != nil || back.Kind() != c.Kind() || back.ID() != c.ID() || back.Plaintext().Reveal() != s {
			t.Fatalf("token %d is not parsed back to itself: %v", i, err)
		}
		if seen[s] || seen[c.ID().String()] {
			t.Fatalf("token %d was made before", i)
		}
		seen[s], seen[c.ID().String()] = true, true
	}
}

// S13: every change of one character is refused.
func TestS13EveryOneCharacterChangeIsRefused(t *testing.T) {
	for _, k := range []Kind{API, Session, Link, Disavowal} {
		s := us.New(k).Plaintext().Reveal()
		for i := range len(s) {
			for c := 0; c < 256; c++ {
				if byte(c) == s[i] {
					continue
				}
				if _, err := us.Parse(s[:i] + string([]byte{byte(c)}) + s[i+1:]); err == nil {
					t.Fatalf("accepted with byte %d replaced by %#x", i, c)
				}
			}
			if _, err := us.Parse(s[:i] + s[i+1:]); err == nil {
				t.Fatalf("accepted without byte %d", i)
			}
		}
	}
}

// C9: a token of one realm is malformed in another, also where one realm's name begins with the other's.
func TestC9AnotherRealmsTokenIsMalformed(t *testing.T) {
	for _, other := range []Form{{"kf", "eu"}, {"kf", "us1"}, {"kf", "u"}, {"key", "us"}, {"k", "us"}} {
		for _, k := range []Kind{API, Session, Link, Disavowal} {
			if _, err := us.Parse(other.New(k).Plaintext().Reveal()); err == nil {
				t.Errorf("realm us accepts a token of %v", other)
			}
			if _, err := other.Parse(us.New(k).Plaintext().Reveal()); err == nil {
				t.Errorf("%v accepts a token of realm us", other)
			}
		}
	}
}

func TestFormIsValidOnlyInItsAlphabet(t *testing.T) {
	for form, want := range map[Form]bool{
		{"kf", "us"}: true, {"kf", "eusandbox"}: true, {"acme", "us2"}: true,
		{"k", "us"}: false, {"KF", "us"}: false, {"kf", "2us"}: false, {"kf", "u_s"}: false, {"kf", ""}: false,
		{"", "us"}: false, {"kf", "seventeenletters1"}: false, {"toolongbr", "us"}: false,
	} {
		if got := form.Valid(); got != want {
			t.Errorf("%+v valid = %v, want %v", form, got, want)
		}
	}
}

// Whatever Parse accepts, Format writes again byte for byte.
func FuzzParseAcceptsOnlyWhatFormatProduces(f *testing.F) {
	f.Add(us.New(API).Plaintext().Reveal())
	f.Add(us.New(Session).Plaintext().Reveal())
	f.Add("kf_us_")
	f.Add("")
	f.Add("Bearer kf_us_0000")
	f.Fuzz(func(t *testing.T, s string) {
		c, err := us.Parse(s)
		if err != nil {
			if c.Plaintext().Reveal() != "" || c.Kind() != 0 {
				t.Fatal("an error with a credential")
			}
			return
		}
		body := s[len(s)-bodyLen:]
		again := us.Format(c.Kind(), c.ID(), body[IDLen:IDLen+SecretLen])
		if again.Plaintext().Reveal() != s {
			t.Fatalf("%q is written again as %q", s, again.Plaintext().Reveal())
		}
	})
}

// P3: a secret shows itself in no way but Reveal.
func TestP3SecretsPrintAsRedacted(t *testing.T) {
	c := us.New(API)
	secret := c.Plaintext().Reveal()[len("kf_us_")+IDLen:]
	d := c.Digest()
	var log strings.Builder
	l := slog.New(slog.NewJSONHandler(&log, nil))
	l.Info("x", "plain", c.Plaintext(), "digest", d, "credential", c, "group", map[string]any{"a": c.Plaintext()})
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "plain", c.Plaintext(), "digest", d, "credential", c)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%X"} {
		fmt.Fprintf(&log, verb, c.Plaintext())
		fmt.Fprintf(&log, verb, d)
		fmt.Fprintf(&log, verb, c)
		fmt.Fprintf(&log, verb, []any{c, &d})
	}
	j, err := json.Marshal(map[string]any{"p": c.Plaintext(), "d": d, "c": c})
	if err != nil {
		t.Fatal(err)
	}
	out := log.String() + string(j)
	for _, canary := range []string{secret[:12], hex.EncodeToString(d.Bytes())[:12], strings.ToUpper(hex.EncodeToString(d.Bytes())[:12]), hex.EncodeToString([]byte(secret[:8]))} {
		if strings.Contains(out, canary) {
			t.Errorf("a secret is in the output: %s", out)
		}
	}
}

func TestDigestsAreEqualOnlyToThemselves(t *testing.T) {
	a, b := DigestOf("a"), DigestOf("b")
	again, err := DigestFrom(a.Bytes())
	if err != nil || !a.Equal(&again) {
		t.Error("a digest is not equal to its stored self")
	}
	if a.Equal(&b) {
		t.Error("two digests are equal")
	}
	var zero Digest
	if zero.Equal(&Digest{}) {
		t.Error("the zero digest equals itself: a record without a digest could be matched")
	}
	if _, err := DigestFrom([]byte("short")); err == nil {
		t.Error("a short digest is accepted")
	}
}

func TestHandlesAreParsedByTheirKindOnly(t *testing.T) {
	c := us.New(API)
	if id, err := ParseHandle(API, c.Handle()); err != nil || id != c.ID() {
		t.Errorf("handle not parsed: %v", err)
	}
	for _, bad := range []string{"", "tok_", c.ID().String(), "ses_" + c.ID().String(), c.Handle() + "0", "tok_" + strings.Repeat("-", 16)} {
		if _, err := ParseHandle(API, bad); err == nil {
			t.Errorf("handle %q accepted", bad)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	s := us.New(API).Plaintext().Reveal()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := us.Parse(s); err != nil {
			b.Fatal(err)
		}
	}
}
