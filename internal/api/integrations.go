package api

import (
	"context"
	"net/http"

	"keyfob/internal/catalogue"
	"keyfob/internal/gateway"
)

// integrationView is an integration as the API shows it.
type integrationView struct {
	ID          string  `json:"id"`
	Name        string  `json:"name"`
	Description string  `json:"description"`
	App         bool    `json:"app"`
	CreatedBy   string  `json:"createdBy"`
	CreatedAt   *string `json:"createdAt"`
	UpdatedAt   *string `json:"updatedAt"`
}

func integrationViewOf(i catalogue.Integration) integrationView {
	return integrationView{i.ID, i.Name, i.Description, i.App, i.Creator, stamp(i.Created), stamp(i.Updated)}
}

func (s resources) listIntegrations(ctx context.Context, r *gateway.Request) (gateway.Response, error) {
	p, err := r.Principal()
	if err != nil {
		return gateway.Response{}, err
	}
	if err := r.KnownQuery("limit", "cursor"); err != nil {
		return gateway.Response{}, err
	}
	owner := p.Account + "/integrations"
	limit, position, err := r.Page(owner)
	if err != nil {
		return gateway.Response{}, err
	}
	page, err := s.catalogue.Integrations(ctx, p, limit, position)
	if err != nil {
		return gateway.Response{}, err
	}
	views := make([]integrationView, len(page.Integrations))
	for i, found := range page.Integrations {
		views[i] = integrationViewOf(found)
	}
	return gateway.JSON(http.StatusOK, struct {
		Integrations []integrationView `json:"integrations"`
		Cursor       string            `json:"cursor,omitzero"`
	}{views, gateway.Cursor(owner, page.Next)})
}

func (s resources) getIntegration(ctx context.Context, r *gateway.Request) (gateway.Response, error) {
	p, err := r.Principal()
	if err != nil {
		return gateway.Response{}, err
	}
	found, err := s.catalogue.Integration(ctx, p, r.Param("id"))
	if err != nil {
		return gateway.Response{}, err
	}
	return gateway.JSON(http.StatusOK, integrationViewOf(found))
}

func (s resources) putIntegration(ctx context.Context, r *gateway.Request) (gateway.Response, error) {
	p, err := r.Principal()
	if err != nil {
		return gateway.Response{}, err
	}
	var body struct {
		Name        string `json:"name"`
		Description string `json:"description"`
		App         bool   `json:"app"`
	}
	if err := r.Decode(&body); err != nil {
		return gateway.Response{}, err
	}
	put, created, err := s.catalogue.PutIntegration(ctx, p, r.Via(), r.Origin(), catalogue.Integration{
		ID: r.Param("id"), Name: body.Name, Description: body.Description, App: body.App,
	})
	if err != nil {
		return gateway.Response{}, err
	}
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	return gateway.JSON(status, integrationViewOf(put))
}

func (s resources) deleteIntegration(ctx context.Context, r *gateway.Request) (gateway.Response, error) {
	p, err := r.Principal()
	if err != nil {
		return gateway.Response{}, err
	}
	if err := s.catalogue.DeleteIntegration(ctx, p, r.Via(), r.Origin(), r.Param("id")); err != nil {
		return gateway.Response{}, err
	}
	return gateway.NoContent(), nil
}
