package api

import (
	"context"
	"net/http"

	"keyfob/internal/gateway"
	"keyfob/internal/people"
)

// handoverView is an offer to hand the account over as the API shows it.
type handoverView struct {
	From      string  `json:"from"`
	To        string  `json:"to"`
	OfferedAt *string `json:"offeredAt"`
	ExpiresAt *string `json:"expiresAt"`
}

// handoverAnswer shows the offer; null for none.
func handoverAnswer(status int, h *people.Handover) (gateway.Response, error) {
	var answer struct {
		Handover *handoverView `json:"handover"`
	}
	if h != nil {
		answer.Handover = &handoverView{h.From, h.To, stamp(h.Offered), stamp(h.Expires)}
	}
	return gateway.JSON(status, answer)
}

func (a accounts) handover(ctx context.Context, r *gateway.Request) (gateway.Response, error) {
	p, err := r.Principal()
	if err != nil {
		return gateway.Response{}, err
	}
	h, open, err := a.people.Handover(ctx, p)
	switch {
	case err != nil:
		return gateway.Response{}, err
	case !open:
		return handoverAnswer(http.StatusOK, nil)
	}
	return handoverAnswer(http.StatusOK, &h)
}

func (a accounts) offerHandover(ctx context.Context, r *gateway.Request) (gateway.Response, error) {
	by, err := asker(r)
	if err != nil {
		return gateway.Response{}, err
	}
	var body struct {
		To string `json:"to"`
	}
	if err := r.Decode(&body); err != nil {
		return gateway.Response{}, err
	}
	h, err := a.people.OfferHandover(ctx, by, body.To)
	if err != nil {
		return gateway.Response{}, err
	}
	return handoverAnswer(http.StatusCreated, &h)
}

func (a accounts) withdrawHandover(ctx context.Context, r *gateway.Request) (gateway.Response, error) {
	by, err := asker(r)
	if err == nil {
		err = a.people.WithdrawHandover(ctx, by)
	}
	return gateway.NoContent(), err
}

func (a accounts) acceptHandover(ctx context.Context, r *gateway.Request) (gateway.Response, error) {
	by, err := asker(r)
	if err != nil {
		return gateway.Response{}, err
	}
	if err := r.DecodeOptional(&struct{}{}); err != nil {
		return gateway.Response{}, err
	}
	u, err := a.people.AcceptHandover(ctx, by)
	if err != nil {
		return gateway.Response{}, err
	}
	return meAnswer(u)
}
