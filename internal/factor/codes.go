package factor

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"strings"
)

// How many recovery codes there are at a time, and how many random bytes make one.
const (
	numCodes = 10
	codeLen  = 10
)

// A code is a recovery code's digest. The codes are random enough to need no slow hash.
type code [sha256.Size]byte

// alphabet is Crockford's base32: no letters that look like digits.
var alphabet = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)

// newCodes makes recovery codes, as they are shown this once, and their digests.
func newCodes(user string) (shown []string, kept []code) {
	for range numCodes {
		b := make([]byte, codeLen)
		_, _ = rand.Read(b) // never fails
		t := alphabet.EncodeToString(b)
		shown = append(shown, t[:4]+"-"+t[4:8]+"-"+t[8:12]+"-"+t[12:])
		kept = append(kept, digestOf(user, t))
	}
	return shown, kept
}

// digestOf gives the digest of what somebody has typed for a recovery code: in lower case, without the dashes, with an O for
// a zero. A code of one user is nobody else's.
func digestOf(user, typed string) code {
	typed = strings.NewReplacer("-", "", " ", "", "O", "0", "I", "1", "L", "1").Replace(strings.ToUpper(typed))
	return sha256.Sum256([]byte("keyfob recovery code\x00" + user + "\x00" + typed))
}

func codeFrom(b []byte) (c code, ok bool) {
	ok = len(b) == len(c)
	copy(c[:], b)
	return c, ok
}

// without takes the code that somebody has typed out of the digests, and reports whether it was among them.
func without(codes []code, user, typed string) (left []code, ok bool) {
	d := digestOf(user, typed)
	for _, c := range codes {
		if subtle.ConstantTimeCompare(c[:], d[:]) == 1 {
			ok = true
			continue
		}
		left = append(left, c)
	}
	return left, ok
}
