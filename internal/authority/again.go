package authority

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"keyfob/internal/fault"
	"keyfob/internal/table"
)

// attempts bounds how often a change is made again because what it rests on moved in between. A hundred callers at once
// who all change the same count need about as many rounds.
const attempts = 200

// The longest pause between two of them. What ends a credential hardly pauses, so that it gets ahead of those who keep
// changing the same records, perhaps with that very credential.
const (
	makingPause = 100 * time.Millisecond
	endingPause = 2 * time.Millisecond
)

// pause waits before attempt n+2, for a random time that grows with n to the longest, or until ctx ends.
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

// again makes a change, and makes it again for as long as what it rests on moves in between.
func (a *Authority) again(ctx context.Context, change func() error) error {
	return retry(ctx, makingPause, change)
}

// soon is again for a change that ends a credential.
func (a *Authority) soon(ctx context.Context, change func() error) error {
	return retry(ctx, endingPause, change)
}

func retry(ctx context.Context, longest time.Duration, change func() error) error {
	for n := range attempts {
		err := change()
		if _, moved := errors.AsType[*table.Conflict](err); !moved {
			return err
		}
		if err := pause(ctx, n, longest); err != nil {
			return fault.Retry(err)
		}
	}
	return fault.Retry(errors.New("authority: a change kept colliding with others"))
}
