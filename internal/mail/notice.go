package mail

import (
	"cmp"
	"embed"
	htmltemplate "html/template"
	"net/url"
	"slices"
	"strings"
	texttemplate "text/template"
	"time"
	"unicode"
	"unicode/utf8"
)

// A Notice is all that a mail about one event says. It has no place for a credential, but for the links or the code that
// its reader alone is to have: a token appears by its name and its public handle. Whatever a caller typed may be in it as
// it was typed; Compose makes it harmless.
type Notice struct {
	EventID      string    // the audit event's id: evt_…
	Event        string    // its type: "token.created"; an unknown type gets a general mail
	At           time.Time // when it happened; shown in UTC
	Account      string    // the account's name
	Realm        string    // the deployment's realm: "us"
	Token        Token     // the token it is about; zero if it is about none
	Person       Person    // the user it is about; zero if it is about none
	Actor        Person    // who did it; Person{Name: System} or Person{Name: Operator} where nobody logged in did
	Via          string    // the way it came in: "api", "dashboard", "operator", "system"
	IP           string    // where it came from; empty if from nowhere
	UserAgent    string    // likewise
	Changes      []Change  // what is other than it was
	Link         string    // an http(s) URL that only the reader may have, with which what the mail is about is done; empty for none
	Code         string    // likewise a code to type: letters and digits
	Until        time.Time // when Link or Code ends; shown with them
	Disavow      string    // an http(s) URL that only the reader may have, with which they say that it was not them and end what the mail is about; empty for none
	DisavowUntil time.Time // when Disavow ends; shown with it
	Note         string    // the reason that somebody gave, or what else is to be known
	To           Person    // who gets the mail
	Why          Why       // what makes them get it
	Dashboard    string    // the dashboard's http(s) URL; empty for none
}

// A Why is what makes somebody get a mail.
type Why uint8

// The reasons to get a mail.
const (
	Keeper    Why = iota // they look after the account's tokens
	Owner                // they own the account
	Concerned            // they are the Person whom it is about
	Invited              // likewise, and are no user of the account yet
	Maker                // they made the Token
)

// A Change is one thing that is other than it was: "expiresAt" from one time to another. Where there was nothing before,
// From is empty.
type Change struct{ Field, From, To string }

// A Token is how a mail names a token.
type Token struct {
	Name   string
	Handle string // tok_…
}

// Last4 gives the end of the handle, by which people tell tokens apart.
func (t Token) Last4() string {
	h := clean(t.Handle, maxLabel)
	return h[max(0, len(h)-4):]
}

// A Person is somebody by display name, e-mail address or both.
type Person struct{ Name, Email string }

// The names of actors who are no users.
const (
	System   = "the system"
	Operator = "the operator"
	Holder   = "somebody who has the token"
)

// String gives "Name <address>", or the one of them there is.
func (p Person) String() string {
	name, email := clean(p.Name, maxName), clean(p.Email, maxAddress)
	switch {
	case email == "":
		return name
	case name == "":
		return email
	}
	return name + " <" + email + ">"
}

// Limits in characters of what a caller typed.
const (
	maxLabel     = 64  // an event type, a handle, an IP address
	maxName      = 200 // a name in the body
	maxAgent     = 200 // a user agent
	maxValue     = 300 // a value before or after a change
	maxNote      = 500 // a note
	maxChanges   = 20
	maxCode      = 12
	maxTitleName = 60 // a name in the subject and the headline, so that a phone's list shows the verb after it
)

// A row is one labelled fact of the mail.
type row struct{ Label, Value string }

// view is what the templates see: text that is already clean, but not escaped.
type view struct {
	wording
	Title, Greeting, Account, Dashboard string
	Link, Code, Until                   string
	Disavow, DisavowUntil               string
	Why                                 Why
	Rows                                []row
}

// The reasons, for the templates.
func (v view) Owner() bool     { return v.Why == Owner }
func (v view) Concerned() bool { return v.Why == Concerned }
func (v view) Invited() bool   { return v.Why == Invited }
func (v view) Maker() bool     { return v.Why == Maker }

//go:embed *.tmpl
var templates embed.FS

var (
	htmlLayout = htmltemplate.Must(htmltemplate.ParseFS(templates, "notice.html.tmpl", "layout.html.tmpl"))
	textLayout = texttemplate.Must(texttemplate.New("notice.txt.tmpl").Funcs(texttemplate.FuncMap{"pad": pad}).ParseFS(templates, "notice.txt.tmpl"))
)

