package api

import (
	"context"
	"net/http"

	"keyfob/internal/catalogue"
	"keyfob/internal/fault"
	"keyfob/internal/gateway"
	"keyfob/internal/scope"
)

// Resources is the function that keeps the catalogue.
func Resources(c Config) *gateway.Function {
	s := resources{&catalogue.Catalogue{Table: c.Table, Now: c.Now}}
	return c.function(gateway.Routes{
		"GET /v1/{category}": s.list, "GET /v1/{category}/{id}": s.get,
		"PUT /v1/{category}/{id}": s.put, "DELETE /v1/{category}/{id}": s.delete,
		"GET /v1/integrations": s.listIntegrations, "GET /v1/integrations/{id}": s.getIntegration,
		"PUT /v1/integrations/{id}": s.putIntegration, "DELETE /v1/integrations/{id}": s.deleteIntegration,
	})
}

type resources struct{ catalogue *catalogue.Catalogue }

// resourceView is a resource as the API shows it.
type resourceView struct {
	Category    scope.Category `json:"category"`
	ID          string         `json:"id"`
	Name        string         `json:"name"`
	Description string         `json:"description"`
	Integration string         `json:"integration,omitzero"`
	CreatedBy   string         `json:"createdBy,omitzero"` // this and the next are left out where the caller may not read the resource
	CreatedAt   *string        `json:"createdAt,omitzero"`
	UpdatedAt   *string        `json:"updatedAt"`
}

func resourceViewOf(r catalogue.Resource) resourceView {
	return resourceView{r.Category, r.ID, r.Name, r.Description, r.Integration, r.Creator, stamp(r.Created), stamp(r.Updated)}
}

func (s resources) list(ctx context.Context, r *gateway.Request) (gateway.Response, error) {
	p, err := r.Principal()
	if err != nil {
		return gateway.Response{}, err
	}
	if err := r.KnownQuery("limit", "cursor"); err != nil {
		return gateway.Response{}, err
	}
	owner := p.Account + "/" + r.Param("category")
	limit, position, err := r.Page(owner)
	if err != nil {
		return gateway.Response{}, err
	}
	page, err := s.catalogue.List(ctx, p, scope.Category(r.Param("category")), limit, position)
	if err != nil {
		return gateway.Response{}, err
	}
	views := make([]resourceView, len(page.Resources))
	for i, found := range page.Resources {
		views[i] = resourceViewOf(found)
	}
	return gateway.JSON(http.StatusOK, struct {
		Resources []resourceView `json:"resources"`
		Cursor    string         `json:"cursor,omitzero"`
	}{views, gateway.Cursor(owner, page.Next)})
}

func (s resources) get(ctx context.Context, r *gateway.Request) (gateway.Response, error) {
	p, err := r.Principal()
	if err != nil {
		return gateway.Response{}, err
	}
	found, err := s.catalogue.Get(ctx, p, scope.Category(r.Param("category")), r.Param("id"))
	if err != nil {
		return gateway.Response{}, err
	}
	return gateway.JSON(http.StatusOK, resourceViewOf(found))
}

func (s resources) put(ctx context.Context, r *gateway.Request) (gateway.Response, error) {
	p, err := r.Principal()
	if err != nil {
		return gateway.Response{}, err
	}
	var body struct {
		Name        string  `json:"name"`
		Description string  `json:"description"`
		Integration *string `json:"integration"`
	}
	if err := r.Decode(&body); err != nil {
		return gateway.Response{}, err
	}
	integration := catalogue.Same
	if body.Integration != nil {
		if integration = *body.Integration; integration == catalogue.Same {
			return gateway.Response{}, fault.Bad("integration", "malformed", "integration is not the id of an integration.")
		}
	}
	put, created, err := s.catalogue.Put(ctx, p, r.Via(), r.Origin(), catalogue.Resource{
		Category: scope.Category(r.Param("category")), ID: r.Param("id"), Name: body.Name, Description: body.Description, Integration: integration,
	})
	if err != nil {
		return gateway.Response{}, err
	}
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	return gateway.JSON(status, resourceViewOf(put))
}

func (s resources) delete(ctx context.Context, r *gateway.Request) (gateway.Response, error) {
	p, err := r.Principal()
	if err != nil {
		return gateway.Response{}, err
	}
	if err := s.catalogue.Delete(ctx, p, r.Via(), r.Origin(), scope.Category(r.Param("category")), r.Param("id")); err != nil {
		return gateway.Response{}, err
	}
	return gateway.NoContent(), nil
}
