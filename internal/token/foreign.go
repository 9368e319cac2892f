package token

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
	"strings"
)

// Bounds of what another system issued, in bytes.
const (
	MaxForeignID     = 64
	MaxForeignSecret = 1024
)

// ParseForeign reads a credential in the form of Laravel Sanctum and of those who do as it does: <id>|<secret>, taken
// apart at the first bar. The id is of 1 to 64 characters A-Z a-z 0-9 _ -, in which case matters; the secret of 1
// to 1,024 visible ASCII characters. For anything else it returns ErrMalformed and the zero Credential. It does no I/O.
//
// Its ID is the one that ForeignID gives, and its Digest that of the secret alone, which is what such systems store.
func ParseForeign(s string) (Credential, error) {
	name, secret, ok := strings.Cut(s, "|")
	if !ok || secret == "" || len(secret) > MaxForeignSecret {
		return Credential{}, ErrMalformed
	}
	for i := range len(secret) {
		if secret[i] <= ' ' || secret[i] > '~' {
			return Credential{}, ErrMalformed
		}
	}
	id, err := ForeignID(name)
	if err != nil {
		return Credential{}, err
	}
	return Credential{kind: API, id: id, text: plaintext(s), foreign: name}, nil
}

// Present reads a credential as a request presents it: a token or session of this Form, or a token that another system
// issued. Which of the two it is not, nobody is told. It does no I/O.
func (f Form) Present(s string) (Credential, error) {
	if c, err := f.Parse(s); err == nil && (c.kind == API || c.kind == Session) {
		return c, nil
	}
	return ParseForeign(s)
}

// foreignLabel keeps the ids made here apart from every other use of the hash.
const foreignLabel = "keyfob: the id of a foreign token\x00"

// ForeignID gives the id under which the token is kept that another system knows by the given one: always the same, and
// in base62 like those of our own. ErrMalformed where ParseForeign would not take it.
func ForeignID(id string) (ID, error) {
	if id == "" || len(id) > MaxForeignID {
		return ID{}, ErrMalformed
	}
	for i := range len(id) {
		if c := id[i]; c != '_' && c != '-' && !IsBase62(id[i:i+1]) {
			return ID{}, ErrMalformed
		}
	}
	sum := sha256.Sum256([]byte(foreignLabel + id))
	var words [4]uint64 // the digest as one number, highest word first
	for i := range words {
		words[i] = binary.BigEndian.Uint64(sum[8*i:])
	}
	// The lowest 16 digits of a number of 256 bits: what favours some of them is below one in 2^160.
	var digits [IDLen]byte
	for d := range digits {
		var rest uint64
		for i, w := range words {
			words[i], rest = bits.Div64(rest, w, uint64(len(alphabet)))
		}
		digits[d] = alphabet[rest]
	}
	return ID{string(digits[:])}, nil
}
