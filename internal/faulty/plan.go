package faulty

import (
	"maps"
	"math/rand/v2"
	"sync"

	"keyfob/internal/mail"
	"keyfob/internal/table"
)

// A Verb is what is asked of a part.
type Verb string

// The verbs.
const (
	Get    Verb = "get"
	Query  Verb = "query"
	Commit Verb = "commit"
	Send   Verb = "send"
	Seal   Verb = "seal"
	Open   Verb = "open"
	Invoke Verb = "invoke" // a consumer, with a batch
)

// A Call is one use of a part.
type Call struct {
	Function string // the CodeUri of who calls, or of the consumer that is invoked
	Verb     Verb
	Keys     []table.Key // of a Get, or of what a Commit changes
	Ops      []table.Op  // of a Commit
	Message  *mail.Message
}

// Of matches the calls of a function with a verb; an empty function stands for any.
func Of(function string, verb Verb) func(Call) bool {
	return func(c Call) bool { return (function == "" || c.Function == function) && c.Verb == verb }
}

// A Plan says which calls fail and how. It is safe for concurrent use.
type Plan struct {
	mu         sync.Mutex
	random     *rand.Rand
	rates      map[Kind]float64
	injections []*Injection
	stopped    bool
	counts     map[Kind]int
}

// NewPlan makes a plan in which nothing fails yet.
func NewPlan(seed uint64) *Plan {
	return &Plan{random: rand.New(rand.NewPCG(seed, 0xfa017)), rates: map[Kind]float64{}, counts: map[Kind]int{}} //#nosec G404 -- faults are to come again with their seed
}

// Rate has a part of all calls that can fail in that way do so: 0.01 is one in a hundred.
func (p *Plan) Rate(k Kind, part float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rates[k] = part
}

// An Injection is a fault that was ordered for particular calls.
type Injection struct {
	plan  *Plan
	kind  Kind
	match func(Call) bool
	skip  int
	left  int // negative for any number
	done  int
}

// Inject orders the fault for the next so many of the calls that match; for all of them where times is negative.
func (p *Plan) Inject(k Kind, times int, match func(Call) bool) *Injection {
	return p.InjectAfter(0, k, times, match)
}

// InjectAfter is Inject for those that come after so many that match are let through.
func (p *Plan) InjectAfter(skip int, k Kind, times int, match func(Call) bool) *Injection {
	i := &Injection{plan: p, kind: k, match: match, left: times, skip: skip}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.injections = append(p.injections, i)
	return i
}

// Met gives the number of calls that failed by the order so far.
func (i *Injection) Met() int {
	i.plan.mu.Lock()
	defer i.plan.mu.Unlock()
	return i.done
}

// Stop takes the order back, and gives the number of calls that failed by it.
func (i *Injection) Stop() int {
	i.plan.mu.Lock()
	defer i.plan.mu.Unlock()
	i.left = 0
	return i.done
}

// Stop has nothing fail any more.
func (p *Plan) Stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped, p.injections = true, nil
}

// Count counts a fault that somebody else has made.
func (p *Plan) Count(k Kind) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counts[k]++
}

// Counts gives the faults that there were, by kind.
func (p *Plan) Counts() map[Kind]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.counts)
}

// choose gives the fault of the call among those that are possible; empty for none.
func (p *Plan) choose(c Call, possible ...Kind) Kind {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return ""
	}
	for _, i := range p.injections {
		if i.left == 0 || !isOf(i.kind, possible) || !i.match(c) {
			continue
		}
		if i.skip > 0 {
			i.skip--
			continue
		}
		i.left--
		i.done++
		p.counts[i.kind]++
		return i.kind
	}
	drawn := p.random.Float64()
	for _, k := range possible {
		if drawn -= p.rates[k]; drawn < 0 {
			p.counts[k]++
			return k
		}
	}
	return ""
}

// turn draws one of two.
func (p *Plan) turn() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.random.IntN(2) == 0
}

// shuffle puts n things in another order.
func (p *Plan) shuffle(n int, swap func(i, j int)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.random.Shuffle(n, swap)
}

func isOf(k Kind, kinds []Kind) bool {
	for _, other := range kinds {
		if other == k {
			return true
		}
	}
	return false
}
