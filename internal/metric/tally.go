package metric

import "sync"

// A Tally gathers what is observed in the course of an invocation, so that it becomes one line and not one for each
// record. It may be used by several goroutines at once. A nil one, and one of a nil Meter, gathers nothing.
type Tally struct {
	meter *Meter

	mu     sync.Mutex
	order  []Metric
	values map[Metric][]int64
}

// NewTally makes a tally whose observations go to the meter.
func NewTally(m *Meter) *Tally { return &Tally{meter: m, values: map[Metric][]int64{}} }

// Add observes a value. Counts are added up; of anything else each value is kept, until there are as many as a line may
// hold, which are then put.
func (t *Tally) Add(m Metric, value int64) {
	if t == nil || t.meter == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	held, seen := t.values[m]
	if !seen {
		t.order = append(t.order, m)
	}
	switch {
	case m.Unit == Count && len(held) > 0:
		held[0] += max(value, 0)
	default:
		t.values[m] = append(held, max(value, 0))
	}
	if len(t.values[m]) == maxValues {
		t.put()
	}
}

// Put puts what was gathered, and begins anew.
func (t *Tally) Put() {
	if t == nil || t.meter == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.put()
}

func (t *Tally) put() {
	observations := make([]Observation, len(t.order))
	for i, m := range t.order {
		observations[i] = m.Of(t.values[m]...)
	}
	t.meter.Put(observations...)
	t.order, t.values = nil, map[Metric][]int64{}
}
