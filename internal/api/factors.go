package api

import (
	"context"
	"net/http"

	"github.com/go-json-experiment/json/jsontext"

	"keyfob/internal/credential"
	"keyfob/internal/factor"
	"keyfob/internal/gateway"
	"keyfob/internal/totp"
)

// Factors is the function with which people enrol and remove their second factors.
func Factors(c Config) *gateway.Function {
	f := factors{c, c.factors()}
	return c.function(gateway.Routes{
		"GET /v1/me/factors":       f.show,
		"POST /v1/me/factors/totp": f.enrolTOTP, "POST /v1/me/factors/totp/confirm": f.confirm(factor.TOTP), "DELETE /v1/me/factors/totp": f.remove(factor.TOTP),
		"POST /v1/me/factors/email": f.enrolEmail, "POST /v1/me/factors/email/confirm": f.confirm(factor.Email), "DELETE /v1/me/factors/email": f.remove(factor.Email),
		"POST /v1/me/factors/passkeys": f.enrolPasskey, "POST /v1/me/factors/passkeys/confirm": f.confirmPasskey,
		"DELETE /v1/me/factors/passkeys/{id}": f.removePasskey,
		"POST /v1/me/factors/codes":           f.renewCodes,
	})
}

func (c Config) factors() *factor.Factors {
	return &factor.Factors{Table: c.Table, Now: c.Now, Form: c.Form, Keys: c.Keys, Passkeys: c.Passkeys, Prover: c.logins()}
}

type factors struct {
	config  Config
	factors *factor.Factors
}

// factorAct is who asks for something about factors.
func (c Config) factorAct(r *gateway.Request) (factor.Act, error) {
	p, err := r.Principal()
	if err != nil {
		return factor.Act{}, err
	}
	host, origin := r.Site(c.URL)
	return factor.Act{By: p, Via: r.Via(), From: r.Origin(), Site: factor.Site{ID: host, Origin: origin}}, nil
}

// bare is factorAct for a request without a body, or with an empty object.
func (f factors) bare(r *gateway.Request) (factor.Act, error) {
	var body struct{}
	if err := r.DecodeOptional(&body); err != nil {
		return factor.Act{}, err
	}
	return f.config.factorAct(r)
}

// granted answers with v, and hands out the session's new credential where a browser holds it.
func (c Config) granted(g factor.Grant, v any) (gateway.Response, error) {
	response, err := gateway.JSON(http.StatusOK, v)
	if g.Renewed() {
		response.Cookies = []string{credential.SetCookie(g.Credential.Plaintext(), g.Session.Expires.Sub(c.Now()))}
	}
	return response, err
}

type enrolledView struct {
	EnrolledAt *string `json:"enrolledAt"`
}

type passkeyView struct {
	ID         string  `json:"id"`
	Name       string  `json:"name"`
	EnrolledAt *string `json:"enrolledAt"`
	LastUsedAt *string `json:"lastUsedAt"`
}

func (f factors) show(ctx context.Context, r *gateway.Request) (gateway.Response, error) {
	act, err := f.config.factorAct(r)
	if err != nil {
		return gateway.Response{}, err
	}
	mine, err := f.factors.Mine(ctx, act)
	if err != nil {
		return gateway.Response{}, err
	}
	view := struct {
		Required      bool          `json:"required"`
		TOTP          *enrolledView `json:"totp"`
		Email         *enrolledView `json:"email"`
		Passkeys      []passkeyView `json:"passkeys"`
		RecoveryCodes int           `json:"recoveryCodes"`
	}{Required: mine.Required, Passkeys: make([]passkeyView, len(mine.Passkeys)), RecoveryCodes: mine.RecoveryCodes()}
	if !mine.TOTP.IsZero() {
		view.TOTP = &enrolledView{stamp(mine.TOTP)}
	}
	if !mine.Email.IsZero() {
		view.Email = &enrolledView{stamp(mine.Email)}
	}
	for i, k := range mine.Passkeys {
		view.Passkeys[i] = passkeyView{k.ID, k.Name, stamp(k.Enrolled), stamp(k.LastUsed)}
	}
	return gateway.JSON(http.StatusOK, view)
}

