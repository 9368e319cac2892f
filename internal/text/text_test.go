package text

import (
	"errors"
	"strings"
	"testing"

	"keyfob/internal/fault"
)

// S24: control characters and bidirectional overrides do not get into names, and the refusal names the field.
func TestS24OnlyOneLineOfTextIsAName(t *testing.T) {
	for s, code := range map[string]string{
		"": "required", "a": "", "é": "", "日本語": "", "deploy key (prod) #1": "", "👩‍💻": "", "a\u00a0b": "",
		strings.Repeat("é", MaxName): "", strings.Repeat("é", MaxName+1): "too_long",
		" a": "surrounding_space", "a ": "surrounding_space", "a\u3000": "surrounding_space", "\u00a0": "surrounding_space",
		"a\x00b": "invalid_character", "a\nb": "invalid_character", "a\tb": "invalid_character", "a\x7fb": "invalid_character", "a\u0085b": "invalid_character",
		"a\u202eb": "invalid_character", "a\u2066b": "invalid_character", "a\u200fb": "invalid_character", "a\u2028b": "invalid_character", "a\ufeffb": "invalid_character", "a\ufffdb": "invalid_character",
		"a\xffb": "invalid_utf8", "\u200b": "invisible", "\u2060\u200d": "invisible", "\u3164": "invisible", "\u2800": "invisible", "-": "",
	} {
		err := Name("name", s)
		e, _ := errors.AsType[*fault.Error](err)
		switch {
		case code == "" && err != nil:
			t.Errorf("%q: %v", s, err)
		case code != "" && (e == nil || e.Code != code || e.Fields[0].Name != "name"):
			t.Errorf("%q: %v, want %s", s, err, code)
		}
	}
	if err := Description("description", ""); err != nil {
		t.Errorf("no description: %v", err)
	}
	if err := Description("description", strings.Repeat("x", MaxDescription+1)); !fault.Is(err, fault.Invalid) {
		t.Errorf("a long description: %v", err)
	}
}
