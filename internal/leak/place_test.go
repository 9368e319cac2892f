package leak_test

import (
	"fmt"
	"strings"
	"testing"

	"keyfob/internal/audit"
)

// gets there.
func TestP3ThePlaceIsShownWithoutTheCredential(t *testing.T) {
	const another = "kfs_eu_0123456789ABCDEFabcdefghijklmnopqrstuvwxyz0123456789ABCDEFabcdefg"
	hidden := func(text string) string {
		var b strings.Builder
		for i := range len(text) {
			fmt.Fprintf(&b, "%%%02x", text[i])
		}
		return b.String()
	}
	for _, c := range []struct{ url, want string }{
		{"", ""},
		{found + "?plain=1#L5-L7", found + "?plain=1#L5-L7"},
		{"https://user:TEXT@github.com/a", "https://github.com/[redacted]"},
		{"https://user:password@github.com/a", "https://github.com/a"},
		{"https://github.com/a/TEXT.env", "https://github.com/[redacted]"},
		{"https://github.com/a?token=TEXT", "https://github.com/[redacted]"},
		{"https://github.com/a#TEXT", "https://github.com/[redacted]"},
		{"https://github.com/a/HIDDEN", "https://github.com/[redacted]"},
		{"https://github.com/a/TWICE", "https://github.com/[redacted]"},
		{"https://github.com/a/" + another, "https://github.com/[redacted]"},
		{"https://github.com/a/" + another[:40], "https://github.com/[redacted]"},
		{"https://github.com/a/7%7C0123456789abcdefghij", "https://github.com/[redacted]"},
		{"https://TEXT.example.com/a", "an address that cannot be shown"},
		{"some_url", "an address that cannot be shown"},
		{"javascript:alert(1)", "an address that cannot be shown"},
		{"https://github.com/a\r\nBcc: x", "an address that cannot be shown"},
		{"https://github.com/\u202eexe", "an address that cannot be shown"},
		{"https://github.com/" + strings.Repeat("%25", 4096), "an address that cannot be shown"},
		{"https://github.com/" + strings.Repeat("a", 600), "https://github.com/" + strings.Repeat("a", 480) + "…"},
	} {
		w := newWorld(t)
		text, _ := w.token()
		address := strings.NewReplacer("TEXT", text, "HIDDEN", hidden(text), "TWICE", hidden(hidden(text))).Replace(c.url)
		body := fmt.Sprintf(`[{"token":%q,"type":"t","url":%q}]`, text, address)
		if said, err := w.receive(w.github.delivery(t, body)); said != "+" || err != nil {
			t.Fatalf("%s: %s, %v", c.url, said, err)
		}
		if e := w.events(w.acc.ID, audit.TokenLeaked); len(e) != 1 || e[0].Note != c.want {
			t.Errorf("%.60s: %+v, want %.60s", c.url, e, c.want)
		}
	}
}
