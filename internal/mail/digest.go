package mail

import (
	"errors"
	"fmt"
	htmltemplate "html/template"
	"slices"
	"strings"
	texttemplate "text/template"
	"time"
)

// MaxEntries is how many events one digest tells of at the most.
const MaxEntries = 50

// A Digest is all that one mail in the place of many says: what happened in one account that one reader is to be told of.
type Digest struct {
	ID        string    // of the delivery; sent along as a message's EventID is
	To        Person    // who gets the mail
	Account   string    // the account's name
	Dashboard string    // the dashboard's http(s) URL; empty for none
	Since     time.Time // when the first of the events happened; shown in UTC
	Until     time.Time // when the last did
	Entries   []Notice  // the events, oldest first, at most MaxEntries; each may have a Disavow
}

// digestView is what the templates see: text that is already clean, but not escaped.
type digestView struct {
	Title, Greeting, Account, Dashboard string
	Span                                string
	Entries                             []entry
	Until                               string // when the first of the links ends
}

// An entry is one event of a digest.
type entry struct {
	When, Title, Handle, By, Event, Disavow, Deny string
	Facts                                         []row // what is other than it was, and what else is to be known
}

// maxFacts bounds what a digest says of one event.
const maxFacts = 6

var (
	htmlDigest = htmltemplate.Must(htmltemplate.ParseFS(templates, "digest.html.tmpl", "layout.html.tmpl"))
	textDigest = texttemplate.Must(texttemplate.ParseFS(templates, "digest.txt.tmpl"))
)

// errTooMany is the caller's mistake: what a digest has no room for would be told by none.
var errTooMany = errors.New("mail: more events than one digest tells of")

// ComposeDigest writes the mail. An error that is a *Rejected says that the recipient cannot be written to, or that an entry has
// a link or a code for its reader to act on, which has no place among others: that event has a mail of its own.
func ComposeDigest(d Digest) (Message, error) {
	if len(d.Entries) > MaxEntries {
		return Message{}, errTooMany
	}
	v := digestView{
		Title: counted(len(d.Entries), "notice"), Greeting: "Hello,", Account: named(d.Account, maxName), Dashboard: address(d.Dashboard), Span: span(d.Since, d.Until),
	}
	if name := clean(d.To.Name, maxName); name != "" {
		v.Greeting = "Hello " + name + ","
	}
	var ends time.Time
	for _, e := range d.Entries {
		if e.Link != "" || e.Code != "" {
			return Message{}, &Rejected{"a digest has no place for a link or a code to act on"}
		}
		shown := entryOf(e)
		v.Entries = append(v.Entries, shown)
		if shown.Disavow != "" && (ends.IsZero() || e.DisavowUntil.Before(ends)) {
			ends = e.DisavowUntil
		}
	}
	v.Until = when(ends)
	var text, html strings.Builder
	if err := textDigest.Execute(&text, v); err != nil {
		return Message{}, err
	}
	if err := htmlDigest.Execute(&html, v); err != nil {
		return Message{}, err
	}
	m := Message{
		To: d.To.Email, Subject: "Keyfob: " + v.Title + " (" + named(d.Account, maxTitleName) + ")",
		Text: text.String(), HTML: html.String(), EventID: d.ID,
	}
	if err := Validate(m); err != nil {
		return Message{}, err
	}
	return m, nil
}

func entryOf(n Notice) entry {
	w := wordings(n)
	e := entry{When: when(n.At), Title: title(n, w), Event: clean(n.EventID, maxLabel), Disavow: address(n.Disavow), Deny: w.Deny}
	for _, r := range rows(n, w) {
		if r.Label == noteLabel(w) || slices.ContainsFunc(n.Changes, func(c Change) bool { return label(clean(c.Field, maxLabel)) == r.Label }) {
			e.Facts = append(e.Facts, r)
		}
	}
	e.Facts = e.Facts[:min(len(e.Facts), maxFacts)]
	if h := clean(n.Token.Handle, maxLabel); h != "" {
		e.Handle = h + " (ends in " + n.Token.Last4() + ")"
	}
	by, from := n.Actor.String(), clean(n.IP, maxLabel)
	if by != "" {
		e.By = "by " + by
	}
	if from != "" {
		e.By = strings.TrimPrefix(e.By+", from "+from, ", ")
	}
	return e
}

// span says from when to when; nothing where neither is known.
func span(since, until time.Time) string {
	switch first, last := when(since), when(until); {
	case first == "" || last == "":
		return ""
	case first == last:
		return "at " + first
	default:
		return "from " + first + " to " + last
	}
}

// counted says how many there are of what the word names.
func counted(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}
