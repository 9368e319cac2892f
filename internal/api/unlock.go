package api

import (
	"context"
	"net/http"

	"github.com/go-json-experiment/json/jsontext"

	"keyfob/internal/factor"
	"keyfob/internal/gateway"
)

// Unlock is the function that unlocks sessions, and proves once more who is behind one.
func Unlock(c Config) *gateway.Function {
	u := unlocks{c, c.factors()}
	return c.function(gateway.Routes{
		"POST /v1/login/unlock": u.unlock, "POST /api/v1/login/unlock": u.unlock,
		"POST /v1/login/challenge": u.challenge, "POST /api/v1/login/challenge": u.challenge,
		"POST /v1/login/stepup": u.stepUp,
	})
}

type unlocks struct {
	config  Config
	factors *factor.Factors
}

// shownFactors are factors that somebody shows (R2).
type shownFactors []struct {
	Factor     factor.Name    `json:"factor"`
	Password   string         `json:"password"`
	Credential jsontext.Value `json:"credential"`
}

func (s shownFactors) proofs() []factor.Proof {
	proofs := make([]factor.Proof, len(s))
	for i, p := range s {
		proofs[i] = factor.Proof{Factor: p.Factor, Password: p.Password, Credential: p.Credential}
	}
	return proofs
}

func (u unlocks) unlock(ctx context.Context, r *gateway.Request) (gateway.Response, error) {
	act, err := u.config.factorAct(r)
	if err != nil {
		return gateway.Response{}, err
	}
	var body struct {
		Factors shownFactors `json:"factors"`
	}
	if err := r.Decode(&body); err != nil {
		return gateway.Response{}, err
	}
	g, err := u.factors.Unlock(ctx, act, body.Factors.proofs())
	if err != nil {
		return gateway.Response{}, err
	}
	type unlocked struct {
		Factor   factor.Name `json:"factor"`
		Unlocked bool        `json:"unlocked"`
	}
	answer := struct {
		IsUnlocked bool       `json:"isUnlocked"`
		Factors    []unlocked `json:"factors"`
	}{IsUnlocked: true}
	for _, p := range body.Factors {
		answer.Factors = append(answer.Factors, unlocked{p.Factor, true})
	}
	return u.config.granted(g, answer)
}

func (u unlocks) challenge(ctx context.Context, r *gateway.Request) (gateway.Response, error) {
	act, err := u.config.factorAct(r)
	if err != nil {
		return gateway.Response{}, err
	}
	var body struct {
		Factor factor.Name `json:"factor"`
	}
	if err := r.Decode(&body); err != nil {
		return gateway.Response{}, err
	}
	q, err := u.factors.Challenge(ctx, act, body.Factor)
	if err != nil {
		return gateway.Response{}, err
	}
	if q.Factor == factor.Email {
		return gateway.JSON(http.StatusAccepted, mailedView{q.Factor, stamp(q.Until)})
	}
	return gateway.JSON(http.StatusOK, struct {
		Factor    factor.Name    `json:"factor"`
		PublicKey jsontext.Value `json:"publicKey"`
	}{q.Factor, q.Options})
}

func (u unlocks) stepUp(ctx context.Context, r *gateway.Request) (gateway.Response, error) {
	act, err := u.config.factorAct(r)
	if err != nil {
		return gateway.Response{}, err
	}
	var body struct {
		Password string       `json:"password"`
		Factors  shownFactors `json:"factors"`
	}
	if err := r.Decode(&body); err != nil {
		return gateway.Response{}, err
	}
	g, err := u.factors.StepUp(ctx, act, body.Password, body.Factors.proofs())
	if err != nil {
		return gateway.Response{}, err
	}
	now := act.By
	now.ID, now.Login = g.Session.ID, g.Session.Proven
	state, err := u.config.loginState(ctx, now)
	if err != nil {
		return gateway.Response{}, err
	}
	return u.config.granted(g, state)
}
