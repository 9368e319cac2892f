package soak

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// A life is one that a token is made with. The zero life has no end.
type life struct {
	seconds int64
	auto    string // the choice of autoPurge: it ends and is deleted; else it only ends
}

// lives are those that are chosen of.
var lives = []life{{}, {}, {}, {3600, "1h"}, {7200, ""}}

// A wish is what somebody asks of a token.
type wish struct {
	life       life
	revealable bool
}

// create makes a token, most often under an Idempotency-Key, by which it is asked for again as long as nobody knows what has
// become of it. It gives nil where there is none.
func (w *world) create(ctx context.Context, r *rand.Rand, p *person, as wish) *credential {
	in := w.intents.make(fmt.Sprintf("token-%d", w.serial.Add(1)))
	body := map[string]any{"name": in.name, "scope": "full", "revealable": as.revealable}
	switch {
	case as.life.seconds == 0:
		body["autoPurge"] = "never"
	case as.life.auto != "":
		body["autoPurge"] = as.life.auto
	default:
		body["expiresIn"] = as.life.seconds
	}
	once := ""
	if r.IntN(10) < 7 {
		once = in.name
	}
	begun := w.now()
	q := request{method: "POST", path: "/v1/tokens", body: body, once: once, shows: true}
	a := w.insist(ctx, p, "create", q)
	in.outcome = a.outcome()
	if in.outcome != acknowledged {
		return nil
	}
	c := w.given(p, a.text("token"), a.text("id"), in.name)
	in.handle = c.handle
	w.intents.call(c.handle, in.name, true)
	if life := as.life.seconds; life > 0 {
		c.lives.Store(begun.Unix() + life - slack)
		c.dies.Store(w.now().Unix() + life + slack)
	}
	if once != "" && r.IntN(4) == 0 {
		w.repeat(ctx, p, q, c)
	}
	w.register(c)
	return c
}

// slack is by how many seconds the bench may misjudge when a token ends: requests take time, and clocks step.
const slack = 330

// insist sends a request with an Idempotency-Key until its outcome is known, but not for ever; another once.
func (w *world) insist(ctx context.Context, p *person, op string, q request) response {
	a := w.as(ctx, p, op, q)
	perhaps := a.outcome() == unknown
	for n := 0; q.once != "" && a.outcome() == unknown && n < 20; n++ {
		a = w.as(ctx, p, op+" again", q)
	}
	if perhaps && a.outcome() == refused {
		a = response{} // the first may have been carried out, before its session ended or the token was changed
	}
	return a
}

// repeat sends a request again that was answered: it must get the same answer.
func (w *world) repeat(ctx context.Context, p *person, q request, c *credential) {
	a := w.as(ctx, p, "create again", q)
	if a.outcome() == acknowledged && (a.text("token") != c.secret || a.text("id") != c.handle) {
		w.broke(duplicated, "the same Idempotency-Key gave %s and %s", c.handle, a.text("id"))
	}
	if a.status == 409 {
		w.broke(odd, "the same request under its Idempotency-Key: %s", a.body)
	}
}

// edit gives a token another name.
func (w *world) edit(ctx context.Context, p *person, c *credential) {
	name := fmt.Sprintf("renamed-%d", w.serial.Add(1))
	a := w.as(ctx, p, "edit", request{method: "PATCH", path: "/v1/tokens/" + c.handle, body: map[string]any{"name": name}})
	if a.outcome() != refused {
		w.intents.call(c.handle, name, a.outcome() == acknowledged)
	}
	w.intents.did(c.handle, "token.edited", a.outcome())
}

// show reads a token, and holds its name against what it may have.
func (w *world) show(ctx context.Context, p *person, c *credential) {
	a := w.as(ctx, p, "read", request{method: "GET", path: "/v1/tokens/" + c.handle})
	if a.outcome() == acknowledged && !w.intents.may(c.handle, a.text("name")) {
		w.broke(lost, "%s is called %q, which it was not", c.handle, a.text("name"))
	}
}

