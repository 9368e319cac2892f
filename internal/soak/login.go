package soak

import (
	"context"
	"encoding/base32"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"keyfob/internal/token"
	"keyfob/internal/totp"
)

// login begins a session for a person, and reports whether that worked.
func (w *world) login(ctx context.Context, p *person) bool {
	r := w.send(ctx, "login", request{method: "POST", path: "/v1/login", shows: true, body: map[string]any{"name": p.email, "password": p.password, "returnToken": true}})
	if r.status == 401 && p.former != "" {
		p.password, p.former = p.former, p.password
	}
	if r.outcome() != acknowledged {
		return false
	}
	p.former = ""
	p.session, p.since = w.given(p, r.text("token"), handleOf(r.text("token")), ""), w.now()
	return true
}

// as makes a request with the person's session. One that has ended is not tried again: they have to log in.
func (w *world) as(ctx context.Context, p *person, op string, q request) response {
	if p.session == nil {
		return response{status: http.StatusUnauthorized}
	}
	q.credential = p.session.secret
	r := w.send(ctx, op, q)
	if r.status == http.StatusUnauthorized {
		p.session = nil
	}
	return r
}

// handleOf gives the handle of a session's credential.
func handleOf(secret string) string {
	at := max(0, len(secret)-token.ChecksumLen-token.SecretLen)
	return "ses_" + secret[max(0, at-token.IDLen):at]
}

// entered gives the person a session that is not older than so long, and reports whether there is one.
func (w *world) entered(ctx context.Context, p *person, age time.Duration) bool {
	if p.session != nil && w.now().Sub(p.since) < age && !p.session.doubtful.Load() {
		return true
	}
	return w.login(ctx, p)
}

// logout ends the person's session; afterwards it must be refused.
func (w *world) logout(ctx context.Context, p *person) {
	c := p.session
	p.session = nil
	if c == nil {
		return
	}
	c.doubtful.Store(true)
	if r := w.send(ctx, "logout", request{method: "POST", path: "/v1/logout", credential: c.secret}); r.outcome() == acknowledged {
		c.ended.Store(true)
		w.validate(ctx, c, 0)
	}
}

// enrol gives the person an authenticator app.
func (w *world) enrol(ctx context.Context, p *person) error {
	made := w.send(ctx, "enrol", request{method: "POST", path: "/v1/me/factors/totp", credential: p.session.secret})
	p.totp = made.text("secret")
	w.secrets.other(p.totp)
	r := w.send(ctx, "enrol", request{method: "POST", path: "/v1/me/factors/totp/confirm", credential: p.session.secret, body: map[string]any{"code": w.code(p)}})
	var codes struct{ RecoveryCodes []string }
	if err := json.Unmarshal(r.body, &codes); err != nil || len(codes.RecoveryCodes) == 0 {
		return fmt.Errorf("soak: no second factor: %d %s, %d %s", made.status, made.body, r.status, r.body)
	}
	for _, c := range codes.RecoveryCodes {
		w.secrets.other(c)
	}
	return nil
}

// code gives what the person's app shows now. The app goes by the right time.
func (w *world) code(p *person) string {
	raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(p.totp)
	if err != nil {
		return ""
	}
	return totp.Secret(raw).Code(totp.Step(w.house.clock.Now()))
}

// unlock logs the person in with the app's code, twice with the same code: it may be taken once.
func (w *world) unlock(ctx context.Context, p *person) {
	code, taken := w.code(p), 0
	for range 2 {
		if !w.login(ctx, p) {
			return
		}
		r := w.send(ctx, "unlock", request{method: "POST", path: "/v1/login/unlock", credential: p.session.secret, body: map[string]any{"factors": []any{map[string]any{"factor": "totp", "password": code}}}})
		if r.outcome() == acknowledged {
			taken++
		}
	}
	if taken > 1 {
		w.broke(accepted, "the same code of %s's app was taken twice", p.email)
	}
}
