// Package keyring is the role that a key service plays for Keyfob: to seal the few credentials that were made to be
// revealable, and to open them again.
//
// It promises, of every implementation, that what is sealed opens only for the same account and token (S30), that a
// damaged or exchanged text does not open at all, and that any other failure is a fault of kind Unavailable: the key
// service could not be asked.
//
// It does not say who may seal or open, and it is no store.
package keyring

import (
	"context"
	"errors"
)

// A Binding is what a sealed text belongs to. It is no secret, and is needed to open the text again.
type Binding struct {
	Account string // acc_…
	Token   string // tok_…
}

// Ring is the role.
type Ring interface {
	// Seal gives the text under the ring's key, bound to b.
	Seal(ctx context.Context, plaintext []byte, b Binding) ([]byte, error)
	// Open gives back what was sealed under the same binding. ErrSealed says that it was not.
	Open(ctx context.Context, sealed []byte, b Binding) ([]byte, error)
}

// ErrSealed says that a text was not sealed by this ring for this binding.
var ErrSealed = errors.New("keyring: the text was not sealed here for this token")
