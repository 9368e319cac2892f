package mail

import (
	netmail "net/mail"
	"strings"
	"unicode/utf8"
)

// Validate finds what no Sender may hand on: a recipient that is not exactly one bare address, a subject that is
// empty or not one line, text that is not UTF-8. Every Sender calls it first in Send. The error is a *Rejected, since
// the message would be the same the next time.
func Validate(m Message) error {
	switch {
	case !bareAddress(m.To):
		return &Rejected{"the recipient is not one bare address"}
	case m.Subject == "" || strings.ContainsFunc(m.Subject, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return &Rejected{"the subject is not one line of text"}
	case !utf8.ValidString(m.Subject) || !utf8.ValidString(m.Text) || !utf8.ValidString(m.HTML):
		return &Rejected{"the message is not valid UTF-8"}
	}
	return nil
}

// maxAddress is what SMTP's limit of 256 octets for a path leaves of an address (RFC 5321, section 4.5.3.1.3).
const maxAddress = 254

// bareAddress reports whether s is one address and nothing else: no name, no comment, no list, no line break.
func bareAddress(s string) bool {
	if len(s) > maxAddress {
		return false
	}
	a, err := netmail.ParseAddress(s)
	return err == nil && a.Name == "" && a.Address == s
}
