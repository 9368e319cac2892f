package mail

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"
)

// aLink is as long as a link gets.
const aLink = "https://keys.example.com/password#kfl_eusandbox2026xyz_7QxLmP3sVt9aBc2KExampleSecretExampleSecretExampleSecretEx0mple1"

// about is a notice about a person: to them, where why says so, and else to an owner.
func about(event string, why Why) Notice {
	n := created()
	n.Event, n.Token, n.Why = event, Token{}, why
	n.Person = Person{Name: "Ute User", Email: "ute@example.com"}
	if why == Concerned || why == Invited {
		n.To = n.Person
	}
	return n
}

func invited() Notice {
	n := about("user.invited", Invited)
	n.Link, n.Until = aLink, time.Date(2026, 11, 28, 20, 15, 7, 0, time.UTC)
	return n
}

func forgotten() Notice {
	n := about("password.requested", Concerned)
	n.Link, n.Until = aLink, time.Date(2026, 11, 21, 20, 30, 7, 0, time.UTC)
	n.Actor = Person{Name: System}
	return n
}

func code() Notice {
	n := about("factor.requested", Concerned)
	n.Code, n.Until = "012345", time.Date(2026, 11, 21, 20, 25, 7, 0, time.UTC)
	return n
}

func policy() Notice {
	n := about("account.changed", Owner)
	n.Person = Person{}
	n.Changes = []Change{{Field: "mfaRequired", From: "false", To: "true"}, {Field: "tokenNetworks", To: "203.0.113.0/24, 2001:db8::/32"}}
	return n
}

// hostile is a notice whose every name is an attack.
func hostile() Notice {
	n := forgotten()
	const name = "x\r\nBcc: eve@example.com\r\n\r\n<h1>Urgent</h1>\u202e<a href=https://evil.example/>"
	n.Person.Name, n.To.Name, n.Account, n.Actor.Name, n.UserAgent = name, name, name, name, name
	return n
}

// hostileTo is such a notice to somebody else, who has the name in the headline.
func hostileTo(why Why) Notice {
	n := hostile()
	n.Event, n.Why, n.Link = "password.changed", why, ""
	return n
}

func TestMailsAboutPeopleAreAsTheGoldenFilesSay(t *testing.T) {
	goldens(t, map[string]Notice{
		"invited": invited(), "forgotten": forgotten(), "code": code(), "policy": policy(), "hostile": hostile(), "hostile-owner": hostileTo(Owner),
		"passwordchanged": about("password.changed", Concerned), "passwordchanged-owner": about("password.changed", Owner),
	})
}

// What happens to people is told to each kind of reader in words of its own.
func TestEveryEventOfAPersonHasItsOwnWords(t *testing.T) {
	for why, table := range map[Why]map[string]wording{Concerned: yours, Owner: theirs} {
		said := map[string]string{}
		for event, w := range table {
			m := compose(t, about(event, why))
			if w.Title == "" || w.Means == "" || w.Advice == "" || said[w.Means+w.Title] != "" || !strings.Contains(m.Text, w.Means) || !strings.Contains(m.Text, w.Advice) {
				t.Errorf("%s for %d has the words of %q:\n%s", event, why, said[w.Means+w.Title], m.Text)
			}
			said[w.Means+w.Title] = event
			if strings.ContainsAny(m.Subject+m.Text, "{}") {
				t.Errorf("%s: %s\n%s", event, m.Subject, m.Text)
			}
			if (w.Button != "") != (event == "user.invited" || event == "password.requested") {
				t.Errorf("%s has the button %q", event, w.Button)
			}
		}
	}
	if len(yours) < 15 || len(theirs) < 10 {
		t.Errorf("%d and %d", len(yours), len(theirs))
	}
}

