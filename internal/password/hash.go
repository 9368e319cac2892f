package password

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
)

// A hash is a stored hash in its parts.
type hash struct {
	memory, passes uint32 // memory in KiB
	threads        uint8
	salt, key      []byte
}

// Bounds on what parse accepts, so that whoever can write a stored string cannot make a login cost more than about
// ten times the usual work. They leave room for hashes of other systems and for raising the parameters.
const (
	maxMemory  = 64 << 10 // KiB
	maxPasses  = 8
	maxThreads = 4
	maxSaltLen = 64
	maxKeyLen  = 64
	minSaltLen = 8
	minKeyLen  = 16
)

// String writes the PHC string format: $argon2id$v=19$m=19456,t=2,p=1$<salt>$<key>.
func (h hash) String() string {
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", h.memory, h.passes, h.threads,
		base64.RawStdEncoding.EncodeToString(h.salt), base64.RawStdEncoding.EncodeToString(h.key))
}

// parse reads exactly what String writes, within the bounds. The error never shows the string.
func parse(encoded string) (hash, error) {
	const longest = 256 // more than any string within the bounds has
	if len(encoded) > longest {
		return hash{}, errMalformed
	}
	parts := strings.Split(encoded, "$")
	if len(parts) != 6 {
		return hash{}, errMalformed
	}
	m, rest, _ := strings.Cut(parts[3], ",")
	t, p, _ := strings.Cut(rest, ",")
	h := hash{
		memory:  parameter(m, "m=", maxMemory),
		passes:  parameter(t, "t=", maxPasses),
		threads: uint8(parameter(p, "p=", maxThreads)), // #nosec G115 -- at most maxThreads
	}
	var errSalt, errKey error
	h.salt, errSalt = base64.RawStdEncoding.DecodeString(parts[4])
	h.key, errKey = base64.RawStdEncoding.DecodeString(parts[5])
	switch {
	case h.threads < 1, h.passes < 1, h.memory < 8*uint32(h.threads), // RFC 9106, section 3.1
		errSalt != nil, len(h.salt) < minSaltLen, len(h.salt) > maxSaltLen,
		errKey != nil, len(h.key) < minKeyLen, len(h.key) > maxKeyLen,
		h.String() != encoded: // another algorithm or version, leading zeros, bits that do not count, anything left over
		return hash{}, errMalformed
	}
	return h, nil
}

// derive gives the key of length bytes that the text has under the hash's salt and parameters.
func (h hash) derive(text []byte, length int) []byte {
	return argon2.IDKey(text, h.salt, h.passes, h.memory, h.threads, uint32(length)) // #nosec G115 -- at most maxKeyLen
}

// alike reports whether a text has the same key under both hashes.
func (h hash) alike(other hash) bool {
	return h.memory == other.memory && h.passes == other.passes && h.threads == other.threads &&
		len(h.key) == len(other.key) && bytes.Equal(h.salt, other.salt)
}

// parameter reads "m=19456" for the name "m="; 0 where it is none or over the limit.
func parameter(s, name string, limit uint32) uint32 {
	digits, ok := strings.CutPrefix(s, name)
	n, err := strconv.ParseUint(digits, 10, 32)
	if !ok || err != nil || uint32(n) > limit {
		return 0
	}
	return uint32(n)
}
