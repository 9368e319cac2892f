// Package password decides which passwords are good enough and keeps them as Argon2id hashes.
//
// It promises that a password is never cut: all of up to MaxBytes bytes counts; that two ways of typing the same
// characters are the same password (NFC, as RFC 8265, section 4.2.2, and NIST SP 800-63B ask); that what is stored
// tells its own parameters, so that they can be raised and old hashes upgraded at the next login; that comparing takes
// the same time whatever differs; that a stored string cannot make Verify use more memory or time than a bound; and
// that no error holds any part of a password or a hash.
//
// It is pure but for the Hasher, which waits for its turn. It keeps no users and counts no attempts.
package password

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"slices"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// MaxBytes is the length from which on a password is refused, as it arrives in UTF-8: enough for 256 characters of any
// script, and little enough to normalise and hash on request of a stranger.
const MaxBytes = 1024

// The parameters of new hashes: OWASP's minimum for Argon2id, one pass of 24 ms on the machine it was measured on.
const (
	memory  = 19 << 10 // KiB
	passes  = 2
	threads = 1
	saltLen = 16
	keyLen  = 32
)

var (
	errNotText   = errors.New("password: not valid UTF-8")
	errTooLong   = errors.New("password: too long")
	errMalformed = errors.New("password: the stored hash is malformed")
)

// Hash hashes a password under a salt of its own. An error says that it is not UTF-8 or longer than MaxBytes; Check
// tells the same to the person who chose it.
func Hash(plain string) (string, error) {
	text, err := prepare(plain)
	if err != nil {
		return "", err
	}
	h := fresh()
	h.salt = make([]byte, saltLen)
	_, _ = rand.Read(h.salt) // never fails: it would end the program
	h.key = h.derive(text, keyLen)
	return h.String(), nil
}

// Verify reports whether the password is the one that was hashed. The error says that the stored string is not a hash
// within the bounds; it never depends on the password.
func Verify(encoded, plain string) (ok bool, err error) {
	h, err := parse(encoded)
	if err != nil {
		return false, err
	}
	text, err := prepare(plain)
	if err != nil {
		return false, nil // nobody can have set it
	}
	return subtle.ConstantTimeCompare(h.derive(text, len(h.key)), h.key) == 1, nil
}

// HashLike is Hash, but under the salt and parameters of the first of the siblings that needs no upgrade: for the hashes of
// users with the same login name, so that Match judges a password against all of them with the work of one. What is no hash
// is passed over.
func HashLike(plain string, siblings ...string) (string, error) {
	for _, encoded := range siblings {
		h, err := parse(encoded)
		if err != nil || NeedsUpgrade(encoded) {
			continue
		}
		text, err := prepare(plain)
		if err != nil {
			return "", err
		}
		h.key = h.derive(text, keyLen)
		return h.String(), nil
	}
	return Hash(plain)
}

// Match reports for each of the stored strings whether the password is the one that was hashed. It hashes once for those
// that share salt and parameters, and once where there are none at all, so that nobody is answered faster than somebody. An
// empty string matches nothing; the error says that another one is not a hash within the bounds.
func Match(encodeds []string, plain string) ([]bool, error) {
	stored, work, err := grouped(encodeds)
	if err != nil {
		return nil, err
	}
	match := make([]bool, len(encodeds))
	text, err := prepare(plain)
	if err != nil {
		return match, nil // nobody can have set it
	}
	for _, group := range work {
		key := group.derive(text, len(group.key))
		for i, h := range stored {
			match[i] = match[i] || h.key != nil && h.alike(group) && subtle.ConstantTimeCompare(key, h.key) == 1
		}
	}
	return match, nil
}

// grouped gives the hashes, the zero one for an empty string, and one of each group that is judged with one derivation; the
// dummy where there is none.
func grouped(encodeds []string) (stored, work []hash, err error) {
	stored = make([]hash, len(encodeds))
	for i, encoded := range encodeds {
		if encoded == "" {
			continue
		}
		if stored[i], err = parse(encoded); err != nil {
			return nil, nil, err
		}
		if !slices.ContainsFunc(work, stored[i].alike) {
			work = append(work, stored[i])
		}
	}
	if len(work) == 0 {
		dummy, err := parse(Dummy())
		return stored, []hash{dummy}, err
	}
	return stored, work, nil
}

// NeedsUpgrade reports whether the stored string is weaker in any respect than what Hash makes today, or no hash at
// all. Stronger ones are left alone.
func NeedsUpgrade(encoded string) bool {
	h, err := parse(encoded)
	return err != nil || h.memory < memory || h.passes < passes || len(h.salt) < saltLen || len(h.key) < keyLen
}

// Dummy gives a well-formed hash that no password is known to have, to verify against where there is no user: the
// answer then takes the same work.
func Dummy() string {
	h := fresh()
	h.salt, h.key = make([]byte, saltLen), make([]byte, keyLen)
	return h.String()
}

// prepare gives the bytes that are hashed.
func prepare(plain string) ([]byte, error) {
	if len(plain) > MaxBytes {
		return nil, errTooLong
	}
	if !utf8.ValidString(plain) {
		return nil, errNotText
	}
	return norm.NFC.Bytes([]byte(plain)), nil
}

func fresh() hash { return hash{memory: memory, passes: passes, threads: threads} }