// A link and a code are in the body whole and once, each on one line of the text, and never in the subject or a title.
func TestLinksAndCodesAreInTheBodyAlone(t *testing.T) {
	for _, n := range []Notice{invited(), forgotten(), code()} {
		m, secret := compose(t, n), n.Link+n.Code
		line := regexp.MustCompile(`(?m)^\s*` + regexp.QuoteMeta(secret) + `$`)
		if len(line.FindAllString(m.Text, -1)) != 1 || strings.Count(m.Text, secret) != 1 {
			t.Errorf("%s: not once on a line of its own:\n%s", n.Event, m.Text)
		}
		if strings.Count(m.HTML, secret) != 1 {
			t.Errorf("%s: not once in the HTML:\n%s", n.Event, m.HTML)
		}
		if head, _, _ := strings.Cut(m.HTML, "</h1>"); strings.Contains(m.Subject+head, secret) || strings.Contains(m.Subject, "kfl_") {
			t.Errorf("%s: the secret is in %q or the title", n.Event, m.Subject)
		}
		if !strings.Contains(m.Text, "It works once, until "+n.Until.Format("2 January 2006, 15:04:05 UTC")+".\n") {
			t.Errorf("%s: it does not say until when:\n%s", n.Event, m.Text)
		}
		if n.Link != "" && (strings.Count(m.HTML, "href=") != 1 || strings.Count(m.Text, "://") != 1) {
			t.Errorf("%s: other links besides:\n%s", n.Event, m.Text)
		}
		if strings.Contains(m.Text, "It never contains") {
			t.Errorf("%s: it says that there is no secret in it:\n%s", n.Event, m.Text)
		}
	}
}

// What is neither a link nor a code is not sent: a mail without what it is for is of no use to anybody.
func TestOnlyLinksAndCodesAreEnclosed(t *testing.T) {
	for _, c := range []struct{ link, code string }{
		{"javascript:alert(1)", ""}, {"/password#kfl_x", ""}, {"https://", ""}, {"https://a:b@keys.example.com/", ""},
		{"", "12 34"}, {"", "<b>1"}, {"", "1\r\n2"}, {"", "1234567890123"}, {"", "kfs_us_1"},
	} {
		n := invited()
		n.Link, n.Code = c.link, c.code
		var rejected *Rejected
		if _, err := Compose(n); !errors.As(err, &rejected) || strings.Contains(err.Error(), c.link+c.code) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	n := invited()
	n.Link = "https://keys.example.com/a\r\nBcc: eve@example.com"
	if m, err := Compose(n); err == nil && strings.Contains(m.Text, "\nBcc:") {
		t.Errorf("a line of its own:\n%s", m.Text)
	}
}

// A mail says why one gets it.
func TestTheFooterSaysWhyOneGetsTheMail(t *testing.T) {
	for why, want := range map[Why]string{
		Keeper: "because you look after the API tokens of Example Ltd", Owner: "because you are an owner of Example Ltd",
		Concerned: "because it is about your user in Example Ltd", Invited: "because somebody invited this address to Example Ltd",
	} {
		m := compose(t, about("user.changed", why))
		if !strings.Contains(m.Text, want) || !strings.Contains(m.HTML, strings.Replace(want, "Example Ltd", "<bdi>Example Ltd</bdi>", 1)) {
			t.Errorf("%d: no %q:\n%s", why, want, m.Text)
		}
	}
}

// Whoever invites somebody types a name, and may have words of their own arrive by it: the name is nowhere in the mail.
func TestTheNameOfTheInvitedIsNotInTheMail(t *testing.T) {
	ute := Person{Name: "Your parcel is held, pay now", Email: "ute@example.com"}
	m, err := Compose(Notice{Event: "user.invited", To: ute, Person: ute, Why: Invited, Link: "https://keys.example.com/password#x"})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{m.Subject, m.Text, m.HTML} {
		if strings.Contains(text, "parcel") {
			t.Error(text)
		}
	}
}

// What a program calls a factor, or no bound, is in words.
func TestValuesOfProgramsAreInWords(t *testing.T) {
	n := policy()
	n.Changes = []Change{
		{Field: "maxLifeSeconds", From: "0", To: "7776000"}, {Field: "sessionIdleSeconds", From: "0", To: "60"},
		{Field: "factor", To: "totp, recovery"}, {Field: "factor", From: "email"}, {Field: "factor", From: "all"},
	}
	text := strings.Join(strings.Fields(compose(t, n).Text), " ")
	for _, want := range []string{
		"Max life seconds none → 7776000", "Session idle seconds 0 → 60", "Second factor authenticator app, recovery code",
		"Second factor codes by mail → (none)", "Second factor all → (none)",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}
