// Package tokenfile is the form in which tokens that another system issued are handed over: one row for each, of its id
// there, the hash of its secret, its name, the e-mail of its owner and the time it expires.
//
//	id,hash,name,owner,expiry
//	1,<64 hex digits>,Deploy,owner@example.com,2027-05-01 12:00:00
//
//	{"id":"1","hash":"…","name":"Deploy","owner":"owner@example.com","expiry":"2027-05-01T12:00:00Z"}
//
// It promises that reading holds no more than a line at a time, however large the file; that a line which is not of the
// form is told with its number and its field and keeps no other from being read; and that what it says of a line repeats
// nothing of what stands there, since people paste secrets where hashes belong.
//
// It does not open files, and does not know whether an owner exists or an id is taken.
package tokenfile

import (
	"encoding/hex"
	"errors"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"keyfob/internal/fault"
	"keyfob/internal/text"
	"keyfob/internal/token"
)

// A Row is a token as a line of a file has it.
type Row struct {
	Line   int    `json:"line"` // from 1; a header counts
	ID     string `json:"id"`
	Hash   string `json:"hash"`
	Name   string `json:"name"`
	Owner  string `json:"owner"`
	Expiry string `json:"expiry,omitzero"` // empty for never
}

// MaxBatch bounds the rows that are handed over at once.
const MaxBatch = 500

// A Problem is what is wrong with a line.
type Problem struct {
	Line    int    `json:"line"`
	Field   string `json:"field"`   // id, hash, name, owner or expiry; line for all of it
	Code    string `json:"code"`    // for programs
	Message string `json:"message"` // for people, one sentence
}

// A Token is what a row says.
type Token struct {
	Foreign string // its id in the other system
	ID      token.ID
	Digest  token.Digest
	Name    string
	Owner   string    // an e-mail address
	Expires time.Time // zero is never
}

// maxOwner bounds an e-mail address, in bytes (RFC 5321 §4.5.3.1.3).
const maxOwner = 254

// Token reads the row. The problems are all there are, in the order of the fields; with any of them there is no token.
func (r Row) Token() (Token, []Problem) {
	var problems []Problem
	refuse := func(field, code, message string) {
		problems = append(problems, Problem{r.Line, field, code, message})
	}
	t := Token{Foreign: r.ID, Name: r.Name, Owner: r.Owner}
	var err error
	if t.ID, err = token.ForeignID(r.ID); err != nil {
		refuse("id", "malformed", "id has 1 to 64 characters, each a letter from A to Z, a digit, _ or -.")
	}
	digest, err := hex.DecodeString(r.Hash)
	if err == nil {
		t.Digest, err = token.DigestFrom(digest)
	}
	if err != nil {
		refuse("hash", "malformed", "hash is the SHA-256 of the part after the bar, in 64 hexadecimal digits.")
	}
	if e, bad := errors.AsType[*fault.Error](text.Name("name", r.Name)); bad {
		refuse("name", e.Code, e.Message)
	}
	if !isAddress(r.Owner) {
		refuse("owner", "malformed", "owner is the e-mail address of a user of the account.")
	}
	if t.Expires, err = expiry(r.Expiry); err != nil {
		refuse("expiry", "malformed", "expiry is a time such as 2027-05-01T12:00:00Z, 2027-05-01 12:00:00 (UTC) or 2027-05-01, from the year 2000 on, or empty for never.")
	}
	if len(problems) > 0 {
		return Token{}, problems
	}
	return t, nil
}

// isAddress reports whether s may be an e-mail address. Whose it is, the account says.
func isAddress(s string) bool {
	i := strings.LastIndexByte(s, '@')
	return i > 0 && i < len(s)-1 && len(s) <= maxOwner && utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) || unicode.IsSpace(r)
	})
}

var errExpiry = errors.New("tokenfile: not a time")

// expiry reads a time as RFC 3339 writes it, as Laravel and SQL do (in UTC), or a day by its first instant. What is
// finer than a second is cut off: no token lives longer than it did.
func expiry(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateTime, time.DateOnly} {
		t, err := time.Parse(layout, s)
		if t = t.UTC().Truncate(time.Second); err == nil && t.Year() >= 2000 && t.Year() <= 9999 {
			return t, nil
		}
	}
	return time.Time{}, errExpiry
}
