package mail

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
)

// busy is a digest of what happened in a lively quarter of an hour.
func busy() Digest {
	at := time.Date(2026, 11, 21, 20, 15, 7, 0, time.UTC)
	d := Digest{
		ID: "dig_5dTqvJ2mXw8LrB4Z", To: Person{Name: "Adam Admin", Email: "adam@example.com"}, Account: "Example Ltd", Dashboard: "https://keys.example.com/",
		Since: at, Until: at.Add(14 * time.Minute),
	}
	for i, n := range []Notice{denied(created()), denied(edited()), denied(rotated()), expiring(), denied(about("password.changed", Concerned)), byMail()} {
		n.At = at.Add(time.Duration(i) * 168 * time.Second)
		d.Entries = append(d.Entries, n)
	}
	return d
}

func composeDigest(t *testing.T, d Digest) Message {
	t.Helper()
	m, err := ComposeDigest(d)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestADigestIsAsTheGoldenFilesSay(t *testing.T) {
	golden(t, "digest", composeDigest(t, busy()))
}

// Nothing is left out of a digest, and of more than it has room for none is made.
func TestADigestTellsOfEachOfItsEvents(t *testing.T) {
	for n, subject := range map[int]string{1: "Keyfob: 1 notice (Example Ltd)", 2: "Keyfob: 2 notices (Example Ltd)", MaxEntries: "Keyfob: 50 notices (Example Ltd)"} {
		m := composeDigest(t, many(n))
		if m.Subject != subject || m.EventID != busy().ID || strings.Count(m.Text, "was created") != n || strings.Count(m.HTML, "was created") != n {
			t.Errorf("%d: %q, %d", n, m.Subject, strings.Count(m.Text, "was created"))
		}
		if first, last := strings.Index(m.Text, "token 0."), strings.Index(m.Text, fmt.Sprintf("token %d.", n-1)); first > last {
			t.Errorf("%d: not the oldest first", n)
		}
	}
	if _, err := ComposeDigest(many(MaxEntries + 1)); err == nil || errors.As(err, new(*Rejected)) {
		t.Errorf("more than there is room for: %v", err)
	}
}

// many is a digest of so many events.
func many(n int) Digest {
	d := busy()
	d.Entries = nil
	for i := range n {
		e := created()
		e.Token.Name = fmt.Sprintf("token %d.", i)
		d.Entries = append(d.Entries, e)
	}
	return d
}

// Each link of a digest is on a line of its own in the text, and once in the HTML; it says until when the first of them works.
func TestEachEntryOfADigestHasItsOwnLink(t *testing.T) {
	d := busy()
	var links []string
	for i := range d.Entries {
		if d.Entries[i].Disavow == "" {
			continue
		}
		d.Entries[i].Disavow = fmt.Sprintf("https://keys.example.com/disavow/%d", i)
		d.Entries[i].DisavowUntil = denialEnds.Add(time.Duration(10-i) * time.Hour)
		links = append(links, d.Entries[i].Disavow)
	}
	m := composeDigest(t, d)
	for _, link := range links {
		if !strings.Contains(m.Text, "\n  "+link+"\n") || strings.Count(m.Text, link) != 1 || strings.Count(m.HTML, `href="`+link+`"`) != 1 {
			t.Errorf("%s:\n%s", link, m.Text)
		}
	}
	if n := len(links); n != 4 || strings.Count(m.HTML, "href=") != n+1 || strings.Count(m.Text, "://") != n+1 {
		t.Errorf("%d links:\n%s", n, m.Text)
	}
	if until := "Each link works once, until 29 November 2026, 02:15:07 UTC"; !strings.Contains(m.Text, until) || !strings.Contains(m.HTML, until) {
		t.Errorf("no %q:\n%s", until, m.Text)
	}
}

// P3, S32: what callers typed is shown and never obeyed in a digest as in every mail, and no credential gets through.
func TestP3ADigestLetsNothingThrough(t *testing.T) {
	canary := "kf_us_7QxLmP3sVt9aBc2K" + strings.Repeat("CaNaRy0", 7)
	for _, typed := range []string{canary, "x\r\nBcc: eve@example.com\n\n" + canary + "<h1>\u202ehttps://evil.example/www.evil.example"} {
		v := reflect.New(reflect.TypeFor[Digest]()).Elem()
		fill(v, typed)
		d := v.Interface().(Digest)
		d.ID, d.To.Email = "dig_1", "adam@example.com"
		for i := range d.Entries {
			d.Entries[i].Link, d.Entries[i].Code = "", ""
		}
		m := composeDigest(t, d)
		for _, text := range []string{m.Subject, m.Text, m.HTML} {
			if strings.Contains(text, "CaNaRy0") || strings.Contains(text, "\nBcc") || strings.Contains(text, "\u202e") || strings.Contains(text, "://evil") || strings.Contains(text, "www.") {
				t.Errorf("%.3000s", text)
			}
		}
		if strings.Contains(m.Subject, "\n") || regexp.MustCompile(`<h1>`).MatchString(m.HTML) {
			t.Errorf("%s\n%s", m.Subject, m.HTML)
		}
	}
}

// An invitation among others would be lost on its reader.
func TestADigestHasNoPlaceForWhatAsksForAnAction(t *testing.T) {
	for _, n := range []Notice{invited(), forgotten(), code()} {
		d := busy()
		d.Entries = append(d.Entries, n)
		var rejected *Rejected
		if _, err := ComposeDigest(d); !errors.As(err, &rejected) || strings.Contains(err.Error(), n.Link+n.Code) {
			t.Errorf("%s: %v", n.Event, err)
		}
	}
	d := busy()
	d.To.Email = "Adam <adam@example.com>"
	var rejected *Rejected
	if _, err := ComposeDigest(d); !errors.As(err, &rejected) {
		t.Error(err)
	}
}
