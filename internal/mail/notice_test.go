package mail

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

func created() Notice {
	return Notice{
		EventID:   "evt_5dTqvJ2mXw8LrB4Z",
		Event:     "token.created",
		At:        time.Date(2026, 11, 21, 21, 15, 7, 0, time.FixedZone("CET", 3600)),
		Account:   "Example Ltd",
		Realm:     "us",
		Token:     Token{Name: "CI deploy", Handle: "tok_7QxLmP3sVt9aBc2K"},
		Actor:     Person{Name: "Olivia Owner", Email: "olivia@example.com"},
		Via:       "api",
		IP:        "203.0.113.7",
		UserAgent: "curl/8.5.0",
		To:        Person{Name: "Adam Admin", Email: "adam@example.com"},
		Dashboard: "https://keys.example.com/",
	}
}

func revoked() Notice {
	n := created()
	n.EventID, n.Event = "evt_9kWm1Rz7YpQ3nF6H", "token.revoked"
	n.Actor, n.Via, n.IP, n.UserAgent = Person{Name: System}, "system", "", ""
	n.To.Name, n.Dashboard = "", ""
	return n
}

func compose(t *testing.T, n Notice) Message {
	t.Helper()
	m, err := Compose(n)
	if err != nil {
		t.Fatalf("Compose: %v", err)
	}
	return m
}

func TestMailsAreAsTheGoldenFilesSay(t *testing.T) {
	goldens(t, map[string]Notice{"created": created(), "revoked": revoked(), "edited": edited(), "revealed": revealed()})
}

// goldens holds mails against the files of their names.
func goldens(t *testing.T, notices map[string]Notice) {
	t.Helper()
	for name, n := range notices {
		golden(t, name, compose(t, n))
	}
}

// golden holds a mail against the files of that name.
func golden(t *testing.T, name string, m Message) {
	t.Helper()
	for file, got := range map[string]string{
		name + ".txt":  "To: " + m.To + "\nSubject: " + m.Subject + "\n\n" + m.Text,
		name + ".html": m.HTML,
	} {
		path := filepath.Join("testdata", file)
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", file, diff)
		}
	}
}

func TestUnknownEventsGetADecentMail(t *testing.T) {
	for event, want := range map[string]string{
		"token.paused":          `Keyfob: API token "CI deploy" was paused (Example Ltd)`,
		"token.policy_relaxed":  `Keyfob: API token "CI deploy" was policy relaxed (Example Ltd)`,
		"token":                 `Keyfob: API token "CI deploy" was changed (Example Ltd)`,
		"":                      `Keyfob: API token "CI deploy" was changed (Example Ltd)`,
		"token.x\r\nBcc: a@b.c": `Keyfob: API token "CI deploy" was x Bcc: a@b.c (Example Ltd)`,
	} {
		n := created()
		n.Event = event
		m := compose(t, n)
		if m.Subject != want {
			t.Errorf("event %q: subject %q, want %q", event, m.Subject, want)
		}
		if !strings.Contains(m.Text, "revoke what you do not recognise") || !strings.Contains(m.HTML, n.Token.Handle) {
			t.Errorf("event %q: the mail says too little:\n%s", event, m.Text)
		}
	}
	for event, want := range map[string]string{
		"password.printed": "Keyfob: Password printed (Example Ltd)",
		"écran.vu":         "Keyfob: Écran vu (Example Ltd)",
		"":                 "Keyfob: Account changed (Example Ltd)",
	} {
		n := created()
		n.Event, n.Token = event, Token{}
		if m := compose(t, n); m.Subject != want {
			t.Errorf("event %q about no token: subject %q, want %q", event, m.Subject, want)
		}
	}
}

func TestAnEmptyNoticeStillMakesAMail(t *testing.T) {
	m := compose(t, Notice{To: Person{Email: "adam@example.com"}})
	if !strings.Contains(m.Text, "(no name)") || strings.Contains(m.Text, "Client") {
		t.Errorf("unexpected text:\n%s", m.Text)
	}
}

