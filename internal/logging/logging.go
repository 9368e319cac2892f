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
	"bytes"
	"io"
	"log/slog"
	"regexp"
	"sync"

	"keyfob/internal/token"
)

// New makes a logger that writes lines of the level (DEBUG, INFO, WARN, ERROR; INFO for anything else) and above.
func New(w io.Writer, level, function string, form token.Form) *slog.Logger {
	var l slog.Level
	if l.UnmarshalText([]byte(level)) != nil {
		l = slog.LevelInfo
	}
	h := slog.NewJSONHandler(Masked(w, form), &slog.HandlerOptions{Level: l, ReplaceAttr: rename})
	return slog.New(h).With("service", "keyfob", "function_name", function)
}

// Masked gives a writer of whole lines that masks credentials in them, for what else a function writes into its log.
func Masked(w io.Writer, form token.Form) io.Writer {
	return &masker{to: w, brand: []byte(form.Brand), pattern: sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(form.Brand + `[lns]?_[a-z0-9]{1,16}_[0-9A-Za-z]{8,}`)
	})}
}

// rename gives the built-in members their names.
func rename(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 {
		switch a.Key {
		case slog.TimeKey:
			a.Key = "timestamp"
		case slog.MessageKey:
			a.Key = "message"
		}
	}
	return a
}

// A masker replaces credentials in whole lines, so that it does not matter where in a line one stands. JSON escapes no
// character that a credential has.
type masker struct {
	to      io.Writer
	brand   []byte
	pattern func() *regexp.Regexp // made when it is first needed, which is hardly ever
}

// Write writes one line. Looking for the brand and its underscore first keeps the ordinary line cheap.
func (m *masker) Write(line []byte) (int, error) {
	for rest := line; ; {
		i := bytes.Index(rest, m.brand)
		if i < 0 {
			return m.to.Write(line)
		}
		rest = rest[i+len(m.brand):]
		if bytes.HasPrefix(rest, []byte("_")) || len(rest) > 1 && rest[1] == '_' {
			break
		}
	}
	if _, err := m.to.Write(m.pattern().ReplaceAll(line, []byte("[redacted]"))); err != nil {
		return 0, err
	}
	return len(line), nil
}
