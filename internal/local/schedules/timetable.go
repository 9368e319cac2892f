// Package schedules invokes functions by the clock as EventBridge's scheduled rules do, asynchronously, as Lambda does.
//
// It promises that a rule's function is invoked at each of its ticks, the first one interval after the start, with
// EventBridge's own event or the rule's input; that an event which the function fails at is tried again as often and for
// as long as its EventInvokeConfig says, with Lambda's pauses; and that what is then given up goes to the on-failure
// destination with its payload.
//
// Ticks that come while the clock is moved over several of them are one invocation, for the last of them: EventBridge
// would have done each, but in the time that is skipped nothing happened that the others could have found. Invocations
// follow each other, where those of Lambda may overlap. Events that wait to be tried again live in this process only.
package schedules

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"keyfob/internal/template"
)

// A Function is what a rule invokes. Its errors are those of lambdahost.
type Function interface {
	Invoke(ctx context.Context, requestID string, payload []byte) ([]byte, error)
}

// A Rule is a rule of EventBridge and its target.
type Rule struct {
	ARN          string
	Every        time.Duration
	Input        string // the JSON text that the function gets; empty for EventBridge's own event
	Function     Function
	FunctionName string
	FunctionARN  string
	Async        template.Async
}

// A Config says which rules there are.
type Config struct {
	Rules     []Rule
	Region    string
	AccountID string
	Now       func() time.Time
	After     func(time.Duration) <-chan time.Time
	Log       *slog.Logger

	// Discard keeps an event that was given up. Where it fails the event is lost, as on AWS, and that is logged.
	Discard func(context.Context, Discarded) error
}

// A Timetable is rules at work. It is safe for concurrent use.
type Timetable struct {
	config Config
	turn   chan struct{} // held by who may let things happen, or keeps them from it

	mu      sync.Mutex
	ticks   []tick
	events  []*event // not done yet, but for the one under way
	running bool
	ended   bool
	moved   chan struct{} // closed when one of the above changes
}

// New makes a timetable that begins now.
func New(c Config) *Timetable {
	t := &Timetable{config: c, turn: make(chan struct{}, 1), moved: make(chan struct{})}
	for i := range c.Rules {
		t.ticks = append(t.ticks, tick{&c.Rules[i], c.Now().Add(c.Rules[i].Every)})
	}
	return t
}

// Run invokes what is due until ctx ends; an invocation under way then is finished first.
func (t *Timetable) Run(ctx context.Context) {
	defer t.change(func() { t.ended = true })
	for {
		release, err := t.Hold(ctx)
		if err != nil {
			return
		}
		worked := t.step(ctx)
		release()
		if !worked {
			t.wait(ctx)
		}
	}
}

// step lets happen what has been due longest, and reports whether anything was.
func (t *Timetable) step(ctx context.Context) bool {
	var e *event
	found := false
	t.change(func() {
		if e, found = t.take(t.config.Now()); e != nil {
			t.running = true
		}
	})
	if e == nil {
		return found
	}
	again := t.try(ctx, e)
	t.change(func() {
		t.running = false
		if again {
			t.events = append(t.events, e)
		}
	})
	return true
}

// take takes out the event that has been due longest. Where a tick has been due longer it becomes an event first, and
// only that is reported.
func (t *Timetable) take(now time.Time) (e *event, found bool) {
	first := -1
	for i, e := range t.events {
		if !now.Before(e.due) && (first < 0 || e.due.Before(t.events[first].due)) {
			first = i
		}
	}
	for i := range t.ticks {
		k := &t.ticks[i]
		if now.Before(k.next) || first >= 0 && t.events[first].due.Before(k.next) {
			continue
		}
		t.events = append(t.events, t.event(k.rule, k.pass(now)))
		return nil, true
	}
	if first < 0 {
		return nil, false
	}
	e = t.events[first]
	t.events = append(t.events[:first:first], t.events[first+1:]...)
	return e, true
}

// wait waits until something is due.
func (t *Timetable) wait(ctx context.Context) {
	next, ok := t.next()
	if !ok {
		<-ctx.Done()
		return
	}
	over := t.config.After(next.Sub(t.config.Now()))
	if !t.config.Now().Before(next) { // the clock was moved before that wait began, and so does not end it
		return
	}
	select {
	case <-over:
	case <-ctx.Done():
	}
}

// next gives when something is due, and false where nothing ever is.
func (t *Timetable) next() (time.Time, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.earliest()
}

func (t *Timetable) earliest() (at time.Time, ok bool) {
	for _, k := range t.ticks {
		if !ok || k.next.Before(at) {
			at, ok = k.next, true
		}
	}
	for _, e := range t.events {
		if !ok || e.due.Before(at) {
			at, ok = e.due, true
		}
	}
	return at, ok
}

// Hold keeps anything from being invoked until release is called. What is under way is waited for. The error is ctx's.
func (t *Timetable) Hold(ctx context.Context) (release func(), err error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	select {
	case t.turn <- struct{}{}:
		return func() { <-t.turn }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Settle waits until everything that is due has been invoked and answered, or waits to be tried again, or Run has ended.
// The error is ctx's.
func (t *Timetable) Settle(ctx context.Context) error {
	for {
		t.mu.Lock()
		at, ok := t.earliest()
		busy := t.running || ok && !t.config.Now().Before(at)
		ended, moved := t.ended, t.moved
		t.mu.Unlock()
		if ended || !busy {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (t *Timetable) change(change func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	change()
	close(t.moved)
	t.moved = make(chan struct{})
}