// P3: a Notice has no place for a secret, and a secret in the wrong place does not get out.
func TestNoFieldLetsACredentialThrough(t *testing.T) {
	canaries := []string{
		"kf_us_7QxLmP3sVt9aBc2K" + strings.Repeat("CaNaRy0", 7),
		"kfs_eusandbox_7QxLmP3sVt9aBc2K" + strings.Repeat("CaNaRy0", 7),
		"1|CaNaRy0CaNaRy0CaNaRy0CaNaRy0CaNaRy0",
	}
	for _, canary := range canaries {
		for _, typed := range []string{
			canary,
			strings.Repeat("x", maxName-30) + canary, // the cut must not leave half of it
			canary[:10] + "\u200b" + canary[10:],     // nor an invisible character hide it
			canary[:10] + "\u00ad" + canary[10:20] + canary[20:], // likewise
			"<" + canary + ">",
		} {
			v := reflect.New(reflect.TypeFor[Notice]()).Elem()
			places := fill(v, typed)
			if places < 19 {
				t.Fatalf("filled only %d fields", places)
			}
			n := v.Interface().(Notice)
			n.EventID = "evt_5dTqvJ2mXw8LrB4Z" // the one field that is handed on as it is, as a tag
			n.Dashboard, n.To.Email = "https://keys.example.com/", "adam@example.com"
			n.Link, n.Code, n.Disavow = "", "", "" // they are for their reader, and what is neither is refused
			m := compose(t, n)
			if all := m.Subject + m.Text + m.HTML; strings.Contains(all, "CaNaRy0") {
				t.Errorf("a mail with %q as every text holds the canary:\n%s\n%s", typed, m.Subject, m.Text)
			}
		}
	}
}

// fill sets every string within v and counts them.
func fill(v reflect.Value, s string) (n int) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(s)
		return 1
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		return fill(v.Index(0), s)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return 0
		}
		for i := range v.NumField() {
			n += fill(v.Field(i), s)
		}
	}
	return n
}

func TestOnlyOneBareAddressIsARecipient(t *testing.T) {
	for _, to := range []string{
		"", "adam", "adam@example.com, eve@example.com", "Adam <adam@example.com>", "adam@example.com\r\nBcc: eve@example.com",
		"adam@example.com\n", " adam@example.com", "adam@example.com (Adam)", "<adam@example.com>", "adam@\xff.com",
		strings.Repeat("a", 250) + "@example.com",
	} {
		n := created()
		n.To.Email = to
		_, err := Compose(n)
		var rejected *Rejected
		if !errors.As(err, &rejected) {
			t.Errorf("recipient %q: %v, want a *Rejected", to, err)
		}
	}
	for _, to := range []string{"adam@example.com", "adam+x.y@mail.example.com", "o'neil@example.com"} {
		n := created()
		n.To.Email = to
		if m := compose(t, n); m.To != to {
			t.Errorf("recipient %q became %q", to, m.To)
		}
	}
}

func TestTheDashboardIsTheOnlyLink(t *testing.T) {
	for url, want := range map[string]int{
		"https://keys.example.com/#/tokens": 1, "http://127.0.0.1:3000/": 1,
		"": 0, "javascript:alert(1)": 0, "javascript://keys.example.com/%0aalert(1)": 0, "ftp://keys.example.com/": 0, "keys.example.com": 0, "https://": 0, "https://a:b@keys.example.com/": 0, "data:text/html,x": 0, "%": 0,
	} {
		n := created()
		n.Dashboard = url
		n.Token.Name, n.UserAgent = "https://evil.example/login", "Mozilla/5.0 (+http://evil.example/bot; www.evil.example)"
		m := compose(t, n)
		if got := strings.Count(m.HTML, "href="); got != want {
			t.Errorf("dashboard %q: %d links in HTML, want %d", url, got, want)
		}
		if got := strings.Count(m.Text, "://"); got != want {
			t.Errorf("dashboard %q: %d URLs in text, want %d:\n%s", url, got, want, m.Text)
		}
		for _, banned := range []string{"src=", "<style", "<script", "<link", "url(", "www.", "://evil"} {
			if strings.Contains(m.HTML, banned) {
				t.Errorf("the HTML holds %q", banned)
			}
		}
	}
}
