package api

import (
	"context"
	"net/http"

	"keyfob/internal/authority"
	"keyfob/internal/gateway"
)

// ListTokens is the function that shows tokens: a page of them, or one.
func ListTokens(c Config) *gateway.Function {
	t := listings{c.authority()}
	return c.function(gateway.Routes{
		"GET /v1/tokens": t.list, "GET /v1/tokens/{id}": t.get, "GET /api/v1/api/key": t.listKeys,
	})
}

type listings struct{ authority *authority.Authority }

func (t listings) list(ctx context.Context, r *gateway.Request) (gateway.Response, error) {
	p, err := r.Principal()
	if err != nil {
		return gateway.Response{}, err
	}
	page, cursor, err := t.page(ctx, r, p, "all")
	if err != nil {
		return gateway.Response{}, err
	}
	views := make([]tokenView, len(page.Tokens))
	for i, found := range page.Tokens {
		views[i] = viewOf(found, t.authority.Now())
	}
	return gateway.JSON(http.StatusOK, struct {
		Tokens []tokenView `json:"tokens"`
		Cursor string      `json:"cursor,omitzero"`
	}{views, cursor})
}

// page reads a list's parameters and the page they ask for, of all tokens or of the caller's own.
func (t listings) page(ctx context.Context, r *gateway.Request, p authority.Principal, which string) (authority.TokenPage, string, error) {
	if err := r.KnownQuery("limit", "cursor"); err != nil {
		return authority.TokenPage{}, "", err
	}
	owner := p.Account + "/" + p.User + "/" + which
	limit, position, err := r.Page(owner)
	if err != nil {
		return authority.TokenPage{}, "", err
	}
	page, err := t.authority.List(ctx, p, authority.ListRequest{Own: which == "own", Limit: limit, After: position})
	return page, gateway.Cursor(owner, page.Next), err
}

func (t listings) get(ctx context.Context, r *gateway.Request) (gateway.Response, error) {
	p, err := r.Principal()
	if err != nil {
		return gateway.Response{}, err
	}
	found, err := t.authority.Get(ctx, p, r.Via(), r.Origin(), r.Param("id"))
	if err != nil {
		return gateway.Response{}, err
	}
	now := t.authority.Now()
	response, err := gateway.JSON(http.StatusOK, struct {
		tokenView `json:",inline"`
		Usage     usageView `json:"usage"`
	}{viewOf(found, now), usageOf(found, now)})
	if err == nil {
		response.Headers["ETag"] = gateway.ETag(found.Edition)
	}
	return response, err
}

// listKeys lists the caller's own keys, whoever the caller is, as Circularo's clients read them (R7). What is listed
// is the handle: the key itself is shown once, when it is made.
func (t listings) listKeys(ctx context.Context, r *gateway.Request) (gateway.Response, error) {
	p, err := r.Principal()
	if err != nil {
		return gateway.Response{}, err
	}
	page, cursor, err := t.page(ctx, r, p, "own")
	if err != nil {
		return gateway.Response{}, err
	}
	type key struct {
		ID          string  `json:"id"`
		Description string  `json:"description"`
		Created     *string `json:"created"`
		Expires     *string `json:"expires"`
	}
	keys := []key{}
	for _, k := range page.Tokens {
		if k.Status(t.authority.Now()) == "rotated" {
			continue // its successor is there
		}
		description := k.Description
		if description == "" {
			description = k.Name
		}
		keys = append(keys, key{k.Handle(), description, stamp(k.Created), stamp(k.Ends())})
	}
	return gateway.JSON(http.StatusOK, struct {
		Results []key  `json:"results"`
		Cursor  string `json:"cursor,omitzero"`
	}{keys, cursor})
}
