// Package keyring is the role that a key service plays for Keyfob: to seal the few credentials that were made to be
// revealable, and to open them again.
//
// It promises, of every implementation:
//   - What is sealed opens only on the ring of the same key and for the same account and token (S30).
//   - A text that is damaged, shortened, exchanged for another token's or not a sealed one at all is ErrSealed, and
//     nothing of what it may have held is told.
//   - A text that cannot be sealed is ErrText, and any other failure is a fault of kind Unavailable: the key service could
//     not be asked, and nobody can say what it would have answered.
//   - No error holds a text, sealed or not, so that it may be logged.
//   - A ring may be used by several goroutines at once.
//
// The same text sealed twice gives two different sealed texts. Each begins with a byte that says which form it has, so
// that another form can come beside it; only the implementation that made one reads it.
//
// The role does not say who may seal or open, and it is no store. Package keyring/keyringtest is its contract as a test.
package keyring

import (
	"context"
	"errors"
)

// MaxText is the length of the longest text that can be sealed, in bytes. It is what AWS KMS takes at once.
const MaxText = 4096

// A Binding is what a sealed text belongs to. It is no secret, and is needed to open the text again. A key service may
// write it into its own log.
type Binding struct {
	Account string // acc_…
	Token   string // tok_…
}

// Whole reports whether both are there: a text that is bound to half of it would open for a whole account.
func (b Binding) Whole() bool { return b.Account != "" && b.Token != "" }

// Ring is the role.
type Ring interface {
	// Seal gives the text, of 1 to MaxText bytes, under the ring's key, bound to b.
	Seal(ctx context.Context, plaintext []byte, b Binding) ([]byte, error)
	// Open gives back what was sealed under the same binding. ErrSealed says that it was not.
	Open(ctx context.Context, sealed []byte, b Binding) ([]byte, error)
}

// ErrSealed says that a text was not sealed by this ring for this binding.
var ErrSealed = errors.New("keyring: the text was not sealed here for this token")

// ErrText says that a text cannot be sealed: a defect of the caller's.
var ErrText = errors.New("keyring: a text to seal has 1 to 4096 bytes, and an account and a token to be bound to")

// Sealable gives ErrText where the text cannot be sealed under the binding.
func Sealable(plaintext []byte, b Binding) error {
	if len(plaintext) == 0 || len(plaintext) > MaxText || !b.Whole() {
		return ErrText
	}
	return nil
}
