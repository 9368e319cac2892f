package soak

import (
	"context"
	"net/http"
)

// validate has the service say who stands behind a token, and holds the answer against what is known of it.
func (w *world) validate(ctx context.Context, c *credential, network int) {
	ended, standing, dies := c.ended.Load(), c.holder.standing.Load(), c.dies.Load()
	reads, begun := w.house.read(c.record).Load(), w.now().Unix()
	r := w.send(ctx, "validate", request{method: "GET", path: "/v1/tokenInfo", credential: c.secret, network: network})
	same := c.holder.standing.Load() == standing
	switch r.status {
	case http.StatusOK:
		switch {
		case ended:
			w.broke(accepted, "%s was accepted after the acknowledgement of its end", c.handle)
		case same && c.holder.mayNotAct(standing):
			w.broke(accepted, "%s was accepted while its user was disabled", c.handle)
		case dies != 0 && begun >= dies:
			w.broke(accepted, "%s was accepted %d s after it had expired", c.handle, begun-dies)
		case w.house.read(c.record).Load() == reads:
			w.broke(accepted, "%s was accepted and its record not read", c.handle)
		}
	case http.StatusUnauthorized:
		if lives := c.lives.Load(); !c.doubtful.Load() && same && c.holder.mayAct(standing) && (lives == 0 || w.now().Unix() < lives) {
			w.broke(lost, "%s was refused though nobody had ended it", c.handle)
		}
	case http.StatusServiceUnavailable, http.StatusBadGateway, http.StatusGatewayTimeout, http.StatusInternalServerError, 0:
		// It could not be decided, or the process has died; whether a 503 says when to try again is seen where all are.
	default:
		w.broke(odd, "a validation was answered %d %s", r.status, r.body)
	}
}
