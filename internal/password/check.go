package password

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"keyfob/internal/fault"
)

// The least lengths, in characters (Unicode code points after normalisation).
const (
	MinLength        = 15
	MinLengthWithMFA = 8
)

// Rules are what Check must know of the account.
type Rules struct {
	MFA     bool     // the account enforces a second factor, so MinLengthWithMFA is enough
	Context []string // what an attacker would try first: the account's name, the e-mail address, the brand
}

// Check refuses a password that may not be chosen, with a fault of kind Unprocessable about the field "password". Its
// code is "too_short", "too_long", "not_text", "common" or "contextual". There are no rules about kinds of character.
//
// A password is common when it is on the list, also decorated, doubled or respelled, or a walk over the keyboard or the
// alphabet; it is contextual when too little is left of it without the words of the context. "Too little" is always
// what would be too short as a password of its own: fewer than MinLengthWithMFA characters, where a run such as
// "1234" or "aaaa" counts as one.
func Check(plain string, r Rules) error {
	least := MinLength
	if r.MFA {
		least = MinLengthWithMFA
	}
	text, err := prepare(plain)
	switch {
	case err == errTooLong:
		return fault.Refused("password", "too_long", "A password has at most 1,024 bytes.")
	case err != nil:
		return fault.Refused("password", "not_text", "A password is valid UTF-8 text.")
	case utf8.RuneCount(text) < least:
		return fault.Refused("password", "too_short", fmt.Sprintf("A password has at least %d characters.", least))
	}
	s := fold(string(text))
	switch {
	case common(s):
		return fault.Refused("password", "common", "This password is among the first that are tried. Choose another one.")
	case contextual(s, r.Context):
		return fault.Refused("password", "contextual", "This password is mainly the name of the account, the service or yourself. Choose another one.")
	}
	return nil
}

// fold makes spellings alike for comparison: letter case, and forms such as full-width letters.
func fold(s string) string { return strings.ToLower(norm.NFKC.String(s)) }

// contextual reports whether too little of s is left without the words of the context, or only something common.
func contextual(s string, context []string) bool {
	words, parts := contextWords(context), contextParts(context)
	for _, spelling := range respelled(s) {
		if rest, less := withoutParts(spelling, parts); less && common(rest) {
			return true
		}
		rest := spelling
		for _, w := range words {
			rest = strings.ReplaceAll(rest, w, "")
		}
		if rest != spelling && common(rest) {
			return true
		}
	}
	return false
}

// contextWords takes the context apart: each text as a whole without its spaces and signs; each word of it; and of
// what has dots, such as the halves of an e-mail address, each ending: mail.example.com, example.com. Words of less
// than 4 characters say too little. The longest come first.
func contextWords(context []string) []string {
	words := []string{"keyfob"}
	for _, c := range context {
		parts := strings.FieldsFunc(fold(c), sign)
		parts = append(parts, strings.Join(parts, ""))
		for _, half := range strings.FieldsFunc(fold(c), func(r rune) bool { return r == '@' || unicode.IsSpace(r) }) {
			for dots := true; dots; _, half, dots = strings.Cut(half, ".") {
				parts = append(parts, half)
			}
		}
		for _, w := range parts {
			if utf8.RuneCountInString(w) >= 4 {
				words = append(words, w)
			}
		}
	}
	slices.SortFunc(words, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	return words
}

// contextParts gives the context's words of letters, however short.
func contextParts(context []string) []string {
	parts := []string{"keyfob"}
	for _, c := range context {
		parts = append(parts, strings.FieldsFunc(fold(c), notLetter)...)
	}
	slices.Sort(parts)
	return slices.Compact(parts)
}

func notLetter(r rune) bool { return !unicode.IsLetter(r) }

// withoutParts gives the letters and digits of s without the words that are parts, or parts written together, and says
// whether there are any. One of less than 4 characters says something only beside another: "uni ltd", not "uni" in a
// sentence.
func withoutParts(s string, parts []string) (rest string, less bool) {
	words := strings.FieldsFunc(s, notLetter)
	is := make([]bool, len(words))
	for i, w := range words {
		is[i] = composed(w, parts)
	}
	var b strings.Builder
	for i, w := range words {
		if is[i] && (utf8.RuneCountInString(w) >= 4 || i > 0 && is[i-1] || i+1 < len(is) && is[i+1]) {
			less = true
			continue
		}
		b.WriteString(w)
	}
	for _, r := range s {
		if unicode.IsDigit(r) {
			b.WriteRune(r)
		}
	}
	return b.String(), less
}

// composed reports whether the word is a part, or nothing but parts of at least 2 characters.
func composed(word string, parts []string) bool {
	if slices.Contains(parts, word) {
		return true
	}
	ends := make([]bool, len(word)+1) // where a run of parts from the beginning ends
	ends[0] = true
	for at := range word {
		for _, p := range parts {
			if ends[at] && utf8.RuneCountInString(p) > 1 && strings.HasPrefix(word[at:], p) {
				ends[at+len(p)] = true
			}
		}
	}
	return ends[len(word)]
}
