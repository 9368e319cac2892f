package password

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"keyfob/internal/fault"
)

// code gives the code of Check's refusal, empty for none.
func code(t *testing.T, plain string, r Rules) string {
	t.Helper()
	err := Check(plain, r)
	if err == nil {
		return ""
	}
	var f *fault.Error
	if !errors.As(err, &f) || f.Kind != fault.Unprocessable || len(f.Fields) != 1 || f.Fields[0].Name != "password" || f.Message == "" {
		t.Fatalf("Check(%q) = %#v, want a refusal about the password", plain, err)
	}
	if strings.Contains(err.Error(), plain) && plain != "" {
		t.Errorf("the error shows the password %q", plain)
	}
	return f.Code
}

// letters are n different characters in no common order.
func letters(n int) string {
	const some = "mzqtxhgvkcnrpwjbdlfs"
	return strings.Repeat(some+"-"+some[7:]+"+"+some[3:9]+"/"+some[11:]+"?"+some[2:5], n/40+1)[:n]
}

// S1
func TestLengthIsCountedInCharactersAndNothingElseIsAskedFor(t *testing.T) {
	for _, c := range []struct {
		name, plain string
		mfa         bool
		want        string
	}{
		{"nothing", "", false, "too_short"},
		{"nothing, with MFA", "", true, "too_short"},
		{"14", letters(14), false, "too_short"},
		{"15", letters(15), false, ""},
		{"7 with MFA", letters(7), true, "too_short"},
		{"8 with MFA", letters(8), true, ""},
		{"14 with MFA", letters(14), true, ""},
		{"14 of two bytes each", "äöüßéèêñçåøæþð", false, "too_short"},
		{"15 of two bytes each", "äöüßéèêñçåøæþðý", false, ""},
		{"14 of four bytes each", "😀🚀🐘🍎🎲🔑🌙🎻🐢🧊🪁🎯🛶🧩", false, "too_short"},
		{"15 of four bytes each", "😀🚀🐘🍎🎲🔑🌙🎻🐢🧊🪁🎯🛶🧩🗿", false, ""},
		{"14 characters typed with 15 code points", "a\u0308" + letters(13), false, "too_short"},
		{"15 characters typed with 16 code points", "a\u0308" + letters(14), false, ""},
		{"64", letters(64), false, ""},
		{"65", letters(65), false, ""},
		{"1,024 bytes", letters(MaxBytes), false, ""},
		{"1,025 bytes", letters(MaxBytes + 1), false, "too_long"},
		{"1,024 bytes in two-byte characters", strings.Repeat("äöüßéèêñçåøæþðýñ", 32), false, ""},
		{"1,026 bytes in two-byte characters", strings.Repeat("äöüßéèêñçåøæþðýñ", 32) + "ä", false, "too_long"},
		{"not UTF-8", letters(20) + "\xff", false, "not_text"},
		{"half a surrogate pair", letters(20) + "\xed\xa0\x80", false, "not_text"},
		{"lower case only", "wobbly giraffe umbrella", false, ""},
		{"digits only", "830174926501837", false, ""},
		{"signs only", "%&/=?()_;:*'+#~", false, ""},
		{"spaces only at the ends", " " + letters(13) + " ", false, ""},
		{"control characters", letters(14) + "\x00\t", false, ""},
		{"Hebrew", "סוס נכון סוללה סיכה", false, ""},
	} {
		if got := code(t, c.plain, Rules{MFA: c.mfa}); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// S2: the list walked, with and without what people put around such words.
func TestEveryListedPasswordIsRefusedAlsoDecorated(t *testing.T) {
	words := strings.Fields(list)
	if len(words) < 10_000 {
		t.Fatalf("only %d words are on the list", len(words))
	}
	for _, w := range words {
		n := utf8.RuneCountInString(w)
		if n >= MinLength {
			if got := code(t, w, Rules{}); got != "common" {
				t.Errorf("%q: %q", w, got)
			}
		}
		if n >= MinLengthWithMFA {
			if got := code(t, strings.ToUpper(w), Rules{MFA: true}); got != "common" {
				t.Errorf("%q with MFA: %q", strings.ToUpper(w), got)
			}
		}
		long := w + strings.Repeat("!", max(1, MinLength-n))
		twice := strings.Repeat(w, 1+MinLength/n)
		for _, plain := range []string{long, "#" + long, twice} {
			if got := code(t, plain, Rules{}); got != "common" {
				t.Errorf("%q: %q", plain, got)
			}
		}
	}
}

func TestTheListCanBeSearchedAsItIs(t *testing.T) {
	words := strings.Fields(list)
	if !slices.IsSorted(words) || len(slices.Compact(slices.Clone(words))) != len(words) ||
		strings.Join(words, "\n")+"\n" != list || list != strings.ToLower(list) {
		t.Error("the list is not sorted, unique, lower case, one word to a line")
	}
}

func TestTheListIsFoundInAtItsEndsAndNotBetweenItsWords(t *testing.T) {
	words := strings.Fields(list)
	for _, w := range []string{words[0], words[1], words[len(words)-2], words[len(words)-1]} {
		if !listed(w) {
			t.Errorf("%q is not found", w)
		}
	}
	for _, w := range []string{"", "\n", words[0] + "\n" + words[1], words[0] + "\n", "\x00", "\xff", "passwor~", "zzzzzzzzzzz~"} {
		if listed(w) {
			t.Errorf("%q is found", w)
		}
	}
}

func TestGuessablePasswordsAreRefusedAndOthersAreNot(t *testing.T) {
	for plain, want := range map[string]string{
		"aaaaaaaaaaaaaaa":              "common",
		"abababababababab":             "common",
		"abc123abc123abc1":             "common",
		"aaaabbbbccccdddd":             "common",
		"123456789012345":              "common",
		"543210987654321":              "common",
		"abcdefghijklmnopq":            "common",
		"zyxwvutsrqponmlk":             "common",
		"qwertyuiopasdfgh":             "common",
		"1qaz2wsx3edc4rfv":             "common",
		"QWERTZUIOPasdfgh":             "common",
		"hello1234567890!":             "common",
		"passwordPASSWORD":             "common",
		"P@ssw0rd!!!!!!!!":             "common",
		"password12345678":             "common",
		"2026Password2026":             "common",
		"Welcome-2026-!!!":             "common",
		"correct horse battery staple": "common",
		"Correct-Horse-Battery-Staple": "common",
		"the quick brown fox":          "common",
		"ｐａｓｓｗｏｒｄｐａｓｓｗｏｒｄ": "common",
		"4dm1n1str4t0r...":         "common",
		"password is a bad choice": "",
		"dragonfly on the wall":    "",
		"johnson 83 kettle blue":   "",
		"monkey-83kd-walrus":       "",
		"overstuffed burrito":      "",
		"qwerty is a keyboard":     "",
	} {
		if got := code(t, plain, Rules{}); got != want {
			t.Errorf("%q: %q, want %q", plain, got, want)
		}
	}
	for plain, want := range map[string]string{
		"abcd1234": "common", "Passw0rd": "common", "cat12345": "common", "dragon99": "common",
		"tr0mbones": "", "k8#vQ2!x": "", "define77": "",
	} {
		if got := code(t, plain, Rules{MFA: true}); got != want {
			t.Errorf("%q with MFA: %q, want %q", plain, got, want)
		}
	}
}

// S2: context words.
func TestAPasswordThatIsMainlyAWordOfTheContextIsRefused(t *testing.T) {
	context := []string{"Müller & Söhne GmbH", "olivia.owner@mail.example.com", "kf"}
	for plain, want := range map[string]string{
		"Müller&Söhne2026":              "contextual",
		"muller wobbly giraffe":         "",
		"müller wobbly giraffe":         "",
		"müllersöhnegmbh!":              "contextual",
		"olivia.owner@mail.example.com": "contextual",
		"OLIVIAowner12345":              "contextual",
		"olivia-password!":              "contextual",
		"0l1v1a.0wner.2026":             "contextual",
		"example.com-2026!":             "contextual",
		"keyfob+keyfob+keyfob!":         "contextual",
		"Keyfob-123456789":              "contextual",
		"olivia likes umbrellas":        "",
		"keyfob on a wobbly giraffe":    "",
		"wobbly giraffe umbrella":       "",
	} {
		if got := code(t, plain, Rules{Context: context}); got != want {
			t.Errorf("%q: %q, want %q", plain, got, want)
		}
	}
	if got := code(t, "olivia.owner.2026", Rules{}); got != "" {
		t.Errorf("a name that is nobody's here: %q", got)
	}
	if got := code(t, "kf kf kf umbrella giraffe", Rules{Context: []string{"kf", "", "\xff", "@", strings.Repeat("x", 10_000)}}); got != "" {
		t.Errorf("words too short to matter, or no words: %q", got)
	}
}

// S2: a name of short words is one all the same, in whatever order its words are typed; but those words are in other
// passwords, too.
func TestS2ANameOfShortWordsIsRefusedAndItsWordsAreNot(t *testing.T) {
	context := []string{"Uni Ltd", "max@uni.example.com", "Max X", "kf"}
	for plain, want := range map[string]string{
		"uni ltd uni ltd uni": "contextual", "Uni-Ltd-Uni-Ltd-2026": "contextual", "ltd uni ltd uni ltd!": "contextual", "uni uni uni ltd ltd ltd": "contextual",
		"uniuniuniltdltdltd": "contextual", "un1.ltd.un1.ltd.un1": "contextual", "max uni ltd max uni": "contextual", "kf max kf uni kf ltd": "contextual",
		"unicorn community": "", "uni of wobbly giraffes": "", "the uni ltd of giraffes": "", "max 830174926501": "", "maximum unity limits": "",
	} {
		if got := code(t, plain, Rules{Context: context}); got != want {
			t.Errorf("%q: %q, want %q", plain, got, want)
		}
	}
	for _, plain := range []string{"k8unix#v", "uni teapot", "tr0mbones"} {
		if got := code(t, plain, Rules{MFA: true, Context: context}); got != "" {
			t.Errorf("%q with MFA: %q", plain, got)
		}
	}
}

func FuzzCheck(f *testing.F) {
	f.Add("correct horse battery staple", "olivia@example.com", true)
	f.Add("\xff", "\xff", false)
	f.Add("aaaaaaaaaaaaaaaaaaa", "", false)
	f.Fuzz(func(t *testing.T, plain, word string, mfa bool) {
		if err := Check(plain, Rules{MFA: mfa, Context: []string{word}}); err != nil && !fault.Is(err, fault.Unprocessable) {
			t.Errorf("Check(%q): %v", plain, err)
		}
	})
}

// BenchmarkCheck is what judging a password costs: one that is good, so that all is looked at, and the longest there may be.
func BenchmarkCheck(b *testing.B) {
	context := []string{"Example Ltd", "olivia.owner@mail.example.com", "Olivia Owner", "keyfob"}
	for name, plain := range map[string]string{"usual": "wobbly giraffe 17 umbrella", "longest": letters(MaxBytes)} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if err := Check(plain, Rules{Context: context}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
