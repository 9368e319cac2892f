package mail

import (
	"strings"
	"testing"
	"time"
)

// aDenial is as long as such a link gets.
const aDenial = "https://keys.example.com/live/disavow/kfn_eusandbox2026xyz_7QxLmP3sVt9aBc2KExampleSecretExampleSecretExampleSecretEx0mple1"

var denialEnds = time.Date(2026, 11, 28, 20, 15, 7, 0, time.UTC)

// denied gives the notice with a link by which its reader says that it was not them.
func denied(n Notice) Notice {
	n.Disavow, n.DisavowUntil = aDenial, denialEnds
	return n
}

func rotated() Notice {
	n := created()
	n.EventID, n.Event = "evt_8pLs2Nf6RkV9xD3T", "token.rotated"
	n.Changes = []Change{{Field: "successor", To: "tok_3HbWn8KdXq5RzV1M"}, {Field: "endsAt", To: "2026-11-22T20:15:07Z"}}
	return n
}

func expiring() Notice {
	n := created()
	n.EventID, n.Event, n.Actor, n.Via, n.IP, n.UserAgent = "evt_4nGx7Jq2BvC8sY5K", "token.expiring", Person{Name: System}, "system", "", ""
	n.Changes = []Change{{Field: "expiresAt", To: "2026-11-28T20:15:07Z"}}
	return n
}

func novel() Notice {
	n := about("session.novel", Concerned)
	n.Changes = []Change{{Field: "network", To: "203.0.113.0/24"}}
	return n
}

func byMail() Notice {
	n := revoked()
	n.Actor, n.Via, n.IP, n.UserAgent = Person{Name: "Adam Admin", Email: "adam@example.com"}, "mail", "198.51.100.9", "Mozilla/5.0"
	n.Note = "Ended with the link in the mail about evt_5dTqvJ2mXw8LrB4Z (token.created)."
	return n
}

func TestMailsWithALinkThatDisavowsAreAsTheGoldenFilesSay(t *testing.T) {
	goldens(t, map[string]Notice{
		"created-disavow": denied(created()), "rotated-disavow": denied(rotated()), "expiring": expiring(), "novel-disavow": denied(novel()),
		"passwordchanged-disavow": denied(about("password.changed", Concerned)), "revoked-by-mail": byMail(),
	})
}

// The link is in the body once, on a line of its own, with what it does and until when; never in the subject or a title.
func TestALinkThatDisavowsIsInTheBodyAlone(t *testing.T) {
	for does, n := range map[string]Notice{
		"revoke the token": denied(created()), "revoke both tokens": denied(rotated()), "end all my sessions": denied(novel()),
	} {
		m := compose(t, n)
		if !strings.Contains(m.Text, "\nThis wasn't me: "+does+"\n"+aDenial+"\nIt works once, until 28 November 2026, 20:15:07 UTC, and opens a page that asks first.\n") || strings.Count(m.Text, aDenial) != 1 {
			t.Errorf("%s: not once on a line of its own:\n%s", does, m.Text)
		}
		if strings.Count(m.HTML, `href="`+aDenial+`"`) != 1 || strings.Count(m.HTML, aDenial) != 1 || !strings.Contains(m.HTML, "This wasn't me: "+does+"</a>") {
			t.Errorf("%s: not once in the HTML:\n%s", does, m.HTML)
		}
		if head, _, _ := strings.Cut(m.HTML, "</h1>"); strings.Contains(m.Subject+head, "kfn_") {
			t.Errorf("%s: it is in %q or the title", does, m.Subject)
		}
	}
}

// A mail that asks its reader to do one thing offers no other; and what is no plain link is left out.
func TestALinkThatDisavowsStandsBesideNoOther(t *testing.T) {
	for _, n := range []Notice{denied(invited()), denied(forgotten()), denied(code())} {
		if m := compose(t, n); strings.Contains(m.Text+m.HTML, "wasn't me") || strings.Contains(m.Text+m.HTML, "kfn_") {
			t.Errorf("%s:\n%s", n.Event, m.Text)
		}
	}
	for _, link := range []string{"", "javascript:alert(1)", "/disavow/kfn_x", "https://a:b@keys.example.com/"} {
		n := denied(created())
		n.Disavow = link
		if m := compose(t, n); strings.Contains(m.Text+m.HTML, "wasn't me") {
			t.Errorf("%q:\n%s", link, m.Text)
		}
	}
}
