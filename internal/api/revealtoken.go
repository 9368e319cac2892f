package api

import (
	"context"
	"net/http"

	"keyfob/internal/authority"
	"keyfob/internal/gateway"
)

// RevealToken is the function that shows tokens once more, and the only one that can open what is sealed.
func RevealToken(c Config) *gateway.Function {
	t := revelations{c.authority()}
	return c.function(gateway.Routes{"POST /v1/tokens/{id}/reveal": t.reveal})
}

type revelations struct{ authority *authority.Authority }

func (t revelations) reveal(ctx context.Context, r *gateway.Request) (gateway.Response, error) {
	p, err := r.Principal()
	if err != nil {
		return gateway.Response{}, err
	}
	var body struct {
		Reason string `json:"reason"`
	}
	if err := r.Decode(&body); err != nil {
		return gateway.Response{}, err
	}
	once, err := onceOf(r)
	if err != nil {
		return gateway.Response{}, err
	}
	shown, secret, err := t.authority.Reveal(ctx, p, r.Via(), r.Origin(), r.Param("id"), body.Reason, once)
	if err != nil {
		return gateway.Response{}, err
	}
	return gateway.JSON(http.StatusOK, struct {
		ID    string `json:"id"`
		Name  string `json:"name"`
		Token string `json:"token"`
	}{shown.Handle(), shown.Name, secret})
}
