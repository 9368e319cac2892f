package authority

import (
	"context"
	"math/rand/v2"
	"time"
)

// attempts bounds how often a change is made again because what it rests on moved in between. A hundred callers at once
// who all change the same count need about as many rounds.
const attempts = 200

// longestPause bounds the pause between two of them.
const longestPause = 100 * time.Millisecond

// pause waits before attempt n+2, for a random time that grows with n, or until ctx ends.
func pause(ctx context.Context, n int) error {
	bound := min(longestPause, time.Millisecond<<min(n, 10))
	t := time.NewTimer(rand.N(bound)) //#nosec G404 -- when to try again is no secret
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
