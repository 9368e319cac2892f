package api

import (
	"context"
	"net/http"

	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/credential"
	"keyfob/internal/fault"
	"keyfob/internal/gateway"
	"keyfob/internal/scope"
	"keyfob/internal/session"
	"keyfob/internal/token"
)

// Sessions is the function that lists and ends the sessions of the person who asks.
func Sessions(c Config) *gateway.Function {
	s := ownSessions{&session.Sessions{Table: c.Table, Now: c.Now}}
	return c.function(gateway.Routes{
		"GET /v1/me/sessions": s.list, "DELETE /v1/me/sessions": s.endOthers, "DELETE /v1/me/sessions/{id}": s.end,
	})
}

type ownSessions struct{ sessions *session.Sessions }

type sessionView struct {
	ID         string  `json:"id"`
	Current    bool    `json:"current"` // it is the one that asks
	CreatedAt  *string `json:"createdAt"`
	LastSeenAt *string `json:"lastSeenAt"`
	ExpiresAt  *string `json:"expiresAt"` // however much it is used
	IP         string  `json:"ip"`        // of the login
	UserAgent  string  `json:"userAgent"` // likewise
	Via        string  `json:"via"`
	Unlocked   bool    `json:"unlocked"`
}

func (o ownSessions) list(ctx context.Context, r *gateway.Request) (gateway.Response, error) {
	p, err := r.Principal()
	if err != nil {
		return gateway.Response{}, err
	}
	if err := r.KnownQuery("limit", "cursor"); err != nil {
		return gateway.Response{}, err
	}
	owner := p.User + "/sessions"
	limit, position, err := r.Page(owner)
	if err != nil {
		return gateway.Response{}, err
	}
	page, err := o.sessions.List(ctx, p.User, position, limit)
	if err != nil {
		return gateway.Response{}, err
	}
	views := make([]sessionView, len(page.Sessions))
	for i, s := range page.Sessions {
		views[i] = sessionView{
			ID: s.Handle(), Current: s.ID == p.ID, CreatedAt: stamp(s.Created), LastSeenAt: stamp(s.Seen), ExpiresAt: stamp(s.Expires),
			IP: s.From.IP, UserAgent: s.From.UserAgent, Via: s.Via, Unlocked: s.Lock() == scope.Open,
		}
	}
	return gateway.JSON(http.StatusOK, struct {
		Sessions []sessionView `json:"sessions"`
		Cursor   string        `json:"cursor,omitzero"`
	}{views, gateway.Cursor(owner, page.Next)})
}

func (o ownSessions) endOthers(ctx context.Context, r *gateway.Request) (gateway.Response, error) {
	p, err := r.Principal()
	if err != nil {
		return gateway.Response{}, err
	}
	ended, err := o.sessions.EndOthers(ctx, p.User, p.ID, actor(p, r), r.Origin())
	if err != nil {
		return gateway.Response{}, err
	}
	return gateway.JSON(http.StatusOK, struct {
		Ended int `json:"ended"`
	}{ended})
}

func (o ownSessions) end(ctx context.Context, r *gateway.Request) (gateway.Response, error) {
	p, err := r.Principal()
	if err != nil {
		return gateway.Response{}, err
	}
	id, err := token.ParseHandle(token.Session, r.Param("id"))
	if err != nil {
		return gateway.Response{}, fault.New(fault.NotFound, "not_found", "There is no such session.")
	}
	if err := o.sessions.EndOne(ctx, p.User, id, actor(p, r), r.Origin()); err != nil {
		return gateway.Response{}, err
	}
	response := gateway.NoContent()
	if id == p.ID {
		response.Cookies = []string{credential.ClearCookie()}
	}
	return response, nil
}

func actor(p authority.Principal, r *gateway.Request) audit.Actor {
	return audit.Actor{User: p.User, Credential: p.Handle(), Via: r.Via()}
}
