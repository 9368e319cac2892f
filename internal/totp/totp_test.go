package totp_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"keyfob/internal/totp"
)

// The SHA-1 vectors of RFC 6238, appendix B, by the last six of their eight digits.
func TestS6TheVectorsOfRFC6238(t *testing.T) {
	seed := totp.Secret("12345678901234567890")
	for at, code := range map[int64]string{
		59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130",
	} {
		now := time.Unix(at, 0)
		if got := seed.Code(totp.Step(now)); got != code {
			t.Errorf("at %d: %s, want %s", at, got, code)
		}
		if step, ok := seed.Match(code, now, 0); !ok || step != totp.Step(now) {
			t.Errorf("at %d: %s is not taken: step %d, %v", at, code, step, ok)
		}
	}
}

func TestS6ACodeIsTakenOneStepBeforeAndAfterAndNoFurther(t *testing.T) {
	seed := totp.New()
	begin := time.Unix(1_900_000_000/30*30, 0) // of a step
	code := seed.Code(totp.Step(begin))
	for _, test := range []struct {
		after time.Duration
		want  bool
	}{
		{-31 * time.Second, false}, {-30*time.Second - 1, false}, {-30 * time.Second, true}, {0, true}, {29 * time.Second, true},
		{59 * time.Second, true}, {time.Minute - 1, true}, {time.Minute, false}, {time.Hour, false},
	} {
		if _, ok := seed.Match(code, begin.Add(test.after), 0); ok != test.want {
			t.Errorf("%v after its step began: %v", test.after, ok)
		}
	}
}

// RFC 6238 §5.2: "The verifier MUST NOT accept the second attempt of the OTP". Whatever the clock does.
func TestS6ACodeIsTakenOnce(t *testing.T) {
	seed := totp.New()
	now := time.Unix(1_900_000_000, 0)
	at := totp.Step(now)
	last, ok := seed.Match(seed.Code(at), now, 0)
	if !ok || last != at {
		t.Fatalf("step %d, %v", last, ok)
	}
	for _, test := range []struct {
		name string
		step int64
		now  time.Time
	}{
		{"the same", at, now},
		{"the one before", at - 1, now},
		{"the same, the clock having stepped back", at, now.Add(-30 * time.Second)},
		{"an earlier one that fits the clock, which has stepped back far", at - 100, now.Add(-100 * 30 * time.Second)},
	} {
		if _, ok := seed.Match(seed.Code(test.step), test.now, last); ok {
			t.Errorf("%s was taken", test.name)
		}
	}
	if step, ok := seed.Match(seed.Code(at+1), now, last); !ok || step != at+1 {
		t.Error("the next one is not taken")
	}
}

func TestWhatIsNoCodeIsNotTaken(t *testing.T) {
	seed := totp.New()
	now := time.Unix(1_900_000_000, 0)
	code := seed.Code(totp.Step(now))
	for _, text := range []string{"", "0", code[:5], code + "0", " " + code, "+" + code[1:], "-" + code[1:], "٠١٢٣٤٥", "abcdef", strings.Repeat("9", 1000)} {
		if _, ok := seed.Match(text, now, 0); ok {
			t.Errorf("%q was taken", text)
		}
	}
	if _, ok := totp.New().Match(code, now, 0); ok {
		t.Error("another secret takes it; or this test had luck of one in a million")
	}
}

func TestBefore1970NothingBreaks(t *testing.T) {
	if got := totp.Step(time.Unix(-1, 0)); got != 0 {
		t.Errorf("step %d", got)
	}
	if _, ok := totp.New().Match("000000x", time.Unix(0, 0), 0); ok {
		t.Error("taken")
	}
}

func TestSecretsHave160RandomBitsAndAreNotPrinted(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		s := totp.New()
		if len(s) != 20 || len(s.Text()) != 32 {
			t.Fatalf("%d bytes, %d characters", len(s), len(s.Text()))
		}
		seen[s.Text()] = true
		if printed := fmt.Sprintf("%v %s %#v %+v", s, s, s, s); strings.Contains(printed, s.Text()) || strings.Contains(printed, string(s)) {
			t.Fatalf("printed: %s", printed)
		}
	}
	if len(seen) != 100 {
		t.Errorf("%d different secrets of 100", len(seen))
	}
}

// Whatever the account and the person are called, an app reads who they are, and the secret is not disturbed.
func TestTheURIIsReadAsItWasMeant(t *testing.T) {
	seed := totp.New()
	for _, test := range []struct{ issuer, email, readIssuer, readEmail string }{
		{"Keyfob Example Ltd", "owner@example.com", "Keyfob Example Ltd", "owner@example.com"},
		{"Keyfob A&B=C?D#E/F%41+G", "a+b@example.com", "Keyfob A&B=C?D#E/F%41+G", "a+b@example.com"},
		{"Keyfob a:b", "x:y@example.com", "Keyfob a b", "x y@example.com"}, // the colon divides the two
		{"Keyfob 株式会社", "josé@exämple.com", "Keyfob 株式会社", "josé@exämple.com"},
		{"Keyfob &secret=AAAA", "x@example.com", "Keyfob &secret=AAAA", "x@example.com"},
		{"Keyfob", `"><svg onload=alert(1)>@example.com`, "Keyfob", `"><svg onload=alert(1)>@example.com`},
	} {
		uri := seed.URI(test.issuer, test.email)
		u, err := url.Parse(uri)
		if err != nil {
			t.Fatal(err)
		}
		issuer, email, ok := strings.Cut(strings.TrimPrefix(u.Path, "/"), ":")
		q := u.Query()
		if u.Scheme != "otpauth" || u.Host != "totp" || !ok || issuer != test.readIssuer || email != test.readEmail || u.Fragment != "" ||
			q.Get("issuer") != test.readIssuer || q.Get("secret") != seed.Text() || len(q["secret"]) != 1 || q.Get("period") != "30" || q.Get("digits") != "6" || q.Get("algorithm") != "SHA1" {
			t.Errorf("%q, %q: %s", test.issuer, test.email, strings.ReplaceAll(uri, seed.Text(), "(secret)"))
		}
		if strings.ContainsAny(uri, "+ \"<>") || strings.Contains(uri, ":"+test.issuer) {
			t.Errorf("%q: a character that an app may read otherwise", test.issuer)
		}
	}
}

func TestTheLongestNamesStillFitIntoAPicture(t *testing.T) {
	seed := totp.New()
	for _, long := range []string{strings.Repeat("x", 250), strings.Repeat("株", 200), strings.Repeat("😀", 200), strings.Repeat("&", 250)} {
		uri := seed.URI("Keyfob "+long, long)
		if _, err := totp.Draw(uri); err != nil {
			t.Errorf("%d bytes: %v", len(uri), err)
		}
		if _, err := url.Parse(uri); err != nil || !strings.Contains(uri, "secret="+seed.Text()+"&") {
			t.Errorf("%.20s…: %v", long, err)
		}
	}
	if _, err := totp.Draw(strings.Repeat("a", 5000)); err == nil || strings.Contains(err.Error(), "aaa") {
		t.Errorf("a text too long: %v", err)
	}
}
