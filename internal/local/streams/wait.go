package streams

import (
	"context"
	"time"
)

// pause waits before the next try.
func (p *Pump) pause(ctx context.Context, failures int) {
	d := pauseFor(failures)
	over := p.config.After(d)
	p.state(nil, p.config.Now().Add(d))
	defer p.state(nil, time.Time{})
	select {
	case <-over:
	case <-ctx.Done():
	}
}

// fill waits for more records to come into a batch that is not full, as long as its window is open. Whoever is in a
// hurry closes it.
func (p *Pump) fill(ctx context.Context, changed <-chan struct{}) {
	select {
	case <-changed:
	case <-p.config.After(p.config.Mapping.Window - p.waited()):
	case <-p.hurry:
		p.opened = time.Time{}
	case <-ctx.Done():
	}
}

// rest waits for the feed to grow.
func (p *Pump) rest(ctx context.Context, changed <-chan struct{}) {
	p.state(changed, time.Time{})
	defer p.state(nil, time.Time{})
	select {
	case <-changed:
	case <-ctx.Done():
	}
}

func (p *Pump) state(idleOn <-chan struct{}, pausedUntil time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.idleOn, p.pausedUntil = idleOn, pausedUntil
	close(p.moved)
	p.moved = make(chan struct{})
}

// end notes that Run has ended.
func (p *Pump) end() {
	p.mu.Lock()
	p.ended = true
	p.mu.Unlock()
	p.state(nil, time.Time{})
}

// Settle waits until everything that is in the feed when it is called is through, or waits for a retry, or the pump
// has ended. A batch that is not full is then not waited for. The error is ctx's.
func (p *Pump) Settle(ctx context.Context) error {
	for {
		p.mu.Lock()
		idleOn, until, ended, moved := p.idleOn, p.pausedUntil, p.ended, p.moved
		p.mu.Unlock()
		paused := p.config.Now().Before(until) // a pause that is over is none, even if nobody has noticed yet
		if ended || paused || idleOn != nil && idleOn == p.config.Source.Changed() {
			return nil
		}
		select {
		case p.hurry <- struct{}{}:
		default:
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
