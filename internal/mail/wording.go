package mail

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// A wording is what the mail about one kind of event says. A new kind of event needs one entry here and nothing else.
type wording struct {
	Did    string // completes «API token "name" …»: "was created"
	Means  string // what has changed by it, one or two sentences
	Advice string // what to do if it was not expected
}

func wordings(event string) wording {
	switch event {
	case "token.created":
		return wording{
			Did:    "was created",
			Means:  "A new API token can now be used in this account.",
			Advice: "If you did not expect this, revoke the token: it stops working at once.",
		}
	case "token.revoked":
		return wording{
			Did:    "was revoked",
			Means:  "The token has stopped working. Programs that used it are refused.",
			Advice: "If you did not expect this, find out who ended it, and give those programs a new token.",
		}
	}
	return generic(event)
}

// generic words an event that has no entry of its own out of its type: "token.rotated" was rotated.
func generic(event string) wording {
	_, verb, _ := strings.Cut(clean(event, maxLabel), ".")
	w := wording{
		Did:    "was " + words(verb),
		Means:  "This is a notice about your account's security.",
		Advice: "If you did not expect this, look at the audit trail and revoke what you do not recognise.",
	}
	if verb == "" {
		w.Did = "was changed"
	}
	return w
}

// title is the mail's headline: «API token "CI deploy" was created», and «Password changed» for an event that is not
// about a token.
func title(n Notice, w wording) string {
	if n.Token != (Token{}) {
		return `API token "` + named(n.Token.Name, maxTitleName) + `" ` + w.Did
	}
	s := words(strings.ReplaceAll(clean(n.Event, maxLabel), ".", " "))
	if s == "" {
		return "Account changed"
	}
	first, size := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(first)) + s[size:]
}

// words turns the separators of an event type into spaces.
func words(s string) string { return strings.NewReplacer("_", " ", "-", " ").Replace(s) }

// named cleans a name and stands in for an empty one.
func named(s string, limit int) string {
	if s = clean(s, limit); s == "" {
		return "(no name)"
	}
	return s
}

// via puts a way in into words.
func via(s string) string {
	switch s {
	case "api":
		return "the API"
	case "dashboard", "operator", "system":
		return "the " + s
	}
	return clean(s, maxLabel)
}