// rotate gives a token a successor, and gives that; nil where it is not known.
func (w *world) rotate(ctx context.Context, r *rand.Rand, p *person, c *credential) *credential {
	overlap := int64(0)
	if r.IntN(2) == 0 {
		overlap = 600
	}
	begun, before := w.now(), c.doubtful.Swap(true)
	once := fmt.Sprintf("rotate-%d", w.serial.Add(1))
	a := w.insist(ctx, p, "rotate", request{method: "POST", path: "/v1/tokens/" + c.handle + "/rotate", body: map[string]any{"overlapSeconds": overlap}, once: once, shows: true})
	w.intents.did(c.handle, "token.rotated", a.outcome())
	if a.outcome() == refused {
		c.doubtful.Store(before)
	}
	if a.outcome() != acknowledged {
		return nil
	}
	if overlap == 0 {
		c.ended.Store(true)
		w.validate(ctx, c, 0)
	} else if ends := w.now().Unix() + overlap + slack; c.dies.Load() == 0 || ends < c.dies.Load() {
		c.dies.Store(ends)
	}
	next := w.given(p, a.text("token"), a.text("id"), a.text("name"))
	w.intents.call(next.handle, a.text("name"), true)
	if life := c.lives.Load(); life > 0 { // the same settings: a life of the same length begins again
		next.lives.Store(begun.Unix() + 1)
		next.dies.Store(0)
	}
	w.register(next)
	return next
}

// revoke ends a token: by its handle, or by showing it.
func (w *world) revoke(ctx context.Context, r *rand.Rand, p *person, c *credential) {
	dead := c.doubtful.Load() || c.lives.Load() != 0 && w.now().Unix() >= c.lives.Load() // perhaps
	c.doubtful.Store(true)
	q := request{method: "DELETE", path: "/v1/tokens/" + c.handle}
	if r.IntN(3) == 0 {
		q = request{method: "POST", path: "/v1/revoke", body: map[string]any{"token": c.secret}}
	}
	ask := func(op string) response {
		if q.method == "POST" { // whoever has it may end it, and needs no session
			return w.send(ctx, op, q)
		}
		return w.as(ctx, p, op, q)
	}
	a := ask("revoke")
	perhaps := a.outcome() == unknown
	for n := 0; a.outcome() == unknown && n < 10; n++ {
		a = ask("revoke again")
	}
	o := a.outcome()
	if perhaps && o == refused || dead && o == acknowledged && q.method == "POST" {
		o = unknown // what is dead already is left as it is
	}
	w.intents.did(c.handle, "token.revoked", o)
	if a.outcome() == acknowledged {
		c.ended.Store(true)
		w.validate(ctx, c, 0)
	}
}

// reveal has a token shown again.
func (w *world) reveal(ctx context.Context, p *person, c *credential) {
	a := w.as(ctx, p, "reveal", request{method: "POST", path: "/v1/tokens/" + c.handle + "/reveal", body: map[string]any{"reason": "moving the job"}, shows: true})
	w.intents.did(c.handle, "token.revealed", a.outcome())
	if a.outcome() == acknowledged && a.text("token") != c.secret {
		w.broke(odd, "%s was shown as another credential", c.handle)
	}
}

// list reads the person's tokens, and the trail of one.
func (w *world) list(ctx context.Context, p *person, c *credential) {
	a := w.as(ctx, p, "list", request{method: "GET", path: "/v1/tokens?limit=50"})
	var page struct{ Tokens []struct{ ID string } }
	if a.outcome() == acknowledged && json.Unmarshal(a.body, &page) != nil {
		w.broke(odd, "a list that is none: %s", a.body)
	}
	if c == nil {
		return
	}
	a = w.as(ctx, p, "trail", request{method: "GET", path: "/v1/tokens/" + c.handle + "/audit"})
	if a.outcome() == acknowledged && !strings.Contains(string(a.body), c.handle) {
		w.broke(lost, "the trail of %s does not have it", c.handle)
	}
}

// resource makes, runs and takes away something that a token can be scoped to.
func (w *world) resource(ctx context.Context, r *rand.Rand, c *credential) {
	path := fmt.Sprintf("/v1/exports/orders%d", r.IntN(20))
	switch r.IntN(4) {
	case 0, 1:
		w.send(ctx, "put resource", request{method: "PUT", path: path, credential: c.secret, body: map[string]any{"name": "Orders"}})
	case 2:
		w.send(ctx, "run", request{method: "POST", path: path + "/run", credential: c.secret})
	case 3:
		w.send(ctx, "search", request{method: "POST", path: "/api/v1/search", credential: c.secret, body: map[string]any{"from": 0, "size": 5}})
	}
}

// fresh is how old a login may be for what asks for a fresh one, less what a step of the clock could take.
const fresh = 4 * time.Minute
