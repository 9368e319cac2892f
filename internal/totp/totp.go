// Package totp is the codes that an authenticator app shows: six digits that change every 30 seconds (RFC 6238 with
// SHA-1, which is what all apps can).
//
// It promises that a code is taken within one step before and after the clock's, and never one of a step that was taken
// before, whatever the clock does (RFC 6238 §5.2).
//
// It is pure: it keeps no secret and no record of what was taken.
package totp

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"net/url"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
)

const (
	// Digits is the length of a code.
	Digits = 6
	// Period is the length of a step.
	Period = 30 * time.Second
	// skew is how many steps a phone's clock may be off (RFC 6238 §5.2 recommends one at the most).
	skew = 1
	// secretLen is the length of a secret in bytes: that of the hash, as RFC 4226 §4 (R6) recommends.
	secretLen = 20
)

// A Secret is what an app and the server share. Its text form is base32 without padding, as people type it into an app.
type Secret []byte

// New makes a secret.
func New() Secret {
	s := make(Secret, secretLen)
	_, _ = rand.Read(s) // never fails
	return s
}

// Text gives the secret in base32.
func (s Secret) Text() string {
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(s)
}

// String hides the secret from whoever prints it.
func (s Secret) String() string { return "totp.Secret(hidden)" }

// GoString does too.
func (s Secret) GoString() string { return s.String() }

// Step gives the step that a time lies in. The zero step is that of 1970.
func Step(t time.Time) int64 {
	step := t.Unix() / int64(Period/time.Second)
	return max(step, 0)
}

// Code gives the code of a step.
func (s Secret) Code(step int64) string {
	code, err := hotp.GenerateCodeCustom(s.Text(), uint64(max(step, 0)), hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1}) //#nosec G115 -- not negative
	if err != nil {
		panic(err) // base32 of our own making
	}
	return code
}

// Match finds the step whose code it is: one of those around now, and later than after, the step that was last taken. Where
// none is, it reports false. Every candidate is computed and compared in constant time.
func (s Secret) Match(code string, now time.Time, after int64) (step int64, ok bool) {
	at := Step(now)
	for i := at - skew; i <= at+skew; i++ {
		if same := subtle.ConstantTimeCompare([]byte(s.Code(i)), []byte(code)) == 1; same && i > after {
			step, ok = i, true
		}
	}
	return step, ok
}

// URI gives the secret as apps take it from a QR code. The issuer is who the code is for, the person is told by e-mail.
func (s Secret) URI(issuer, email string) string {
	label := escaped(issuer) + ":" + escaped(email)
	return "otpauth://totp/" + label + "?secret=" + s.Text() + "&issuer=" + escaped(issuer) + "&algorithm=SHA1&digits=6&period=30"
}

// escaped writes a part of the URI, without the one character that divides issuer and person, and no longer than a QR code
// has room for. It is not url.QueryEscape, which writes a space as a plus sign: apps show that as one.
func escaped(s string) string {
	part := []rune(strings.ReplaceAll(s, ":", " "))
	for {
		e := strings.NewReplacer("+", "%2B", "&", "%26", "=", "%3D", "$", "%24", "@", "%40").Replace(url.PathEscape(strings.TrimSpace(string(part))))
		if len(e) <= maxPart {
			return e
		}
		part = part[:len(part)-1]
	}
}

// maxPart bounds issuer and e-mail, escaped, each in bytes: three of them fit into a QR code beside the secret.
const maxPart = 600
