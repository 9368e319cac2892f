package api

import (
	"context"
	"net/http"
	"time"

	"keyfob/internal/credential"
	"keyfob/internal/fault"
	"keyfob/internal/gateway"
	"keyfob/internal/link"
	"keyfob/internal/passwords"
	"keyfob/internal/throttle"
)

// Password is the function with which people set and change their passwords.
func Password(c Config) *gateway.Function {
	p := passwordRoutes{c.passwords(), c.Now}
	return c.function(gateway.Routes{
		"POST /v1/password/reset": p.reset,
		"POST /v1/password/set":   p.set,
		"POST /v1/me/password":    p.change,
	})
}

func (c Config) links() *link.Links {
	return &link.Links{Table: c.Table, Now: c.Now, Form: c.Form, URL: c.URL}
}

func (c Config) passwords() *passwords.Passwords {
	return &passwords.Passwords{
		Table: c.Table, Now: c.Now, Links: c.links(), Hasher: c.Hasher, Throttle: &throttle.Throttle{Table: c.Table, Now: c.Now},
	}
}

type passwordRoutes struct {
	passwords *passwords.Passwords
	now       func() time.Time
}

func (p passwordRoutes) reset(ctx context.Context, r *gateway.Request) (gateway.Response, error) {
	var body struct {
		Name   string `json:"name"`
		Tenant string `json:"tenant"`
	}
	if err := r.Decode(&body); err != nil {
		return gateway.Response{}, err
	}
	if err := p.passwords.RequestReset(ctx, body.Name, body.Tenant, r.Via(), r.Origin()); err != nil {
		return gateway.Response{}, err
	}
	return gateway.JSON(http.StatusAccepted, struct {
		Accepted bool `json:"accepted"`
	}{true})
}

func (p passwordRoutes) set(ctx context.Context, r *gateway.Request) (gateway.Response, error) {
	var body struct {
		Link     string `json:"link"`
		Password string `json:"password"`
	}
	if err := r.Decode(&body); err != nil {
		return gateway.Response{}, err
	}
	if err := required("link", body.Link, "password", body.Password); err != nil {
		return gateway.Response{}, err
	}
	u, err := p.passwords.SetByLink(ctx, body.Link, body.Password, r.Via(), r.Origin())
	if err != nil {
		return gateway.Response{}, err
	}
	return gateway.JSON(http.StatusOK, struct {
		Tenant string `json:"tenant"`
		Name   string `json:"name"` // to log in with
	}{u.Account, u.Email})
}

func (p passwordRoutes) change(ctx context.Context, r *gateway.Request) (gateway.Response, error) {
	by, err := r.Principal()
	if err != nil {
		return gateway.Response{}, err
	}
	var body struct {
		Current  string `json:"current"`
		Password string `json:"password"`
	}
	if err := r.Decode(&body); err != nil {
		return gateway.Response{}, err
	}
	if err := required("current", body.Current, "password", body.Password); err != nil {
		return gateway.Response{}, err
	}
	s, c, err := p.passwords.Change(ctx, by, r.Via(), r.Origin(), body.Current, body.Password)
	if err != nil {
		return gateway.Response{}, err
	}
	response := gateway.NoContent()
	if !c.ID().IsZero() {
		response.Cookies = []string{credential.SetCookie(c.Plaintext(), s.Expires.Sub(p.now()))}
	}
	return response, nil
}

// required refuses the first of the fields, name after name with its value, that is empty.
func required(fields ...string) error {
	for i := 0; i < len(fields); i += 2 {
		if fields[i+1] == "" {
			return fault.Bad(fields[i], "required", fields[i]+" is required.")
		}
	}
	return nil
}
