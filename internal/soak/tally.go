package soak

import (
	"fmt"
	"maps"
	"slices"
	"sync"
)

// A tally counts operations by kind and outcome. It is safe for concurrent use.
type tally struct {
	mu    sync.Mutex
	kinds map[string]*[3]int
	total int
}

func (t *tally) count(op string, o outcome) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.kinds == nil {
		t.kinds = map[string]*[3]int{}
	}
	n := t.kinds[op]
	if n == nil {
		n = new([3]int)
		t.kinds[op] = n
	}
	n[o]++
	t.total++
}

// ops counts all operations.
func (t *tally) ops() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.total
}

func (t *tally) clone() map[string][3]int {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make(map[string][3]int, len(t.kinds))
	for kind, n := range t.kinds {
		out[kind] = *n
	}
	return out
}

// A promise is one of those that can be found broken.
type promise string

const (
	lost       promise = "lost"             // a change, or a notice
	halfDone   promise = "half done"        // a change
	duplicated promise = "duplicated"       // without cause
	accepted   promise = "wrongly accepted" // a credential
	leaked     promise = "leaked"           // a secret
	noRetry    promise = "no word of retry" // a 503
	odd        promise = "otherwise wrong"  // an answer that there should not be
)

var promises = []promise{lost, halfDone, duplicated, accepted, leaked, noRetry, odd}

// told bounds the details that are kept of each broken promise.
const told = 20

// A ledger has what was found broken. It is safe for concurrent use.
type ledger struct {
	mu      sync.Mutex
	counts  map[promise]int
	details []string
}

// broke notes a broken promise.
func (w *world) broke(p promise, format string, args ...any) {
	l := &w.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.counts == nil {
		l.counts = map[promise]int{}
	}
	if l.counts[p]++; l.counts[p] <= told {
		l.details = append(l.details, string(p)+": "+fmt.Sprintf(format, args...))
	}
}

func (l *ledger) read() (counts map[promise]int, details []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.counts), slices.Clone(l.details)
}
