package password

import (
	"context"

	"keyfob/internal/fault"
)

// A Hasher hashes and verifies for many callers with a bound on the memory that takes: at most as many hashes at once
// as it was made for, 19 MiB each (64 MiB where a stored hash asks for it). Who comes when all are taken waits.
//
// It takes a context although the package is otherwise pure: to wait without one would leave a request hanging, and
// the bound belongs beside the parameters that make it necessary.
type Hasher struct{ turns chan struct{} }

// NewHasher makes a Hasher of atOnce hashes at once, at least 1.
func NewHasher(atOnce int) *Hasher { return &Hasher{make(chan struct{}, max(atOnce, 1))} }

// Hash is the package's Hash. A fault of kind Unavailable says that the context ended before its turn came.
func (h *Hasher) Hash(ctx context.Context, plain string) (encoded string, err error) {
	if turn := h.within(ctx, func() { encoded, err = Hash(plain) }); turn != nil {
		return "", turn
	}
	return encoded, err
}

// HashLike is the package's HashLike. A fault of kind Unavailable says that the context ended before its turn came.
func (h *Hasher) HashLike(ctx context.Context, plain string, siblings ...string) (encoded string, err error) {
	if turn := h.within(ctx, func() { encoded, err = HashLike(plain, siblings...) }); turn != nil {
		return "", turn
	}
	return encoded, err
}

// Match is the package's Match; all of it is one turn. A fault of kind Unavailable says that the context ended before it came.
func (h *Hasher) Match(ctx context.Context, encodeds []string, plain string) (match []bool, err error) {
	if turn := h.within(ctx, func() { match, err = Match(encodeds, plain) }); turn != nil {
		return nil, turn
	}
	return match, err
}

// Verify is the package's Verify. A fault of kind Unavailable says that the context ended before its turn came.
func (h *Hasher) Verify(ctx context.Context, encoded, plain string) (ok bool, err error) {
	if turn := h.within(ctx, func() { ok, err = Verify(encoded, plain) }); turn != nil {
		return false, turn
	}
	return ok, err
}

// within does the work when its turn has come.
func (h *Hasher) within(ctx context.Context, work func()) error {
	if err := ctx.Err(); err != nil { // select would choose at random
		return fault.Retry(err)
	}
	select {
	case h.turns <- struct{}{}:
	case <-ctx.Done():
		return fault.Retry(ctx.Err())
	}
	defer func() { <-h.turns }()
	work()
	return nil
}
