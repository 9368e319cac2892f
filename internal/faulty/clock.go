package faulty

import (
	"sync/atomic"
	"time"
)

// A Clock is a clock that goes wrong by what it is told. It is safe for concurrent use.
type Clock struct {
	Inner func() time.Time
	off   atomic.Int64
}

// Now gives the wrong time.
func (c *Clock) Now() time.Time { return c.Inner().Add(time.Duration(c.off.Load())) }

// Set has it be off by d from now on, which may be negative: then it steps back.
func (c *Clock) Set(d time.Duration) { c.off.Store(int64(d)) }
