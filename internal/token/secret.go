package token

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"strings"
)

// redacted is what a secret prints as.
const redacted = "[redacted]"

// A Plaintext is a credential as its holder has it. However it is printed, logged or marshalled, it shows
// "[redacted]"; only Reveal gives it away.
type Plaintext struct {
	// A pointer, because fmt does not call the methods of a value in an unexported field of another struct but
	// prints what it is made of: of a pointer it prints the address.
	s *string
	_ [0]func() // not comparable with ==
}

func plaintext(s string) Plaintext { return Plaintext{s: &s} }

// Reveal gives the credential itself, for the one answer that shows it to its owner.
func (p Plaintext) Reveal() string {
	if p.s == nil {
		return ""
	}
	return *p.s
}

// Format writes "[redacted]" for every verb.
func (p Plaintext) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// String gives "[redacted]".
func (p Plaintext) String() string { return redacted }

// LogValue gives "[redacted]".
func (p Plaintext) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText gives "[redacted]", in JSON too.
func (p Plaintext) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// A Digest is the SHA-256 of a credential: all that is stored of it. It prints as "[redacted]", since whoever has
// many digests and a guess could test it. The zero Digest equals nothing, itself included.
type Digest struct {
	_ [0]func() // not comparable with ==
	b [sha256.Size]byte
}

// DigestOf digests a credential's text.
func DigestOf(text string) Digest { return Digest{b: sha256.Sum256([]byte(text))} }

// DigestFrom reads a stored digest.
func DigestFrom(b []byte) (Digest, error) {
	var d Digest
	if len(b) != len(d.b) {
		return Digest{}, errors.New("token: a digest has 32 bytes")
	}
	copy(d.b[:], b)
	return d, nil
}

// Bytes gives the digest for storing.
func (d *Digest) Bytes() []byte { return append([]byte(nil), d.b[:]...) }

// Equal compares in constant time.
func (d *Digest) Equal(other *Digest) bool {
	var zero [sha256.Size]byte
	return subtle.ConstantTimeCompare(d.b[:], other.b[:])&^subtle.ConstantTimeCompare(d.b[:], zero[:]) == 1
}

// Format writes "[redacted]" for every verb.
func (d Digest) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue gives "[redacted]".
func (d Digest) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText gives "[redacted]", in JSON too.
func (d Digest) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// An ID is a credential's public part. The zero ID is none.
type ID struct{ s string }

// ParseID reads a bare id of 16 base62 characters.
func ParseID(s string) (ID, error) {
	if len(s) != IDLen || !IsBase62(s) {
		return ID{}, ErrMalformed
	}
	return ID{s}, nil
}

// ParseHandle reads a handle of the kind: tok_… or ses_….
func ParseHandle(k Kind, handle string) (ID, error) {
	s, ok := strings.CutPrefix(handle, k.handle())
	if !ok {
		return ID{}, ErrMalformed
	}
	return ParseID(s)
}

// IsZero reports whether the id is none.
func (id ID) IsZero() bool { return id.s == "" }

// String gives the bare id.
func (id ID) String() string { return id.s }

// Handle gives the public name of the credential of the kind that has this id.
func (id ID) Handle(k Kind) string { return k.handle() + id.s }

func (k Kind) handle() string {
	switch k {
	case Session:
		return sessionHandle
	case Link:
		return linkHandle
	case Disavowal:
		return disavowHandle
	}
	return apiHandle
}

// String names the kind as the API does: "token", "session", "link" or "disavowal".
func (k Kind) String() string {
	switch k {
	case API:
		return "token"
	case Session:
		return "session"
	case Link:
		return "link"
	case Disavowal:
		return "disavowal"
	}
	return "none"
}

// NewName makes the id of something that is not a credential: the prefix and 16 random base62 characters.
func NewName(prefix string) string { return prefix + random(IDLen) }