// Compose writes the mail about a notice. An error that is a *Rejected says that the recipient cannot be written to, or
// that the link or code is none that can be shown.
func Compose(n Notice) (Message, error) {
	if n.Why == Invited {
		// Somebody else has typed the name, perhaps to have these words stand in a mail from here.
		n.To.Name, n.Person.Name = "", ""
	}
	w := wordings(n)
	v := view{
		wording:      w,
		Title:        title(n, w),
		Greeting:     "Hello,",
		Account:      named(n.Account, maxName),
		Dashboard:    address(n.Dashboard),
		Link:         address(n.Link),
		Code:         n.Code,
		Until:        when(n.Until),
		Disavow:      address(n.Disavow),
		DisavowUntil: when(n.DisavowUntil),
		Why:          n.Why,
		Rows:         rows(n, w),
	}
	if n.Link != "" && v.Link == "" || n.Code != "" && !isCode(n.Code) {
		return Message{}, &Rejected{"what it encloses is neither a link nor a code"}
	}
	if v.Link != "" || v.Code != "" {
		v.Dashboard, v.Disavow = "", "" // there is one thing to do, and nothing beside it to press
	}
	if name := clean(n.To.Name, maxName); name != "" {
		v.Greeting = "Hello " + name + ","
	}
	var text, html strings.Builder
	if err := textLayout.Execute(&text, v); err != nil {
		return Message{}, err
	}
	if err := htmlLayout.Execute(&html, v); err != nil {
		return Message{}, err
	}
	m := Message{
		To:      n.To.Email,
		Subject: "Keyfob: " + v.Title + " (" + named(n.Account, maxTitleName) + ")",
		Text:    text.String(),
		HTML:    html.String(),
		EventID: n.EventID,
	}
	if err := Validate(m); err != nil {
		return Message{}, err
	}
	return m, nil
}

// when writes a time for people; nothing for none.
func when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2 January 2006, 15:04:05 UTC")
}

// isCode reports whether the text can be nothing but a code to type.
func isCode(s string) bool {
	return len(s) <= maxCode && !strings.ContainsFunc(s, func(r rune) bool {
		return !('0' <= r && r <= '9' || 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z')
	})
}

// rows lists the facts of a notice, without those that are empty.
func rows(n Notice, w wording) []row {
	note := row{noteLabel(w), clean(n.Note, maxNote)}
	all := append(changes(n.Changes), note)
	all = append(all, facts(n)...)
	if n.Token != (Token{}) {
		about := []row{{"Token", named(n.Token.Name, maxName)}}
		if h := clean(n.Token.Handle, maxLabel); h != "" {
			about = append(about, row{"Handle", h + " (ends in " + n.Token.Last4() + ")"})
		}
		all = append(about, all...)
	}
	if n.Person != (Person{}) {
		all = append([]row{{"User", n.Person.String()}}, all...)
	}
	return slices.DeleteFunc(all, func(r row) bool { return r.Value == "" })
}

// noteLabel is what the event's note is to it.
func noteLabel(w wording) string { return cmp.Or(w.Note, "Note") }

// facts says who did it, from where and when.
func facts(n Notice) []row {
	all := []row{
		{"Who", n.Actor.String()},
		{"Via", via(n.Via)},
		{"From", clean(n.IP, maxLabel)},
		{"Client", clean(n.UserAgent, maxAgent)},
		{"When", when(n.At)},
		{"Account", named(n.Account, maxName)},
		{"Realm", clean(n.Realm, maxLabel)},
		{"Event", clean(n.EventID, maxLabel)},
	}
	if all[1].Value == all[0].Value { // the system, via the system
		all[1].Value = ""
	}
	return all
}

// changes gives a row for each change: what was, an arrow, what is.
func changes(list []Change) []row {
	var all []row
	for _, c := range list[:min(len(list), maxChanges)] {
		value := said(c.Field, clean(c.To, maxValue))
		switch from := said(c.Field, clean(c.From, maxValue)); {
		case from != "" && value != "":
			value = from + " → " + value
		case from != "":
			value = from + " → (none)"
		}
		all = append(all, row{label(clean(c.Field, maxLabel)), value})
	}
	return all
}

// labels are the names of fields that would not make words by themselves.
var labels = map[string]string{"factor": "Second factor", "mfaRequired": "Second factor required"}

// factors are the kinds of second factors in words.
var factors = map[string]string{"totp": "authenticator app", "email": "codes by mail", "recovery": "recovery code"}

// said makes words of a value that is a program's.
func said(field, value string) string {
	switch field {
	case "factor":
		names := strings.Split(value, ", ")
		for i, name := range names {
			names[i] = cmp.Or(factors[name], name)
		}
		return strings.Join(names, ", ")
	case "maxLifeSeconds":
		if value == "0" {
			return "none"
		}
	}
	return value
}

// label makes words of a field's name: "expiresAt" is "Expires at".
func label(field string) string {
	if l := labels[field]; l != "" {
		return l
	}
	var b strings.Builder
	for i, r := range field {
		switch {
		case i == 0:
			r = unicode.ToUpper(r)
		case unicode.IsUpper(r):
			b.WriteByte(' ')
			r = unicode.ToLower(r)
		}
		b.WriteRune(r)
	}
	return b.String()
}

// address gives the URL if it is a plain absolute http or https one, else nothing: a mail without a link is still a
// mail, and one with a wrong link is worse. What it gives has no space or line break in it.
func address(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil {
		return ""
	}
	return u.String()
}

// pad makes a label as wide as the widest of the rows, for the text's columns.
func pad(label string, rows []row) string {
	width := 0
	for _, r := range rows {
		width = max(width, utf8.RuneCountInString(r.Label))
	}
	return label + strings.Repeat(" ", width-utf8.RuneCountInString(label))
}
