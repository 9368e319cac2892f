package soak

import (
	"context"
	"math/rand/v2"

	"keyfob/internal/scope"
)

// A steward looks after an account: its guest, who comes and goes, its policy, and the tokens that can be shown again.
type steward struct {
	world  *world
	tenant *tenant
	random *rand.Rand
	shown  []*credential // made to be shown again
	guests []*credential // of the guest
	users  []*credential // the guest's sessions
}

// step does one thing.
func (s *steward) step(ctx context.Context) {
	w, t, r := s.world, s.tenant, s.random
	if !w.entered(ctx, t.steward, fresh) {
		return
	}
	switch dice := r.IntN(100); {
	case dice < 30:
		if c := w.any(r); c != nil {
			w.validate(ctx, c, r.IntN(networks))
		}
	case dice < 50:
		s.reveals(ctx)
	case dice < 62:
		s.disables(ctx)
	case dice < 70:
		s.demotes(ctx)
	case dice < 84:
		s.visits(ctx)
	case dice < 87:
		s.changes(ctx)
	case dice < 90:
		w.unlock(ctx, t.guarded)
	case dice < 96:
		w.as(ctx, t.steward, "audit", request{method: "GET", path: "/v1/audit?limit=20"})
		w.as(ctx, t.steward, "users", request{method: "GET", path: "/v1/users"})
	case dice < 98:
		s.rules(ctx)
	default:
		w.send(ctx, "forgotten", request{method: "POST", path: "/v1/password/reset", body: map[string]any{"name": t.guest.email}})
	}
}

// reveals makes tokens that can be shown again, and has them shown.
func (s *steward) reveals(ctx context.Context) {
	if len(s.shown) == 0 || s.random.IntN(4) == 0 {
		if len(s.shown) >= holds {
			s.world.revoke(ctx, s.random, s.tenant.steward, s.shown[0])
			s.shown = s.shown[1:]
		}
		if c := s.world.create(ctx, s.random, s.tenant.steward, wish{revealable: true}); c != nil {
			s.shown = append(s.shown, c)
		}
		return
	}
	s.world.reveal(ctx, s.tenant.steward, s.shown[s.random.IntN(len(s.shown))])
}

// disables takes the guest the right to act, and gives it back. While it is away none of the guest's tokens is accepted, and
// of the sessions none ever again.
func (s *steward) disables(ctx context.Context) {
	w, t, g := s.world, s.tenant, s.tenant.guest
	from := g.standing.Load()
	status := "disabled"
	if from%4 >= 2 {
		status = "active"
	}
	g.standing.Store(from/4*4 + 1 + from%4/2*2) // between the two, whatever it was
	if status == "disabled" {
		for _, c := range s.users {
			c.doubtful.Store(true)
		}
	}
	a := w.as(ctx, t.steward, "user "+status, request{method: "PATCH", path: "/v1/users/" + g.id, body: map[string]any{"status": status}})
	switch {
	case a.outcome() == acknowledged && status == "disabled":
		g.standing.Store(from/4*4 + 2)
		for _, c := range s.users {
			c.ended.Store(true)
		}
	case a.outcome() == acknowledged:
		g.standing.Store(from/4*4 + 4)
	default:
		return // it stays between, until a change is acknowledged
	}
	for _, c := range append(s.guests, s.users...) {
		w.validate(ctx, c, 0)
	}
	if status == "disabled" {
		s.users, g.session = nil, nil
	}
}

// demotes changes the guest's role, to and fro.
func (s *steward) demotes(ctx context.Context) {
	t := s.tenant
	role := scope.Member
	if t.guestRole == scope.Member {
		role = scope.Admin
	}
	if a := s.world.as(ctx, t.steward, "user role", request{method: "PATCH", path: "/v1/users/" + t.guest.id, body: map[string]any{"role": role}}); a.outcome() == acknowledged {
		t.guestRole = role
	}
}

// visits has the guest log in and make a token.
func (s *steward) visits(ctx context.Context) {
	w, g := s.world, s.tenant.guest
	if g.standing.Load()%4 != 0 || g.session == nil && !w.login(ctx, g) {
		return
	}
	if n := len(s.users); n == 0 || s.users[n-1] != g.session {
		s.users = append(s.users, g.session)
	}
	if len(s.guests) >= holds/2 {
		w.revoke(ctx, s.random, g, s.guests[0])
		s.guests = s.guests[1:]
		return
	}
	if c := w.create(ctx, s.random, g, wish{}); c != nil {
		s.guests = append(s.guests, c)
		return
	}
	g.session = nil // it may have ended by itself
}

// changes has the guest choose another password: all other sessions end with it.
func (s *steward) changes(ctx context.Context) {
	w, g := s.world, s.tenant.guest
	if g.standing.Load()%4 != 0 || !w.login(ctx, g) {
		return
	}
	next := w.newPassword()
	for _, c := range s.users {
		c.doubtful.Store(true)
	}
	a := w.as(ctx, g, "password", request{method: "POST", path: "/v1/me/password", body: map[string]any{"current": g.password, "password": next}})
	switch a.outcome() {
	case acknowledged:
		g.password = next
		for _, c := range s.users {
			c.ended.Store(true)
			w.validate(ctx, c, 0)
		}
		s.users = []*credential{g.session}
	case unknown:
		g.password, g.former = next, g.password
	}
}

// rules has the owner change a rule of the account, which all its credentials depend on.
func (s *steward) rules(ctx context.Context) {
	w, o := s.world, s.tenant.owner
	if w.entered(ctx, o, fresh) {
		w.as(ctx, o, "policy", request{method: "PATCH", path: "/v1/account", body: map[string]any{"policy": map[string]any{"tokensPerUser": 200 + s.random.IntN(50)}}})
	}
}
