// Package token is the form of Keyfob's credentials: how one is made, written, recognised and digested.
//
//	<brand>[s|l|n]_<realm>_<id 16><secret 43><checksum 6>    kf_us_… is an API token, kfs_us_… a session, kfl_us_… and kfn_us_… are in mailed links
//
// The id (about 95 bits) finds the record, the secret (256 bits from the system's generator) proves possession,
// the checksum (CRC-32 of everything before it) lets a damaged or made-up credential be refused without any I/O.
// All three are base62, alphabet 0-9A-Za-z.
//
// Beside them stand the credentials that another system has issued and that were imported by their hashes: <id>|<secret>.
//
// It promises that Parse accepts exactly what Format produces for the same Form, byte for byte; that no value of
// its secret types prints, logs or marshals itself; and that digests can be compared in constant time only.
//
// It stores nothing and knows neither time nor scope.
package token

import (
	"crypto/rand"
	"errors"
	"hash/crc32"
	"strings"
)

// Lengths of the parts, in characters.
const (
	IDLen       = 16
	SecretLen   = 43
	ChecksumLen = 6
	bodyLen     = IDLen + SecretLen + ChecksumLen
)

// A Kind is what a credential stands for.
type Kind uint8

// The kinds.
const (
	API       Kind = iota + 1 // an API token; handles tok_…
	Session                   // a login's session; handles ses_…
	Link                      // what a mailed link carries: whoever has it may set a person's password, once; handles lnk_…
	Disavowal                 // likewise: whoever has it may end what a notice was about, once; handles dis_…
)

// letters tell the kinds apart, behind the brand.
var letters = [...]string{Session: "s", Link: "l", Disavowal: "n"}

// Handle prefixes. A handle is public; it never starts like a credential.
const (
	apiHandle     = "tok_"
	sessionHandle = "ses_"
	linkHandle    = "lnk_"
	disavowHandle = "dis_"
)

// ErrMalformed is the one answer of Parse to anything that is not a credential of the Form. It never tells why,
// and never echoes what was presented.
var ErrMalformed = errors.New("token: malformed credential")

// A Form is what all credentials of one deployment have in common.
type Form struct {
	Brand string // 2 to 8 lower-case letters
	Realm string // a lower-case letter, then 1 to 15 lower-case letters or digits
}

