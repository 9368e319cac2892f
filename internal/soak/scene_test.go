package soak

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"keyfob/internal/faulty"
)

// A scene is a small world in which one thing goes wrong at a time.
type scene struct {
	*testing.T
	*world
	random *rand.Rand
	tenant *tenant
	person *person // who makes tokens
}

// play starts the service with one account and its people, has something go wrong, ends all faults, and judges. Whatever it
// is, all that is promised in general is held against it.
func play(t *testing.T, goWrong func(*scene)) {
	t.Helper()
	t.Parallel()
	w := furnish(t)
	s := &scene{T: t, world: w, random: rand.New(rand.NewPCG(1, 2)), tenant: w.tenants[0], person: w.tenants[0].members[0]}
	s.rest()
	goWrong(s)
	if err := w.settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.judge()
	r := w.report(0)
	for _, d := range r.Details {
		t.Error(d)
	}
	if r.Owed == 0 || r.Sent == 0 || r.Secrets == 0 {
		t.Errorf("nothing was judged: %+v", r)
	}
}

// meets orders a fault, does something, and asserts that it met the fault so often.
func (s *scene) meets(times int, k faulty.Kind, match func(faulty.Call) bool, do func()) {
	s.Helper()
	order := s.plan.Inject(k, times, match)
	do()
	s.rest()
	for n := 0; n < 10 && order.Met() < max(1, times); n++ {
		s.pass(time.Minute, time.Minute) // the stream waits until it brings a batch again
	}
	if met := order.Stop(); met == 0 || times > 0 && met != times {
		s.Errorf("%s: it was met %d times, want %d", k, met, times)
	}
}

// token makes a token; the test ends where there is none.
func (s *scene) token() *credential {
	s.Helper()
	c := s.create(s.Context(), s.random, s.person, wish{})
	if c == nil {
		s.Fatalf("no token was made")
	}
	return c
}

// get asks who stands behind a credential.
func (s *scene) get(c *credential) response {
	return s.send(s.Context(), "validate", request{method: "GET", path: "/v1/tokenInfo", credential: c.secret})
}

// wants fails the test where the answer is of another status.
func (s *scene) wants(what string, r response, status int) {
	s.Helper()
	if r.status != status || status == http.StatusServiceUnavailable && r.header.Get("Retry-After") == "" {
		s.Errorf("%s: %d %s, want %d", what, r.status, r.body, status)
	}
}

// post makes a token under a key, and gives the answer.
func (s *scene) post(name string) response {
	return s.send(s.Context(), "create", s.ask(name))
}

func (s *scene) ask(name string) request {
	return request{
		method: "POST", path: "/v1/tokens", credential: s.person.session.secret, once: name, shows: true,
		body: map[string]any{"name": name, "scope": "full", "autoPurge": "never"},
	}
}

// pass lets the service's time pass in steps, in each of which what waits to be tried again is.
func (s *scene) pass(d, step time.Duration) {
	s.Helper()
	for ; d > 0; d -= step {
		s.rest()
		if _, err := s.house.server.Advance(s.Context(), step); err != nil {
			s.Fatal(err)
		}
	}
}

// counted gives the number of events of a type, and the mails of them.
func (s *scene) counted(kind string) (events, mails int) {
	sent := s.house.post.Sent()
	for _, e := range s.take().events {
		if string(e.Type) == kind {
			events++
			for p, n := range sent {
				if p.Event == e.ID {
					mails += n
				}
			}
		}
	}
	return events, mails
}

// remembers takes in a token that a scene has asked for by itself.
func (s *scene) remembers(name string, r response) *credential {
	s.Helper()
	in := s.intents.make(name)
	in.outcome, in.handle = r.outcome(), r.text("id")
	if in.outcome != acknowledged {
		return nil
	}
	s.intents.call(in.handle, name, true)
	return s.given(s.person, r.text("token"), in.handle, name)
}

// keepers is how many people are told of what happens to a token: the owner, two admins, and the member who made it.
const keepers = 4

func name(format string, args ...any) string { return fmt.Sprintf(format, args...) }