func (f factors) enrolTOTP(ctx context.Context, r *gateway.Request) (gateway.Response, error) {
	act, err := f.bare(r)
	if err != nil {
		return gateway.Response{}, err
	}
	app, err := f.factors.EnrolTOTP(ctx, act)
	if err != nil {
		return gateway.Response{}, err
	}
	picture, err := totp.Draw(app.URI)
	if err != nil {
		return gateway.Response{}, err
	}
	png, err := picture.PNG()
	if err != nil {
		return gateway.Response{}, err
	}
	return gateway.JSON(http.StatusCreated, struct {
		Secret    string  `json:"secret"`
		URI       string  `json:"uri"`
		PNG       string  `json:"qrPng"`
		SVG       string  `json:"qrSvg"`
		ExpiresAt *string `json:"expiresAt"`
	}{app.Secret, app.URI, png, picture.SVG(), stamp(app.Until)})
}

// mailedView says that a code is on its way.
type mailedView struct {
	Factor    factor.Name `json:"factor"`
	ExpiresAt *string     `json:"expiresAt"`
}

func (f factors) enrolEmail(ctx context.Context, r *gateway.Request) (gateway.Response, error) {
	act, err := f.bare(r)
	if err != nil {
		return gateway.Response{}, err
	}
	q, err := f.factors.EnrolEmail(ctx, act)
	if err != nil {
		return gateway.Response{}, err
	}
	return gateway.JSON(http.StatusAccepted, mailedView{q.Factor, stamp(q.Until)})
}

func (f factors) enrolPasskey(ctx context.Context, r *gateway.Request) (gateway.Response, error) {
	act, err := f.bare(r)
	if err != nil {
		return gateway.Response{}, err
	}
	q, err := f.factors.EnrolPasskey(ctx, act)
	if err != nil {
		return gateway.Response{}, err
	}
	return gateway.JSON(http.StatusCreated, struct {
		PublicKey jsontext.Value `json:"publicKey"`
		ExpiresAt *string        `json:"expiresAt"`
	}{q.Options, stamp(q.Until)})
}

// enrolment is a factor that was enrolled.
type enrolment struct {
	Factor        factor.Name `json:"factor"`
	ID            string      `json:"id,omitzero"`
	RecoveryCodes []string    `json:"recoveryCodes,omitzero"`
}

func (f factors) confirm(kind factor.Name) gateway.Handler {
	return func(ctx context.Context, r *gateway.Request) (gateway.Response, error) {
		act, err := f.config.factorAct(r)
		if err != nil {
			return gateway.Response{}, err
		}
		var body struct {
			Code string `json:"code"`
		}
		if err := r.Decode(&body); err != nil {
			return gateway.Response{}, err
		}
		e, err := f.factors.Confirm(ctx, act, kind, body.Code)
		if err != nil {
			return gateway.Response{}, err
		}
		return f.config.granted(e.Grant, enrolment{Factor: e.Factor, RecoveryCodes: e.Codes})
	}
}

func (f factors) confirmPasskey(ctx context.Context, r *gateway.Request) (gateway.Response, error) {
	act, err := f.config.factorAct(r)
	if err != nil {
		return gateway.Response{}, err
	}
	var body struct {
		Name       string         `json:"name"`
		Credential jsontext.Value `json:"credential"`
	}
	if err := r.Decode(&body); err != nil {
		return gateway.Response{}, err
	}
	e, err := f.factors.ConfirmPasskey(ctx, act, body.Name, body.Credential)
	if err != nil {
		return gateway.Response{}, err
	}
	return f.config.granted(e.Grant, enrolment{e.Factor, e.Key, e.Codes})
}

func (f factors) remove(kind factor.Name) gateway.Handler {
	return func(ctx context.Context, r *gateway.Request) (gateway.Response, error) {
		act, err := f.config.factorAct(r)
		if err == nil {
			err = f.factors.Remove(ctx, act, kind)
		}
		if err != nil {
			return gateway.Response{}, err
		}
		return gateway.NoContent(), nil
	}
}

func (f factors) removePasskey(ctx context.Context, r *gateway.Request) (gateway.Response, error) {
	act, err := f.config.factorAct(r)
	if err == nil {
		err = f.factors.RemovePasskey(ctx, act, r.Param("id"))
	}
	if err != nil {
		return gateway.Response{}, err
	}
	return gateway.NoContent(), nil
}

func (f factors) renewCodes(ctx context.Context, r *gateway.Request) (gateway.Response, error) {
	act, err := f.bare(r)
	if err != nil {
		return gateway.Response{}, err
	}
	codes, err := f.factors.RenewCodes(ctx, act)
	if err != nil {
		return gateway.Response{}, err
	}
	return gateway.JSON(http.StatusOK, struct {
		RecoveryCodes []string `json:"recoveryCodes"`
	}{codes})
}