// Valid reports whether brand and realm are well formed. Only a valid Form may be used.
func (f Form) Valid() bool {
	if len(f.Brand) < 2 || len(f.Brand) > 8 || len(f.Realm) < 2 || len(f.Realm) > 16 {
		return false
	}
	for i := range len(f.Brand) {
		if !lower(f.Brand[i]) {
			return false
		}
	}
	for i := range len(f.Realm) {
		if c := f.Realm[i]; !lower(c) && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return true
}

func lower(c byte) bool { return 'a' <= c && c <= 'z' }

// Pattern is the regular expression (RE2) that every API token, session, link and disavowal of any realm of the brand matches:
// what a secret scanner looks for.
func (f Form) Pattern() string {
	return `\b` + f.Brand + `[lns]?_[a-z][a-z0-9]{1,15}_[0-9A-Za-z]{65}\b`
}

// New makes a new credential of the kind.
func (f Form) New(k Kind) Credential {
	return f.Format(k, ID{random(IDLen)}, random(SecretLen))
}

// NewOf makes a new credential of the kind for an id that there is: a further one for the same thing.
func (f Form) NewOf(k Kind, id ID) Credential { return f.Format(k, id, random(SecretLen)) }

// Format writes the credential with the given id and secret.
func (f Form) Format(k Kind, id ID, secret string) Credential {
	var b strings.Builder
	b.Grow(len(f.Brand) + len(f.Realm) + 3 + bodyLen)
	b.WriteString(f.Brand)
	b.WriteString(letters[k])
	b.WriteByte('_')
	b.WriteString(f.Realm)
	b.WriteByte('_')
	b.WriteString(id.s)
	b.WriteString(secret)
	var sum [ChecksumLen]byte
	checksum(&sum, b.String())
	b.Write(sum[:])
	return Credential{kind: k, id: id, text: plaintext(b.String())}
}

// Parse reads a presented credential. It takes only this Form's brand and realm, and only with a right checksum;
// for anything else it returns ErrMalformed and the zero Credential. It does no I/O.
func (f Form) Parse(s string) (Credential, error) {
	rest, ok := strings.CutPrefix(s, f.Brand)
	if !ok {
		return Credential{}, ErrMalformed
	}
	kind := API
	if rest, ok = strings.CutPrefix(rest, "_"); !ok {
		var letter string
		letter, rest, _ = strings.Cut(rest, "_")
		switch letter {
		case letters[Session]:
			kind = Session
		case letters[Link]:
			kind = Link
		case letters[Disavowal]:
			kind = Disavowal
		default:
			return Credential{}, ErrMalformed
		}
	}
	if rest, ok = strings.CutPrefix(rest, f.Realm); !ok {
		return Credential{}, ErrMalformed
	}
	body, ok := strings.CutPrefix(rest, "_")
	if !ok || len(body) != bodyLen || !IsBase62(body) {
		return Credential{}, ErrMalformed
	}
	var sum [ChecksumLen]byte
	checksum(&sum, s[:len(s)-ChecksumLen])
	if string(sum[:]) != s[len(s)-ChecksumLen:] {
		return Credential{}, ErrMalformed
	}
	return Credential{kind: kind, id: ID{body[:IDLen]}, text: plaintext(s)}, nil
}

// A Credential is a well-formed credential: its kind, its id and its plaintext. The zero value is none.
type Credential struct {
	kind    Kind
	id      ID
	text    Plaintext
	foreign string // the id that another system gave it; empty for one of ours
}

// Kind tells what the credential stands for.
func (c Credential) Kind() Kind { return c.kind }

// ID gives the id that finds its record.
func (c Credential) ID() ID { return c.id }

// Plaintext gives the credential itself.
func (c Credential) Plaintext() Plaintext { return c.text }

// Foreign gives the id under which another system issued it; empty for one of ours.
func (c Credential) Foreign() string { return c.foreign }

// Digest gives what is stored of it.
func (c Credential) Digest() Digest {
	text := c.text.Reveal()
	if c.foreign != "" {
		text = text[len(c.foreign)+1:]
	}
	return DigestOf(text)
}

// Handle gives the public name.
func (c Credential) Handle() string { return c.id.Handle(c.kind) }

// checksum writes the CRC-32 (IEEE) of s in base62, padded with zeros. 62^6 exceeds 2^32, so it always fits.
func checksum(dst *[ChecksumLen]byte, s string) {
	// ChecksumIEEE wants bytes; the longest prefix is 9+1+16+1+59 of them, which stays on the stack.
	var buf [96]byte
	sum := crc32.ChecksumIEEE(append(buf[:0], s...))
	for i := ChecksumLen - 1; i >= 0; i-- {
		dst[i] = alphabet[sum%62]
		sum /= 62
	}
}

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// IsBase62 reports whether s has characters of the base62 alphabet only.
func IsBase62(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}

// random draws n base62 characters, each equally likely: bytes of 248 and over, which would favour the
// alphabet's first eight, are thrown away.
func random(n int) string {
	return base62(n, func(buf []byte) { _, _ = rand.Read(buf) }) // never fails: crypto/rand ends the process instead
}

// base62 makes n characters of the alphabet, each as likely as any other, out of bytes from the source.
func base62(n int, source func([]byte)) string {
	out := make([]byte, 0, n)
	var buf [64]byte
	for len(out) < n {
		source(buf[:])
		for _, b := range buf {
			if b < 248 && len(out) < n {
				out = append(out, alphabet[b%62])
			}
		}
	}
	return string(out)
}
