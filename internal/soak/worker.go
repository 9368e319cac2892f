package soak

import (
	"context"
	"math/rand/v2"
	"time"
)

// A member is somebody at work: a person, who makes and uses tokens, and the one who changes them.
type member struct {
	world  *world
	person *person
	random *rand.Rand
	tokens []*credential // live ones, as far as is known
}

// holds is how many tokens a member keeps at most.
const holds = 12

// step does one thing.
func (m *member) step(ctx context.Context) {
	w, r, p := m.world, m.random, m.person
	if dice := r.IntN(100); dice < 65 || p.session == nil {
		if c := w.any(r); c != nil && p.session != nil {
			w.validate(ctx, c, r.IntN(networks))
			return
		}
	}
	if !w.entered(ctx, p, 20*time.Hour) {
		return
	}
	if len(m.tokens) < 3 {
		m.took(w.create(ctx, r, p, wish{life: lives[r.IntN(len(lives))]}))
		return
	}
	i := r.IntN(len(m.tokens))
	c := m.tokens[i]
	if ends := c.lives.Load(); ends != 0 && w.now().Unix() >= ends || c.ended.Load() {
		m.drop(i)
		return
	}
	switch dice := r.IntN(100); {
	case dice < 20:
		if len(m.tokens) >= holds {
			m.drop(i)
			w.revoke(ctx, r, p, c)
			return
		}
		m.took(w.create(ctx, r, p, wish{life: lives[r.IntN(len(lives))]}))
	case dice < 40:
		w.edit(ctx, p, c)
	case dice < 52:
		m.drop(i)
		m.took(w.rotate(ctx, r, p, c))
	case dice < 66:
		m.drop(i)
		w.revoke(ctx, r, p, c)
	case dice < 80:
		w.show(ctx, p, c)
	case dice < 90:
		w.list(ctx, p, c)
	case dice < 98:
		w.resource(ctx, r, c)
	case dice == 98:
		a := w.as(ctx, p, "revoke a stranger's", request{method: "DELETE", path: "/v1/tokens/" + p.tenant.stranger})
		if a.outcome() == acknowledged {
			w.broke(odd, "a stranger's token could be revoked")
		}
	default:
		w.logout(ctx, p)
	}
	if r.IntN(20) == 0 {
		w.as(ctx, p, "me", request{method: "GET", path: "/v1/me"})
	}
}

func (m *member) took(c *credential) {
	if c != nil {
		m.tokens = append(m.tokens, c)
	}
}

func (m *member) drop(i int) {
	m.tokens[i] = m.tokens[len(m.tokens)-1]
	m.tokens = m.tokens[:len(m.tokens)-1]
}
