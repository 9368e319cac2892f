package mail

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What a caller typed is shown, never obeyed. clean makes one line of it:
//   - line breaks, tabs and other controls become a space, runs of space one space;
//   - bidirectional controls (RLO and its like, with which a name could reorder the words around it) become U+FFFD,
//     so that the reader sees that something was there; other invisible format characters are dropped;
//   - bytes that are not UTF-8, private and unassigned characters become U+FFFD;
//   - what looks like a credential becomes "[redacted]", in case somebody named a token after one;
//   - "://" and "www." are broken, or mail programs would make a link of a name and lend it the mail's credit;
//   - what is longer than limit characters ends in an ellipsis.
//
// Credentials are looked for after invisible characters are gone and before the cut, so that neither can hide one.
// Escaping for HTML is the template's work.
func clean(s string, limit int) string {
	var b strings.Builder
	b.Grow(min(len(s), 4*limit))
	space := false
	for _, r := range s { // an invalid byte comes as U+FFFD
		switch {
		case unicode.IsSpace(r) || unicode.IsControl(r):
			space = true
			continue
		case unicode.Is(unicode.Bidi_Control, r):
			r = utf8.RuneError
		case unicode.Is(unicode.Cf, r):
			continue
		case !unicode.IsGraphic(r):
			r = utf8.RuneError
		}
		if space && b.Len() > 0 {
			b.WriteByte(' ')
		}
		space = false
		b.WriteRune(r)
	}
	s = credential.ReplaceAllString(b.String(), "[redacted]")
	return cut(unlink.Replace(s), limit)
}

// credential is the look of Keyfob's own credentials of any brand and realm, also when cut short, and of the imported
// form "1|…".
var credential = regexp.MustCompile(`[a-z]{2,9}_[a-z][a-z0-9]{1,15}_[0-9A-Za-z]{24,}|[0-9]+\|[0-9A-Za-z]{24,}`)

var unlink = strings.NewReplacer("://", "[:]//", "www.", "www[.]", "WWW.", "WWW[.]")

// cut bounds s to limit characters.
func cut(s string, limit int) string {
	n := 0
	for i := range s {
		if n == limit-1 && utf8.RuneCountInString(s[i:]) > 1 {
			return strings.TrimRight(s[:i], " ") + "…"
		}
		n++
	}
	return s
}
