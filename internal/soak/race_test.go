package soak

import (
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/anishathalye/porcupine"
)

// validations is how many race with the end of a token.
const validations = 1000

// racing has validations race with a token's end. An order of all of it has to exist in which each answer is the right one:
// so none that began after the acknowledgement is accepted.
func racing(s *scene) {
	for _, end := range []string{"by its handle", "by showing it", "by a rotation"} {
		c := s.token()
		c.doubtful.Store(true)
		var clock atomic.Int64
		var mu sync.Mutex
		var history []porcupine.Operation
		var accepted int
		note := func(ends bool, call int64, allowed bool) {
			mu.Lock()
			defer mu.Unlock()
			history = append(history, porcupine.Operation{Input: ends, Output: allowed, Call: call, Return: clock.Add(1)})
			if allowed {
				accepted++
			}
		}
		var all sync.WaitGroup
		var left atomic.Int64
		left.Store(validations)
		half := make(chan struct{})
		for range 8 {
			all.Go(func() {
				for {
					n := left.Add(-1)
					if n < 0 {
						return
					}
					if n == validations*3/4 {
						close(half)
					}
					call := clock.Add(1)
					r := s.get(c)
					if r.status != http.StatusOK && r.status != http.StatusUnauthorized {
						s.Errorf("a validation: %d %s", r.status, r.body)
					}
					note(false, call, r.status == http.StatusOK)
				}
			})
		}
		<-half
		q := request{method: "DELETE", path: "/v1/tokens/" + c.handle, credential: s.person.session.secret}
		switch end {
		case "by showing it":
			q = request{method: "POST", path: "/v1/revoke", body: map[string]any{"token": c.secret}}
		case "by a rotation":
			q.method, q.path, q.shows = "POST", q.path+"/rotate", true
		}
		call := clock.Add(1)
		if r := s.send(s.Context(), "end", q); r.outcome() != acknowledged {
			s.Errorf("%s: %d %s", end, r.status, r.body)
		}
		note(true, call, false)
		all.Wait()
		if accepted == 0 || accepted == validations {
			s.Errorf("%s: %d of %d were accepted, so that nothing raced", end, accepted, validations)
		}
		if !porcupine.CheckOperations(ending, history) {
			s.Errorf("%s: no order explains the answers", end)
		}
	}
}

// ending is a token as validations see it: accepted until it is ended.
var ending = porcupine.Model{
	Init: func() any { return false },
	Step: func(state, input, output any) (bool, any) {
		if ends := input.(bool); ends {
			return true, true
		}
		return output.(bool) == !state.(bool), state
	},
}
