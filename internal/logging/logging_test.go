package logging

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"keyfob/internal/token"
)

// S29: a credential is masked wherever in a line it stands, and a line stays one line.
func TestS29NoCredentialAndNoSecondLine(t *testing.T) {
	form := token.Form{Brand: "kf", Realm: "us"}
	for _, kind := range []token.Kind{token.API, token.Session, token.Link, token.Disavowal} {
		secret := form.New(kind).Plaintext().Reveal()
		foreign := token.Form{Brand: "kf", Realm: "eusandbox"}.New(kind).Plaintext().Reveal()
		var out strings.Builder
		l := New(&out, "DEBUG", "login", form)
		for _, s := range []string{secret, foreign} {
			l.Info("said "+s, "a", s, "b", errors.New("bad "+s), "c", fmt.Errorf("x: %w", errors.New(s)), s, "key",
				"d", map[string]any{"x": s}, "e", []string{s}, "f", struct{ X string }{s}, "url", "https://keys.example.com/api/v1/search?token="+s+"&from=0")
			l.With("g", s).WithGroup("group").Info("in a group", "h", s)
			l.Info("half", "i", s[:len(s)-10])
		}
		l.Info("one\r\n{\"forged\":true}", "agent", "a\r\nb\u2028c")
		for _, s := range []string{secret, foreign} {
			if secretPart := s[len(s)-40:]; strings.Contains(out.String(), secretPart) || strings.Contains(out.String(), s[:len(s)-10]) {
				t.Errorf("a credential is in the log:\n%s", out.String())
			}
		}
		for line := range strings.Lines(out.String()) {
			var m map[string]any
			if err := json.Unmarshal([]byte(line), &m); err != nil {
				t.Errorf("not one JSON line: %q", line)
			}
			for _, name := range []string{"timestamp", "level", "message", "service", "function_name"} {
				if m[name] == nil {
					t.Errorf("a line without %s: %s", name, line)
				}
			}
		}
		if n := strings.Count(out.String(), "\n"); n != 7 {
			t.Errorf("%d lines, want 7", n)
		}
	}
}

func TestTheLevelIsKept(t *testing.T) {
	var out strings.Builder
	l := New(&out, "ERROR", "f", token.Form{Brand: "kf", Realm: "us"})
	l.Info("no")
	l.Error("yes")
	if got := out.String(); strings.Contains(got, `"no"`) || !strings.Contains(got, `"yes"`) {
		t.Error(got)
	}
}
