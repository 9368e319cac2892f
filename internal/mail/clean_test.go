package mail

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestCallersTextBecomesOneHarmlessLine(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"plain", "CI deploy", "CI deploy"},
		{"spaces", "  a \t b  ", "a b"},
		{"line breaks", "a\r\nBcc: eve@example.com\n\nb", "a Bcc: eve@example.com b"},
		{"other line breaks", "a\u0085b\u2028c\u2029d\ve\ff", "a b c d e f"},
		{"controls", "a\x00\x1b[31mb\x7f", "a [31mb"},
		{"right-to-left override", "gpj\u202eexe.txt\u202c", "gpj\ufffdexe.txt\ufffd"},
		{"isolates and marks", "a\u2066b\u2069\u200f\u061cc", "a\ufffdb\ufffd\ufffd\ufffdc"},
		{"invisible characters", "a\u200bb\ufeffc\u00add\U000e0041", "abcd"},
		{"invalid UTF-8", "a\xff\xfeb\xed\xa0\x80", "a\ufffd\ufffdb\ufffd\ufffd\ufffd"},
		{"private use", "a\ue000b", "a\ufffdb"},
		{"right-to-left letters stay", "מפתח", "מפתח"},
		{"emoji stay", "deploy 🚀", "deploy 🚀"},
		{"HTML is the template's affair", "<b>&amp;", "<b>&amp;"},
		{"links", "see https://www.example.com", "see https[:]//www[.]example.com"},
		{"nothing", "\u200b\n", ""},
	} {
		if got := clean(c.in, 200); got != c.want {
			t.Errorf("%s: clean(%q) = %q, want %q", c.name, c.in, got, c.want)
		}
	}
}

func TestLongTextIsCutAtTheLimitInCharacters(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"12345", "12345"}, {"123456", "1234…"}, {"ééééé", "ééééé"}, {"éééééé", "éééé…"}, {"123 56", "123…"}, {"", ""},
	} {
		if got := clean(c.in, 5); got != c.want {
			t.Errorf("clean(%q, 5) = %q, want %q", c.in, got, c.want)
		}
	}
}

func TestAHostileNameStaysAName(t *testing.T) {
	for _, name := range []string{
		strings.Repeat("n", 10_000),
		strings.Repeat("\u202e", 10_000),
		strings.Repeat("e\u0301\u0302\u0303", 5_000),
		"x\r\nBcc: eve@example.com\r\n\r\n<h1>Urgent</h1>",
		`"><script>alert(1)</script>`,
		`{{.Dashboard}}`,
		"\xff\xfe\x00",
	} {
		n := created()
		n.Token.Name, n.Account, n.Actor.Name, n.To.Name, n.UserAgent = name, name, name, name, name
		m := compose(t, n)
		if n := utf8.RuneCountInString(m.Subject); n > 180 {
			t.Errorf("name %.20q: the subject has %d characters", name, n)
		}
		if len(m.Text)+len(m.HTML) > 32<<10 {
			t.Errorf("name %.20q: the mail has %d bytes", name, len(m.Text)+len(m.HTML))
		}
		if i := strings.IndexFunc(m.Subject, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }); i >= 0 {
			t.Errorf("name %.20q: a control character in the subject %q", name, m.Subject)
		}
		for _, banned := range []string{"<script", "<h1>U", "\r"} {
			if strings.Contains(m.HTML, banned) {
				t.Errorf("name %.20q: the HTML holds %q", name, banned)
			}
		}
		for line := range strings.Lines(m.Text) {
			if strings.HasPrefix(line, "Bcc:") {
				t.Errorf("name %.20q: a line of its own in the text", name)
			}
		}
		if !utf8.ValidString(m.Subject + m.Text + m.HTML) {
			t.Errorf("name %.20q: not UTF-8", name)
		}
	}
}

func TestNamesAreEscapedInHTMLAndNotInText(t *testing.T) {
	n := created()
	n.Token.Name = `R&D <ops> "x"`
	m := compose(t, n)
	if !strings.Contains(m.HTML, "R&amp;D &lt;ops&gt; &#34;x&#34;") {
		t.Errorf("the name is not escaped:\n%s", m.HTML)
	}
	if !strings.Contains(m.Text, n.Token.Name) || !strings.Contains(m.Subject, n.Token.Name) {
		t.Errorf("the name is not plain in the text:\n%s\n%s", m.Subject, m.Text)
	}
}

func FuzzClean(f *testing.F) {
	f.Add("CI deploy")
	f.Add("a\r\nb\u202e\xff<script>")
	f.Add("kf_us_7QxLmP3sVt9aBc2KCaNaRy0CaNaRy0")
	f.Fuzz(func(t *testing.T, s string) {
		got := clean(s, 60)
		if !utf8.ValidString(got) || utf8.RuneCountInString(got) > 60 {
			t.Errorf("clean(%q) = %q", s, got)
		}
		if strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsGraphic(r) }) || credential.MatchString(got) {
			t.Errorf("clean(%q) = %q", s, got)
		}
	})
}
