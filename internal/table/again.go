package table

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"keyfob/internal/fault"
)

// attempts bounds how often a change is made again because what it rests on moved in between. A hundred callers at once
// who all change the same item need about as many rounds.
const attempts = 200

// The longest pause between two of them.
const (
	Patient = 100 * time.Millisecond
	// Hasty is for what takes something away, so that it gets ahead of those who keep changing the same items, perhaps with
	// the very thing that is to be taken from them.
	Hasty = 2 * time.Millisecond
)

// Again makes a change that reads and then commits, and makes it again for as long as what it rests on moves in between:
// for as long as it ends in a *Conflict. Between two tries it pauses for a random time of at most longest. After too many
// of them, or where ctx ends, the error is of kind Unavailable.
func Again(ctx context.Context, longest time.Duration, change func() error) error {
	for n := range attempts {
		err := change()
		if _, moved := errors.AsType[*Conflict](err); !moved {
			return err
		}
		if err := pause(ctx, n, longest); err != nil {
			return fault.Retry(err)
		}
	}
	return fault.Retry(errors.New("table: a change kept colliding with others"))
}

// pause waits before try n+2, for a random time that grows with n, or until ctx ends.
func pause(ctx context.Context, n int, longest time.Duration) error {
	bound := min(longest, time.Millisecond<<min(n, 10))
	t := time.NewTimer(rand.N(bound)) //#nosec G404 -- when to try again is no secret
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
