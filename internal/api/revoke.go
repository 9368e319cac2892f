package api

import (
	"context"
	"mime"
	"net/http"
	"net/url"

	"keyfob/internal/authority"
	"keyfob/internal/disavowal"
	"keyfob/internal/fault"
	"keyfob/internal/gateway"
	"keyfob/internal/link"
	"keyfob/internal/token"
)

// Revoke is the function that ends tokens by handle for who may, tokens, sessions and links by possession for who holds one, and
// what a mail was about for who got it.
func Revoke(c Config) *gateway.Function {
	t, d := revocations{c.authority(), c.links(), c.disavowals()}, disavowRoutes{c.disavowals(), c.Origin}
	return c.function(gateway.Routes{
		"DELETE /v1/tokens/{id}": t.revoke, "POST /v1/revoke": t.revokePresented, "DELETE /api/v1/api/key/{token}": t.revokeInPath,
		"GET /disavow/{link}": d.offer, "POST /disavow/{link}": d.use,
	})
}

type revocations struct {
	authority  *authority.Authority
	links      *link.Links
	disavowals *disavowal.Disavowals
}

func (t revocations) revoke(ctx context.Context, r *gateway.Request) (gateway.Response, error) {
	p, err := r.Principal()
	if err != nil {
		return gateway.Response{}, err
	}
	editions, err := r.IfMatch()
	if err != nil {
		return gateway.Response{}, err
	}
	if err := t.authority.Revoke(ctx, p, r.Via(), r.Origin(), r.Param("id"), editions...); err != nil {
		return gateway.Response{}, err
	}
	return gateway.NoContent(), nil
}

// revokePresented takes the credential in the body: JSON, or the form of RFC 7009 §2.1.
func (t revocations) revokePresented(ctx context.Context, r *gateway.Request) (gateway.Response, error) {
	var body struct {
		Token string `json:"token"`
		Hint  string `json:"token_type_hint"`
	}
	if mediaType, _, _ := mime.ParseMediaType(r.Header("Content-Type")); mediaType == "application/x-www-form-urlencoded" {
		if err := r.Bounded(); err != nil {
			return gateway.Response{}, err
		}
		form, err := url.ParseQuery(string(r.Body))
		if err != nil || len(form["token"]) > 1 {
			return gateway.Response{}, fault.Bad("token", "malformed", "The body is not a form with one token.")
		}
		body.Token = form.Get("token")
	} else if err := r.Decode(&body); err != nil {
		return gateway.Response{}, err
	}
	if body.Token == "" {
		return gateway.Response{}, fault.Bad("token", "required", "token is required.")
	}
	return t.end(ctx, r, body.Token)
}

// revokeInPath takes it from the path, as Circularo's clients send it (R7). There it is percent-encoded: what another
// system issued has a bar. What is not well encoded is like any text that is no credential. The list of keys shows their
// handles, so a client may send one of these; a handle is no secret, and takes a credential besides.
func (t revocations) revokeInPath(ctx context.Context, r *gateway.Request) (gateway.Response, error) {
	presented, err := url.PathUnescape(r.Param("token"))
	if err != nil {
		presented = ""
	}
	if _, err := token.ParseHandle(token.API, presented); err == nil {
		return revoked(t.authority.RevokeNamed(ctx, r.Presentation(), presented))
	}
	return t.end(ctx, r, presented)
}

// end answers the same whether the credential was live, unknown, or none at all (RFC 7009 §2.2).
func (t revocations) end(ctx context.Context, r *gateway.Request, presented string) (gateway.Response, error) {
	err := t.authority.RevokePresented(ctx, presented, r.Via(), r.Origin())
	if err == nil {
		err = t.links.EndPresented(ctx, presented, r.Via(), r.Origin())
	}
	if err == nil {
		err = t.disavowals.WithdrawPresented(ctx, presented, r.Via(), r.Origin())
	}
	return revoked(err)
}

func revoked(err error) (gateway.Response, error) {
	if err != nil {
		return gateway.Response{}, err
	}
	return gateway.JSON(http.StatusOK, struct {
		Revoked bool `json:"revoked"`
	}{true})
}
