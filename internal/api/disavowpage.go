package api

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"strings"

	"keyfob/dashboard"
	"keyfob/internal/disavowal"
	"keyfob/internal/fault"
	"keyfob/internal/gateway"
	"keyfob/internal/mail"
)

// The page is whole in itself: it runs nothing, and the one thing that it loads is the style that is written into it, by its
// hash. Its form may be sent to where it came from and nowhere else, and nobody may frame it to have it clicked unseen.

//go:embed disavow.html
var disavowLayout string

//go:embed disavow.css
var disavowStyle string

var (
	disavowTemplate = template.Must(template.New("disavow.html").Parse(disavowLayout))
	pageStyle       = styleOfPages() + disavowStyle
	disavowPolicy   = "default-src 'none'; style-src 'sha256-" + digestOf(pageStyle) + "'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)

// styleOfPages is what the dashboard's pages look like.
func styleOfPages() string {
	css, _ := dashboard.File("page.css")
	return string(css)
}

func digestOf(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// disavowView is what the page says.
type disavowView struct {
	Title, Lead      string
	Facts            []disavowFact
	Button           string // what the form does; empty for no form
	Until            string // when the link ends
	Next             string // what else to do
	Dashboard, Style any
}

type disavowFact struct {
	Label  string
	Values []string
}

func (d disavowRoutes) page(v disavowView) gateway.Response {
	v.Dashboard, v.Style = "../", template.CSS(pageStyle) //#nosec G203 -- the program's own
	if d.dashboard != "" {
		v.Dashboard = d.dashboard
	}
	var b bytes.Buffer
	_ = disavowTemplate.Execute(&b, v) // a buffer takes all, and a test has each page written
	return gateway.Response{Body: b.Bytes(), Policy: disavowPolicy, Headers: map[string]string{
		"Content-Type": "text/html; charset=utf-8", "X-Robots-Tag": "noindex",
	}}
}

// refusal says why the link does nothing.
func refusal(e *fault.Error) disavowView {
	if e.Kind == fault.NotFound || e.Kind == fault.Gone {
		return disavowView{Title: "This link does not work", Lead: e.Message}
	}
	return disavowView{Title: "That did not work", Lead: e.Message, Next: "Open the link again in a moment: its page says how things stand."}
}

// viewOfDisavowal says what the link ends, or has ended.
func viewOfDisavowal(f disavowal.Found, state string) disavowView {
	v := disavowView{Facts: factsOf(f, state)}
	what, is, it := "the token", "is", "it"
	if n := len(f.Tokens); n == 2 {
		what, is, it = "both tokens", "are", "them"
	} else if n > 2 {
		what, is, it = fmt.Sprintf("all %d tokens", n), "are", "them"
	}
	switch {
	case f.Kind == disavowal.Sessions && state == offered:
		v.Title, v.Button = "Was this not you?", "This wasn't me: end all my sessions"
		v.Lead = "You can end all your sessions. Whoever is logged in as you has to log in again, and so have you. API tokens go on working."
	case f.Kind == disavowal.Sessions:
		v.Title, v.Lead = "All your sessions are ended", "Whoever was logged in as you is logged out."
		v.Next = "Somebody who knows your password can log in again. Set another one now: say that you forgot yours, then look at your second factors and tokens."
	case state == endedBefore:
		v.Title, v.Lead = "Nothing is left to end", "What the mail was about had ended already, and cannot be used."
	case state == offered:
		v.Title, v.Button = "Was this not you?", "This wasn't me: revoke "+what
		v.Lead = "You can revoke " + what + ". Every program that uses " + it + " is refused at once, and this cannot be undone."
	default:
		v.Title, v.Lead = strings.ToUpper(what[:1])+what[1:]+" "+is+" revoked", "Programs that used "+it+" are refused from now on."
		v.Next = "If somebody has got into your account, change your password as well. The audit trail says what else was done."
	}
	if v.Button != "" {
		v.Until = f.Until.Format(pageTime)
	}
	return v
}

const pageTime = "2 January 2006, 15:04:05 UTC"

// factsOf says what the mail was about: what happened, to what, who did it, from where and when.
func factsOf(f disavowal.Found, state string) []disavowFact {
	n := mail.Notice{Event: string(f.Event.Type), Why: mail.Concerned}
	if f.Event.Subject.Kind == "token" {
		n.Token, n.Why = mail.Token{Name: f.Event.Subject.Name, Handle: f.Event.Subject.ID}, mail.Keeper
	}
	var all []disavowFact
	add := func(label string, values ...string) {
		if len(values) > 0 && values[0] != "" {
			all = append(all, disavowFact{label, values})
		}
	}
	if !f.Event.At.IsZero() {
		add("What happened", mail.Title(n))
		add("When", f.Event.At.UTC().Format(pageTime))
	}
	add("Who", f.Who)
	add("From", f.Event.Origin.IP)
	for _, t := range f.Tokens {
		now := "It works."
		switch {
		case t.Ended:
			now = "It had ended already."
		case state == ended:
			now = "It is revoked."
		}
		add("Token", t.Name, t.Handle+" (ends in "+t.Handle[max(0, len(t.Handle)-4):]+")", now)
	}
	add("Account", f.Account.Name)
	return all
}
