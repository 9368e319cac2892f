package api

import (
	"context"
	"math"
	"net/http"
	"time"

	"keyfob/internal/authority"
	"keyfob/internal/fault"
	"keyfob/internal/gateway"
	"keyfob/internal/purge"
	"keyfob/internal/scope"
)

// CreateToken is the function that makes tokens.
func CreateToken(c Config) *gateway.Function {
	t := creations{c.authority()}
	return c.function(gateway.Routes{
		"POST /v1/tokens": t.create, "POST /v1/integrations/{id}/tokens": t.createForIntegration, "POST /api/v1/api/key": t.createKey,
	})
}

type creations struct{ authority *authority.Authority }

// newToken is what the two canonical requests for a token have in common.
type newToken struct {
	Name        string     `json:"name"`
	Description string     `json:"description"`
	AutoPurge   *string    `json:"autoPurge"`
	ExpiresAt   *time.Time `json:"expiresAt"`
	ExpiresIn   *int64     `json:"expiresIn"`
	Revealable  bool       `json:"revealable"`
}

func (t creations) create(ctx context.Context, r *gateway.Request) (gateway.Response, error) {
	var body struct {
		newToken `json:",inline"`
		Scope    string       `json:"scope"`
		Grants   *grantsField `json:"grants"`
	}
	if err := r.Decode(&body); err != nil {
		return gateway.Response{}, err
	}
	s, err := scopeOf(body.Scope, body.Grants)
	if err != nil {
		return gateway.Response{}, err
	}
	response, err := t.issue(ctx, r, body.newToken, s, "tokens/")
	return response, instanceField(err, body.Grants)
}

// createForIntegration makes a token that belongs to one integration (C14).
func (t creations) createForIntegration(ctx context.Context, r *gateway.Request) (gateway.Response, error) {
	var body newToken
	if err := r.Decode(&body); err != nil {
		return gateway.Response{}, err
	}
	if !scope.ValidID(r.Param("id")) {
		return gateway.Response{}, fault.New(fault.NotFound, "not_found", "There is no such resource.")
	}
	return t.issue(ctx, r, body, scope.Integration(r.Param("id")), "../../tokens/")
}

func (t creations) issue(ctx context.Context, r *gateway.Request, body newToken, s scope.Scope, location string) (gateway.Response, error) {
	p, err := r.Principal()
	if err != nil {
		return gateway.Response{}, err
	}
	ask := authority.Request{Name: body.Name, Description: body.Description, Scope: s, Revealable: body.Revealable}
	if ask.Life, err = lifeOf(body.AutoPurge, body.ExpiresAt, body.ExpiresIn, t.authority.Now()); err != nil {
		return gateway.Response{}, err
	}
	if ask.Once, err = onceOf(r); err != nil {
		return gateway.Response{}, err
	}
	issued, secret, err := t.authority.Issue(ctx, p, r.Via(), r.Origin(), ask)
	if err != nil {
		return gateway.Response{}, err
	}
	return made(issued, secret, location)
}

// onceOf reads the key under which a request is carried out once; the zero Once where it names none.
func onceOf(r *gateway.Request) (authority.Once, error) {
	key, err := r.IdempotencyKey()
	if err != nil || key == "" {
		return authority.Once{}, err
	}
	return authority.Once{Key: key, Presented: r.Presented(), Fingerprint: r.Fingerprint()}, nil
}

// choiceOf reads the three ways to say how long a token lives; nil where none is used.
func choiceOf(auto *string, expiresAt *time.Time, expiresIn *int64) (*purge.Choice, error) {
	switch {
	case auto != nil && expiresAt != nil:
		return nil, fault.Refused("expiresAt", "conflicting", "autoPurge and expiresAt exclude each other.")
	case auto != nil && expiresIn != nil:
		return nil, fault.Refused("expiresIn", "conflicting", "autoPurge and expiresIn exclude each other.")
	case expiresAt != nil && expiresIn != nil:
		return nil, fault.Refused("expiresIn", "conflicting", "expiresAt and expiresIn exclude each other.")
	case auto == nil && expiresAt == nil && expiresIn == nil:
		return nil, nil
	}
	choice := &purge.Choice{Auto: auto, At: expiresAt}
	if expiresIn != nil {
		in := seconds(*expiresIn)
		choice.In = &in
	}
	return choice, nil
}

// lifeOf gives the life that is chosen for a token that is made now; nil where none is.
func lifeOf(auto *string, expiresAt *time.Time, expiresIn *int64, now time.Time) (*purge.Life, error) {
	choice, err := choiceOf(auto, expiresAt, expiresIn)
	if err != nil || choice == nil {
		return nil, err
	}
	life, err := choice.From(now, now)
	return &life, err
}

// seconds makes a duration of a caller's number; one that is no duration at all becomes one that no rule takes.
func seconds(n int64) time.Duration {
	if n < 0 || n > int64(math.MaxInt64/time.Second) {
		return -1
	}
	return time.Duration(n) * time.Second
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
	ask := authority.Request{Name: keyName, Description: body.Description, Scope: scope.Full(), Life: &life, Capped: true}
	if ask.Once, err = onceOf(r); err != nil {
		return gateway.Response{}, err
	}
	_, secret, err := t.authority.Issue(ctx, p, r.Via(), r.Origin(), ask)
	if err != nil {
		return gateway.Response{}, err
	}
	return gateway.JSON(http.StatusOK, struct {
		ID string `json:"id"`
	}{secret.Plaintext().Reveal()})
}
