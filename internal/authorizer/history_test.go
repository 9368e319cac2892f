package authorizer_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// P1, S16: two authorizers and several who change things work on one table at the same time, and all that they do is
// written down with when it began and when it was answered. Then a checker looks for an order of it all in which each
// answer is the one that a single register of the credential would have given, and which no two things contradict of
// which one was answered before the other began.

// A deed is one thing that somebody does.
type deed uint8

const (
	validate deed = iota
	revoke
	present // to whoever ends what is presented
	rotate  // without an overlap
	logout
	narrow
	widen
	disable
	enable
	demote
	promote
	deeds // how many there are
)

func (d deed) String() string {
	return [deeds]string{"validate", "revoke", "present", "rotate", "logout", "narrow", "widen", "disable", "enable", "demote", "promote"}[d]
}

// An entry is a deed as it concerns one credential.
type entry struct {
	what       deed
	credential int
	session    bool
}

// A register is all that a credential's validation depends on.
type register struct{ gone, disabled, demoted, narrowed bool }

// does gives the register after the deed. Of a validation it says whether the answer is the right one.
func (r register) does(e entry, allowed bool) (bool, register) {
	switch e.what {
	case validate:
		return allowed == (r == register{}), r
	case revoke, present, rotate, logout:
		r.gone = true
	case disable:
		r.disabled = true
		r.gone = r.gone || e.session // sessions do not come back
	case enable:
		r.disabled = false
	case demote, promote:
		r.demoted = e.what == demote
	case narrow, widen:
		r.narrowed = e.what == narrow
	}
	return true, r
}

var model = porcupine.Model{
	Partition: func(all []porcupine.Operation) [][]porcupine.Operation {
		var parts [credentials][]porcupine.Operation
		for _, op := range all {
			i := op.Input.(entry).credential
			parts[i] = append(parts[i], op)
		}
		return parts[:]
	},
	Init: func() any { return register{} },
	Step: func(state, input, output any) (bool, any) {
		return state.(register).does(input.(entry), output.(bool))
	},
}

// A history is what was done. Its clock counts: what began after another was answered has the higher number.
type history struct {
	clock atomic.Int64
	mu    sync.Mutex
	ops   []porcupine.Operation
	done  [deeds]int
}

// never is after all else: when something is answered of which nobody knows whether it happened.
const never = 1 << 62

func (h *history) add(call, end int64, allowed bool, concerned ...entry) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range concerned {
		h.ops = append(h.ops, porcupine.Operation{Input: e, Call: call, Output: allowed, Return: end})
	}
	h.done[concerned[0].what]++
}

// patience bounds the search for an order. Where there is one it is found at once; that there is none can take long to
// know.
const patience = 2 * time.Second

// wrong gives the histories of those credentials for which no order was found: the changes, and of the validations those
// with another answer than the one that began before. Sure says that there is none for one of them.
func (h *history) wrong() (text string, sure bool) {
	var b strings.Builder
	for i, part := range model.Partition(h.ops) {
		result := porcupine.CheckOperationsTimeout(model, part, patience)
		if result == porcupine.Ok {
			continue
		}
		sure = sure || result == porcupine.Illegal
		slices.SortFunc(part, func(a, b porcupine.Operation) int { return cmp.Compare(a.Call, b.Call) })
		var last porcupine.Operation
		for _, op := range part {
			if e := op.Input.(entry); e.what != validate || op.Output != last.Output {
				fmt.Fprintf(&b, "credential %d\t%d–%d\t%s\t%t\n", i, op.Call, op.Return, e.what, op.Output)
				last = op
			}
		}
	}
	return b.String(), sure
}

// S16: on either table, whatever the order.
func TestS16RevocationIsLinearizableWithValidation(t *testing.T) {
	for name, c := range map[string]struct {
		open  opener
		seeds uint64
	}{"bolt": {openBolt, 24}, "DynamoDB": {openDynamo, 1}} {
		t.Run(name, func(t *testing.T) {
			table := c.open(t)
			var done [deeds]int
			var answers [2]int
			for seed := range c.seeds {
				h := newScene(t, table).play(seed, faults{})
				if wrong, _ := h.wrong(); wrong != "" {
					t.Errorf("seed %d: no order explains these answers:\n%s", seed, wrong)
				}
				for d, n := range h.done {
					done[d] += n
				}
				for _, op := range h.ops {
					if op.Input.(entry).what == validate {
						answers[map[bool]int{true: 1}[op.Output.(bool)]]++
					}
				}
			}
			for d, n := range done {
				if n == 0 && c.seeds > 20 {
					t.Errorf("nobody ever did this: %s", deed(d))
				}
			}
			if answers[0] == 0 || answers[1] == 0 {
				t.Errorf("the validations were all answered alike: %v", answers)
			}
			t.Logf("deeds %v, refused and allowed %v", done, answers)
		})
	}
}

// A check that finds nothing is worth nothing. So it is given authorizers that keep their answers for a little while,
// and changes that are acknowledged a little too early; it has to find either.
func TestTheCheckOfHistoriesFindsWhatIsWrong(t *testing.T) {
	table := openBolt(t)
	for name, f := range map[string]faults{"authorizers with a cache": {cached: true}, "hasty acknowledgements": {hasty: true}} {
		found := false
		for seed := uint64(0); seed < 60 && !found; seed++ {
			_, found = newScene(t, table).play(seed, f).wrong()
		}
		if !found {
			t.Errorf("%s: not found", name)
		}
	}
}
