package api

import (
	"context"
	"net/http"
	"strings"

	"keyfob/internal/gateway"
	"keyfob/internal/scope"
)

// TokenInfo is the function that tells a credential's holder what it is (C7). It reads nothing: the authorizer has
// just read all there is to tell. It answers the preflights of all routes, too.
func TokenInfo(c Config) *gateway.Function {
	t := tokenInfos{c.Form.Realm}
	return c.function(preflights(gateway.Routes{"GET /v1/tokenInfo": t.info, "GET /api/v1/tokenInfo": t.info}, c.Origin))
}

type tokenInfos struct{ realm string }

func (t tokenInfos) info(_ context.Context, r *gateway.Request) (gateway.Response, error) {
	p, err := r.Principal()
	if err != nil {
		return gateway.Response{}, err
	}
	info := struct {
		UserID    string        `json:"_userId"`
		Scope     string        `json:"scope"` // "*" for full scope, else custom or integration
		Grants    *grantsField  `json:"grants,omitzero"`
		AccountID string        `json:"accountId"`
		Kind      string        `json:"kind"` // token or session
		ID        string        `json:"id"`   // the handle
		Name      string        `json:"name,omitzero"`
		Role      scope.Role    `json:"role"`
		Rights    []scope.Right `json:"rights"`
		ExpiresAt *string       `json:"expiresAt"`
		Realm     string        `json:"realm"`
	}{
		UserID: p.User, Scope: strings.Replace(p.Holder.Scope.Name(), "full", "*", 1), Grants: grantsOf(p.Holder.Scope), AccountID: p.Account,
		Kind: p.Kind.String(), ID: p.Handle(), Name: p.Name, Role: p.Holder.Role,
		Rights: p.Holder.Rights(), ExpiresAt: stamp(p.Expires), Realm: t.realm,
	}
	return gateway.JSON(http.StatusOK, info)
}
