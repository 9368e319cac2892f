package mail

import (
	"strings"
	"testing"
)

func edited() Notice {
	n := created()
	n.EventID, n.Event, n.Via = "evt_2bVt8Kx5GsD7mJ4R", "token.edited", "dashboard"
	n.Changes = []Change{
		{Field: "name", From: "CI", To: "CI deploy"}, {Field: "description", To: "Deploys the shop <b>nightly</b>."},
		{Field: "expiresAt", From: "2027-05-20T20:15:07Z"}, {Field: "scope", From: "full", To: "exports: orders (read)"},
	}
	return n
}

func revealed() Notice {
	n := created()
	n.EventID, n.Event = "evt_6yHc3Pn9ZwQ1tL8F", "token.revealed"
	n.Note = "The partner lost it.\r\nBcc: eve@example.com see https://evil.example/"
	return n
}

// C12: what a mail says of each event is in words of its own.
func TestC12EveryEventOfATokenHasItsOwnWords(t *testing.T) {
	said := map[string]string{}
	for event, did := range map[string]string{
		"token.created": "was created", "token.edited": "was edited", "token.rotated": "was rotated", "token.revealed": "was shown in plaintext",
		"token.accessed": "was accessed", "token.reused": "was used after it was rotated out", "token.leaked": "was found in public",
		"token.revoked": "was revoked", "token.purged": "was purged", "token.expiring": "expires soon",
	} {
		n := created()
		n.Event = event
		m, w := compose(t, n), wordings(n)
		if want := `Keyfob: API token "CI deploy" ` + did + " (Example Ltd)"; m.Subject != want {
			t.Errorf("%s: %q, want %q", event, m.Subject, want)
		}
		if other := said[w.Means]; other != "" || w.Means == generic(event).Means || w.Advice == generic(event).Advice || !strings.Contains(m.Text, w.Means) || !strings.Contains(m.Text, w.Advice) {
			t.Errorf("%s has the words of %q:\n%s", event, other, m.Text)
		}
		said[w.Means] = event
	}
}

// What callers typed into what was changed, and as a reason, is one cleaned line each, however much it is.
func TestChangesAndNotesAreShownCleanAndBounded(t *testing.T) {
	n := created()
	n.Event = "token.edited"
	for range 1000 {
		n.Changes = append(n.Changes, Change{Field: "description", From: strings.Repeat("x", 5000), To: "a\nWho  mallory\u202e://y"})
	}
	n.Note = strings.Repeat("y", 5000)
	m := compose(t, n)
	if len(m.Text) > 20_000 || strings.Contains(m.Text, "\nWho  mallory") || strings.Contains(m.Text, "\u202e") || strings.Count(m.Text, "→ a Who mallory") != maxChanges {
		t.Errorf("%d bytes:\n%.3000s", len(m.Text), m.Text)
	}
	if m := compose(t, revealed()); strings.Contains(m.Text, "\nBcc:") || !strings.Contains(m.Text, "  Reason   The partner lost it. Bcc: eve@example.com see https[:]//evil.example/\n") {
		t.Errorf("%s", m.Text)
	}
}
