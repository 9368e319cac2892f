package authorizer_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/fault"
	"keyfob/internal/people"
	"keyfob/internal/scope"
	"keyfob/internal/session"
)

// faults are what a control puts into the play, so that there is something to find.
type faults struct {
	cached bool // the authorizers remember their answers for a while
	hasty  bool // changes are acknowledged before they are made
}

// play has the clients of one seed do what they do, and gives the history. The seed decides who does what; in which
// order it happens is the machine's.
func (s *scene) play(seed uint64, f faults) *history {
	s.Helper()
	h := &history{}
	var judges [2]judge
	for i := range judges {
		judges[i] = s.judge()
		if f.cached {
			judges[i] = &cache{judge: judges[i]}
		}
	}
	var changing, validating sync.WaitGroup
	var over atomic.Bool
	for client := range 2 {
		changing.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(client)))
			for range 4 {
				s.change(h, deed(1+r.IntN(int(deeds)-1)), r.IntN(credentials), f.hasty)
			}
		})
	}
	for client := range 4 {
		validating.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(100+client)))
			for left := 8; left > 0; {
				if over.Load() {
					left-- // some that begin when all is acknowledged
				}
				i := r.IntN(credentials)
				call := h.clock.Add(1)
				allowed, err := judges[r.IntN(2)].allows(s.Context(), s.credentials[i])
				if err != nil {
					s.Errorf("seed %d: %v", seed, err)
					return
				}
				h.add(call, h.clock.Add(1), allowed, entry{validate, i, i == theSession})
			}
		})
	}
	changing.Wait()
	over.Store(true)
	validating.Wait()
	return h
}

// change does a deed, and writes down what came of it.
func (s *scene) change(h *history, d deed, i int, hasty bool) {
	call := h.clock.Add(1)
	end := call + 1
	if hasty {
		h.clock.Add(1)
	}
	concerned, err := s.act(d, i)
	if len(concerned) == 0 {
		return
	}
	if !hasty {
		end = h.clock.Add(1)
	}
	switch e, known := errors.AsType[*fault.Error](err); {
	case err == nil:
	case known && e.Kind != fault.Unavailable && e.Kind != fault.Internal:
		return // refused: nothing has happened
	default:
		end = never
	}
	h.add(call, end, false, concerned...)
}

// act has the code that decides do the deed, and says which credentials it concerns: none where it makes no sense.
func (s *scene) act(d deed, i int) ([]entry, error) {
	ctx, via, from := s.Context(), audit.ViaAPI, audit.Origin{}
	a, id := s.authority(), s.ids[i]
	handle := "tok_" + id.String()
	switch isSession := i == theSession; {
	case d == disable || d == enable || d == demote || d == promote:
		status, role := account.Active, scope.Admin
		c := people.UserChange{Status: &status}
		switch d {
		case disable:
			status = account.Disabled
		case demote:
			role = scope.Member
			fallthrough
		case promote:
			c = people.UserChange{Role: &role}
		}
		all := make([]entry, credentials)
		for j := range all {
			all[j] = entry{d, j, j == theSession}
		}
		_, err := (&people.People{Table: s.table, Now: s.now}).Change(ctx, people.Act{By: s.owner, Via: via, From: from}, s.admin.ID, c)
		return all, err
	case d == present:
		return []entry{{d, i, isSession}}, a.RevokePresented(ctx, s.credentials[i], via, from)
	case d == logout && isSession:
		sessions := session.Sessions{Table: s.table, Now: s.now}
		return []entry{{d, i, true}}, sessions.End(ctx, id, audit.Actor{User: s.admin.ID, Via: via}, from)
	case d == logout || isSession:
		return nil, nil
	case d == revoke:
		return []entry{{d, i, false}}, a.Revoke(ctx, s.owner, via, from, handle)
	case d == rotate:
		_, _, err := a.Rotate(ctx, s.owner, via, from, handle, authority.Rotation{})
		return []entry{{d, i, false}}, err
	}
	to := scope.Full()
	if d == narrow {
		to = scope.Scope{}
	}
	_, err := a.Edit(ctx, s.owner, via, from, handle, authority.Edit{Scope: &to})
	return []entry{{d, i, false}}, err
}

// cache is what no authorizer may be: it gives each answer once more to whoever shows the same credential next.
type cache struct {
	judge
	mu   sync.Mutex
	kept map[string]bool
}

func (c *cache) allows(ctx context.Context, credential string) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if kept, ok := c.kept[credential]; ok {
		delete(c.kept, credential)
		return kept, nil
	}
	allowed, err := c.judge.allows(ctx, credential)
	if c.kept == nil {
		c.kept = map[string]bool{}
	}
	c.kept[credential] = allowed
	return allowed, err
}
