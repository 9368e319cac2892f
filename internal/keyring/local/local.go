// Package local is the key ring of one machine: a key in a file.
//
//	ring, err := local.Open(folder)
//	sealed, err := ring.Seal(ctx, text, keyring.Binding{Account: "acc_…", Token: "tok_…"})
//
// It promises what package keyring promises, and this besides:
//   - The key is 32 random bytes in the file keyring.key, which only its owner may read. It is made where there is none,
//     and is there as a whole or not at all: a crash in between leaves nothing that could be taken for a key.
//   - A file that is not such a key, or that others may read, is refused and left as it is. It is never replaced: what
//     was sealed under it would be lost.
//
// A sealed text is the form's number, 1, and AES-256-GCM's nonce, ciphertext and tag. What is authenticated besides is
// the same number, then account and token, each behind its length.
//
// It does not protect against whoever can read the folder: the key lies beside what it seals. For that there is
// package keyring/kms.
package local

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"

	"keyfob/internal/fault"
	"keyfob/internal/keyring"
)

// form is the number of the form that texts are sealed in.
const form = 1

// A Ring is the role over one key.
type Ring struct{ aead cipher.AEAD }

var _ keyring.Ring = (*Ring)(nil)

// Open gives the ring whose key is in the folder, and makes the key where there is none.
func Open(dir string) (*Ring, error) {
	key, err := readKey(dir)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	return &Ring{aead}, nil
}

// Seal implements keyring.Ring.
func (r *Ring) Seal(ctx context.Context, plaintext []byte, b keyring.Binding) ([]byte, error) {
	if err := keyring.Sealable(plaintext, b); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, fault.Retry(err)
	}
	out := make([]byte, 1, 1+len(plaintext)+r.aead.Overhead())
	out[0] = form
	return r.aead.Seal(out, nil, plaintext, bound(b)), nil
}

// Open implements keyring.Ring.
func (r *Ring) Open(ctx context.Context, sealed []byte, b keyring.Binding) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, fault.Retry(err)
	}
	if !b.Whole() || len(sealed) == 0 || sealed[0] != form {
		return nil, keyring.ErrSealed
	}
	text, err := r.aead.Open(nil, nil, sealed[1:], bound(b))
	if err != nil {
		return nil, keyring.ErrSealed
	}
	return text, nil
}

// bound is what is authenticated besides the text. The lengths keep two bindings of the same bytes apart.
func bound(b keyring.Binding) []byte {
	out := make([]byte, 0, 1+2*binary.MaxVarintLen64+len(b.Account)+len(b.Token))
	out = append(out, form)
	for _, part := range []string{b.Account, b.Token} {
		out = binary.AppendUvarint(out, uint64(len(part)))
		out = append(out, part...)
	}
	return out
}
