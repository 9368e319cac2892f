package token

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
)

// SeedLen is the length of a seed, in bytes.
const SeedLen = 32

// NewSeed makes a seed for Derive, from the system's generator.
func NewSeed() []byte {
	seed := make([]byte, SeedLen)
	_, _ = rand.Read(seed) // never fails: crypto/rand ends the process instead
	return seed
}

// Derive makes the credential that belongs to a seed in the hands of whoever holds another credential, given by its text:
// the same two always give the same one, and neither tells anything about it without the other (HKDF, RFC 5869). So it
// can be given out a second time without having been kept.
func (f Form) Derive(k Kind, holder string, seed []byte) Credential {
	key, err := hkdf.Extract(sha256.New, []byte(holder), seed)
	if err != nil {
		panic(err) // only in FIPS mode, for a holder too short to be a credential
	}
	var block [4]byte
	text := base62(IDLen+SecretLen, func(buf []byte) {
		out, err := hkdf.Expand(sha256.New, key, "keyfob derived credential "+string(block[:]), len(buf))
		if err != nil {
			panic(err) // only for a length beyond 255 blocks
		}
		copy(buf, out)
		binary.BigEndian.PutUint32(block[:], binary.BigEndian.Uint32(block[:])+1)
	})
	return f.Format(k, ID{text[:IDLen]}, text[IDLen:])
}
