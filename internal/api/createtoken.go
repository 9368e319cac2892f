package api

import (
	"context"
	"net/http"
	"time"

	"keyfob/internal/authority"
	"keyfob/internal/fault"
	"keyfob/internal/gateway"
	"keyfob/internal/purge"
	"keyfob/internal/scope"
)

// CreateToken is the function that makes tokens: the only answer that ever holds one.
func CreateToken(c Config) *gateway.Function {
	t := creations{c.authority()}
	return c.function(gateway.Routes{"POST /v1/tokens": t.create, "POST /api/v1/api/key": t.createKey})
}

type creations struct{ authority *authority.Authority }

type createRequest struct {
	Name        string       `json:"name"`
	Description string       `json:"description"`
	AutoPurge   *string      `json:"autoPurge"`
	ExpiresAt   *time.Time   `json:"expiresAt"`
	Scope       string       `json:"scope"`
	Grants      *grantsField `json:"grants"`
}

func (t creations) create(ctx context.Context, r *gateway.Request) (gateway.Response, error) {
	p, err := r.Principal()
	if err != nil {
		return gateway.Response{}, err
	}
	var body createRequest
	if err := r.Decode(&body); err != nil {
		return gateway.Response{}, err
	}
	ask := authority.Request{Name: body.Name, Description: body.Description}
	if ask.Scope, err = scopeOf(body.Scope, body.Grants); err != nil {
		return gateway.Response{}, err
	}
	if ask.Life, err = lifeOf(body.AutoPurge, body.ExpiresAt, t.authority.Now()); err != nil {
		return gateway.Response{}, err
	}
	made, secret, err := t.authority.Issue(ctx, p, r.Via(), r.Origin(), ask)
	if err != nil {
		return gateway.Response{}, err
	}
	response, err := gateway.JSON(http.StatusCreated, struct {
		tokenView `json:",inline"`
		Token     string `json:"token"`
	}{viewOf(made, t.authority.Now()), secret.Plaintext().Reveal()})
	if err == nil {
		response.Headers["Location"] = "tokens/" + made.Handle() // relative: a path would have to know the stage
	}
	return response, err
}

// lifeOf reads the two ways to say how long a token lives; nil where neither is used.
func lifeOf(auto *string, expiresAt *time.Time, now time.Time) (*purge.Life, error) {
	switch {
	case auto != nil && expiresAt != nil:
		return nil, fault.Refused("expiresAt", "conflicting", "autoPurge and expiresAt exclude each other.")
	case auto != nil:
		life, err := purge.Auto(*auto, now)
		return &life, err
	case expiresAt != nil:
		life, err := purge.Until(*expiresAt, now)
		return &life, err
	}
	return nil, nil
}

// keyLife is how long a Circularo API key is valid (R3).
const keyLife = 10

// keyName is what a key is called that was made without a description.
const keyName = "API key"

// createKey makes a key as Circularo's clients do: full scope, valid ten years, the body optional (R3).
func (t creations) createKey(ctx context.Context, r *gateway.Request) (gateway.Response, error) {
	p, err := r.Principal()
	if err != nil {
		return gateway.Response{}, err
	}
	var body struct {
		Description string `json:"description"`
	}
	if err := r.DecodeOptional(&body); err != nil {
		return gateway.Response{}, err
	}
	life, err := purge.Until(t.authority.Now().AddDate(keyLife, 0, 0), t.authority.Now())
	if err != nil {
		return gateway.Response{}, err
	}
	ask := authority.Request{Name: keyName, Description: body.Description, Scope: scope.Full(), Life: &life}
	_, secret, err := t.authority.Issue(ctx, p, r.Via(), r.Origin(), ask)
	if err != nil {
		return gateway.Response{}, err
	}
	return gateway.JSON(http.StatusOK, struct {
		ID string `json:"id"`
	}{secret.Plaintext().Reveal()})
}
