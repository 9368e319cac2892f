package api

import (
	"context"
	"net/http"
	"time"

	"keyfob/internal/authority"
	"keyfob/internal/fault"
	"keyfob/internal/gateway"
)

// EditToken is the function that changes tokens.
func EditToken(c Config) *gateway.Function {
	t := edits{c.authority()}
	return c.function(gateway.Routes{"PATCH /v1/tokens/{id}": t.edit})
}

type edits struct{ authority *authority.Authority }

// edit changes what the body names (RFC 5789), of the edition that If-Match names.
func (t edits) edit(ctx context.Context, r *gateway.Request) (gateway.Response, error) {
	p, err := r.Principal()
	if err != nil {
		return gateway.Response{}, err
	}
	var body struct {
		Name        *string      `json:"name"`
		Description *string      `json:"description"`
		AutoPurge   *string      `json:"autoPurge"`
		ExpiresAt   *time.Time   `json:"expiresAt"`
		ExpiresIn   *int64       `json:"expiresIn"`
		Scope       *string      `json:"scope"`
		Grants      *grantsField `json:"grants"`
	}
	if err := r.Decode(&body); err != nil {
		return gateway.Response{}, err
	}
	edit := authority.Edit{Name: body.Name, Description: body.Description}
	if edit.Match, err = r.IfMatch(); err != nil {
		return gateway.Response{}, err
	}
	if edit.Life, err = choiceOf(body.AutoPurge, body.ExpiresAt, body.ExpiresIn); err != nil {
		return gateway.Response{}, err
	}
	switch {
	case body.Scope != nil:
		s, err := scopeOf(*body.Scope, body.Grants)
		if err != nil {
			return gateway.Response{}, err
		}
		edit.Scope = &s
	case body.Grants != nil:
		return gateway.Response{}, fault.Refused("scope", "required", "grants go with a scope of custom.")
	}
	edited, err := t.authority.Edit(ctx, p, r.Via(), r.Origin(), r.Param("id"), edit)
	if err != nil {
		return gateway.Response{}, instanceField(err, body.Grants)
	}
	response, err := gateway.JSON(http.StatusOK, viewOf(edited, t.authority.Now()))
	if err == nil {
		response.Headers["ETag"] = gateway.ETag(edited.Edition)
	}
	return response, err
}
