package api

import (
	"context"
	"net/http"

	"keyfob/internal/audit"
	"keyfob/internal/credential"
	"keyfob/internal/gateway"
	"keyfob/internal/session"
	"keyfob/internal/token"
)

// Logout is the function that ends the caller's session.
func Logout(c Config) *gateway.Function {
	l := logouts{&session.Sessions{Table: c.Table, Now: c.Now}}
	return c.function(gateway.Routes{
		"GET /v1/logout": l.logout, "POST /v1/logout": l.logout,
		"GET /api/v1/logout": l.logout, "POST /api/v1/logout": l.logout,
	})
}

type logouts struct{ sessions *session.Sessions }

// logout ends the session only: API tokens made in it live on, and an API token presented here does too (R4, R5).
func (l logouts) logout(ctx context.Context, r *gateway.Request) (gateway.Response, error) {
	p, err := r.Principal()
	if err != nil {
		return gateway.Response{}, err
	}
	if p.Kind == token.Session {
		by := audit.Actor{User: p.User, Credential: p.Handle(), Via: r.Via()}
		if err := l.sessions.End(ctx, p.ID, by, r.Origin()); err != nil {
			return gateway.Response{}, err
		}
	}
	response, err := gateway.JSON(http.StatusOK, struct {
		Logged bool `json:"logged"`
	}{false})
	response.Cookies = []string{credential.ClearCookie()}
	return response, err
}
