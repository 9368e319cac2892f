package faulty

import (
	"context"
	"errors"

	"keyfob/internal/fault"
	"keyfob/internal/keyring"
)

// A Ring is a key ring as one function of one process sees it.
type Ring struct {
	Inner    keyring.Ring
	Function string
	Plan     *Plan
	Process  *Process
}

var _ keyring.Ring = (*Ring)(nil)

var errDenied = errors.New("faulty: AccessDeniedException")

// Seal implements keyring.Ring.
func (r *Ring) Seal(ctx context.Context, plaintext []byte, b keyring.Binding) ([]byte, error) {
	if err := r.fail(ctx, Seal); err != nil {
		return nil, err
	}
	return r.Inner.Seal(ctx, plaintext, b)
}

// Open implements keyring.Ring.
func (r *Ring) Open(ctx context.Context, sealed []byte, b keyring.Binding) ([]byte, error) {
	if err := r.fail(ctx, Open); err != nil {
		return nil, err
	}
	return r.Inner.Open(ctx, sealed, b)
}

func (r *Ring) fail(ctx context.Context, v Verb) error {
	r.Process.alive(ctx, nobody)
	switch r.Plan.choose(Call{Function: r.Function, Verb: v}, KeysDenied, KeysHang) {
	case KeysDenied:
		return fault.Retry(errDenied)
	case KeysHang:
		err := r.Process.hang(ctx)
		r.Process.alive(ctx, nobody)
		return err
	}
	return nil
}
