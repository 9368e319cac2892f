package api

import (
	"context"
	"time"

	"keyfob/internal/authority"
	"keyfob/internal/gateway"
)

// RotateToken is the function that gives tokens their successors.
func RotateToken(c Config) *gateway.Function {
	t := rotations{c.authority()}
	return c.function(gateway.Routes{"POST /v1/tokens/{id}/rotate": t.rotate})
}

type rotations struct{ authority *authority.Authority }

// rotate answers with the successor. Without a body there is no overlap, and the settings stay.
func (t rotations) rotate(ctx context.Context, r *gateway.Request) (gateway.Response, error) {
	p, err := r.Principal()
	if err != nil {
		return gateway.Response{}, err
	}
	var body struct {
		OverlapSeconds int64      `json:"overlapSeconds"`
		AutoPurge      *string    `json:"autoPurge"`
		ExpiresAt      *time.Time `json:"expiresAt"`
		ExpiresIn      *int64     `json:"expiresIn"`
	}
	if err := r.DecodeOptional(&body); err != nil {
		return gateway.Response{}, err
	}
	ask := authority.Rotation{Overlap: seconds(body.OverlapSeconds)}
	if ask.Match, err = r.IfMatch(); err != nil {
		return gateway.Response{}, err
	}
	if ask.Life, err = lifeOf(body.AutoPurge, body.ExpiresAt, body.ExpiresIn, t.authority.Now()); err != nil {
		return gateway.Response{}, err
	}
	if ask.Once, err = onceOf(r); err != nil {
		return gateway.Response{}, err
	}
	next, secret, err := t.authority.Rotate(ctx, p, r.Via(), r.Origin(), r.Param("id"), ask)
	if err != nil {
		return gateway.Response{}, err
	}
	return made(next, secret, "../")
}
