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
		Since: at, Until: at.Add(14 * time.Minute), More: 31,
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

func TestADigestCountsWhatItDoesNotShow(t *testing.T) {
	for _, c := range []struct {
		entries, more, shown int
		subject, rest        string
	}{
		{1, 0, 1, "Keyfob: 1 notice (Example Ltd)", ""}, {0, 0, 0, "Keyfob: 0 notices (Example Ltd)", ""}, {6, 31, 6, "Keyfob: 37 notices (Example Ltd)", "And 31 more: see the audit trail."},
		{50, 0, 50, "Keyfob: 50 notices (Example Ltd)", ""}, {51, 0, 50, "Keyfob: 51 notices (Example Ltd)", "And 1 more: see the audit trail."},
		{1000, 7, 50, "Keyfob: 1007 notices (Example Ltd)", "And 957 more: see the audit trail."},
	} {
		d := busy()
		d.Entries, d.More = nil, c.more
		for i := range c.entries {
			n := created()
			n.Token.Name = fmt.Sprintf("token %d.", i)
			d.Entries = append(d.Entries, n)
		}
		m := composeDigest(t, d)
		if m.Subject != c.subject || m.EventID != d.ID || strings.Count(m.Text, "was created") != c.shown || strings.Count(m.HTML, "was created") != c.shown {
			t.Errorf("%+v: %q, %d", c, m.Subject, strings.Count(m.Text, "was created"))
		}
		if has := strings.Contains(m.Text, " more: see"); has != (c.rest != "") || !strings.Contains(m.Text, c.rest) || !strings.Contains(m.HTML, c.rest) {
			t.Errorf("%+v:\n%s", c, m.Text)
		}
		if first, last := strings.Index(m.Text, "token 0."), strings.Index(m.Text, fmt.Sprintf("token %d.", c.shown-1)); first > last {
			t.Errorf("%+v: not the oldest first", c)
		}
	}
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
