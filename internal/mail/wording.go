package mail

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// A wording is what the mail about one kind of event says. A new kind of event needs one entry here, or one in each of the
// two tables of what happens to people, and nothing else.
type wording struct {
	Did    string // completes «API token "name" …»: "was created"
	Title  string // the whole of the headline, where the event is about no token; {user} stands for the user's name
	Means  string // what has changed by it, one or two sentences
	Advice string // what to do if it was not expected
	Note   string // what the event's note is to it; "Note" where empty
	Button string // what the link does
	Deny   string // what whoever says that it was not them does
}

func wordings(n Notice) wording {
	w := worded(n)
	switch {
	case w.Deny != "":
	case n.Token != (Token{}):
		w.Deny = "revoke the token"
	default:
		w.Deny = "end all my sessions"
	}
	return w
}

func worded(n Notice) wording {
	w, ok := yours[n.Event]
	if n.Why != Concerned && n.Why != Invited {
		w, ok = theirs[n.Event]
	}
	if ok {
		return w
	}
	w = ofToken(n.Event)
	if n.Event == "token.expiring" {
		w.Did = "expires " + soon(n.Changes)
	}
	return w
}

// soon says how soon, where the changes tell.
func soon(changes []Change) string {
	for _, c := range changes {
		if in := clean(c.To, maxLabel); c.Field == "endsIn" && in != "" {
			return "in " + in
		}
	}
	return "soon"
}

// ofToken words what is done with tokens, and with the account as a whole.
func ofToken(event string) wording {
	switch event {
	case "token.created":
		return wording{
			Did:    "was created",
			Means:  "A new API token can now be used in this account.",
			Advice: "If you did not expect this, revoke the token: it stops working at once.",
		}
	case "token.edited":
		return wording{
			Did:    "was edited",
			Means:  "The token works as before, but for what is listed here.",
			Advice: "If you did not expect this, undo it, or revoke the token: it stops working at once.",
		}
	case "token.rotated":
		return wording{
			Did:    "was rotated",
			Means:  "A new token with the same settings takes its place. The old one works until the time given here, and not after it.",
			Advice: "If you did not expect this, revoke both tokens: they stop working at once.",
			Deny:   "revoke both tokens",
		}
	case "token.revealed":
		return wording{
			Did:    "was shown in plaintext",
			Means:  "Somebody has seen the token itself and can use it from anywhere.",
			Advice: "If you did not expect this, rotate or revoke the token, and look at who may see tokens.",
			Note:   "Reason",
		}
	case "token.accessed":
		return wording{
			Did:    "was accessed",
			Means:  "It was used from a network that is new to it, or somebody other than its creator opened its record: the note says which.",
			Advice: "If you do not recognise this, revoke the token: it stops working at once.",
		}
	case "token.reused":
		return wording{
			Did:    "was used after it was rotated out",
			Means:  "The request was refused. Either a program still has the old token, or somebody has got hold of it.",
			Advice: "Find the program by the address and give it the new token. If it is none of yours, the old token has leaked: look at how, and whether the new one has too.",
			Deny:   "revoke the token that took its place",
		}
	case "token.leaked":
		return wording{
			Did:    "was found in public",
			Means:  "Others can read the token. It was revoked at once and has stopped working.",
			Advice: "Remove it from where it was found, look in the audit trail for what it was used for, and give the programs that need it a new token.",
			Note:   "Found",
		}
	case "session.leaked":
		return wording{
			Title:  "A login session was found in public",
			Means:  "Others can read the credential of a login session. It was ended at once and has stopped working.",
			Advice: "Remove it from where it was found, and look in the audit trail for what was done with it.",
			Note:   "Found",
		}
	case "account.imported":
		return wording{
			Title:  "Tokens of another system were imported",
			Means:  "Tokens that another system issued can now be used in this account. The audit trail has an event for each.",
			Advice: "If you did not expect this, ask who operates this deployment, and revoke the tokens.",
		}
	case "account.changed":
		return wording{
			Title:  "The account's settings were changed",
			Means:  "What is listed here holds for everybody in the account from now on.",
			Advice: "If you did not expect this, undo it, and look in the audit trail for what was done meanwhile.",
		}
	case "account.suspended":
		return wording{
			Title:  "The account was suspended",
			Means:  "Nobody can log in, and every token and session of the account is refused. Nothing is deleted.",
			Advice: "If you did not expect this, ask who operates this deployment.",
			Note:   "Reason",
		}
	case "account.resumed":
		return wording{
			Title:  "The account was resumed",
			Means:  "Tokens work again, and people can log in. Sessions from before have ended for good.",
			Advice: "If you did not expect this, ask who operates this deployment.",
		}
	case "token.expiring":
		return wording{
			Means:  "The token works until the time given here. From then on programs that use it are refused.",
			Advice: "If they still need it, rotate the token or give it a longer life before then. If nobody does, nothing is to be done.",
		}
	case "token.purged":
		return wording{
			Did:    "was purged",
			Means:  "The token's time was over. It was refused from the instant it was due, and its record has been deleted now.",
			Advice: "If a program still needs access, give it a new token.",
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

// Title gives the headline of the notice's mail, clean but not escaped.
func Title(n Notice) string { return title(n, wordings(n)) }

// title is the mail's headline: «API token "CI deploy" was created», and «Password changed» for an event that is not
// about a token.
func title(n Notice, w wording) string {
	if n.Token != (Token{}) {
		return `API token "` + named(n.Token.Name, maxTitleName) + `" ` + w.Did
	}
	if w.Title != "" {
		return strings.ReplaceAll(w.Title, "{user}", named(n.Person.Name, maxTitleName))
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
	case "mail":
		return "the link in a mail"
	case "dashboard", "operator", "system":
		return "the " + s
	}
	return clean(s, maxLabel)
}
