package gateway

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"unicode/utf8"

	"keyfob/internal/fault"
)

// Query gives the one value of a query parameter, empty where there is none. More than one is refused.
func (r *Request) Query(name string) (string, error) {
	text, _, err := r.Lookup(name)
	return text, err
}

// Lookup is Query for where an empty value is another thing than none.
func (r *Request) Lookup(name string) (value string, given bool, err error) {
	switch v := r.parameters()[name]; len(v) {
	case 0:
		return "", false, nil
	case 1:
		return v[0], true, nil
	}
	return "", true, fault.Bad(name, "duplicate_parameter", name+" is there more than once.")
}

// KnownQuery refuses a query parameter that is none of the names. "token" is always known: it is a credential, and
// the authorizer has dealt with it.
func (r *Request) KnownQuery(names ...string) error {
next:
	for name := range r.parameters() {
		if name == "token" {
			continue
		}
		for _, known := range names {
			if name == known {
				continue next
			}
		}
		return fault.Bad(clip(name), "unknown_parameter", clip(name)+" is not a parameter of this request.")
	}
	return nil
}

// Bounds of a list's page.
const (
	DefaultLimit = 50
	MaxLimit     = 100
)

// maxPosition bounds a list's position, in bytes.
const maxPosition = 512

// Page reads the parameters limit (1 to 100, 50 by default) and cursor of a list. The position is what the cursor
// of the same list, sealed with the same owner, was made from.
func (r *Request) Page(owner string) (limit int, position string, err error) {
	return r.PageOf(owner, DefaultLimit, MaxLimit)
}

// PageOf is Page for a list that has other bounds: so many by default, and at most.
func (r *Request) PageOf(owner string, standard, most int) (limit int, position string, err error) {
	limit = standard
	text, given, err := r.Lookup("limit")
	if err != nil {
		return 0, "", err
	}
	if given {
		limit, err = strconv.Atoi(text)
		if err != nil || limit < 1 || limit > most || text[0] == '+' {
			return 0, "", fault.Bad("limit", "out_of_range", fmt.Sprintf("limit is a whole number from 1 to %d.", most))
		}
	}
	text, err = r.Query("cursor")
	if err != nil || text == "" {
		return limit, "", err
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	position = string(raw[min(sealLen, len(raw)):])
	if err != nil || position == "" || Cursor(owner, position) != text || len(position) > maxPosition || !utf8.ValidString(position) {
		return 0, "", fault.Bad("cursor", "malformed", "cursor is not one that this list has given.")
	}
	return limit, position, nil
}

// sealLen is how much of a digest begins a cursor, in bytes.
const sealLen = 8

// Cursor makes the opaque form of a position in the owner's list; empty where there is nothing further. It begins with
// a digest, by which one of another list, or one that was changed, is known. A cursor is no secret and grants nothing:
// what it points into is read with the caller's own rights.
func Cursor(owner, position string) string {
	if position == "" {
		return ""
	}
	seal := sha256.Sum256([]byte(strconv.Itoa(len(owner)) + ":" + owner + position))
	return base64.RawURLEncoding.EncodeToString(append(seal[:sealLen:sealLen], position...))
}
