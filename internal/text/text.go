// Package text holds the rules for what people type: names and descriptions.
//
// It promises that what it lets through is one line of valid Unicode that cannot change how the text around it is
// read: no control characters and no bidirectional overrides.
//
// It refuses and never repairs, so that what is stored is what was sent.
package text

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"keyfob/internal/fault"
)

// Bounds, in Unicode code points.
const (
	MaxName        = 200
	MaxDescription = 2000
)

// Name refuses a name that is empty, longer than MaxName, has white space at either end, or characters that do not
// belong in a line of text. The error names the field.
func Name(field, s string) error {
	if s == "" {
		return fault.Bad(field, "required", field+" is required.")
	}
	return check(field, s, MaxName)
}

// Description refuses what Name refuses, but for being empty, above MaxDescription.
func Description(field, s string) error {
	if s == "" {
		return nil
	}
	return check(field, s, MaxDescription)
}

// visible reports whether a character leaves a mark. The fillers are letters by their category and blank by their look.
func visible(r rune) bool {
	switch r {
	case '\u115F', '\u1160', '\u3164', '\uFFA0', '\u2800':
		return false
	}
	return unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsPunct(r) || unicode.IsSymbol(r)
}

func check(field, s string, limit int) error {
	switch {
	case !utf8.ValidString(s):
		return fault.Bad(field, "invalid_utf8", field+" is not valid UTF-8.")
	case utf8.RuneCountInString(s) > limit:
		return fault.Bad(field, "too_long", fmt.Sprintf("%s has more than %d characters.", field, limit))
	case strings.TrimSpace(s) != s:
		return fault.Bad(field, "surrounding_space", field+" begins or ends with white space.")
	}
	for _, r := range s {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029' || r == utf8.RuneError || r == '\uFEFF' {
			return fault.Bad(field, "invalid_character", fmt.Sprintf("%s contains the character %U, which is not allowed.", field, r))
		}
	}
	if !strings.ContainsFunc(s, visible) {
		return fault.Bad(field, "invisible", field+" has no character that can be seen.")
	}
	return nil
}
