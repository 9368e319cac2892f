// Package logging makes the functions' logger: structured lines, in the members that Lambda's users know from
// Powertools.
//
// It promises that whatever looks like a credential of the deployment's brand is masked in every text that is logged
// (S29), as the last line of defence behind the types that do not print themselves, and that a line is one line: JSON
// escapes what callers put into it.
//
// It does not decide what is worth logging.
package logging

import (
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"strings"

	"keyfob/internal/token"
)

// New makes a logger that writes lines of the level (DEBUG, INFO, WARN, ERROR; INFO for anything else) and above.
func New(w io.Writer, level, function string, form token.Form) *slog.Logger {
	var l slog.Level
	if l.UnmarshalText([]byte(level)) != nil {
		l = slog.LevelInfo
	}
	m := masker{brand: form.Brand, pattern: regexp.MustCompile(form.Brand + `s?_[a-z0-9]{1,16}_[0-9A-Za-z]{8,}`)}
	h := slog.NewJSONHandler(w, &slog.HandlerOptions{Level: l, ReplaceAttr: m.attr})
	return slog.New(h).With("service", "keyfob", "function_name", function)
}

type masker struct {
	brand   string
	pattern *regexp.Regexp
}

// attr renames the built-in members and masks credentials, also in keys and in values of any type.
func (m masker) attr(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 {
		switch a.Key {
		case slog.TimeKey:
			a.Key = "timestamp"
			return a
		case slog.LevelKey:
			return a
		case slog.MessageKey:
			a.Key = "message"
		}
	}
	a.Key = m.mask(a.Key)
	switch v := a.Value.Resolve(); v.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(m.mask(v.String()))
	case slog.KindAny:
		if s := fmt.Sprint(v.Any()); m.mask(s) != s {
			a.Value = slog.StringValue(m.mask(s))
		} else if err, ok := v.Any().(error); ok {
			a.Value = slog.StringValue(err.Error())
		}
	}
	return a
}

// mask replaces credentials. Looking for the brand first keeps the ordinary line cheap.
func (m masker) mask(s string) string {
	if !strings.Contains(s, m.brand) {
		return s
	}
	return m.pattern.ReplaceAllString(s, "[redacted]")
}
