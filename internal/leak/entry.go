package leak

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"keyfob/internal/fault"
)

// An entry is one finding. What else GitHub tells of it, or will, is passed over: the document is another party's.
type entry struct {
	Token string `json:"token"`
	Type  string `json:"type"` // the name under which the pattern was registered
	URL   string `json:"url"`  // where it was found; may be empty
}

// parse reads the list of findings. An error names the member at fault, and never repeats a value.
func parse(body []byte) ([]entry, error) {
	var entries []entry
	if err := json.Unmarshal(body, &entries); err != nil {
		if s, ok := errors.AsType[*json.SemanticError](err); ok {
			field := member(s.JSONPointer)
			return nil, fault.Bad(field, "wrong_type", field+" has the wrong type.")
		}
		if s, ok := errors.AsType[*jsontext.SyntacticError](err); ok && errors.Is(err, jsontext.ErrDuplicateName) {
			field := member(s.JSONPointer)
			return nil, fault.Bad(field, "duplicate_field", field+" is there more than once.")
		}
		return nil, fault.Bad("body", "malformed_json", "The body is not valid JSON.")
	}
	if entries == nil {
		return nil, fault.Bad("body", "wrong_type", "The body is not a list.")
	}
	if len(entries) > MaxEntries {
		return nil, fault.Bad("body", "too_many", fmt.Sprintf("The body has more than %d members.", MaxEntries))
	}
	for i, e := range entries {
		for name, value := range map[string]string{"token": e.Token, "type": e.Type} {
			if value == "" {
				field := fmt.Sprintf("[%d].%s", i, name)
				return nil, fault.Bad(field, "required", field+" is required.")
			}
		}
	}
	return entries, nil
}

// member writes a pointer to a value of the list as [3].token. Names that this package does not know are not repeated.
func member(p jsontext.Pointer) string {
	field := ""
	for part := range p.Tokens() {
		if _, err := strconv.ParseUint(part, 10, 32); err == nil && field == "" {
			field = "[" + part + "]"
		} else if part == "token" || part == "type" || part == "url" {
			return field + "." + part
		}
	}
	if field == "" {
		return "body"
	}
	return field
}

// The bounds of a place: of what is looked at, in bytes, and of what is noted, in characters.
const (
	maxAddress = 4096
	maxPlace   = 500
)

// maxLevels bounds how often an address is decoded to see whether a credential is in it. Nobody spells one deeper in earnest.
const maxLevels = 4

// elsewhere is noted where an address cannot be shown.
const elsewhere = "an address that cannot be shown"

// credentials is the look of credentials of any brand and realm, whole or cut short, and of imported ones.
var credentials = regexp.MustCompile(`(?i)[a-z]{2,9}_[a-z][a-z0-9]{1,15}_[0-9a-z]{24,}|[0-9a-z_-]+(\||%7c)[!-~]{8,}`)

// place gives what the trail says of where a credential was found. Whoever published a credential may have put it into the
// file's name, too, or whatever else they like: the note holds one line of visible characters, an address of the web, and
// nothing that is or looks like a credential, in whatever spelling.
func place(address, text string) string {
	if address == "" {
		return ""
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || len(address) > maxAddress || !utf8.ValidString(address) ||
		strings.ContainsFunc(address, func(r rune) bool { return !unicode.IsGraphic(r) || unicode.IsSpace(r) }) {
		return elsewhere
	}
	u.User = nil
	shown := u.String()
	spelt := address
	for level := 0; ; level++ {
		if level == maxLevels || strings.Contains(spelt, text) || credentials.MatchString(spelt) {
			shown = u.Scheme + "://" + u.Host + "/[redacted]"
			break
		}
		plain, err := url.PathUnescape(spelt)
		if err != nil || plain == spelt {
			break
		}
		spelt = plain
	}
	if strings.Contains(u.Host, text) || credentials.MatchString(u.Host) {
		return elsewhere
	}
	if runes := []rune(shown); len(runes) > maxPlace {
		shown = string(runes[:maxPlace-1]) + "…"
	}
	return shown
}
