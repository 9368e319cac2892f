package local

import (
	"slices"
	"sync"
	"time"
)

// A Clock is the service's clock: one that can be moved forward. It is safe for concurrent use.
type Clock struct {
	base func() time.Time
	runs bool // it moves by itself, with the machine's

	mu      sync.Mutex
	ahead   time.Duration
	waiters []*waiter
}

type waiter struct {
	at time.Time
	ch chan time.Time
}

// NewClock makes a clock over base: the machine's clock where base is nil; any other is taken to stand still, so that
// only Advance makes time pass.
func NewClock(base func() time.Time) *Clock {
	if base == nil {
		return &Clock{base: time.Now, runs: true}
	}
	return &Clock{base: base}
}

// Now gives the time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now()
}

func (c *Clock) now() time.Time { return c.base().Add(c.ahead) }

// Advance moves the clock forward by d, which is not negative, and ends the waits that are over then.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	c.ahead += d
	c.mu.Unlock()
	c.wake()
}

// After gives a channel that gets the time when d has passed.
func (c *Clock) After(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	w := &waiter{at: c.now().Add(d), ch: make(chan time.Time, 1)}
	c.waiters = append(c.waiters, w)
	c.mu.Unlock()
	if c.runs {
		time.AfterFunc(d, c.wake)
	}
	if d <= 0 {
		c.wake()
	}
	return w.ch
}

// wake ends the waits that are over.
func (c *Clock) wake() {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	c.waiters = slices.DeleteFunc(c.waiters, func(w *waiter) bool {
		due := !now.Before(w.at)
		if due {
			w.ch <- now
		}
		return due
	})
}
